"""Boxes that are missing, and back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from hall.clock import ManualClock
from hall.layout import Hall
from hall.messages import AnyBody, StatusBody, encode
from hall.topics import Address
from ingest import schema
from ingest.arrivals import Arrival
from ingest.casebook import Casebook
from ingest.intake import Intake
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.node_watch import NODE_OFFLINE_S, NodeWatch
from ingest.records import Records
from tests.support.centre import T0, Numbered, a_state, an_event


class House:
    """A centre, a box and a clock."""

    def __init__(self, records: Records, metrics: Metrics, *halls: Hall) -> None:
        self.clock, self.hears = ManualClock(T0), True
        self.records = records
        self._intake = Intake(records, None, metrics, self.clock, halls=halls)
        self.box = Numbered()
        leader = Leader(records, metrics, self.clock)
        self.watch = NodeWatch(records, Casebook(Labels(*halls)), leader, self.clock, lambda: self.hears, halls=halls)

    def say(self, body: AnyBody, box: Numbered | None = None, behind_s: float = 0.0) -> None:
        """A box says something."""
        message = (box or self.box).message(self.clock.now() - behind_s, body)
        self._intake.take([Arrival.of(message.topic, encode(message), self.clock.now())])

    def wait(self, seconds: float) -> None:
        """Time goes by; the watch looks every ten seconds."""
        while seconds > 0:
            self.clock.advance(min(10.0, seconds))
            self.watch.look()
            seconds -= 10.0

    def incidents(self) -> Sequence[tuple[str, str, float, str | None]]:
        """Subject, status, how long after T0 it began, and why it ended."""
        table = schema.incidents
        with self.records.reading() as connection:
            rows = connection.execute(select(table).where(table.c.rule == "node_offline").order_by(table.c.started_at))
            return [(row.subject, row.status, row.started_at - T0, row.reason) for row in rows]


@pytest.fixture
def house(records: Records, metrics: Metrics, hall: Hall) -> House:
    made = House(records, metrics, hall)
    made.wait(NODE_OFFLINE_S + 10)
    made.say(a_state())
    return made


def test_a_silent_box_is_an_incident_until_it_is_back(house: House) -> None:
    began = house.clock.now() - T0
    house.wait(NODE_OFFLINE_S - 10)
    assert house.incidents() == []
    house.wait(10)
    house.wait(60)
    assert house.incidents() == [("node/edge-f1", "open", began, None)]
    house.say(a_state())
    house.wait(10)
    assert house.incidents() == [("node/edge-f1", "cleared", began, "resolved")]
    again = house.clock.now() - 10 - T0
    house.wait(NODE_OFFLINE_S)
    assert [found[1:3] for found in house.incidents()] == [("cleared", began), ("open", again)]


def test_a_last_will_is_no_word_of_the_box(house: House) -> None:
    house.wait(30)
    house.say(StatusBody("offline", "0.1.0"))
    house.wait(30)
    assert [found[1] for found in house.incidents()] == ["open"]


def test_a_box_that_was_stopped_is_not_missed(house: House) -> None:
    house.say(StatusBody("stopped", "0.1.0"))
    house.wait(500)
    assert house.incidents() == []


def test_a_box_whose_clock_is_slow_is_heard_all_the_same(house: House) -> None:
    for _ in range(20):
        house.say(a_state(), behind_s=3600)
        house.wait(10)
    assert house.incidents() == []


def test_who_hears_nobody_misses_nobody(house: House) -> None:
    house.hears = False
    house.wait(500)
    house.hears = True
    house.wait(NODE_OFFLINE_S - 10)
    assert house.incidents() == []
    house.say(a_state())
    house.wait(50)
    assert house.incidents() == []


def test_a_box_that_is_in_the_hall_no_more_is_not_missed(records: Records, metrics: Metrics, hall: Hall) -> None:
    before = House(records, metrics)
    before.wait(NODE_OFFLINE_S)
    before.say(a_state(), Numbered(Address("demo", "f1", "edge-old")))
    before.wait(NODE_OFFLINE_S)
    assert [found[:2] for found in before.incidents()] == [("node/edge-old", "open")]
    now = House(records, metrics, hall)
    now.clock.advance(before.clock.now() - T0)
    now.wait(NODE_OFFLINE_S + 10)
    assert [(found[1], found[3]) for found in now.incidents()] == [("cleared", "reconfigured")]


def test_what_was_open_at_a_box_that_is_gone_belongs_to_it(house: House) -> None:
    house.say(an_event("raised"))
    house.wait(NODE_OFFLINE_S)
    with house.records.reading() as connection:
        rows = connection.execute(select(schema.incidents)).all()
    (head,) = [row.event_id for row in rows if row.rule == "node_offline"]
    assert [row.head for row in rows if row.rule != "node_offline"] == [head]
