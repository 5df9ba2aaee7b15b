"""The ledger of stays: who has been in an area since when, through occlusion and changes of track id.

A ledger keeps stays, not tracks. A track that vanishes inside the area leaves a hidden stay where it was last
seen; a track that appears inside takes over the nearest hidden stay it can be. Lengths are metres on the floor
where the camera is calibrated, else pixels scaled by the height of the person's box (a person is 1.7 m).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Literal

import msgspec

from hall.clock import Instant

Ended = Literal["left", "lost"]
LEANING_S = 3.0


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Holds in seconds, lengths in metres."""

    enter_hold_s: float = 2.0  # a shorter visit is a passer-by, no stay
    leave_hold_s: float = 1.0  # seen outside for so long: left
    hidden_s: float = 30.0  # not seen for so long, inside: lost
    border_hidden_s: float = 3.0  # not seen for so long after walking out of sight at the border: left
    border_m: float = 0.5
    hold_m: float = 0.4  # who is in stays in until so far outside: foot points jitter
    walking: float = 0.3  # metres per second from which somebody walks
    reach_m: float = 1.2  # how far a hidden stay may be from the track that takes it over,
    reach_speed: float = 0.8  # plus this much per second hidden,
    reach_max_m: float = 2.0  # up to this much
    switch_s: float = 0.5  # a track of somebody takes so long to switch to the next box
    stale_s: float = 10.0  # a longer gap between frames is unknown time


@dataclass(frozen=True, slots=True)
class Sighting:
    """One tracked person in one frame.

    Attributes:
        track: id of the track in this camera.
        x, y: foot point, in metres or pixels.
        scale_m: metres per unit of x and y.
        inside: whether the foot point lies in the area.
        border_m: distance from the border of the area, metres.
        shadowed: the box lies within a larger one: it may be a second box on the same person, so it neither
            starts a stay nor moves one.
    """

    track: int
    x: float
    y: float
    scale_m: float
    inside: bool
    border_m: float
    shadowed: bool = False
    head_x: float = 0.0
    head_y: float = 0.0
    px_m: float = 1.0
    upon: tuple[int, ...] = ()


def _apart_m(a: Stay | Sighting, b: Stay | Sighting) -> float:
    """How far apart two people are, in metres: by their heads, since chairs and people hide feet."""
    return hypot(a.head_x - b.head_x, a.head_y - b.head_y) * (a.px_m + b.px_m) / 2


class Stay(msgspec.Struct):
    """One person's time in an area; `track` is None while nobody knows where the person is.

    `seen_at` is the last time in the area or just beside it, `inside_at` the last time truly in it; `clear_s` is
    the time in which the person's box was no shadow of another one, `clear_clock_s` the last such moment.
    `came_in` says that the person was seen outside before.
    """

    started_at: Instant
    seen_at: Instant
    inside_at: Instant
    seen_clock_s: float
    x: float
    y: float
    scale_m: float
    border_m: float
    track: int | None
    outside_clock_s: float | None = None
    unknown_s: float = 0.0
    confirmed: bool = False
    clear_s: float = 0.0
    clear_clock_s: float = 0.0
    begun_clock_s: float = 0.0
    came_in: bool = False
    speed: float = 0.0
    head_x: float = 0.0
    head_y: float = 0.0
    px_m: float = 1.0
    from_x: float = 0.0
    from_y: float = 0.0
    from_clock_s: float = 0.0

    @property
    def until(self) -> Instant:
        """The last time the person was in the area.

        Who walks out was in it up to the border; who sits there and leans out was in it all the time.
        """
        return self.inside_at if self.seen_at - self.inside_at <= LEANING_S else self.seen_at

    @property
    def duration_s(self) -> float:
        """Length of the stay up to the last time it was seen, unknown time left out."""
        return max(0.0, self.until - self.started_at - self.unknown_s)


def _place(stay: Stay, at: Sighting | Stay) -> None:
    """Put a stay where somebody is."""
    stay.x, stay.y, stay.scale_m, stay.border_m = at.x, at.y, at.scale_m, at.border_m
    stay.head_x, stay.head_y, stay.px_m = at.head_x, at.head_y, at.px_m


@dataclass(frozen=True, slots=True)
class FinishedStay:
    """A stay that is over, and how."""

    stay: Stay
    ended: Ended


class LedgerState(msgspec.Struct):
    """What survives a restart."""

    stays: list[Stay] = []
    at: Instant | None = None
    clock_s: float = 0.0


class StayLedger:
    """The stays of one area in one camera.

    Args:
        settings: holds and lengths.
        state: a saved state: its stays are hidden until somebody is seen there again, and the time since then
            counts as unknown.
    """

    def __init__(self, settings: LedgerSettings | None = None, state: LedgerState | None = None) -> None:
        self.settings = settings or LedgerSettings()
        self.state = state or LedgerState()
        self._outside_at: dict[int, float] = {}
        self._counts: deque[tuple[float, int]] = deque()
        self._fresh = True

    @property
    def stays(self) -> list[Stay]:
        """Stays that are no passers-by, oldest first."""
        return [stay for stay in self.state.stays if stay.confirmed]

    def step(self, at: Instant, people: Sequence[Sighting]) -> list[FinishedStay]:
        """Take one frame; returns the stays that ended with it.

        Args:
            at: capture time; a frame not newer than the last one changes nothing.
            people: confirmed tracks of the frame, inside and outside.
        """
        if self.state.at is not None and at <= self.state.at:
            return []
        self._pass_time(at)
        doubtful = {person.track for person in people if person.shadowed}
        people = self._doubted(people)
        seen = {person.track: person for person in people}
        self._follow(at, seen)
        held = {stay.track for stay in self.state.stays}
        for person in people:
            if person.inside and not person.shadowed and person.track not in held:
                self._take_in(at, person, doubtful)
        for person in people:
            if not person.inside:
                self._outside_at[person.track] = self.state.clock_s
        self._confirm()
        self._count(sum(person.inside and not person.shadowed for person in people))
        return self._close()

    def _doubted(self, people: Sequence[Sighting]) -> list[Sighting]:
        sure = {stay.track for stay in self.state.stays if stay.confirmed}
        mine = {stay.track: stay for stay in self.state.stays}
        out = []
        for person in people:
            own = mine.get(person.track)
            known = own is not None and (own.confirmed or own.came_in) or own is None and self._came_in(person)
            if not person.shadowed and not known and any(t in sure for t in person.upon):
                person = replace(person, shadowed=True)
            out.append(person)
        return out

    def _pass_time(self, at: Instant) -> None:
        state = self.state
        gap = 0.0 if state.at is None else at - state.at
        if gap > self.settings.stale_s or (self._fresh and state.at is not None):
            for stay in state.stays:
                stay.unknown_s += gap
                stay.seen_at = stay.inside_at = at
                stay.track = None
            self._outside_at.clear()
        else:
            state.clock_s += gap
        self._fresh = False
        state.at = at

    def _follow(self, at: Instant, seen: dict[int, Sighting]) -> None:
        for stay in self.state.stays:
            person = seen.get(stay.track) if stay.track is not None else None
            if person is None:
                continue
            if person.inside or person.border_m <= self.settings.hold_m:
                self._see(stay, at, person)
            elif stay.outside_clock_s is None:
                stay.outside_clock_s = self.state.clock_s

    def _see(self, stay: Stay, at: Instant, person: Sighting) -> None:
        if person.inside and not person.shadowed:
            stay.clear_s += min(self.state.clock_s - stay.seen_clock_s, 0.6)
        if not person.shadowed:
            stay.clear_clock_s = self.state.clock_s
            _place(stay, person)
        if person.inside:
            stay.inside_at = at
        stay.seen_at, stay.seen_clock_s, stay.track = at, self.state.clock_s, person.track
        stay.outside_clock_s = None
        self._clock_speed(stay)

    def _clock_speed(self, stay: Stay) -> None:
        """Speed over the last second or so; from frame to frame it would be noise."""
        passed_s = self.state.clock_s - stay.from_clock_s
        if passed_s >= 0.8:
            stay.speed = hypot(stay.head_x - stay.from_x, stay.head_y - stay.from_y) * stay.px_m / passed_s
            stay.from_x, stay.from_y, stay.from_clock_s = stay.head_x, stay.head_y, self.state.clock_s

    def _take_in(self, at: Instant, person: Sighting, doubtful: set[int]) -> None:
        """A track inside that holds no stay: somebody hidden who shows again, or somebody new."""
        came_in, clock_s = self._came_in(person), self.state.clock_s
        hidden = None if came_in else self._nearest_hidden(person, doubtful)
        if hidden is not None:
            self._see(hidden, at, person)
            return
        place = (person.x, person.y, person.scale_m, person.border_m, person.track)
        stay = Stay(at, at, at, clock_s, *place, clear_clock_s=clock_s, begun_clock_s=clock_s, came_in=came_in)
        _place(stay, person)
        self.state.stays.append(stay)

    def _confirm(self) -> None:
        """Visits long enough to be stays, unless they are somebody who has a stay already."""
        for stay in [s for s in self.state.stays if not s.confirmed]:
            # Half of the time the box must have stood by itself, else it is a second box on somebody else.
            if stay.clear_s < max(self.settings.enter_hold_s, 0.5 * stay.duration_s):
                continue
            same = None if stay.came_in else self._same_person(stay)
            if same is None:
                stay.confirmed = True
                continue
            self.state.stays.remove(stay)
            same.track, same.speed, same.outside_clock_s = stay.track, stay.speed, stay.outside_clock_s
            _place(same, stay)
            same.seen_at, same.seen_clock_s = stay.seen_at, stay.seen_clock_s
            same.inside_at, same.clear_clock_s = stay.inside_at, stay.clear_clock_s
            same.clear_s += stay.clear_s

    def _same_person(self, stay: Stay) -> Stay | None:
        """The nearest stay that has had no box of its own since this one began: its box went over to this one."""
        best: Stay | None = None
        best_m = self.settings.reach_max_m
        for other in self.state.stays:
            if not other.confirmed or other.clear_clock_s > stay.begun_clock_s + self.settings.switch_s:
                continue
            distance_m = _apart_m(stay, other)
            if distance_m <= best_m:
                best, best_m = other, distance_m
        return best

    def _came_in(self, person: Sighting) -> bool:
        """Whether the track was seen outside a moment ago: then it is nobody who was hidden inside."""
        outside = self._outside_at.get(person.track)
        return outside is not None and self.state.clock_s - outside <= self.settings.hidden_s

    def _nearest_hidden(self, person: Sighting, doubtful: set[int]) -> Stay | None:
        """The nearest stay whose person is out of sight, or is followed only by a doubtful box."""
        best: Stay | None = None
        best_m = float("inf")
        for stay in self.state.stays:
            hidden_s = self.state.clock_s - stay.seen_clock_s
            if stay.track is not None and hidden_s <= 0 and stay.track not in doubtful:
                continue
            distance_m = _apart_m(stay, person)
            reach_m = min(self.settings.reach_m + self.settings.reach_speed * hidden_s, self.settings.reach_max_m)
            if distance_m <= reach_m and distance_m < best_m:
                best, best_m = stay, distance_m
        return best

    def _count(self, inside: int) -> None:
        clock_s = self.state.clock_s
        self._counts.append((clock_s, inside))
        while clock_s - self._counts[0][0] > self.settings.hidden_s:
            self._counts.popleft()

    def _head_count(self) -> int:
        """Smoothed number of people inside: the 90th percentile over the time somebody may be hidden."""
        counts = sorted(count for _, count in self._counts)
        return counts[int(0.9 * (len(counts) - 1))]

    def _close(self) -> list[FinishedStay]:
        clock_s, settings = self.state.clock_s, self.settings
        finished: list[FinishedStay] = []
        for stay in self.state.stays:
            hidden_s = clock_s - stay.seen_clock_s
            outside = stay.outside_clock_s is not None and clock_s - stay.outside_clock_s >= settings.leave_hold_s
            at_border = (
                stay.border_m <= settings.border_m
                and stay.speed >= settings.walking
                and hidden_s > settings.border_hidden_s
            )
            if outside or at_border:
                finished.append(FinishedStay(stay, "left"))
            elif hidden_s > settings.hidden_s or (not stay.confirmed and hidden_s > settings.border_hidden_s):
                finished.append(FinishedStay(stay, "lost"))
        finished += self._surplus([f.stay for f in finished])
        gone = {id(f.stay) for f in finished}
        self.state.stays = [stay for stay in self.state.stays if id(stay) not in gone]
        return [f for f in finished if f.stay.confirmed]

    def _surplus(self, ended: list[Stay]) -> list[FinishedStay]:
        """There are never more stays than people: hidden ones too many go, the briefest first."""
        clock_s = self.state.clock_s
        rest = [s for s in self.state.stays if s.confirmed and not any(s is e for e in ended)]
        surplus = len(rest) - self._head_count()
        hidden = sorted(
            (s for s in rest if clock_s - s.seen_clock_s > self.settings.border_hidden_s),
            key=lambda s: s.duration_s,
        )
        return [FinishedStay(stay, "lost") for stay in hidden[: max(0, surplus)]]
