"""Labels on record, and on their way to the boxes."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hall.clock import ManualClock
from hall.labels import EventLabel, LabelTable, decode_labels
from hall.topics import Address
from ingest._tables_labels import labels
from ingest.casebook import Casebook
from ingest.desk import Act, ActKind, Desk
from ingest.label_forwarder import LabelForwarder, save_label
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event

TOPIC = "hallwatch/1/demo/f1/edge-f1/label/set"


class Centre:
    """A desk, and what is retained at a broker."""

    def __init__(self, records: Records, metrics: Metrics) -> None:
        self.records, self.retained = records, list[tuple[str, LabelTable]]()
        self._desk = Desk(on_label=save_label)
        self.leader = Leader(records, metrics, ManualClock(T0))
        self.restart()

    def restart(self) -> None:
        """Another process goes on."""
        self.forwarder = LabelForwarder(
            self.records, self.leader, lambda topic, payload: self.retained.append((topic, decode_labels(payload)))
        )

    def wrong(self, number: int, node: str = "edge-f1", snapshot: bool = True) -> EventLabel:
        """An event of a box that somebody calls a false alarm."""
        body = an_event("raised", started_at=T0 + number)
        picture = f"{body.event_id}.jpg" if snapshot else None
        box = Numbered(Address("demo", "f1", node))
        message = box.message(T0 + number + 300, an_event("raised", started_at=T0 + number, snapshot=picture))
        self.records.write(lambda connection: Casebook(Labels()).take(connection, [message], T0 + 300))
        act = Act(kind="false_alarm", actor="li")
        for _ in range(2):
            self.records.write(lambda connection: self._desk.act(connection, body.event_id, act, T0 + 400))
        return EventLabel(body.event_id, "false_alarm")

    def act(self, kind: ActKind, label: EventLabel) -> None:
        """Something more is done with it."""
        done = Act(kind=kind, actor="chen")
        self.records.write(lambda connection: self._desk.act(connection, label.event_id, done, T0 + 500))


@pytest.fixture
def centre(records: Records, metrics: Metrics) -> Centre:
    return Centre(records, metrics)


def test_the_label_and_the_name_of_the_picture_are_on_record(centre: Centre) -> None:
    label = centre.wrong(0)
    with centre.records.reading() as connection:
        (row,) = connection.execute(select(labels)).all()
    assert (row.event_id, row.snapshot, row.by, row.at) == (label.event_id, f"{label.event_id}.jpg", "li", T0 + 400)


def test_each_box_is_told_of_its_own(centre: Centre) -> None:
    centre.forwarder.forward()
    assert centre.retained == []
    first, other = centre.wrong(0), centre.wrong(1, "edge-2")
    centre.forwarder.forward()
    elsewhere = TOPIC.replace("edge-f1", "edge-2")
    assert sorted(centre.retained) == [(elsewhere, LabelTable([other])), (TOPIC, LabelTable([first]))]
    second = centre.wrong(2)
    centre.forwarder.forward()
    centre.forwarder.forward()
    assert centre.retained[2:] == [(TOPIC, LabelTable([first, second]))]


def test_what_is_taken_back_is_told_by_name(centre: Centre) -> None:
    first, second = centre.wrong(0), centre.wrong(1)
    centre.forwarder.forward()
    centre.act("unlabel", first)
    centre.forwarder.forward()
    centre.act("false_alarm", first)
    centre.forwarder.forward()
    centre.act("unlabel", second)
    centre.forwarder.forward()
    assert [table for _, table in centre.retained] == [
        LabelTable([first, second]),
        LabelTable([second], [first.event_id]),
        LabelTable([second, first]),
        LabelTable([first], [second.event_id]),
    ]
    with centre.records.reading() as connection:
        rows = connection.execute(select(labels).order_by(labels.c.id)).all()
    assert [(row.event_id, row.label, row.by) for row in rows] == [
        (first.event_id, "false_alarm", "chen"),
        (second.event_id, "none", "chen"),
    ]


def test_a_centre_that_starts_tells_again_what_it_may_not_have_told(centre: Centre) -> None:
    first = centre.wrong(0)
    centre.restart()
    centre.forwarder.forward()
    assert centre.retained == [(TOPIC, LabelTable([first]))]


def test_what_has_no_picture_is_not_told(centre: Centre) -> None:
    centre.wrong(0, snapshot=False)
    centre.forwarder.forward()
    assert centre.retained == [(TOPIC, LabelTable([]))]


def test_who_is_not_the_leader_tells_nobody(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    centre.wrong(0)
    monkeypatch.setattr(Leader, "held", lambda _self: False)
    centre.forwarder.forward()
    assert centre.retained == []
