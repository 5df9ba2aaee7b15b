from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hall.clock import SystemClock
from hall.errors import StoreError
from ingest import schema
from ingest.metrics import Metrics
from ingest.outlet import Outlet
from ingest.points import Points
from ingest.records import Records
from ingest.spill import Spill
from ingest.store import Store, open_store, parse_store
from tests.support.servers import Server, influx_query, wait_until

MakeOutlet = Callable[[Store], tuple[Outlet, Spill]]


def _event(text: str) -> Points:
    return Points(text.encode(), telemetry=False, count=text.count("\n") + 1)


class _Store:
    """A store that is away, or hangs, for as long as one likes."""

    name = "a store"

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.asked = 0
        self.away = False
        self.answers = threading.Event()
        self.answers.set()

    def write(self, lines: bytes) -> None:
        self.asked += 1
        self.answers.wait(10)
        if self.away:
            raise StoreError("away")
        self.taken += lines.split(b"\n")

    def close(self) -> None:
        pass


@pytest.fixture
def make(tmp_path: Path, records: Records, metrics: Metrics) -> Iterator[MakeOutlet]:
    made: list[Outlet] = []

    def make_outlet(store: Store) -> tuple[Outlet, Spill]:
        spill = Spill(tmp_path / "spill.db", metrics)
        outlet = Outlet(store, spill, records, metrics, SystemClock(), patience_s=0.2, first_wait_s=0.01)
        outlet.start()
        made.append(outlet)
        return outlet, spill

    yield make_outlet
    for outlet in made:
        outlet.stop()


def _count(influx: Server, measurement: str) -> int:
    answer = json.loads(influx_query(influx.port, f"SELECT count(*) FROM {measurement}", "hall"))
    return int(answer["results"][0]["series"][0]["values"][0][1])


def test_while_the_store_is_well_nothing_touches_the_spill(make: MakeOutlet, metrics: Metrics) -> None:
    store = _Store()
    outlet, spill = make(store)
    for i in range(3):
        assert outlet.finish(outlet.send([_event(f"a{i}"), _event(f"b{i}\nc{i}")])) == []
    assert store.taken == [b"a0", b"b0", b"c0", b"a1", b"b1", b"c1", b"a2", b"b2", b"c2"]
    assert (spill.oldest(), outlet.trouble) == (None, None)
    assert metrics.registry.get_sample_value("hallwatch_points_written_total") == 9


def test_points_wait_in_the_spill_until_the_store_is_back(make: MakeOutlet, caplog: pytest.LogCaptureFixture) -> None:
    store = _Store()
    outlet, spill = make(store)
    store.away = True
    for name in ("first", "second"):
        outlet.finish(outlet.send([_event(name)]))
    assert spill.size_bytes > 0
    assert outlet.trouble == "away"
    store.away = False
    wait_until(lambda: store.taken == [b"first", b"second"], "the store has them, oldest first")
    wait_until(lambda: spill.size_bytes == 0 and outlet.trouble is None, "the spill is empty")
    outlet.finish(outlet.send([_event("third")]))
    assert store.taken[2:] == [b"third"]
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == ["points wait: away"]


def test_a_store_that_hangs_holds_a_batch_up_for_its_patience_only(make: MakeOutlet) -> None:
    store = _Store()
    outlet, spill = make(store)
    store.answers.clear()
    outlet.finish(outlet.send([_event("first")]))
    assert "no answer within 0.2 s" in str(outlet.trouble)
    asked = store.asked
    outlet.finish(outlet.send([_event("second")]))  # which does not ask it
    assert store.asked <= asked + 1  # that of the spill
    assert spill.size_bytes > 0
    store.answers.set()
    wait_until(lambda: spill.size_bytes == 0, "the spill is empty")
    assert set(store.taken) == {b"first", b"second"}


def test_what_was_spilled_survives_a_restart(make: MakeOutlet) -> None:
    store = _Store()
    store.away = True
    outlet, _ = make(store)
    outlet.finish(outlet.send([_event("first")]))
    outlet.stop()
    again = _Store()
    make(again)
    wait_until(lambda: again.taken == [b"first"], "the store has it")


def test_bad_lines_are_set_apart_and_the_good_ones_written(
    make: MakeOutlet, records: Records, metrics: Metrics, influx: Server
) -> None:
    settings = parse_store(f"influxdb1+http://127.0.0.1:{influx.port}/hall")
    assert settings is not None
    outlet, spill = make(open_store(settings))
    good = [_event(f"session,window=w01 duration_s={i}.0 {1767574800 + i}000000000") for i in range(20)]
    bad = [_event("session no fields"), _event("window,a=b customers=1.0 1767574800000000000\nhe said: hello")]
    letters = outlet.finish(outlet.send([*good[:7], bad[0], *good[7:], bad[1]]))
    assert [(letter.reason, letter.payload) for letter in letters] == [
        ("point", b"session no fields"),
        ("point", b"he said: hello"),
    ]
    assert [_count(influx, name) for name in ("session", "window")] == [20, 1]
    assert metrics.registry.get_sample_value("hallwatch_points_written_total") == 21
    # Likewise by way of the spill, where nobody waits for the letters.
    outlet.trouble = "away"
    outlet.finish(outlet.send([_event("heat no fields"), _event("heat,a=b person_s=1 1767574800000000000")]))
    wait_until(lambda: spill.size_bytes == 0, "the spill is empty")
    assert _count(influx, "heat") == 1
    with records.reading() as connection:
        found = connection.execute(select(schema.dead_letters.c.reason, schema.dead_letters.c.payload)).all()
    assert found == [("point", b"heat no fields")]
