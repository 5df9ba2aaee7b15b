from __future__ import annotations

from hall.clock import ManualClock
from hall.messages import encode
from hall.views import ReadModel
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.reader import Reader
from ingest.records import Records
from tests.support.centre import T0, Numbered, a_session, a_state, an_event


def test_answers_change_with_the_version_and_only_with_it(records: Records, metrics: Metrics) -> None:
    reader: ReadModel = Reader(records)
    intake = Intake(records, None, metrics, ManualClock(T0 + 9000), on_change=reader.changed)  # type: ignore[attr-defined]
    node = Numbered()

    def take(*bodies: object) -> None:
        messages = [node.message(T0 + node.next_seq, body) for body in bodies]  # type: ignore[arg-type]
        intake.take([Arrival.of(m.topic, encode(m), T0 + 9000) for m in messages])

    assert (list(reader.nodes()), list(reader.incidents())) == ([], [])
    first = reader.version()
    take(a_state(1), an_event("raised"))
    second = reader.version()
    assert second > first
    assert [n.node for n in reader.nodes()] == ["edge-f1"]
    assert reader.nodes() is reader.nodes()
    assert [i.status for i in reader.incidents(status="open")] == ["open"]
    take(an_event("cleared"))
    assert list(reader.incidents(status="open")) == []
    assert [i.reason for i in reader.incidents(status="cleared")] == ["resolved"]


def test_incidents_come_newest_first_and_no_more_than_asked(records: Records, metrics: Metrics) -> None:
    reader = Reader(records)
    intake = Intake(records, None, metrics, ManualClock(T0 + 9000), on_change=reader.changed)
    node = Numbered()
    messages = [node.message(T0 + at, an_event("raised", started_at=T0 + at)) for at in (30, 10, 20)]
    intake.take([Arrival.of(m.topic, encode(m), T0 + 9000) for m in messages])
    assert [i.started_at - T0 for i in reader.incidents()] == [30, 20, 10]
    assert [i.started_at - T0 for i in reader.incidents(limit=2)] == [30, 20]
    assert list(reader.incidents(limit=0)) == []


def test_a_session_changes_no_answer(records: Records, metrics: Metrics) -> None:
    reader = Reader(records)
    intake = Intake(records, None, metrics, ManualClock(T0), on_change=reader.changed)
    node = Numbered()
    for body in (a_state(), a_session(1)):
        message = node.message(T0, body)
        intake.take([Arrival.of(message.topic, encode(message), T0)])
    before = reader.version()
    message = node.message(T0, a_session(2))
    intake.take([Arrival.of(message.topic, encode(message), T0)])
    assert reader.version() == before
