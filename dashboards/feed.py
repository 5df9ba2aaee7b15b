"""The boards that all open consoles share: read once per change, worded once per floor and language."""

from __future__ import annotations

import asyncio
import logging

from dashboards.board import SHOWN_INCIDENTS, Board, build_board
from dashboards.scene import Snapshot
from dashboards.texts import Lang
from hall.clock import Clock
from hall.errors import HallwatchError
from hall.layout import Floor, Hall
from hall.views import ReadModel

log = logging.getLogger(__name__)

AGEING_S = 5.0
"""So often a board is worded again though nothing came in: figures grow stale, and the day changes."""


class Feed:
    """What the centre knows, as boards.

    A console asks every second. Where nothing changed, that costs a comparison of two numbers.

    Args:
        hall: the layout.
        reads: the read side of the centre; asked in a thread, never on the event loop.
        clock: decides what is stale.
    """

    def __init__(self, hall: Hall, reads: ReadModel, clock: Clock) -> None:
        self._hall = hall
        self._reads = reads
        self._clock = clock
        self._snapshot = Snapshot()
        self._version: int | None = None
        self._slot: int | None = None
        self._boards: dict[tuple[str, Lang], Board] = {}
        self._lock = asyncio.Lock()

    @property
    def clock(self) -> Clock:
        """The clock of the console."""
        return self._clock

    async def board(self, floor: Floor, lang: Lang) -> Board:
        """The board of a floor in a language as of now; the same object while nothing changed."""
        async with self._lock:
            await self._refresh()
            key = (floor.id, lang)
            if key not in self._boards:
                self._boards[key] = build_board(self._hall, floor, lang, self._snapshot, self._clock.now())
            return self._boards[key]

    async def _refresh(self) -> None:
        slot = int(self._clock.now() // AGEING_S)
        # The version is taken before reading: what changes while we read is then read again.
        version = self._reads.version()
        if version != self._version or (self._snapshot.failed and slot != self._slot):
            self._snapshot = await asyncio.to_thread(self._read)
            self._version = version
            self._boards.clear()
        if slot != self._slot:
            self._slot = slot
            self._boards.clear()

    def _read(self) -> Snapshot:
        try:
            nodes = tuple(self._reads.nodes())
            recent = self._reads.incidents(limit=SHOWN_INCIDENTS)
            opened = self._reads.incidents(limit=500, status="ongoing")
        except HallwatchError as exc:
            log.warning("console: the records cannot be read, showing the last figures: %s", exc)
            return Snapshot(self._snapshot.nodes, self._snapshot.incidents, failed=True)
        return Snapshot(nodes, tuple({i.event_id: i for i in (*recent, *opened)}.values()))
