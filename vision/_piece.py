"""A piece of somebody's way: sights that beyond doubt are of one person, and the visits to the area they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import msgspec

from hall.clock import Instant
from vision._stay import Sighting

_LEFT_M = 0.3
"""A head so far from its place has left it,"""
_BEGAN_M = 0.25
"""and so far from where a piece began, it is there no more."""
_FOLLOWS_S = 2.0
"""A place follows the head with this time constant, that of somebody settled with the next, and a pace with the
third: single sights jitter."""
_SETTLED_FOLLOWS_S = 4.0
_PACE_S = 0.7
_SETTLES_S = 1.5
_SETTLES_SIGHTS = 3
_BEGINS_SETTLED_S = 2.0
_BEGINNING = 12
"""So many sights tell where a piece began."""
_AT_ONCE_S = 0.6
"""Who was seen twice within this was there in between."""


class Visit(msgspec.Struct):
    """A time in the area, as far as sights of one person tell.

    Attributes:
        started_at: first time inside; `inside_at` the last one; `seen_at` the last one there or just beside.
        blind_at_start_s, blind_s: unknown time of the ledger up to the start, and up to the last sight.
        clear_s, shadow_s: time in which the box stood by itself, and in which it was a shadow.
        number: of the stay, once it is one.
        came_in: whether the person was seen outside before.
    """

    started_at: Instant
    inside_at: Instant
    seen_at: Instant
    blind_at_start_s: float
    blind_s: float
    clear_s: float = 0.0
    shadow_s: float = 0.0
    number: int | None = None
    came_in: bool = False


class Outside(msgspec.Struct):
    """Known time of the first and the last sight clearly outside."""

    since_s: float
    last_s: float


class Piece(msgspec.Struct):
    """Sights of one person without a doubt between them.

    Attributes:
        number: counts the pieces of a ledger.
        first_s, last_s: known time of the first and the last sight.
        first_track, track: ids at both ends.
        first, last: sights at both ends that were no shadows.
        x, y, scale_m: where the head keeps a place, or was seen last; heights of the image and metres.
        begun_x, begun_y, begun_m, begun_sights, begun_s: where it was at the beginning, on average, and for how long.
        away: whether the head has left where it was at the beginning.
        out_x, out_y: pace at the beginning; `pace_x`, `pace_y` at the end; heights of the image per second.
        kept_s, sights: since when, and how often seen, the head is at its place.
        placed: began at the place of somebody out of sight, so it is settled at once.
        blind_first_s, blind_s: unknown time of the ledger up to both ends.
        visits: in order; between two of them the person was outside.
        lead: sights outside before the first visit; `out` those since the last one.
        rooted: whether it is decided which piece this one goes on with.
        closed: whether it ended; who is seen later begins another.
    """

    number: int
    first_s: float
    last_s: float
    first_track: int
    track: int
    first: Sighting
    last: Sighting
    x: float
    y: float
    scale_m: float
    begun_x: float
    begun_y: float
    begun_m: float
    kept_s: float
    blind_first_s: float
    blind_s: float
    clear_s: float
    begun_sights: int = 1
    begun_s: float = 0.0
    away: bool = False
    out_x: float = 0.0
    out_y: float = 0.0
    pace_x: float = 0.0
    pace_y: float = 0.0
    sights: int = 1
    count: int = 1
    placed: bool = False
    visits: list[Visit] = []
    lead: Outside | None = None
    out: Outside | None = None
    rooted: bool = False
    closed: bool = False

    @classmethod
    def begin(cls, number: int, person: Sighting, clock_s: float, blind_s: float) -> Piece:
        """Somebody seen for the first time, or nobody knows whether."""
        return cls(
            number,
            clock_s,
            clock_s,
            person.track,
            person.track,
            person,
            person,
            person.x,
            person.y,
            person.scale_m,
            person.x,
            person.y,
            person.scale_m,
            clock_s,
            blind_s,
            blind_s,
            clock_s,
        )

    @property
    def settled(self) -> bool:
        """Whether the person kept a place at the end."""
        return self.placed or (self.sights >= _SETTLES_SIGHTS and self.last_s - self.kept_s >= _SETTLES_S)

    @property
    def begins_settled(self) -> bool:
        """Whether the person kept a place at the beginning."""
        return self.begun_s >= _BEGINS_SETTLED_S or (self.placed and not self.away)

    @property
    def speed(self) -> float:
        """Metres per second at the end."""
        return hypot(self.pace_x, self.pace_y) * self.scale_m

    def off_m(self, person: Sighting) -> float:
        """How far somebody is from the place."""
        return hypot(person.x - self.x, person.y - self.y) * (self.scale_m + person.scale_m) / 2

    def place(self, at: Piece) -> None:
        """Begin at the place of somebody out of sight."""
        self.placed = True
        self.x, self.y = (self.x + at.x) / 2, (self.y + at.y) / 2

    def follow(self, person: Sighting, clock_s: float) -> None:
        """See the person, clearly."""
        passed_s = clock_s - self.clear_s
        last = self.last
        share = min(1.0, passed_s / _PACE_S)
        self.pace_x += share * ((person.x - last.x) / passed_s - self.pace_x)
        self.pace_y += share * ((person.y - last.y) / passed_s - self.pace_y)
        if self.off_m(person) > _LEFT_M:
            self.x, self.y, self.scale_m = person.x, person.y, person.scale_m
            self.kept_s, self.sights, self.placed = clock_s, 1, False
        else:
            self.sights += 1
            share = min(1.0, passed_s / (_SETTLED_FOLLOWS_S if self.settled else _FOLLOWS_S))
            self.x += share * (person.x - self.x)
            self.y += share * (person.y - self.y)
            self.scale_m += share * (person.scale_m - self.scale_m)
        self._note_beginning(person, clock_s)
        self.count += 1
        self.last, self.clear_s = person, clock_s

    def _note_beginning(self, person: Sighting, clock_s: float) -> None:
        first = self.first
        if self.count <= 2:
            passed_s = clock_s - self.first_s
            self.out_x, self.out_y = (person.x - first.x) / passed_s, (person.y - first.y) / passed_s
        if self.away or self.begun_sights >= _BEGINNING:
            return
        if hypot(person.x - first.x, person.y - first.y) * person.scale_m > _BEGAN_M:
            self.away = True
            return
        share = 1 / (self.begun_sights + 1)
        self.begun_x += share * (person.x - self.begun_x)
        self.begun_y += share * (person.y - self.begun_y)
        self.begun_m += share * (person.scale_m - self.begun_m)
        self.begun_sights += 1
        self.begun_s = clock_s - self.first_s

    def note(self, person: Sighting, at: Instant, since: Instant, clock_s: float, blind_s: float, rule: Rule) -> None:
        """Take down whether the person is in the area.

        Args:
            person: as seen now.
            at: capture time.
            since: since when the person is here if that is new.
            clock_s: known time of the ledger.
            blind_s: its unknown time.
            rule: what counts as outside.
        """
        passed_s = min(clock_s - self.last_s, _AT_ONCE_S)
        self.last_s, self.track, self.blind_s = clock_s, person.track, blind_s
        if not person.inside and person.border_m > rule.hold_m:
            if self.out is None:
                self.out = Outside(clock_s, clock_s)
            self.out.last_s = clock_s
            return
        left = self.out is not None and self.out.last_s - self.out.since_s >= rule.leave_hold_s
        if not self.visits or left:
            if not person.inside:
                return
            if not self.visits:
                self.lead = self.out
            self.visits.append(Visit(since, at, at, blind_s, blind_s, came_in=self.out is not None))
            passed_s = 0.0
        self.out = None
        visit = self.visits[-1]
        visit.seen_at, visit.blind_s = at, blind_s
        if person.inside:
            visit.inside_at = at
            visit.clear_s += passed_s * (not person.shadowed)
            visit.shadow_s += passed_s * person.shadowed


class Rule(msgspec.Struct, frozen=True):
    """Who is in stays in until so far outside, and has left after so long there."""

    hold_m: float
    leave_hold_s: float


def told(pieces: Sequence[Piece], rule: Rule) -> tuple[list[list[Visit]], Outside | None]:
    """What pieces of one person tell together: visits in order, each in parts, and the time outside since the last."""
    if len(pieces) == 1:
        return [[visit] for visit in pieces[0].visits], pieces[0].out
    visits: list[list[Visit]] = []
    out: Outside | None = None
    for piece in pieces:
        if not piece.visits:
            if piece.out is not None:
                out = Outside(piece.out.since_s if out is None else out.since_s, piece.out.last_s)
            continue
        first, *others = piece.visits
        spans = [span for span in (out, piece.lead) if span is not None]
        outside_s = spans[-1].last_s - spans[0].since_s if spans else 0.0
        if visits and outside_s < rule.leave_hold_s:
            visits[-1].append(first)
        else:
            visits.append([first])
        visits += [[visit] for visit in others]
        out = piece.out
    return visits, out


def joined(parts: Sequence[Visit]) -> Visit:
    """One visit of its parts."""
    first, last = parts[0], parts[-1]
    if first is last:
        return first
    return Visit(
        first.started_at,
        last.inside_at,
        last.seen_at,
        first.blind_at_start_s,
        last.blind_s,
        sum(part.clear_s for part in parts),
        sum(part.shadow_s for part in parts),
        next((part.number for part in parts if part.number is not None), None),
        first.came_in,
    )
