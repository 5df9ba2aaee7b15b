"""Stays told by places: which pieces of ways are of one person is left open for a while, and decided by all of them.

What a tracker says is cut into pieces without doubt (`vision._pieces`). Which piece goes on with which other is worked
out anew whenever one begins (`vision._links`) and becomes final after `decides_s`; until then a stay may still change
hands. Stays that go on are those of the likeliest way to put all pieces together.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import msgspec

from hall.clock import Instant
from vision._heads import Heads
from vision._links import LONGEST_S, Links
from vision._piece import Outside, Piece, Rule, Visit, joined, told
from vision._pieces import at_place, place_of, sorted_out
from vision._settings import Ended, FinishedStay, LedgerSettings, LedgerState
from vision._stay import Sighting, Stay

_LOOKS_AGAIN_S = (1.0, 2.0, 3.0)
"""How a piece begins is known better after so long."""
_UNDECIDED = 40
"""Of more pieces than that the oldest are decided at once,"""
_REMEMBERED = 60
"""and of more than that the oldest are forgotten of those outside: a tracker at a loss must not stall the box."""
_SHORT = 0.7
"""Of the time that makes a stay, so much must have been seen."""
_GIVEN_UP_S = 8.0
"""Nobody is one too many who was seen so lately."""
_GLIMPSED_M = 1.5
"""Who was seen once is so near at the second sight."""


class PlaceLedger:
    """The stays of one area in one camera, by place.

    Args:
        settings: holds and lengths.
        state: a saved state.
    """

    def __init__(self, settings: LedgerSettings, state: LedgerState) -> None:
        self.settings, self.state = settings, state
        self._rule = Rule(settings.hold_m, settings.leave_hold_s)
        self._heads = Heads(state, settings.hidden_s)
        self._before: dict[int, int] = {}  # by number of a piece that of the one before it, as far as it is known
        self._links = Links()
        self._sure: set[int] = set()
        self._unclear = True
        self._fresh = True
        self._step_s = 0.0
        self._tails: list[_Tail] = []
        self._look()

    @property
    def stays(self) -> list[Stay]:
        """Stays that are no passers-by, oldest first."""
        tails = [tail for tail in self._tails if tail.number is not None]
        return [self._stay(tail) for tail in sorted(tails, key=lambda tail: (tail.visit.started_at, tail.number))]

    def lose_sight(self) -> None:
        """The picture is at fault: the time up to the next frame is unknown, however short it is."""
        self._fresh = True

    def step(self, at: Instant, people: Sequence[Sighting], glimpses: Sequence[Sighting] = ()) -> list[FinishedStay]:
        """Take one frame; returns the stays that ended, which may be some time after they did."""
        self._pass_time(at)
        clear = self._take(at, people)
        self._glimpse(at, glimpses)
        self._heads.count(sum(person.inside and not person.shadowed for person in clear))
        self._match()
        finished = self._decide()
        self._look()
        finished += self._lost() + self._surplus()
        return finished

    def finish(self) -> list[FinishedStay]:
        """Decide what is still open; returns the stays that are over by that."""
        self._unclear = True
        self._match()
        finished = self._decide(all_of_it=True)
        self._look()
        return finished

    def _pass_time(self, at: Instant) -> None:
        state = self.state
        gap = 0.0 if state.at is None else at - state.at
        if gap > self.settings.stale_s or (self._fresh and state.at is not None):
            state.blind_s += gap
            state.clock_s += min(gap, 1.0)
            for piece in state.pieces:
                piece.closed = True
        else:
            state.clock_s += gap
            self._step_s = gap
        self._fresh = False
        state.at = at

    def _take(self, at: Instant, people: Sequence[Sighting]) -> list[Sighting]:
        """Put sights into pieces; returns those that are no shadows beyond doubt."""
        state, clock_s = self.state, self.state.clock_s
        clear = self._doubted([person for person in people if not person.shadowed])
        shadows = {person.track: person for person in people if person.shadowed}
        found, new = sorted_out(state.pieces, clear, clock_s)
        for piece, person in found:
            if piece.visits:
                self._heads.learn(clock_s - piece.clear_s, self._step_s)
            self._see(piece, person, at)
        followed = {piece.number for piece, _ in found}
        self._unclear |= any(number in followed for number in self._before.values())
        latest = {piece.track: piece for piece in state.pieces if not piece.closed} if shadows else {}
        for track, shadow in shadows.items():
            own = latest.get(track)
            if own is not None and own.number not in followed:
                own.note(shadow, at, at, clock_s, state.blind_s, self._rule)
        for person in new:
            glimpse = self._glimpsed(person)
            if glimpse is None:
                self._begin(at, person)
            else:
                self._see(glimpse, person, at)
        return clear

    def _see(self, piece: Piece, person: Sighting, at: Instant) -> None:
        """Let a piece go on with somebody who is seen clearly."""
        piece.follow(person, self.state.clock_s)
        piece.note(person, at, at, self.state.clock_s, self.state.blind_s, self._rule)

    def _glimpse(self, at: Instant, glimpses: Sequence[Sighting]) -> None:
        """Take those who were seen once so far: each is a piece, but for who sits where somebody just was."""
        state, clock_s = self.state, self.state.clock_s
        for person in glimpses:
            own = next((p for p in state.pieces if p.last_s < clock_s and not p.closed and at_place(p, person)), None)
            if own is None:
                self._begin(at, msgspec.structs.replace(person, track=-2 - state.pieces_begun))
            else:
                self._see(own, msgspec.structs.replace(person, track=own.track), at)

    def _glimpsed(self, person: Sighting) -> Piece | None:
        """The glimpse at which a new track began: the nearest one of that moment."""
        found, near_m = None, _GLIMPSED_M
        for piece in self.state.pieces:
            first = piece.first
            if piece.track >= 0 or piece.count > 1 or piece.closed or first.born_at != person.born_at:
                continue
            off_m = hypot(first.x - person.x, first.y - person.y) * person.scale_m
            if off_m < near_m:
                found, near_m = piece, off_m
        return found

    def _begin(self, at: Instant, person: Sighting) -> None:
        state = self.state
        piece = Piece.begin(state.pieces_begun, person, state.clock_s, state.blind_s)
        state.pieces_begun += 1
        place = place_of(state.pieces, person, state.clock_s)
        if place is not None:
            piece.place(place)
        # A track that is new itself was seen once before.
        new = person.born_at is not None and at - person.born_at <= self.settings.newborn_s
        piece.note(
            person, at, person.born_at if new and person.born_at else at, state.clock_s, state.blind_s, self._rule
        )
        state.pieces.append(piece)
        self._unclear = True

    def _doubted(self, people: list[Sighting]) -> list[Sighting]:
        """People, those marked as shadows who stand upon somebody with a stay, unless they walked there or have one."""
        if not any(person.upon for person in people):
            return people
        sure = {tail.pieces[-1].track for tail in self._tails if tail.number is not None}
        known = {piece.track for piece in self.state.pieces if not piece.closed and _is_known(piece)} | sure
        return [
            person
            if person.track in known or sure.isdisjoint(person.upon)
            else msgspec.structs.replace(person, shadowed=True)
            for person in people
        ]

    def _match(self) -> None:
        """Work out which piece goes on with which, if anything new is known."""
        clock_s, pieces = self.state.clock_s, self.state.pieces
        starts = [piece for piece in pieces if not piece.rooted]
        if not starts:
            return
        looks_again = any(
            clock_s - self._step_s - piece.first_s < after_s <= clock_s - piece.first_s
            for piece in starts
            for after_s in _LOOKS_AGAIN_S
        )
        if self._unclear or looks_again:
            self._before, self._sure = self._links.matched(pieces, starts, clock_s)
            self._unclear = False

    def _decide(self, *, all_of_it: bool = False) -> list[FinishedStay]:
        """Make final what was open for long; returns the stays that are over."""
        state, finished = self.state, list[FinishedStay]()
        undecided = [piece for piece in state.pieces if not piece.rooted]
        for row, piece in enumerate(undecided):
            age_s = state.clock_s - piece.first_s
            sure = all_of_it or (piece.number in self._sure and age_s > _LOOKS_AGAIN_S[0])
            if not sure and age_s < self.settings.decides_s and len(undecided) - row <= _UNDECIDED:
                continue
            number = self._before.get(piece.number)
            before = next((p for p in state.pieces if p.number == number), None)
            if before is not None and not before.rooted:
                continue
            self._before.pop(piece.number, None)
            piece.rooted = True
            if before is not None:
                self._join(before, piece)
        for piece in state.pieces:
            if piece.rooted:
                finished += self._published(piece)
        return finished

    def _join(self, before: Piece, piece: Piece) -> None:
        """Let a piece go on with another for good."""
        visits, out = told([before, piece], self._rule)
        if before.visits and before.out is None:
            self._heads.learn(piece.first_s - before.last_s, self._step_s)
        if before.visits or not piece.visits:
            piece.lead = before.lead
        elif before.out is not None:
            since = before.out.since_s
            piece.lead = Outside(since, before.out.last_s if piece.lead is None else piece.lead.last_s)
        piece.visits, piece.out = [joined(parts) for parts in visits], out
        self.state.pieces.remove(before)

    def _published(self, piece: Piece) -> list[FinishedStay]:
        """Take the visits of a piece that are over off it."""
        closed = piece.out is not None and piece.out.last_s - piece.out.since_s >= self.settings.leave_hold_s
        closed = closed or self._went(piece)
        if closed and piece.visits and piece.number in self._before.values() and piece.out is None:
            closed = False
        if not piece.visits or (len(piece.visits) == 1 and not closed):
            return []
        over = piece.visits if closed else piece.visits[:-1]
        piece.visits = [] if closed else piece.visits[-1:]
        if closed and piece.out is None:
            piece.out = Outside(piece.last_s, piece.last_s + self.settings.leave_hold_s)
        if not closed:
            piece.lead = Outside(0.0, self.settings.leave_hold_s)
        return [f for visit in over if (f := self._finish([visit], piece, "left")) is not None]

    def _went(self, piece: Piece) -> bool:
        """Whether somebody went out of sight at the border."""
        settings = self.settings
        return (
            piece.out is None
            and piece.last.border_m <= settings.border_m
            and not piece.settled
            and (piece.count == 1 or piece.speed >= settings.walking)
            and self.state.clock_s - piece.last_s > settings.border_hidden_s
        )

    def _look(self) -> None:
        """See who is there, by the likeliest way to put the pieces together."""
        by_number = {piece.number: piece for piece in self.state.pieces}
        followed = set(self._before.values())
        self._tails = []
        for piece in self.state.pieces:
            if piece.number in followed:
                continue
            pieces = [piece]
            while (number := self._before.get(pieces[0].number)) is not None and number in by_number:
                pieces.insert(0, by_number[number])
            visits, out = told(pieces, self._rule)
            if not visits or (out is not None and out.last_s - out.since_s >= self.settings.leave_hold_s):
                continue
            if not self._went(piece):
                self._tails.append(self._tail(pieces, visits[-1]))

    def _tail(self, pieces: list[Piece], parts: list[Visit]) -> _Tail:
        visit = joined(parts)
        self._number(parts, visit)
        return _Tail(pieces, parts, visit, visit.number)

    def _number(self, parts: list[Visit], visit: Visit) -> None:
        """Give a visit that is long enough a number, for good."""
        if visit.number is not None:
            return
        length_s = visit.seen_at - visit.started_at - visit.blind_s + visit.blind_at_start_s
        least_s = self.settings.enter_hold_s
        # Half of the time the box must have stood by itself, else it is a second box on somebody else.
        if length_s >= least_s - 1e-6 and visit.clear_s >= max(_SHORT * least_s, visit.shadow_s):
            parts[0].number = visit.number = self.state.begun
            self.state.begun += 1

    def _stay(self, tail: _Tail) -> Stay:
        last, visit, piece = tail.pieces[-1].last, tail.visit, tail.pieces[-1]
        return Stay(
            number=tail.number or 0,
            started_at=visit.started_at,
            seen_at=visit.seen_at,
            inside_at=visit.inside_at,
            seen_clock_s=piece.last_s,
            clear_clock_s=piece.clear_s,
            begun_clock_s=tail.pieces[0].first_s,
            x=last.x,
            y=last.y,
            scale_m=last.scale_m,
            border_m=last.border_m,
            track=piece.track,
            came_in=visit.came_in,
            confirmed=True,
            clear_s=visit.clear_s,
            unknown_s=visit.blind_s - visit.blind_at_start_s,
        )

    def _finish(self, parts: list[Visit], piece: Piece, ended: Ended) -> FinishedStay | None:
        visit = joined(parts)
        self._number(parts, visit)
        if visit.number is None:
            return None
        return FinishedStay(self._stay(_Tail([piece], parts, visit, visit.number)), ended)

    def _lost(self) -> list[FinishedStay]:
        """Forget who was not seen for long."""
        state, finished = self.state, list[FinishedStay]()
        old = {p.number for p in state.pieces if state.clock_s - p.last_s > max(LONGEST_S, self.settings.hidden_s)}
        if len(state.pieces) > _REMEMBERED:
            passers = [p.number for p in state.pieces if p.rooted and p.closed and not p.visits]
            old |= set(passers[: len(state.pieces) - _REMEMBERED])
        old -= set(self._before.values())
        if not old:
            return finished
        for tail in self._tails:
            if tail.pieces[-1].number in old and (f := self._finish(tail.parts, tail.pieces[-1], "lost")) is not None:
                finished.append(f)
                old |= {piece.number for piece in tail.pieces}
        self._forget(old)
        return finished

    def _forget(self, numbers: set[int]) -> None:
        self.state.pieces = [piece for piece in self.state.pieces if piece.number not in numbers]
        self._before = {after: number for after, number in self._before.items() if after not in numbers}
        self._tails = [tail for tail in self._tails if tail.pieces[-1].number not in numbers]

    def _surplus(self) -> list[FinishedStay]:
        """There are never more stays than people: hidden ones too many go, the briefest first.

        Only somebody who appeared from nowhere can be one who is hidden; who walked in is one more.
        """
        clock_s = self.state.clock_s
        rest = [tail for tail in self._tails if tail.number is not None]
        from_nowhere_s = max((tail.pieces[0].first_s for tail in rest if not tail.came_in), default=0.0)
        hidden = [tail for tail in rest if clock_s - tail.pieces[-1].last_s > _GIVEN_UP_S]
        hidden = [tail for tail in hidden if tail.pieces[-1].last_s <= from_nowhere_s]
        heads = self._heads.number if hidden else None
        if heads is None or len(rest) <= heads:
            return []
        hidden.sort(key=lambda tail: tail.visit.seen_at - tail.visit.started_at)
        gone = hidden[: len(rest) - heads]
        finished = [f for tail in gone if (f := self._finish(tail.parts, tail.pieces[-1], "lost")) is not None]
        self._forget({piece.number for tail in gone for piece in tail.pieces})
        return finished


class _Tail:
    """Somebody who is there: the pieces, the visit and its parts, and the number of the stay if it is one."""

    __slots__ = ("number", "parts", "pieces", "visit")

    def __init__(self, pieces: list[Piece], parts: list[Visit], visit: Visit, number: int | None) -> None:
        self.pieces, self.parts, self.visit, self.number = pieces, parts, visit, number

    @property
    def came_in(self) -> bool:
        """Whether the person was seen outside before."""
        return self.visit.came_in or any(piece.visits == [] or piece.lead is not None for piece in self.pieces)


def _is_known(piece: Piece) -> bool:
    """Whether somebody has a stay or was seen outside."""
    return piece.lead is not None or piece.out is not None or any(v.number is not None for v in piece.visits)
