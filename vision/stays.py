"""The ledger of stays: who has been in an area since when, through occlusion and changes of track id.

A ledger keeps stays, not tracks. Who vanishes inside the area leaves a hidden stay where they were last seen; who
appears there is that person or somebody new. Where people keep places that is told by the places of all
(`vision._by_place`), where one follows another on a spot by ids (`vision._by_id`). Places are those of heads, since
chairs and people hide feet, and a seated head hardly moves. Lengths are metres by the height of the person's box (a
person is 1.7 m; somebody seated comes out a third too large).
"""

from __future__ import annotations

from collections.abc import Sequence

from hall.clock import Instant
from vision._by_id import IdLedger
from vision._by_place import PlaceLedger
from vision._follow import ID_HOLDS_S
from vision._settings import Ended, FinishedStay, LedgerSettings, LedgerState
from vision._stay import Sighting, Stay

__all__ = ["ID_HOLDS_S", "Ended", "FinishedStay", "LedgerSettings", "LedgerState", "Sighting", "Stay", "StayLedger"]


class StayLedger:
    """The stays of one area in one camera.

    Args:
        settings: holds and lengths.
        state: a saved state: its stays are hidden until somebody is seen there again, and the time since then
            counts as unknown.
    """

    def __init__(self, settings: LedgerSettings | None = None, state: LedgerState | None = None) -> None:
        self.settings, self.state = settings or LedgerSettings(), state or LedgerState()
        self._ledger = (PlaceLedger if self.settings.by_place else IdLedger)(self.settings, self.state)

    @property
    def stays(self) -> list[Stay]:
        """Stays that are no passers-by, oldest first."""
        return self._ledger.stays

    def lose_sight(self) -> None:
        """The picture is at fault: the time up to the next frame is unknown, however short it is."""
        self._ledger.lose_sight()

    def step(self, at: Instant, people: Sequence[Sighting], glimpses: Sequence[Sighting] = ()) -> list[FinishedStay]:
        """Take one frame; returns the stays that ended, of which some may have ended a while before.

        Args:
            at: capture time; a frame not newer than the last one changes nothing.
            people: confirmed tracks of the frame, inside and outside.
            glimpses: those seen once so far; by id they say nothing.
        """
        if self.state.at is not None and at <= self.state.at:
            return []
        return self._ledger.step(at, people, glimpses)

    def finish(self) -> list[FinishedStay]:
        """No more frames come: decide what is still open; returns the stays that are over, which `step` told later.

        Who is there at the end has a stay that goes on, one of `stays`.
        """
        return self._ledger.finish()
