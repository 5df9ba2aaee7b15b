"""Stays told by ids, where one follows another on a spot: at windows.

A sight goes to the stay it fits best at once; an id says more than a place there, but for one that was lost on the
way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from hall.clock import Instant
from vision._follow import PASSING_ON_S, WALKED_OFF, Follower
from vision._settings import FinishedStay, LedgerSettings, LedgerState
from vision._stay import Departure, Sighting, Stay

_MERGES = 6.0
"""Who sits down somewhere else is somebody hidden before only if that is no less likely."""
_DOUBT_S = 35.0
"""For so long it is left open which of several who are not seen walked out,"""
_SINGLE_S = 10.0
"""and for so long whether the only one who is not seen did."""
_WAY_OUT_S = 20.0
"""Who left a place so lately may have been somebody else from beside it."""
_GIVEN_UP_S = 8.0
"""Nobody is one too many who was seen so lately."""


class IdLedger(Follower):
    """The stays of one area in one camera.

    Args:
        settings: holds and lengths.
        state: a saved state: its stays are hidden until somebody is seen there again, and the time since then
            counts as unknown.
    """

    def __init__(self, settings: LedgerSettings, state: LedgerState) -> None:
        super().__init__(settings, state)

    @property
    def stays(self) -> list[Stay]:
        """Stays that are no passers-by, oldest first."""
        return [stay for stay in self.state.stays if stay.confirmed]

    def step(
        self,
        at: Instant,
        people: Sequence[Sighting],
        glimpses: Sequence[Sighting] = (),  # noqa: ARG002 - of no use
    ) -> list[FinishedStay]:
        """Take one frame; returns the stays that ended with it."""
        self._pass_time(at)
        people = self._doubted(people)
        free = self._follow(at, people)
        for person in free:
            if person.inside:
                self._begin(at, person)
        self._note_outside(people)
        if self.settings.missed_s < inf:
            self._miss(people)
        self._confirm()
        self._heads.count(sum(person.inside and not person.shadowed for person in people))
        return self._close()

    def finish(self) -> list[FinishedStay]:
        """Nothing is told late here."""
        return []

    def _confirm(self) -> None:
        """Visits long enough to be stays, unless they are somebody who has a stay already."""
        for stay in [stay for stay in self.state.stays if not stay.confirmed]:
            # Half of the time the box must have stood by itself, else it is a second box on somebody else.
            if stay.clear_s < max(self.settings.enter_hold_s, 0.5 * stay.duration_s):
                continue
            # Who walks comes from a place, and where to is seen later; who sits down elsewhere is mostly somebody new.
            late = self.state.clock_s - stay.begun_clock_s > _WAY_OUT_S
            missing = [] if stay.came_in else self._missing(stay, self._doubt(done=late))
            if not missing:
                stay.confirmed = True
            elif late:
                self._merge(missing[0], stay)

    def _doubt(self, *, done: bool) -> float:
        """How unlikely a pair may be: who sits down elsewhere is mostly somebody new, unless heads say otherwise."""
        heads = self._heads.number if done else None
        crowded = heads is not None and sum(stay.confirmed for stay in self.state.stays) >= heads
        return WALKED_OFF if crowded or not done else _MERGES

    def _merge(self, stay: Stay, later: Stay) -> None:
        """Let a stay go on as one that began since it was seen last."""
        self.state.stays.remove(later)
        stay.go_on(later)

    def _close(self) -> list[FinishedStay]:
        clock_s, settings = self.state.clock_s, self.settings
        finished: list[FinishedStay] = []
        if not self.state.stays and not self.state.departures:
            return finished
        vanished: list[Stay] = []
        for stay in self.state.stays:
            hidden_s = clock_s - stay.seen_clock_s
            outside = stay.outside_clock_s is not None and clock_s - stay.outside_clock_s >= settings.leave_hold_s
            # Where people stand at a counter a foot outside is a step.
            stepped_out = stay.inside_at < stay.seen_at
            at_border = (
                stay.border_m <= settings.border_m
                and (stepped_out or stay.speed >= settings.walking)
                and hidden_s > settings.border_hidden_s
            )
            if outside or at_border:
                self._note_departure(stay)
                finished.append(FinishedStay(stay, "left"))
            elif not stay.confirmed and hidden_s > settings.border_hidden_s:
                vanished.append(stay)
            elif hidden_s > settings.hidden_s or stay.missed_s > settings.missed_s:
                finished.append(FinishedStay(stay, "lost"))
        for stay in vanished:
            self._vanish(stay)
        finished += self._departed({f.stay.number for f in finished})
        finished += self._surplus({f.stay.number for f in finished})
        if not finished:
            return finished
        gone = {f.stay.number for f in finished}
        self.state.stays = [stay for stay in self.state.stays if stay.number not in gone]
        return [f for f in finished if f.stay.confirmed]

    def _vanish(self, stay: Stay) -> None:
        """Somebody was seen too briefly for a stay: the one whose track it was, if nobody has shown there since."""
        before = [] if stay.came_in else self._missing(stay, 0.0)
        if before:
            self._merge(before[0], stay)
        else:
            self.state.stays.remove(stay)

    def _note_departure(self, stay: Stay) -> None:
        """Somebody who was seen too briefly for a stay walked out: that may be the end of another's."""
        if stay.confirmed or stay.came_in:
            return
        missing = self._missing(stay, WALKED_OFF)
        if missing:
            sure = len(missing) == 1 and missing[0].number == stay.came_from
            numbers = [other.number for other in missing]
            departure = Departure(stay.until, self.state.clock_s, stay.begun_clock_s, numbers, sure)
            self.state.departures.append(departure)

    def _departed(self, ended: set[int]) -> list[FinishedStay]:
        """Stays of people who walked out, as far as the others have shown again."""
        finished: list[FinishedStay] = []
        if not self.state.departures:
            return finished
        stays, waiting = {stay.number: stay for stay in self.state.stays if stay.number not in ended}, []
        for departure in self.state.departures:
            latest_s = departure.set_out_clock_s + PASSING_ON_S
            missing = [n for n in departure.candidates if n in stays and stays[n].seen_clock_s <= latest_s]
            if missing and not departure.sure and self.state.clock_s - departure.clock_s < _doubt_s(missing):
                waiting.append(departure)
            elif missing:
                stay = stays.pop(missing[0])
                stay.seen_again()
                stay.seen_at = stay.inside_at = departure.at
                finished.append(FinishedStay(stay, "left"))
        self.state.departures = waiting
        return finished

    def _surplus(self, ended: set[int]) -> list[FinishedStay]:
        """There are never more stays than people: hidden ones too many go, the briefest first.

        Only somebody who appeared from nowhere can be one who is hidden; who walked in is one more.
        """
        clock_s = self.state.clock_s
        if all(clock_s - stay.seen_clock_s <= _GIVEN_UP_S for stay in self.state.stays):
            return []  # as nearly always
        rest = [stay for stay in self.state.stays if stay.confirmed and stay.number not in ended]
        from_nowhere_s = max((stay.begun_clock_s for stay in rest if not stay.came_in), default=0.0)
        hidden = [stay for stay in rest if clock_s - stay.seen_clock_s > _GIVEN_UP_S]
        hidden = [stay for stay in hidden if stay.seen_clock_s <= from_nowhere_s]
        heads = self._heads.number if hidden else None
        if heads is None:
            return []
        hidden.sort(key=lambda stay: stay.duration_s)
        return [FinishedStay(stay, "lost") for stay in hidden[: max(0, len(rest) - heads)]]


def _doubt_s(missing: list[int]) -> float:
    """How long to wait for one of those to show again."""
    return _DOUBT_S if len(missing) > 1 else _SINGLE_S
