"""The ledger of stays: who has been in an area since when, through occlusion and changes of track id.

A ledger keeps stays, not tracks. A track that vanishes inside the area leaves a hidden stay where it was last
seen; a track that appears inside takes over the nearest hidden stay it can be. Places are those of heads, since
chairs and people hide feet, and a seated head hardly moves. Lengths are metres by the height of the person's box
(a person is 1.7 m; somebody seated comes out a third too large).
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
    newborn_s: float = 1.2  # a track is confirmed so long after its first sight at most
    switch_s: float = 0.5  # a track takes so long to switch from one box to another
    stale_s: float = 10.0  # a longer gap between frames is unknown time


@dataclass(frozen=True, slots=True)
class Sighting:
    """One tracked person in one frame.

    Attributes:
        track: id of the track in this camera.
        x, y: place of the head, in heights of the image.
        scale_m: metres per unit of x and y at the person.
        inside: whether the foot point lies in the area.
        border_m: distance of the foot point from the border of the area.
        shadowed: the box may be a second box on somebody else, so it neither starts a stay nor moves one.
        upon: tracks whose boxes share so much with this one that both may be of one person.
        born_at: when the track was seen first; a moment before it is one, as one sight alone may be a mistake.
    """

    track: int
    x: float
    y: float
    scale_m: float
    inside: bool
    border_m: float
    shadowed: bool = False
    upon: tuple[int, ...] = ()
    born_at: Instant | None = None


class Stay(msgspec.Struct):
    """One person's time in an area; `track` is the last one that showed the person.

    Attributes:
        number: counts the stays of a ledger.
        seen_at: the last time in the area or just beside it; `inside_at` truly in it.
        seen_clock_s, clear_clock_s: known time at the last sight, and at the last one that was no shadow.
        begun_clock_s: known time at the start.
        x, y, scale_m, border_m: as last seen; see `Sighting`.
        came_in: whether the person was seen outside before.
        confirmed: false for somebody who may be passing, or no person.
        clear_s: time inside in which the box was no shadow.
        speed: metres per second.
    """

    number: int
    started_at: Instant
    seen_at: Instant
    inside_at: Instant
    seen_clock_s: float
    clear_clock_s: float
    begun_clock_s: float
    x: float
    y: float
    scale_m: float
    border_m: float
    track: int | None
    came_in: bool = False
    confirmed: bool = False
    clear_s: float = 0.0
    unknown_s: float = 0.0
    outside_clock_s: float | None = None
    speed: float = 0.0
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
    begun: int = 0


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
        people = self._doubted(people)
        self._follow(at, people)
        held = {stay.track for stay in self.state.stays}
        shadows = {person.track for person in people if person.shadowed}
        for person in people:
            if person.inside and not person.shadowed and person.track not in held:
                self._take_in(at, person, shadows)
        self._note_outside(people)
        self._confirm()
        self._count(sum(person.inside and not person.shadowed for person in people))
        return self._close()

    def lose_sight(self) -> None:
        """The picture is at fault: the time up to the next frame is unknown, however short it is."""
        self._fresh = True

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

    def _doubted(self, people: Sequence[Sighting]) -> list[Sighting]:
        """People, with those marked as shadows who stand upon somebody with a stay, unless they walked there."""
        stays = {stay.track: stay for stay in self.state.stays}
        sure = {track for track, stay in stays.items() if stay.confirmed}
        marked = []
        for person in people:
            own = stays.get(person.track)
            known = self._came_in(person) if own is None else own.confirmed or own.came_in
            shadowed = person.shadowed or (not known and not sure.isdisjoint(person.upon))
            marked.append(replace(person, shadowed=shadowed))
        return marked

    def _follow(self, at: Instant, people: Sequence[Sighting]) -> None:
        seen = {person.track: person for person in people}
        for stay in self.state.stays:
            person = seen.get(stay.track) if stay.track is not None else None
            if person is None:
                continue
            if person.inside or person.border_m <= self.settings.hold_m:
                self._see(stay, at, person)
            elif stay.outside_clock_s is None:
                stay.outside_clock_s = self.state.clock_s

    def _see(self, stay: Stay, at: Instant, person: Sighting) -> None:
        clock_s = self.state.clock_s
        if not person.shadowed:
            # Who was out of sight for long was not seen to be there.
            stay.clear_s += min(clock_s - stay.seen_clock_s, 0.6) * person.inside
            stay.clear_clock_s = clock_s
            _place(stay, person)
        if person.inside:
            stay.inside_at = at
        stay.seen_at, stay.seen_clock_s, stay.track = at, clock_s, person.track
        stay.outside_clock_s = None
        self._clock_speed(stay)

    def _clock_speed(self, stay: Stay) -> None:
        """Speed over the last second or so; from frame to frame it would be noise."""
        passed_s = self.state.clock_s - stay.from_clock_s
        if passed_s >= 0.8:
            stay.speed = hypot(stay.x - stay.from_x, stay.y - stay.from_y) * stay.scale_m / passed_s
            stay.from_x, stay.from_y, stay.from_clock_s = stay.x, stay.y, self.state.clock_s

    def _take_in(self, at: Instant, person: Sighting, shadows: set[int]) -> None:
        """A track inside that holds no stay: somebody hidden who shows again, or somebody new."""
        state, came_in = self.state, self._came_in(person)
        hidden = None if came_in else self._nearest_hidden(person, shadows)
        if hidden is not None:
            self._see(hidden, at, person)
            return
        stay = Stay(
            number=state.begun,
            started_at=self._since(at, person),
            seen_at=at,
            inside_at=at,
            seen_clock_s=state.clock_s,
            clear_clock_s=state.clock_s,
            begun_clock_s=state.clock_s,
            x=person.x,
            y=person.y,
            scale_m=person.scale_m,
            border_m=person.border_m,
            track=person.track,
            came_in=came_in,
            from_x=person.x,
            from_y=person.y,
            from_clock_s=state.clock_s,
        )
        state.begun += 1
        state.stays.append(stay)

    def _since(self, at: Instant, person: Sighting) -> Instant:
        """Since when somebody new is here: a track that is new itself was seen once before."""
        if person.born_at is None or at - person.born_at > self.settings.newborn_s or self._came_in(person):
            return at
        return person.born_at

    def _came_in(self, person: Sighting) -> bool:
        """Whether the track was seen outside a moment ago: then it is nobody who was hidden inside."""
        return person.track in self._outside_at

    def _note_outside(self, people: Sequence[Sighting]) -> None:
        clock_s = self.state.clock_s
        self._outside_at = {t: s for t, s in self._outside_at.items() if clock_s - s <= self.settings.hidden_s}
        # Just beside the border is where a foot point jitters to.
        outside = [p.track for p in people if not p.inside and p.border_m > self.settings.hold_m]
        self._outside_at |= dict.fromkeys(outside, clock_s)

    def _nearest_hidden(self, person: Sighting, shadows: set[int]) -> Stay | None:
        """The nearest stay whose person is out of sight, or is followed only by a shadow."""
        settings, reachable = self.settings, []
        for stay in self.state.stays:
            hidden_s = self.state.clock_s - stay.seen_clock_s
            if stay.track is not None and hidden_s <= 0 and stay.track not in shadows:
                continue
            reach_m = min(settings.reach_m + settings.reach_speed * hidden_s, settings.reach_max_m)
            if (distance_m := _apart_m(stay, person)) <= reach_m:
                reachable.append((distance_m, stay.number, stay))
        return min(reachable)[2] if reachable else None

    def _confirm(self) -> None:
        """Visits long enough to be stays, unless they are somebody who has a stay already."""
        for stay in [stay for stay in self.state.stays if not stay.confirmed]:
            # Half of the time the box must have stood by itself, else it is a second box on somebody else.
            if stay.clear_s < max(self.settings.enter_hold_s, 0.5 * stay.duration_s):
                continue
            same = None if stay.came_in else self._same_person(stay)
            if same is None:
                stay.confirmed = True
            else:
                self.state.stays.remove(stay)
                _go_on(same, stay)

    def _same_person(self, stay: Stay) -> Stay | None:
        """The nearest stay that has had no box of its own since this one began: its box went over to this one."""
        left_s = stay.begun_clock_s + self.settings.switch_s
        others = [s for s in self.state.stays if s.confirmed and s.clear_clock_s <= left_s]
        near = [(_apart_m(stay, s), s.number, s) for s in others if _apart_m(stay, s) <= self.settings.reach_max_m]
        return min(near)[2] if near else None

    def _count(self, inside: int) -> None:
        clock_s = self.state.clock_s
        self._counts.append((clock_s, inside))
        while clock_s - self._counts[0][0] > self.settings.hidden_s:
            self._counts.popleft()

    def _head_count(self) -> int | None:
        """Smoothed number of people inside: the 90th percentile over the time somebody may be hidden.

        None until a third of that time was seen: after a start, nobody knows who is hidden.
        """
        if self.state.clock_s - self._counts[0][0] < self.settings.hidden_s / 3:
            return None
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
        finished += self._surplus({f.stay.number for f in finished})
        gone = {f.stay.number for f in finished}
        self.state.stays = [stay for stay in self.state.stays if stay.number not in gone]
        return [f for f in finished if f.stay.confirmed]

    def _surplus(self, ended: set[int]) -> list[FinishedStay]:
        """There are never more stays than people: hidden ones too many go, the briefest first.

        Only somebody who appeared from nowhere can be one who is hidden; who walked in is one more.
        """
        heads = self._head_count()
        if heads is None:
            return []
        clock_s = self.state.clock_s
        rest = [stay for stay in self.state.stays if stay.confirmed and stay.number not in ended]
        from_nowhere_s = max((stay.begun_clock_s for stay in rest if not stay.came_in), default=0.0)
        hidden = [stay for stay in rest if clock_s - stay.seen_clock_s > self.settings.border_hidden_s]
        hidden = [stay for stay in hidden if stay.seen_clock_s <= from_nowhere_s]
        hidden.sort(key=lambda stay: stay.duration_s)
        return [FinishedStay(stay, "lost") for stay in hidden[: max(0, len(rest) - heads)]]


def _apart_m(a: Stay | Sighting, b: Stay | Sighting) -> float:
    """How far apart two people are."""
    return hypot(a.x - b.x, a.y - b.y) * (a.scale_m + b.scale_m) / 2


def _place(stay: Stay, at: Sighting | Stay) -> None:
    """Put a stay where somebody is."""
    stay.x, stay.y, stay.scale_m, stay.border_m = at.x, at.y, at.scale_m, at.border_m


def _go_on(stay: Stay, later: Stay) -> None:
    """Let a stay go on as a later one, which was the same person."""
    _place(stay, later)
    stay.track, stay.outside_clock_s = later.track, later.outside_clock_s
    stay.seen_at, stay.inside_at = later.seen_at, later.inside_at
    stay.seen_clock_s, stay.clear_clock_s = later.seen_clock_s, later.clear_clock_s
    stay.clear_s += later.clear_s
    stay.speed = later.speed
    stay.from_x, stay.from_y, stay.from_clock_s = later.from_x, later.from_y, later.from_clock_s
