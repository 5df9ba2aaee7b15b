"""Names for people that hold where track ids do not: places say who somebody is, an id is a hint.

A tracker goes by boxes; where people sit densely, one who walks past exchanges ids with those who sit. Here everybody
has a place of the head: who keeps one is there within centimetres, who walks goes on as before. All who are seen are
matched with all who are known at once, so that what fits all of them best decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, log

import msgspec

from vision._assign import assign
from vision._stay import Sighting

_AT_PLACE_M = 0.12
"""So near to the place it kept, a track is the person it was."""
_SAME_PLACE_M = 0.25
"""Who is further from it under another id has another place."""
_KEEPS_M = 0.3
"""A head so far from its place has left it."""
_SETTLES_S = 3.0
_FOLLOWS_S = 2.0
"""A place follows the head with this time constant, and a pace the head with the next: single sights jitter."""
_PACE_S = 0.7
_HEAD_M = 0.08
"""Standard deviation of the head of somebody who keeps a place;"""
_STEP_M = 0.12
_WALKS_M_S = 0.45
"""of somebody who walks, from where the pace so far leads to;"""
_SETS_OUT_M_S = 0.8
"""and of somebody who gets up, in any direction. The latter grow with the time out of sight,"""
_BRISK_M_S = 1.8
_LEANS_M = 0.4
"""and nobody is faster than this, a head's way in sitting down or getting up left out."""
_NEW = 12.0
"""Costs are negative log-likelihoods; a pair must be likelier than somebody new appearing there."""
_GOT_UP = 5.0
_OTHER_GOT_UP = 4.0
"""A tracker seldom loses who gets up in plain sight."""
_STOPPED = 0.7
_AHEAD_S = 2.0
"""A pace is kept for so long."""
_OTHER_ID = 2.5
"""Ids are exchanged seldom, but mostly where people are close."""
_ID_LASTS_S = 2.5
_GOES_ON_S = 0.4
"""A track seen so lately is followed wherever its box jumps, as it may when somebody gets up, if nobody fits better."""
_LOST_ID = 0.5
"""A tracker forgets a track after about so long; from then on a new id says little."""
_MISSED = 1.6
"""Who was seen a moment ago is seen now: one in five is missed."""
_MOMENT_S = 1.2
_SHOWS = 7.0
"""Who was hidden for long seldom shows up in this very moment: more likely somebody who walks there sits down."""
_WALKS_ON_S = 3.0
"""Nobody knows where a walker is who was not seen for so long."""
_SCALE = 0.05
_SCALE_MOST = 2.0
"""Boxes of one person differ so much in height, and posture may change it altogether: twice that for walkers."""


class _Known:
    """Somebody who has a name: where the head is, where it goes, and the place it has kept since."""

    __slots__ = ("kept_s", "name", "place_m", "place_x", "place_y", "scale_m", "seen_s", "track", "vx", "vy", "x", "y")

    def __init__(self, name: int, person: Sighting, clock_s: float) -> None:
        self.name, self.track = name, person.track
        self.x, self.y, self.scale_m = person.x, person.y, person.scale_m
        self.vx = self.vy = 0.0
        self.seen_s = clock_s
        self._take_place(person, clock_s)

    def _take_place(self, person: Sighting, clock_s: float) -> None:
        self.place_x, self.place_y, self.place_m, self.kept_s = person.x, person.y, person.scale_m, clock_s

    @property
    def settled(self) -> bool:
        return self.seen_s - self.kept_s >= _SETTLES_S

    def off_m(self, person: Sighting) -> float:
        """How far somebody is from the place."""
        return hypot(person.x - self.place_x, person.y - self.place_y) * (self.place_m + person.scale_m) / 2

    def still_keeps(self, person: Sighting, clock_s: float) -> bool:
        """Whether somebody under the same id is beyond doubt in the same place."""
        return self.settled and clock_s - self.seen_s <= _WALKS_ON_S and self.off_m(person) < _AT_PLACE_M

    def see(self, person: Sighting, clock_s: float) -> None:
        passed_s = clock_s - self.seen_s
        if self.off_m(person) > _KEEPS_M:
            self._take_place(person, clock_s)
        else:
            share = min(1.0, passed_s / _FOLLOWS_S)
            self.place_x += share * (person.x - self.place_x)
            self.place_y += share * (person.y - self.place_y)
            self.place_m += share * (person.scale_m - self.place_m)
        if passed_s > 0:
            share = min(1.0, passed_s / _PACE_S)
            self.vx += share * ((person.x - self.x) / passed_s - self.vx)
            self.vy += share * ((person.y - self.y) / passed_s - self.vy)
        self.x, self.y, self.scale_m = person.x, person.y, person.scale_m
        self.seen_s, self.track = clock_s, person.track

    def worth(self, person: Sighting, clock_s: float) -> float:
        """How much likelier it is that somebody seen is this one than somebody new; above zero if so."""
        hidden_s = clock_s - self.seen_s
        cost = min(self._moves(person, hidden_s), self._keeps(person, hidden_s))
        if person.track != self.track:
            cost += _OTHER_ID if hidden_s < _ID_LASTS_S else _LOST_ID
        if hidden_s < _MOMENT_S:
            cost -= _MISSED
        elif hidden_s > _WALKS_ON_S:
            cost += _SHOWS
        return _NEW - cost

    def _keeps(self, person: Sighting, hidden_s: float) -> float:
        """Cost of still being at the place."""
        if not self.settled and hidden_s > _WALKS_ON_S:
            return _NEW
        if person.track != self.track and self.off_m(person) > _SAME_PLACE_M:
            return _NEW
        stopped = 0.0 if self.settled else _STOPPED
        return stopped + _normal(self.off_m(person), _HEAD_M) + _unlike(person.scale_m / self.place_m, _SCALE)

    def _moves(self, person: Sighting, hidden_s: float) -> float:
        """Cost of getting up, or of walking on."""
        mean_m = (self.scale_m + person.scale_m) / 2
        dx, dy = person.x - self.x, person.y - self.y
        gone_m = hypot(dx, dy) * mean_m
        if hidden_s > _WALKS_ON_S or gone_m > _LEANS_M + _BRISK_M_S * hidden_s:
            return _NEW
        unlike = _unlike(person.scale_m / self.scale_m, 2 * _SCALE)
        if self.settled:
            got_up = _GOT_UP + _OTHER_GOT_UP * (person.track != self.track)
            return unlike + got_up + _normal(gone_m, _STEP_M + _SETS_OUT_M_S * hidden_s)
        ahead_s, spread_m = min(hidden_s, _AHEAD_S), _STEP_M + _WALKS_M_S * hidden_s
        off_m = hypot(dx - self.vx * ahead_s, dy - self.vy * ahead_s) * mean_m
        return unlike + min(_normal(off_m, spread_m), _STOPPED + _normal(gone_m, spread_m))


class Names:
    """Gives the people of each frame names that stay with them.

    Args:
        remembers_s: for how long the places of people out of sight are known.
    """

    def __init__(self, remembers_s: float = 45.0) -> None:
        self._remembers_s = remembers_s
        self._known: dict[int, _Known] = {}
        self._by_track: dict[int, int] = {}
        self._count = 0

    def forget(self) -> None:
        """Nobody is known any more: time passed in which nobody was seen."""
        self._known.clear()
        self._by_track.clear()

    def name(self, clock_s: float, people: Sequence[Sighting]) -> list[Sighting]:
        """The same people with names in place of track ids.

        Args:
            clock_s: known time.
            people: everybody in the frame, inside and outside; a shadowed box is named after its track alone.
        """
        self._forget_old(clock_s)
        names: dict[int, int] = {}
        rest = []
        for person in people:
            known = self._known.get(self._by_track.get(person.track, -1))
            if known is not None and not person.shadowed and known.still_keeps(person, clock_s):
                names[person.track] = known.name
                known.see(person, clock_s)
            else:
                rest.append(person)
        if rest:
            self._match(clock_s, [person for person in rest if not person.shadowed], names)
            for person in rest:
                if person.track not in names:
                    names[person.track] = self._gone_on(clock_s, person, names) or self._begin(clock_s, person)
        self._by_track = {track: name for track, name in self._by_track.items() if name in self._known} | names
        return [_named(person, names) for person in people]

    def _match(self, clock_s: float, people: Sequence[Sighting], names: dict[int, int]) -> None:
        taken = set(names.values())
        free = [known for known in self._known.values() if known.name not in taken]
        worth: list[dict[int, float]] = []
        for person in people:
            # Whose track goes on from frame to frame is nobody who was out of sight just before.
            own = self._known.get(self._by_track.get(person.track, -1))
            goes_on = own is not None and clock_s - own.seen_s <= _GOES_ON_S
            since_s = clock_s - (_MOMENT_S if goes_on else self._remembers_s)
            likely = {
                column: value
                for column, known in enumerate(free)
                if known.seen_s >= since_s and (value := known.worth(person, clock_s)) > 0
            }
            worth.append(likely)
        for row, column in assign(worth):
            names[people[row].track] = free[column].name
            free[column].see(people[row], clock_s)

    def _gone_on(self, clock_s: float, person: Sighting, names: dict[int, int]) -> int | None:
        """The name that the track had, if nobody else has it and the track is a shadow's or was seen just now."""
        name = self._by_track.get(person.track)
        known = self._known.get(name) if name is not None else None
        if name is None or name in names.values():
            return None
        if person.shadowed:
            return name
        if known is None or clock_s - known.seen_s > _GOES_ON_S:
            return None
        known.see(person, clock_s)
        return name

    def _begin(self, clock_s: float, person: Sighting) -> int:
        self._count += 1
        self._known[self._count] = _Known(self._count, person, clock_s)
        return self._count

    def _forget_old(self, clock_s: float) -> None:
        known = self._known
        settled_s = self._remembers_s
        old = [k.name for k in known.values() if clock_s - k.seen_s > (settled_s if k.settled else _WALKS_ON_S)]
        for name in old:
            del known[name]


def _named(person: Sighting, names: dict[int, int]) -> Sighting:
    upon = tuple(names[track] for track in person.upon if track in names)
    return msgspec.structs.replace(person, track=names[person.track], upon=upon)


def _normal(off_m: float, spread_m: float) -> float:
    """Negative log of a normal density in the plane, zero at the middle of the narrowest."""
    return (off_m / spread_m) ** 2 / 2 + 2 * log(spread_m / _HEAD_M)


def _unlike(ratio: float, spread: float) -> float:
    return min(((ratio - 1) / spread) ** 2 / 2, _SCALE_MOST)
