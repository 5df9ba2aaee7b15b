"""Sums of a day that goes on: hours that are over, and the minutes after them."""

from __future__ import annotations

from sqlalchemy import insert

from hall.messages import StateBody, WindowState
from ingest.day_sums import minutes_between, sums_between
from ingest.records import Records
from ingest.rollups import WINDOW_SUMS, Sums
from ingest.schema import rollups

T0 = 1_767_574_800


def _put(records: Records, period: str, start: int, idle_s: float, floor: str = "f1") -> None:
    sums = Sums()
    sums.hold(StateBody([WindowState("w01", "open", "present", None, 0, None, "idle")], []), idle_s)
    row = {"hall": "demo", "floor": floor, "node": f"edge-{floor}", "period": period, "start": start}
    with records.writing() as connection:
        connection.execute(insert(rollups).values(**row, body=sums.encode()))


def test_hours_where_they_are_and_minutes_elsewhere(records: Records) -> None:
    """The minute of an hour that is on record is in it already; another node's hour says nothing of ours."""
    _put(records, "hour", T0, 3000.0)
    _put(records, "minute", T0 + 60, 60.0)
    _put(records, "minute", T0 + 3600, 50.0)
    _put(records, "hour", T0 + 3600, 9.0, floor="f2")
    _put(records, "hour", T0 - 3600, 7.0)
    with records.reading() as connection:
        found = sums_between(connection, "demo", T0, T0 + 7200)
        one = sums_between(connection, "demo", T0, T0 + 7200, floor="f2")
        minutes = minutes_between(connection, "demo", "f1", T0, T0 + 7200)
    idle = WINDOW_SUMS.index("idle_s")
    assert {key: sums.windows["w01"][idle] for key, sums in found.items()} == {
        ("demo", "f1", "edge-f1"): 3050.0,
        ("demo", "f2", "edge-f2"): 9.0,
    }
    assert list(one) == [("demo", "f2", "edge-f2")]
    assert [minute.start for minute in minutes] == [T0 + 60, T0 + 3600]
