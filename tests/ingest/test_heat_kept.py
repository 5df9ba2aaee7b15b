"""Heat on record: per square metre and ten minutes, each message once, bounded."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hall.clock import ManualClock
from hall.messages import HeatBody, HeatCell, Message, encode
from hall.topics import Address
from ingest.arrivals import Arrival
from ingest.heat import MOST_CELLS, SLOT_S, HeatSums, read_heat
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.records import Records
from ingest.retention import forget
from ingest.schema import heat
from tests.support.centre import Numbered

T0 = 1_767_574_800.0
"""A full hour."""
assert T0 % SLOT_S == 0


def _heat(*cells: tuple[int, int, float], camera: str | None = None) -> HeatBody:
    return HeatBody(60.0, camera, [HeatCell(*cell) for cell in cells])


@pytest.fixture
def intake(records: Records, metrics: Metrics) -> Intake:
    return Intake(records, None, metrics, ManualClock(T0 + 4000))


def _take(intake: Intake, *messages: Message) -> None:
    intake.take([Arrival.of(message.topic, encode(message), T0 + 4000) for message in messages])


def _read(records: Records, start: float, end: float) -> dict[tuple[int, int], float]:
    with records.reading() as connection:
        return read_heat(connection, "demo", "f1", start, end)


def test_people_per_square_metre_of_ten_minutes(intake: Intake, records: Records) -> None:
    """What is told at the end of an interval belongs to its middle; a message that comes twice counts once."""
    box = Numbered()
    first = box.message(T0 + 20, _heat((9, 9, 60.0)))
    one, two = box.message(T0 + 60, _heat((3, 4, 60.0))), box.message(T0 + 120, _heat((3, 4, 60.0), (5, 5, 30.0)))
    _take(intake, first, one, two)
    _take(
        intake, two, box.message(T0 + 180, _heat(camera="c9")), box.message(T0 + 180, _heat((1, 1, 9.0), camera="c9"))
    )
    assert _read(records, T0, T0 + SLOT_S) == {(3, 4): 1.0, (5, 5): 0.25}
    assert _read(records, T0 - 1, T0) == {(9, 9): 1.0}
    assert _read(records, T0 + SLOT_S, T0 + 2 * SLOT_S) == {}


def test_two_boxes_of_one_floor(intake: Intake, records: Records) -> None:
    """Each watches its own part: that one of them saw less of the time lowers nothing of the other."""
    one, two = Numbered(), Numbered(Address("demo", "f1", "edge-f1b"))
    _take(intake, one.message(T0 + 60, _heat((1, 1, 60.0))), one.message(T0 + 120, _heat((1, 1, 60.0))))
    _take(intake, two.message(T0 + 60, _heat((8, 8, 30.0))))
    assert _read(records, T0, T0 + SLOT_S) == {(1, 1): 1.0, (8, 8): 0.5}


def test_a_row_stays_small_whatever_a_box_sends() -> None:
    sums = HeatSums()
    sums.add(HeatBody(60.0, None, [HeatCell(x, y, 1.0 + x) for x in range(100) for y in range(100)]))
    sums.add(_heat((10**6, 0, 5.0), (0, -5_000, 5.0), (1, 1, -3.0)))
    kept = HeatSums.decode(sums.encode())
    assert len(kept.cells) == MOST_CELLS
    assert min(x for x, _ in kept.cells) == 80
    assert max(x for x, _ in kept.cells) == 99


def test_what_is_old_is_forgotten(intake: Intake, records: Records) -> None:
    box = Numbered()
    _take(intake, box.message(T0 + 60, _heat((1, 1, 1.0))), box.message(T0 + 3600, _heat((1, 1, 1.0))))
    assert forget(records, T0 + 86_400 + 60, {"heat": 1.0}) == {"heat": 1}
    with records.reading() as connection:
        assert connection.scalars(select(heat.c.start)).all() == [T0 + 3000]
