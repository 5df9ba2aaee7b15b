"""Who is where when: people made of legs, each a stay at a place or a walk along a line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, degrees, dist
from typing import Protocol

from twin.actors import ActorState, PictureFault
from twin.scenario.place import Point

HEIGHTS_M = {
    "clerk_f1": 1.656,
    "clerk_f2": 1.616,
    "clerk_m1": 1.768,
    "clerk_m2": 1.711,
    "f_blouse": 1.667,
    "f_coat": 1.708,
    "f_old": 1.561,
    "f_pink": 1.606,
    "f_tee": 1.636,
    "m_check": 1.733,
    "m_hoodie": 1.813,
    "m_jacket": 1.82,
    "m_old": 1.633,
    "m_polo": 1.7,
    "m_tee": 1.795,
    "teen": 1.431,
}
"""Figures of the atlas with their heights in metres, shoes included."""

CITIZENS = tuple(name for name in HEIGHTS_M if name[0] in "fm" and name[1] == "_")
STRIDE = 1.22 / 1.7
"""Length of two steps in body heights: six poses of the walk."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of somebody's way. Several points are a walk at even speed; no pose is nobody to be seen."""

    start_s: float
    end_s: float
    pose: str
    yaw_deg: float
    points: tuple[Point, ...]
    so_far_m: tuple[float, ...] = (0.0,)


class Appears(Protocol):
    """Somebody in a story."""

    @property
    def start_s(self) -> float:
        """When the person first is in the hall."""
        ...

    @property
    def end_s(self) -> float:
        """When the person has gone for good."""
        ...

    def state(self, t_s: float) -> ActorState | None:
        """Where the person is; None while out of the hall."""
        ...


class Way:
    """One person's legs, added one after the other.

    Args:
        person, figure: as in ActorState.
        start_s: when the way begins.
        place: where it begins.
        yaw_deg: where the person looks.
    """

    def __init__(self, person: str, figure: str, start_s: float, place: Point, yaw_deg: float = 180.0) -> None:
        self.person, self.figure = person, figure
        self.start_s = self.end_s = start_s
        self.place, self.yaw_deg = place, yaw_deg
        self._legs: list[Leg] = []
        self._starts: list[float] = []

    def stay(self, until_s: float, pose: str, place: Point | None = None, yaw_deg: float | None = None) -> None:
        """Be at a place in a pose up to a moment; nothing where that is past."""
        self.place = self.place if place is None else place
        self.yaw_deg = self.yaw_deg if yaw_deg is None else yaw_deg
        self._add(Leg(self.end_s, until_s, pose, self.yaw_deg, (self.place,)))

    def gone(self, until_s: float) -> None:
        """Be out of the hall up to a moment."""
        self._add(Leg(self.end_s, until_s, "", 0.0, (self.place,)))

    def walk(self, points: Sequence[Point], speed_m_s: float) -> float:
        """Walk along points; returns when the last one is reached."""
        line = (self.place, *points)
        so_far = [0.0]
        for a, b in pairwise(line):
            so_far.append(so_far[-1] + dist(a, b))
        self._add(Leg(self.end_s, self.end_s + so_far[-1] / speed_m_s, "walk", 0.0, line, tuple(so_far)))
        self.place = line[-1]
        return self.end_s

    def _add(self, leg: Leg) -> None:
        if leg.end_s > leg.start_s:
            self._legs.append(leg)
            self._starts.append(leg.start_s)
            self.end_s = leg.end_s

    def state(self, t_s: float) -> ActorState | None:
        """Where the person is; None before, after and while gone."""
        if not self.start_s <= t_s < self.end_s:
            return None
        leg = self._legs[bisect_right(self._starts, t_s) - 1]
        if not leg.pose:
            return None
        if leg.pose != "walk":
            return ActorState(self.person, self.figure, leg.pose, leg.yaw_deg, *leg.points[0])
        gone_m = leg.so_far_m[-1] * (t_s - leg.start_s) / (leg.end_s - leg.start_s)
        i = min(bisect_right(leg.so_far_m, gone_m), len(leg.points) - 1)
        (ax, ay), (bx, by) = leg.points[i - 1], leg.points[i]
        length_m = leg.so_far_m[i] - leg.so_far_m[i - 1]
        part = (gone_m - leg.so_far_m[i - 1]) / length_m if length_m > 0 else 0.0
        pose = f"walk{int(gone_m / (STRIDE * HEIGHTS_M[self.figure]) * 6) % 6}"
        return ActorState(
            self.person, self.figure, pose, heading_deg(bx - ax, by - ay), ax + part * (bx - ax), ay + part * (by - ay)
        )


class Child:
    """Somebody who keeps at a grown-up's side: stands where the other one sits."""

    def __init__(self, person: str, parent: Way, figure: str = "teen") -> None:
        self.person, self._parent, self._figure = person, parent, figure

    @property
    def start_s(self) -> float:
        """When the grown-up comes."""
        return self._parent.start_s

    @property
    def end_s(self) -> float:
        """When the grown-up has gone."""
        return self._parent.end_s

    def state(self, t_s: float) -> ActorState | None:
        """Half a metre beside the grown-up, or before the knees of one who sits."""
        other = self._parent.state(t_s)
        if other is None:
            return None
        dx, dy = (0.29, 0.5) if other.pose.startswith("sit") else (0.5, -0.35)
        pose = other.pose if other.pose.startswith("walk") else "stand"
        return ActorState(self.person, self._figure, pose, other.yaw_deg, other.x_m + dx, other.y_m + dy)


def heading_deg(dx: float, dy: float) -> float:
    """The yaw of somebody who looks along (dx, dy)."""
    return degrees(atan2(dx, -dy)) % 360


_BUCKET_S = 30.0


class ScenarioStory:
    """A story as the compositor and the observations take it.

    Attributes:
        duration_s: length.
        clerks: people whose presence at a window makes it staffed; cleaners are none.
        left_unserved: citizens who lost patience.
        served: citizens whose case was finished.
        faults: of the cameras that look on.
        citizens: all who came with a case.
    """

    def __init__(
        self,
        duration_s: float,
        people: Sequence[Appears],
        clerks: frozenset[str],
        *,
        served: int = 0,
        left_unserved: int = 0,
        citizens: int = 0,
        faults: Sequence[PictureFault] = (),
    ) -> None:
        self.duration_s, self.clerks = duration_s, clerks
        self.served, self.left_unserved, self.citizens = served, left_unserved, citizens
        self.faults = tuple(faults)
        self._buckets: list[list[Appears]] = [[] for _ in range(int(duration_s // _BUCKET_S) + 1)]
        for person in people:
            first, last = int(person.start_s // _BUCKET_S), int(person.end_s // _BUCKET_S)
            for bucket in self._buckets[first : last + 1]:
                bucket.append(person)

    def at(self, t_s: float) -> list[ActorState]:
        """Everybody who is in the hall at `t_s` seconds."""
        if not 0 <= t_s <= self.duration_s:
            return []
        states = (person.state(t_s) for person in self._buckets[int(t_s // _BUCKET_S)])
        return [state for state in states if state is not None]
