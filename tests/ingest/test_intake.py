from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hall.clock import ManualClock, to_datetime
from hall.layout import Hall
from hall.messages import MAX_BYTES, AnyBody, Message, StatusBody, StayBody, encode
from hall.topics import Address
from ingest import schema
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.points_queue import PointsQueue
from ingest.reader import Reader
from ingest.records import Records
from tests.support.centre import T0, Numbered, a_session, a_state, an_event

NOW = T0 + 10_000


def _arrival(message: Message) -> Arrival:
    return Arrival.of(message.topic, encode(message), NOW)


@pytest.fixture
def queue(records: Records, metrics: Metrics) -> PointsQueue:
    return PointsQueue(records, metrics)


@pytest.fixture
def take(records: Records, queue: PointsQueue, metrics: Metrics, hall: Hall) -> Callable[[list[Arrival]], None]:
    return Intake(records, queue, metrics, ManualClock(NOW), hall=hall).take


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


def _everything(records: Records, queue: PointsQueue) -> Any:
    reader = Reader(records)
    with records.reading() as connection:
        sessions = connection.execute(select(schema.sessions)).all()
        stays = connection.execute(select(schema.stays)).all()
    return reader.nodes(), reader.incidents(), sessions, stays, [lines for _, lines in queue.oldest()]


def test_a_message_is_counted_once_with_all_that_it_causes(
    take: Callable[[list[Arrival]], None], records: Records, queue: PointsQueue, metrics: Metrics
) -> None:
    story = [_arrival(m) for m in _story()]
    take(story)
    once = _everything(records, queue)
    nodes, incidents, sessions, stays, lines = once
    assert nodes[0].state.windows[0].customers == 2
    assert [(i.status, i.elapsed_s) for i in incidents] == [("cleared", 400.0)]
    assert (len(sessions), len(stays), len(lines)) == (1, 1, 6)
    take(story)
    take(story[2:4])
    assert _everything(records, queue) == once
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
        records = Records(f"sqlite:///{tmp_path_factory.mktemp('r')}/records.db")
        queue = PointsQueue(records, metrics)
        intake = Intake(records, queue, metrics, ManualClock(NOW), hall=hall)
        for batch in batches:
            intake.take(batch)
        results.append(_everything(records, queue))
        records.close()
    assert results[0] == results[1]


def test_the_same_numbers_of_another_boot_or_node_are_other_messages(
    records: Records, metrics: Metrics, queue: PointsQueue
) -> None:
    take = Intake(records, queue, metrics, ManualClock(NOW)).take
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
    take: Callable[[list[Arrival]], None], records: Records, queue: PointsQueue
) -> None:
    node = Numbered()
    old, new = node.message(T0, a_state(1)), node.message(T0 + 100, a_state(2))
    take([_arrival(new), _arrival(msgspec.structs.replace(old, late=True))])
    state = Reader(records).nodes()[0].state
    assert state is not None
    assert state.windows[0].customers == 2
    assert len(queue.oldest()) == 2
