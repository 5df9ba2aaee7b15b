"""Following people through misses, occlusions and exchanged ids: which stay goes on with whom."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import msgspec

from hall.clock import Instant
from vision._heads import Heads
from vision._settings import LedgerSettings, LedgerState
from vision._stay import Sighting, Stay, apart_m, hides, unlikeliness

_STILL_M = 0.12
"""Whoever is so near to where a stay was seen last under the same id goes on with it."""
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


class Follower:
    """The stays of one area, frame by frame."""

    def __init__(self, settings: LedgerSettings, state: LedgerState) -> None:
        self.settings, self.state = settings, state
        self._heads = Heads(state, settings.hidden_s)
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
                stay.track = None
            state.departures.clear()
            self._outside.clear()
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
            if not free[track].inside or cost < _LEAP or not self._walked_in(free[track]):
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
            # An id that was out of sight on the way out may be the next one's.
            return stay.inside_at == stay.seen_at or hidden_s <= ID_HOLDS_S
        if person.track in self._outside or self._followed(stay, person):
            return False
        if not person.inside:
            return stay.confirmed and hidden_s <= 3.0 and distance_m <= 0.5 + 1.2 * hidden_s
        return distance_m <= min(settings.reach_m + settings.reach_speed * hidden_s, settings.reach_max_m)

    def _followed(self, stay: Stay, person: Sighting) -> bool:
        """Whether somebody seen where people follow each other is the next one rather than one out of sight."""
        hidden = self.state.clock_s - stay.seen_clock_s > _VANISHED_S
        return hidden and person.inside and self._walked_in(person)

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
            return
        self._outside.pop(person.track, None)
        if not person.shadowed:
            # Who was out of sight for long was not seen to be there.
            self._heads.learn(clock_s - stay.clear_clock_s, self._step_s)
            stay.clear_s += min(clock_s - stay.seen_clock_s, 0.6) * person.inside
            stay.put(person, clock_s)
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
        # Just beside the border is where the foot point of somebody with a stay jitters to.
        own = {stay.track for stay in self.state.stays}
        for person in people:
            if person.inside:
                continue
            if person.border_m > settings.hold_m or person.track not in own:
                self._outside[person.track] = (clock_s, person)
