"""Following people through misses, occlusions and exchanged ids: which stay goes on with whom.

A place says more than an id. Who keeps a place (a chair, a spot in a line) is whoever is seen there; an id that
leaves it may be another's by now, so its track begins a stay of its own, and whose that was is decided when it is
known who is seen at the old place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf

import msgspec

from hall.clock import Instant
from vision._names import Names
from vision._stay import Departure, Home, Sighting, Stay, apart_m, hides, unlikeliness

_STILL_M = 0.12
"""Whoever is so near to where a stay was seen last under the same id goes on with it."""
_SAME_PLACE_M = 0.25
"""A head so near to a place that was kept is on that seat: the next one is half a metre away or more."""
_NEAR_M = 0.35
"""An id so far from the place it kept may be another's."""
_LEAP = 5.0
"""So unlikely a pair is none if somebody may have walked in there."""
_VANISHED_S = 2.5
_BRISK_M_S = 1.4
WALKED_OFF = 14.0
"""Who walks away was somebody who sat there, even if no more likely than this."""
PASSING_ON_S = 1.0
"""A track may pass on to somebody else so long before the one it belonged to is seen last."""
ID_HOLDS_S = 1.6
"""An id that nobody had for longer may have passed from who leaves to who comes. Three looks at two a second."""
_REMEMBERS = 0.999


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Holds in seconds, lengths in metres."""

    enter_hold_s: float = 2.0  # a shorter visit is a passer-by, no stay
    leave_hold_s: float = 1.0  # seen outside for so long: left
    hidden_s: float = 45.0  # not seen for so long, inside: lost
    missed_s: float = inf  # not seen for so long with nobody standing before them: gone
    border_hidden_s: float = 3.0  # not seen for so long after walking out of sight at the border: left
    border_m: float = 0.5
    hold_m: float = 0.4  # who is in stays in until so far outside: foot points jitter
    walking: float = 0.3  # metres per second from which somebody walks
    reach_m: float = 0.3  # how far somebody hidden who walked may be from the track that takes the stay over,
    reach_speed: float = 0.8  # plus this much per second hidden,
    reach_max_m: float = 2.0  # up to this much
    settles_s: float = 4.0  # who has kept a place for so long sits or stands there
    by_place: bool = True  # people are named by place and pace; where one follows another on a spot, ids say more
    newborn_s: float = 1.2  # a track is confirmed so long after its first sight at most
    stale_s: float = 10.0  # a longer gap between frames is unknown time


class LedgerState(msgspec.Struct):
    """What survives a restart.

    `found_s` of `watched_s` person-seconds somebody was seen, those who were hidden and found again included; older
    ones count less.
    """

    stays: list[Stay] = []
    at: Instant | None = None
    clock_s: float = 0.0
    begun: int = 0
    found_s: float = 0.0
    watched_s: float = 0.0
    departures: list[Departure] = []


class Follower:
    """The stays of one area, frame by frame."""

    def __init__(self, settings: LedgerSettings, state: LedgerState) -> None:
        self.settings, self.state = settings, state
        self._names = Names(settings.hidden_s)
        self._outside: dict[int, tuple[float, Sighting]] = {}
        self._seen: dict[int, Sighting] = {}
        self._step_s = 0.0
        self._fresh = True

    def lose_sight(self) -> None:
        """The picture is at fault: the time up to the next frame is unknown, however short it is."""
        self._fresh = True

    def _pass_time(self, at: Instant) -> None:
        state = self.state
        gap = 0.0 if state.at is None else at - state.at
        if gap > self.settings.stale_s or (self._fresh and state.at is not None):
            for stay in state.stays:
                stay.blind_s += gap
                stay.track = stay.home = None
            state.departures.clear()
            self._outside.clear()
            self._names.forget()
            self._step_s = 0.0
        else:
            state.clock_s += gap
            self._step_s = gap
        self._fresh = False
        state.at = at

    def _doubted(self, people: Sequence[Sighting]) -> Sequence[Sighting]:
        """People, with those marked as shadows who stand upon somebody with a stay, unless they walked there."""
        if not any(person.upon for person in people):
            return people
        stays = {stay.track: stay for stay in self.state.stays}
        sure = {track for track, stay in stays.items() if stay.confirmed}
        marked = []
        for person in people:
            own = stays.get(person.track)
            known = self._came_in(person) if own is None else own.confirmed or own.came_in
            if not (known or person.shadowed or sure.isdisjoint(person.upon)):
                person = msgspec.structs.replace(person, shadowed=True)  # noqa: PLW2901
            marked.append(person)
        return marked

    def _follow(self, at: Instant, people: Sequence[Sighting]) -> list[Sighting]:
        """Let stays go on with who is seen; returns those who are seen clearly and hold none.

        First those who are where they were, then the likeliest pairs of what is left: a place says more than an id.
        """
        self._seen = {person.track: person for person in people}
        free = {person.track: person for person in people if not person.shadowed}
        waiting = []
        for stay in self.state.stays:
            person = free.get(stay.track) if stay.track is not None else None
            if person is not None and hypot(person.x - stay.x, person.y - stay.y) * stay.scale_m < _STILL_M:
                del free[person.track]
                self._see(stay, at, person)
            else:
                waiting.append(stay)
        if not waiting:
            return list(free.values())
        self._pair(at, waiting, free)
        return list(free.values())

    def _pair(self, at: Instant, waiting: list[Stay], free: dict[int, Sighting]) -> None:
        """Match stays with those who are seen, the likeliest first; who is matched is free no more."""
        clock_s = self.state.clock_s
        pairs = [
            (unlikeliness(stay, p.x, p.y, p.scale_m, clock_s, same_id=p.track == stay.track), stay.number, p.track)
            for stay in waiting
            for p in free.values()
            if self._may_be(stay, p)
        ]
        every = {stay.number: stay for stay in self.state.stays}
        left = {stay.number for stay in waiting}
        for cost, number, track in sorted(pairs):
            if track not in free or number not in left:
                continue
            leaving = not (self.settings.by_place or free[track].inside)
            if leaving or cost < _LEAP or not self._walked_in(free[track]):
                left.discard(number)
                self._see(every[number], at, free.pop(track))
        for number in left:
            own = every[number].track
            shadow = None if own is None else self._seen.get(own)
            if shadow is not None and shadow.shadowed:
                self._see(every[number], at, shadow)

    def _may_be(self, stay: Stay, person: Sighting) -> bool:
        """Whether somebody seen can be the one of a stay at all."""
        settings, hidden_s = self.settings, self.state.clock_s - stay.seen_clock_s
        distance_m = apart_m(stay, person)
        if person.track == stay.track:
            if self._lost_outside(stay, hidden_s):
                return False
            # Who kept a place and is elsewhere may be another who has the id now: that is seen later.
            return not stay.settled or stay.off_m(person) <= _NEAR_M or not person.inside
        if self._walks_in(stay, person) or self._followed(stay, person):
            return False
        outside = self._outside.get(person.track)
        if outside is not None:
            # Who was seen outside is somebody else, but for an id that leapt to where somebody just was.
            leapt = apart_m(outside[1], person) > 0.4 and hidden_s <= 1.5
            return person.inside and leapt and stay.settled and distance_m < 0.2
        if not person.inside:
            return stay.confirmed and not stay.settled and hidden_s <= 3.0 and distance_m <= 0.5 + 1.2 * hidden_s
        # Further away it may be somebody else: that is seen when the stay that begins is confirmed.
        if stay.settled:
            return stay.off_m(person) <= _SAME_PLACE_M
        return distance_m <= min(settings.reach_m + settings.reach_speed * hidden_s, settings.reach_max_m)

    def _walks_in(self, stay: Stay, person: Sighting) -> bool:
        """Whether somebody seen is one who has just come in: nobody who has been out of sight for long."""
        if not self.settings.by_place or self.state.clock_s - stay.seen_clock_s <= _VANISHED_S:
            return False
        return any(
            own.track == person.track and own.came_in and not own.settled for own in self.state.stays if own is not stay
        )

    def _lost_outside(self, stay: Stay, hidden_s: float) -> bool:
        """Whether an id was out of sight on the way out, where people follow each other: it may be the next one's."""
        return not self.settings.by_place and stay.inside_at < stay.seen_at and hidden_s > ID_HOLDS_S

    def _followed(self, stay: Stay, person: Sighting) -> bool:
        """Whether somebody seen where people follow each other is the next one rather than one out of sight."""
        if self.settings.by_place or self.state.clock_s - stay.seen_clock_s <= _VANISHED_S:
            return False
        return person.inside and self._walked_in(person)

    def _home_of(self, stay: Stay) -> Stay | None:
        """Whose place somebody new keeps: then another went from there."""
        clock_s = self.state.clock_s
        for other in self.state.stays:
            home = other.home
            if home is None or other is stay:
                continue
            if clock_s - home.seen_clock_s > self.settings.hidden_s:
                other.home = None
            elif hypot(stay.place_x - home.x, stay.place_y - home.y) * home.scale_m <= _SAME_PLACE_M:
                return other
        return None

    def _split(self, stay: Stay, home: Home) -> None:
        """Take a take-over back: who took the stay over has been there since then."""
        if stay.outside_clock_s is not None or stay.inside_at < home.taken_at:
            stay.go_home(home)
            return
        other = Stay(
            number=self.state.begun,
            started_at=home.taken_at,
            seen_at=stay.seen_at,
            inside_at=stay.inside_at,
            seen_clock_s=stay.seen_clock_s,
            clear_clock_s=stay.clear_clock_s,
            begun_clock_s=home.taken_clock_s,
            x=stay.x,
            y=stay.y,
            scale_m=stay.scale_m,
            border_m=stay.border_m,
            track=stay.track,
            confirmed=stay.until - home.taken_at >= self.settings.enter_hold_s,
            settles_s=stay.settles_s,
            first_x=home.taken_x,
            first_y=home.taken_y,
        )
        other.copy_sight(stay)
        missing = [s for s in self._missing(other, WALKED_OFF) if s is not stay]
        if missing:
            missing[0].go_on(other)
        else:
            self.state.begun += 1
            self.state.stays.append(other)
        stay.go_home(home)

    def _see(self, stay: Stay, at: Instant, person: Sighting) -> None:
        clock_s = self.state.clock_s
        if stay.track != person.track:
            for other in self.state.stays:
                if other.track == person.track:
                    other.track = None
            stay.track = person.track
        if not person.inside and person.border_m > self.settings.hold_m:
            if stay.outside_clock_s is None:
                stay.outside_clock_s = clock_s
                if stay.settled and stay.off_m(person) > _NEAR_M:
                    stay.leave_home(at, clock_s, person.x, person.y)
            return
        self._outside.pop(person.track, None)
        if not person.shadowed:
            # Who was out of sight for long was not seen to be there.
            self._learn(clock_s - stay.clear_clock_s)
            stay.clear_s += min(clock_s - stay.seen_clock_s, 0.6) * person.inside
            stay.put(person, at, clock_s)
        if person.inside:
            stay.inside_at = at
        stay.seen_again()
        stay.seen_at, stay.seen_clock_s, stay.missed_s = at, clock_s, 0.0
        stay.outside_clock_s = None
        stay.clock_speed(clock_s)

    def _miss(self, people: Sequence[Sighting]) -> None:
        """Count the time in which somebody is not seen though nobody stands before them."""
        for stay in self.state.stays:
            if stay.seen_clock_s < self.state.clock_s and not any(hides(person, stay) for person in people):
                stay.missed_s += self._step_s

    def _learn(self, passed_s: float) -> None:
        """Note how much of the time somebody is seen, from how long it was since the last clear sight."""
        state = self.state
        state.watched_s = _REMEMBERS * state.watched_s + passed_s
        state.found_s = _REMEMBERS * state.found_s + min(passed_s, self._step_s)

    def _begin(self, at: Instant, person: Sighting) -> None:
        """Somebody new."""
        state, came_in = self.state, self._came_in(person) or self._walked_in(person)
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
            place_x=person.x,
            place_y=person.y,
            kept_clock_s=state.clock_s,
            first_x=person.x,
            first_y=person.y,
            settles_s=self.settings.settles_s,
        )
        for other in state.stays:
            if other.track == person.track:
                other.track, stay.came_from = None, other.number
                stay.from_x, stay.from_y, stay.from_clock_s = other.x, other.y, other.seen_clock_s
        state.begun += 1
        state.stays.append(stay)

    def _since(self, at: Instant, person: Sighting) -> Instant:
        """Since when somebody new is here: a track that is new itself was seen once before."""
        if person.born_at is None or at - person.born_at > self.settings.newborn_s or self._came_in(person):
            return at
        return person.born_at

    def _walked_in(self, person: Sighting) -> bool:
        """Whether somebody who was seen outside a moment ago and is not now may be here by now."""
        clock_s = self.state.clock_s
        return any(
            clock_s - at_s <= _VANISHED_S
            and track not in self._seen
            and apart_m(outside, person) <= 0.3 + _BRISK_M_S * (clock_s - at_s)
            for track, (at_s, outside) in self._outside.items()
        )

    def _came_in(self, person: Sighting) -> bool:
        """Whether the track was seen outside a moment ago: then it is nobody who was hidden inside."""
        return person.track in self._outside

    def _missing(self, stay: Stay, limit: float) -> list[Stay]:
        """Stays that have had no box of their own since one began, which may be theirs: the likeliest first."""
        found = []
        for other in self.state.stays:
            if other.confirmed and other is not stay and other.clear_clock_s <= stay.begun_clock_s + PASSING_ON_S:
                hidden_s = max(0.0, stay.begun_clock_s - other.seen_clock_s)
                mean_m = (other.scale_m + stay.scale_m) / 2
                apart = hypot(other.x - stay.first_x, other.y - stay.first_y) * mean_m
                if apart > min(1.0 + _BRISK_M_S * hidden_s, self.settings.reach_max_m):
                    continue
                same_id = other.number == stay.came_from
                clock_s = max(stay.begun_clock_s, other.seen_clock_s)
                cost = unlikeliness(other, stay.first_x, stay.first_y, stay.scale_m, clock_s, same_id=same_id)
                if cost <= (WALKED_OFF if same_id else limit):
                    found.append((cost, other.number, other))
        return [other for _, _, other in sorted(found)]

    def _note_outside(self, people: Sequence[Sighting]) -> None:
        clock_s, settings = self.state.clock_s, self.settings
        old = [track for track, (seen_s, _) in self._outside.items() if clock_s - seen_s > settings.hidden_s]
        for track in old:
            del self._outside[track]
        # Just beside the border is where a foot point jitters to; at a window only of those who have a stay.
        own = None if settings.by_place else {stay.track for stay in self.state.stays}
        for person in people:
            if person.inside:
                continue
            if person.border_m > settings.hold_m or (own is not None and person.track not in own):
                self._outside[person.track] = (clock_s, person)
