from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hall.clock import ManualClock, to_datetime
from hall.errors import RecordsError, StoreError
from hall.layout import Hall
from hall.messages import MAX_BYTES, AnyBody, Message, StatusBody, StayBody, encode
from hall.topics import Address
from ingest import schema
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.outlet import Outlet
from ingest.reader import Reader
from ingest.records import Records
from ingest.spill import Spill
from tests.support.centre import T0, Numbered, a_session, a_state, an_event

NOW = T0 + 10_000


def _arrival(message: Message) -> Arrival:
    return Arrival.of(message.topic, encode(message), NOW)


class _Kept:
    """A store that keeps lines as they come; it may be away."""

    name = "a store"

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.away = False

    def write(self, lines: bytes) -> None:
        if self.away:
            raise StoreError("away")
        self.lines += lines.split(b"\n")

    def close(self) -> None:
        pass


def _outlet(store: _Kept, folder: Path, records: Records, metrics: Metrics) -> Outlet:
    spill = Spill(folder / "spill.db", metrics)
    return Outlet(store, spill, records, metrics, ManualClock(NOW), first_wait_s=0.01)


@pytest.fixture
def store() -> _Kept:
    return _Kept()


@pytest.fixture
def intake(tmp_path: Path, store: _Kept, records: Records, metrics: Metrics, hall: Hall) -> Iterator[Intake]:
    outlet = _outlet(store, tmp_path, records, metrics)
    yield Intake(records, outlet, metrics, ManualClock(NOW), halls=[hall])
    outlet.stop()


@pytest.fixture
def take(intake: Intake) -> Callable[[list[Arrival]], None]:
    return intake.take


def _count(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"hallwatch_{name}_total", labels) or 0.0


def _story() -> list[Message]:
    node = Numbered()
    stay = StayBody("stay-1", "waiting", to_datetime(T0), to_datetime(T0 + 60), 60.0, "served")
    bodies: list[AnyBody] = [
        a_state(1),
        an_event("raised"),
        a_session(1),
        stay,
        a_state(2),
        an_event("cleared", elapsed_s=400.0),
    ]
    return [node.message(T0 + i, body) for i, body in enumerate(bodies)]


def _everything(records: Records, store: _Kept) -> Any:
    reader = Reader(records)
    with records.reading() as connection:
        sessions = connection.execute(select(schema.sessions)).all()
        stays = connection.execute(select(schema.stays)).all()
    return reader.nodes(), reader.incidents(), sessions, stays, list(store.lines)


def test_a_message_is_counted_once_with_all_that_it_causes(
    take: Callable[[list[Arrival]], None], records: Records, store: _Kept, metrics: Metrics
) -> None:
    story = [_arrival(m) for m in _story()]
    take(story)
    once = _everything(records, store)
    nodes, incidents, sessions, stays, lines = once
    assert nodes[0].state.windows[0].customers == 2
    assert [(i.status, i.elapsed_s) for i in incidents] == [("cleared", 400.0)]
    assert (len(sessions), len(stays), len(lines)) == (1, 1, 6)
    take(story)
    take(story[2:4])
    assert _everything(records, store) == once
    assert _count(metrics, "duplicates") == 8
    assert _count(metrics, "messages", kind="state") == 2


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_batches_cut_anywhere_with_repeats_cause_the_same(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, hall: Hall, metrics: Metrics
) -> None:
    # Redelivery: after any message the broker may begin again at any earlier one.
    story = [_arrival(m) for m in _story()]
    told, at = [], 0
    while at < len(story):
        end = data.draw(st.integers(at + 1, len(story)))
        told.append(story[data.draw(st.integers(0, at)) : end])
        at = end
    results = []
    for batches in ([story], told):
        folder = tmp_path_factory.mktemp("r")
        records, store = Records(f"sqlite:///{folder}/records.db"), _Kept()
        outlet = _outlet(store, folder, records, metrics)
        for batch in batches:
            # Another process each time, which knows what is on record.
            Intake(records, outlet, metrics, ManualClock(NOW), halls=[hall]).take(batch)
        results.append(_everything(records, store))
        outlet.stop()
        records.close()
    assert results[0] == results[1]


def test_the_same_numbers_of_another_boot_or_node_are_other_messages(records: Records, metrics: Metrics) -> None:
    take = Intake(records, None, metrics, ManualClock(NOW)).take
    runs = [
        Numbered(boot="boot-2"),
        Numbered(),
        Numbered(Address("demo", "f1", "other")),
        Numbered(Address("demo", "f2", "edge-f1")),
    ]
    take([_arrival(run.message(T0, a_state())) for run in runs])
    assert _count(metrics, "messages", kind="state") == 4


def test_status_may_come_as_often_as_it_likes(
    take: Callable[[list[Arrival]], None], records: Records, metrics: Metrics
) -> None:
    online = Numbered().message(T0, StatusBody("online", "1"))
    will = Numbered().message(T0, StatusBody("offline", "1"))
    take([_arrival(will), _arrival(online)])
    take([_arrival(will)])
    assert Reader(records).nodes()[0].status == "offline"
    assert _count(metrics, "duplicates") == 0


def _changed(**changes: Any) -> bytes:
    envelope = json.loads(encode(Numbered().message(T0, a_session(1))))
    return json.dumps(envelope | changes).encode()


def _with_body(**changes: Any) -> bytes:
    envelope = json.loads(encode(Numbered().message(T0, a_session(1))))
    return json.dumps(envelope | {"body": envelope["body"] | changes}).encode()


TOPIC = "hallwatch/1/demo/f1/edge-f1/session"


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        (b"", TOPIC, "malformed"),  # a retained message that somebody cleared
        (b"\x00\xff{", TOPIC, "malformed"),
        (b"[]", TOPIC, "malformed"),
        (b'{"schema": 1}', TOPIC, "malformed"),
        (b"[" * 100_000, TOPIC, "malformed"),  # nested past any recursion limit
        (b"x" * (MAX_BYTES + 1), TOPIC, "oversized"),
        (_changed(schema=2), TOPIC, "schema"),
        (_changed(kind="sesion"), TOPIC, "kind"),
        (_changed(body={"window": "w01"}), TOPIC, "body"),
        (_with_body(duration_s="60"), TOPIC, "body"),
        (_with_body(session_id="x" * 65), TOPIC, "body"),
        (_with_body(started_at="2026-01-05T09:00:00"), TOPIC, "body"),  # whose time zone?
        (_changed(seq=-1), TOPIC, "malformed"),
        (_changed(boot=""), TOPIC, "malformed"),
        (_changed(captured_at="1970-01-01T00:00:05Z"), TOPIC, "clock"),  # a box without a battery
        (_changed(captured_at="2099-01-01T00:00:00Z"), TOPIC, "clock"),
        (_with_body(ended_at="0001-01-01T00:00:00Z"), TOPIC, "clock"),
        (_changed(), "hallwatch/1/demo/f1/edge-f1/stay", "topic"),  # the envelope says otherwise
        (_changed(), "hallwatch/1/demo/f1/edge-f2/session", "topic"),
        (_changed(), "hallwatch/1/de mo/f1/edge-f1/session", "topic"),
        (_changed(node="edge-f9"), "hallwatch/1/demo/f1/edge-f9/session", "node"),
        (_changed(floor="f9"), "hallwatch/1/demo/f9/edge-f1/session", "node"),
        (_changed(hall="other"), "hallwatch/1/other/f1/edge-f1/session", "node"),
    ],
)
def test_a_bad_message_becomes_a_dead_letter_and_the_rest_of_its_batch_counts(
    take: Callable[[list[Arrival]], None],
    records: Records,
    metrics: Metrics,
    payload: bytes,
    topic: str,
    reason: str,
) -> None:
    node = Numbered()
    good = [_arrival(node.message(T0 + i, a_state(i))) for i in range(2)]
    take([good[0], Arrival.of(topic, payload, NOW), good[1]])
    with records.reading() as connection:
        letter = connection.execute(select(schema.dead_letters)).mappings().one()
    assert (letter["topic"], letter["reason"], letter["received_at"]) == (topic, reason, NOW)
    assert (letter["size_bytes"], letter["payload"]) == (len(payload), payload[:4096])
    assert letter["detail"]
    assert _count(metrics, "dead_letters", reason=reason) == 1
    assert _count(metrics, "messages", kind="state") == 2


def test_numbers_that_no_store_can_hold_are_refused(
    take: Callable[[list[Arrival]], None], records: Records, metrics: Metrics
) -> None:
    # Written by hand, for no encoder of ours makes one; Python's json does.
    payload = _with_body(duration_s=1).replace(b'"duration_s": 1', b'"duration_s": 1e999')
    take([Arrival.of(TOPIC, payload, NOW)])
    assert _count(metrics, "dead_letters", reason="body") + _count(metrics, "dead_letters", reason="malformed") == 1


def test_without_a_hall_any_node_counts(records: Records, metrics: Metrics) -> None:
    message = Numbered(Address("far", "f7", "box")).message(T0, a_state())
    Intake(records, None, metrics, ManualClock(NOW)).take([_arrival(message)])
    assert [node.node for node in Reader(records).nodes()] == ["box"]


def test_a_newer_box_may_say_more_than_we_know(take: Callable[[list[Arrival]], None], metrics: Metrics) -> None:
    take([Arrival.of(TOPIC, _with_body(mood="good"), NOW), Arrival.of(TOPIC, _changed(later="x"), NOW)])
    assert _count(metrics, "messages", kind="session") == 1
    assert _count(metrics, "duplicates") == 1


def test_a_late_message_is_counted_and_changes_no_live_state(
    take: Callable[[list[Arrival]], None], records: Records, store: _Kept
) -> None:
    node = Numbered()
    old, new = node.message(T0, a_state(1)), node.message(T0 + 100, a_state(2))
    take([_arrival(new), _arrival(msgspec.structs.replace(old, late=True))])
    state = Reader(records).nodes()[0].state
    assert state is not None
    assert state.windows[0].customers == 2
    assert len(store.lines) == 2


def test_a_batch_that_was_not_settled_comes_again_and_counts(
    intake: Intake, records: Records, metrics: Metrics, store: _Kept
) -> None:
    story = [_arrival(m) for m in _story()]
    intake.prepare(story)  # and then the process is killed
    Intake(records, None, metrics, ManualClock(NOW)).take(story)
    assert _count(metrics, "messages", kind="state") == 2
    assert _count(metrics, "duplicates") == 0


def test_a_batch_prepared_meanwhile_is_not_on_record_with_the_one_before(
    intake: Intake, records: Records, metrics: Metrics
) -> None:
    story = [_arrival(m) for m in _story()]
    first = intake.prepare(story[:3])
    intake.prepare(story[3:])
    intake.settle(first)  # and then the process is killed
    Intake(records, None, metrics, ManualClock(NOW)).take(story)
    assert _count(metrics, "duplicates") == 3
    assert [i.status for i in Reader(records).incidents()] == ["cleared"]


def test_records_that_fail_for_a_while_lose_nothing(
    intake: Intake, records: Records, metrics: Metrics, store: _Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = [_arrival(m) for m in _story()]
    broken = True

    def save(*_: Any) -> None:
        if broken:
            raise RecordsError("the disk is full")

    monkeypatch.setattr("ingest.intake.save_dead_letters", save)
    prepared = intake.prepare(story)
    with pytest.raises(RecordsError):
        intake.settle(prepared)
    assert Reader(records).nodes() == ()
    broken = False
    intake.settle(prepared)
    assert _count(metrics, "messages", kind="state") == 2
    assert len(store.lines) == 6


def test_without_the_store_all_else_is_on_record_and_the_points_on_disk(
    intake: Intake, records: Records, store: _Kept, metrics: Metrics
) -> None:
    store.away = True
    intake.take([_arrival(m) for m in _story()])
    assert [i.status for i in Reader(records).incidents()] == ["cleared"]
    assert store.lines == []
    assert metrics.registry.get_sample_value("hallwatch_points_spill_bytes")
