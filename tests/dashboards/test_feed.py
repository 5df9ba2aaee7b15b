"""What all open consoles share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dashboards.feed import AGEING_S, Feed
from hall.clock import ManualClock
from hall.errors import RecordsError
from hall.views import NodeView
from tests.dashboards.sample_hall import NOW, MemoryModel, busy_morning, node, sample_hall, window

HALL = sample_hall()
FLOOR = HALL.floors[0]


def test_ten_consoles_read_once_and_word_once() -> None:
    async def run() -> None:
        reads = MemoryModel()
        reads.put(*busy_morning(NOW))
        feed = Feed(HALL, reads, ManualClock(NOW))
        boards = await asyncio.gather(*(feed.board(FLOOR, "zh") for _ in range(10)))
        assert all(board is boards[0] for board in boards)
        assert await feed.board(FLOOR, "en") is not boards[0]
        assert reads.reads == 1

    asyncio.run(run())


def test_a_change_is_read_and_no_change_is_not() -> None:
    async def run() -> None:
        reads = MemoryModel()
        feed = Feed(HALL, reads, ManualClock(NOW))
        assert (await feed.board(FLOOR, "en")).tiles[0].status == "unknown"
        reads.put(node("edge-f1", window("w01", "serving")))
        assert (await feed.board(FLOOR, "en")).tiles[0].status == "serving"
        await feed.board(FLOOR, "en")
        assert reads.reads == 2

    asyncio.run(run())


def test_figures_age_without_a_message() -> None:
    async def run() -> None:
        reads, clock = MemoryModel(), ManualClock(NOW)
        reads.put(node("edge-f1", window("w01", "serving")))
        feed = Feed(HALL, reads, clock)
        assert (await feed.board(FLOOR, "en")).tiles[0].stale == ""
        clock.advance(60 + AGEING_S)
        assert (await feed.board(FLOOR, "en")).tiles[0].stale == "Figures from 10:15:00"
        assert reads.reads == 1

    asyncio.run(run())


class _AwayModel(MemoryModel):
    away = False

    def nodes(self) -> Sequence[NodeView]:
        if self.away:
            raise RecordsError("records.sqlite: disk I/O error")
        return super().nodes()


def test_records_that_are_away_leave_the_last_figures_with_a_notice() -> None:
    async def run() -> None:
        reads, clock = _AwayModel(), ManualClock(NOW)
        reads.put(node("edge-f1", window("w01", "serving")))
        feed = Feed(HALL, reads, clock)
        await feed.board(FLOOR, "en")
        reads.away = True
        reads.put(node("edge-f1", window("w01", "idle")))
        board = await feed.board(FLOOR, "en")
        assert board.tiles[0].status == "serving"
        assert "cannot be read" in board.notices[0]
        reads.away = False
        clock.advance(AGEING_S)  # it tries again on its own
        board = await feed.board(FLOOR, "en")
        assert board.tiles[0].status == "idle"
        assert not any("cannot be read" in notice for notice in board.notices)

    asyncio.run(run())
