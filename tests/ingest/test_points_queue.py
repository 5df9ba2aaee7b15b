from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from hall.clock import SystemClock
from hall.errors import StoreError
from ingest import schema
from ingest.metrics import Metrics
from ingest.points import Points
from ingest.points_queue import PointsQueue, StoreWriter
from ingest.records import Records
from ingest.store import open_store, parse_store
from tests.support.servers import Server, influx_query, wait_until


def _put(records: Records, queue: PointsQueue, *points: Points) -> None:
    with records.writing() as connection:
        change = queue.put(connection, points)
    queue.committed(change)


def _waiting(queue: PointsQueue) -> list[bytes]:
    return [lines for _, lines in queue.oldest()]


def _telemetry(text: str) -> Points:
    return Points(text.encode(), telemetry=True)


def _event(text: str) -> Points:
    return Points(text.encode(), telemetry=False)


def _dropped(metrics: Metrics, telemetry: str) -> float:
    value = metrics.registry.get_sample_value("hallwatch_points_dropped_bytes_total", {"telemetry": telemetry})
    return value or 0.0


def _count(influx: Server, measurement: str) -> int:
    answer = json.loads(influx_query(influx.port, f"SELECT count(*) FROM {measurement}", "hall"))
    return int(answer["results"][0]["series"][0]["values"][0][1])


def test_a_full_queue_drops_the_oldest_telemetry_first(records: Records, metrics: Metrics) -> None:
    queue = PointsQueue(records, metrics, max_bytes=40)
    _put(records, queue, _event("e" * 10), _telemetry("a" * 10), _telemetry("b" * 10), _event("f" * 10))
    _put(records, queue, _telemetry("c" * 10))
    assert _waiting(queue) == [b"e" * 10, b"b" * 10, b"f" * 10, b"c" * 10]
    assert (queue.size_bytes, _dropped(metrics, "true"), _dropped(metrics, "false")) == (40, 10, 0)


def test_without_telemetry_the_oldest_events_go(records: Records, metrics: Metrics) -> None:
    queue = PointsQueue(records, metrics, max_bytes=25)
    _put(records, queue, _telemetry("a" * 10), _event("e" * 10))
    _put(records, queue, _event("f" * 10), _event("g" * 10))
    assert _waiting(queue) == [b"f" * 10, b"g" * 10]
    assert (_dropped(metrics, "true"), _dropped(metrics, "false")) == (10, 10)


def test_the_queue_survives_a_restart(records: Records, metrics: Metrics) -> None:
    _put(records, PointsQueue(records, metrics), _event("e" * 10))
    again = PointsQueue(records, metrics)
    assert (again.size_bytes, _waiting(again)) == (10, [b"e" * 10])


def test_rows_dropped_while_they_are_written_are_not_subtracted_twice(records: Records, metrics: Metrics) -> None:
    queue = PointsQueue(records, metrics, max_bytes=20)
    _put(records, queue, _telemetry("a" * 10), _telemetry("b" * 10))
    rows = queue.oldest()
    _put(records, queue, _telemetry("c" * 10))
    queue.remove(rows)
    assert (queue.size_bytes, _waiting(queue)) == (10, [b"c" * 10])


def test_bad_lines_are_set_apart_and_the_good_ones_written(records: Records, metrics: Metrics, influx: Server) -> None:
    settings = parse_store(f"influxdb1+http://127.0.0.1:{influx.port}/hall")
    assert settings is not None
    queue = PointsQueue(records, metrics)
    good = [_event(f"session,window=w01 duration_s={i}.0 {1767574800 + i}000000000") for i in range(20)]
    bad = [_event("session no fields"), _event("window,a=b customers=1.0 1767574800000000000\nhe said: hello")]
    _put(records, queue, *good[:7], bad[0], *good[7:], bad[1])
    writer = StoreWriter(queue, open_store(settings), metrics, SystemClock())
    writer.start()
    wait_until(lambda: queue.size_bytes == 0, "the queue is empty")
    writer.stop()
    assert [_count(influx, name) for name in ("session", "window")] == [20, 1]
    with records.reading() as connection:
        letters = connection.execute(select(schema.dead_letters.c.reason, schema.dead_letters.c.payload)).all()
    assert sorted(letters) == [("point", b"he said: hello"), ("point", b"session no fields")]
    assert metrics.registry.get_sample_value("hallwatch_points_written_total") == 21


class _AwayTwice:
    """A store that is away for the first writes."""

    name = "a store"

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.asked = 0

    def write(self, lines: bytes) -> None:
        self.asked += 1
        if self.asked <= 2:
            raise StoreError("away")
        self.taken.append(lines)

    def close(self) -> None:
        pass


def test_the_writer_tries_again_and_says_what_is_wrong(
    records: Records, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    queue = PointsQueue(records, metrics)
    store = _AwayTwice()
    writer = StoreWriter(queue, store, metrics, SystemClock(), first_wait_s=0.01)
    _put(records, queue, _event("first"), _event("second"))
    writer.start()
    wait_until(lambda: store.taken, "the store took them")
    writer.stop()
    assert (store.taken, store.asked, queue.size_bytes) == ([b"first\nsecond"], 3, 0)
    assert writer.trouble is None
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == ["points wait: away"]
