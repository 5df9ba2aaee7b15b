"""Chains at work: told in time, each step once, whatever restarts; quiet hours."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hall.clock import ManualClock
from hall.layout import Hall
from hall.messages import Phase
from ingest import audit, schema
from ingest._escalator import Escalator
from ingest._robots import WeCom
from ingest.alerts import AlertSender
from ingest.casebook import Casebook
from ingest.channels import Channel
from ingest.desk import Act, Desk
from ingest.history import steps_of
from ingest.incidents import Incident, load_incidents
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.records import Records
from ingest.settings import parse_settings
from tests.support.centre import T0, Numbered, an_event
from tests.support.webhook import Webhook

SETTINGS = """
hours:
  day: {mon-fri: ["09:00-17:00"], holidays: CN}
channels:
  group: {address: "wecombot://group", everything: true, hours: day}
  desk: {address: "json://desk/"}
  boss: {address: "json://boss/"}
people:
  wang: {name: 王芳, channels: [desk]}
  chen: {name: 陈主任, channels: [boss], hours: day, critical: wait}
chains:
  - {name: bad, severities: [critical], steps: [{tell: [wang, chen]}, {after: 10min, tell: [chen]}]}
  - name: rest
    steps: [{tell: [wang]}, {after: 5min, tell: [wang, chen]}, {after: 30min, tell: [chen], unless: cleared}]
"""
NAMES = {
    Channel(url).id: name
    for name, url in (("group", "wecombot://group"), ("desk", "json://desk/"), ("boss", "json://boss/"))
}
EVENING = T0 + 10 * 3600
MORNING = T0 + 24 * 3600


class House:
    """A centre without its subscriber and its senders, whose clock stands still."""

    def __init__(self, records: Records, metrics: Metrics, hall: Hall) -> None:
        self.clock = ManualClock(T0)
        self.records, self._metrics = records, metrics
        self.plan = parse_settings(SETTINGS)
        self.labels = Labels(hall)
        self._node = Numbered()
        self.restart()

    def restart(self) -> None:
        """Another process goes on."""
        self._book = Casebook(self.labels, self.plan.roster, self.plan.chains)
        self.leader = Leader(self.records, self._metrics, self.clock)
        self._escalator = Escalator(self.records, self._book, self.leader, self.clock, lambda: None)

    def say(self, phase: Phase, subject: str = "window/w01", **more: Any) -> str:
        """A box says something, now."""
        body = an_event(phase, subject=subject, **more)
        message = self._node.message(self.clock.now(), body)
        self.records.write(lambda connection: self._book.take(connection, [message], self.clock.now()))
        return body.event_id

    def wait(self, seconds: float) -> None:
        """Time goes by, and the escalator looks."""
        self.clock.advance(seconds)
        self._escalator.look()

    def act(self, event_id: str, kind: Any, **more: Any) -> None:
        """Somebody does something."""
        act = Act(kind=kind, actor="li", **more)
        self.records.write(lambda connection: Desk().act(connection, event_id, act, self.clock.now()))

    def incident(self, event_id: str) -> Incident:
        """As it is on record."""
        with self.records.reading() as connection:
            return load_incidents(connection, [event_id])[event_id]

    def told(self, after: int = 0) -> list[tuple[str, str, float]]:
        """To whom what was put, and how long it waits."""
        table = schema.alerts
        with self.records.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.id)).all()[after:]
        return [(NAMES[row.channel], row.phase, row.next_at - row.created_at) for row in rows]


@pytest.fixture
def house(records: Records, metrics: Metrics, hall: Hall) -> House:
    return House(records, metrics, hall)


def test_more_and_more_are_told_each_once_whatever_restarts(house: House) -> None:
    event = house.say("raised")
    assert house.told() == [("group", "raised", 0.0), ("desk", "raised", 0.0)]
    house.wait(299)
    house.restart()
    assert len(house.told()) == 2
    house.wait(1)
    assert house.told(2) == [("desk", "escalated:w2", 0.0), ("boss", "escalated:w2", 0.0)]
    assert (house.incident(event).status, house.incident(event).level) == ("escalated", 2)
    for _ in range(3):
        house.restart()
        house.wait(1)
    assert len(house.told()) == 4
    house.wait(1500)
    assert house.told(4) == [("boss", "escalated:w3", 0.0)]
    house.say("cleared")
    assert sorted(house.told(5)) == [(name, "cleared", 0.0) for name in ("boss", "desk", "group")]
    house.wait(9000)
    assert len(house.told()) == 8
    with house.records.reading() as connection:
        assert [(step.kind, step.detail.get("told")) for step in steps_of(connection, event)] == [
            ("opened", None),
            ("escalated", ["chen", "wang"]),
            ("escalated", ["chen"]),
            ("cleared", None),
        ]
        assert [(row.actor, row.action) for row in audit.rows(connection)] == [("centre", "incident.escalate")] * 2


def test_whoever_sees_to_it_ends_it_but_for_what_must_be_over(house: House) -> None:
    event = house.say("raised")
    house.act(event, "acknowledge")
    house.wait(600)
    assert len(house.told()) == 2
    assert house.incident(event).status == "acknowledged"
    house.wait(1200)
    assert house.told(2) == [("boss", "escalated:w3", 0.0)]
    shown = house.incident(event)
    assert (shown.status, shown.acknowledged_by) == ("escalated", None)
    house.act(event, "acknowledge")
    assert house.incident(event).status == "acknowledged"


@pytest.mark.parametrize("kind", ["close", "false_alarm"])
def test_what_is_closed_is_told_no_further(house: House, kind: str) -> None:
    event = house.say("raised")
    house.act(event, kind, note="a cleaner")
    house.wait(9000)
    assert len(house.told()) == 2


def test_what_came_due_while_nobody_was_there_is_told_together(house: House) -> None:
    house.say("raised")
    house.restart()
    house.wait(3000)
    assert house.told(2) == [("desk", "escalated:w3", 0.0), ("boss", "escalated:w3", 0.0)]


def test_another_opening_goes_through_the_chain_again(house: House) -> None:
    event = house.say("raised")
    house.wait(300)
    house.say("cleared")
    house.clock.advance(10)
    before = len(house.told())
    house.say("raised")
    assert house.incident(event).status == "open"
    house.wait(299)
    assert len(house.told()) == before + 2
    house.wait(1)
    assert house.told(before + 2) == [("desk", "escalated:w2", 0.0), ("boss", "escalated:w2", 0.0)]


def test_what_becomes_critical_takes_another_chain(house: House) -> None:
    event = house.say("raised")
    house.wait(60)
    house.say("updated", severity="critical")
    assert house.incident(event).chain == "bad"
    assert house.told(2) == [("boss", "raised", 0.0)]  # the desk knows
    house.wait(540)
    assert house.told(3) == [("boss", "escalated:c2", 0.0)]


def test_what_becomes_critical_late_is_escalated_at_once_and_audited(house: House) -> None:
    house.say("raised")
    house.act(an_event("raised").event_id, "acknowledge")
    house.wait(1000)
    house.say("updated", severity="critical")
    assert house.told(2) == []  # somebody sees to it
    other = house.say("raised", "window/w02")
    house.wait(700)
    before = len(house.told())
    house.say("updated", "window/w02", severity="critical")
    assert [phase for _, phase, _ in house.told(before)] == ["escalated:c2", "escalated:c2"]
    with house.records.reading() as connection:
        rows = [row for row in audit.rows(connection) if row.subject == f"incident/{other}"]
    assert [row.detail["level"] for row in rows] == [2, 2]


def test_another_centre_yaml_goes_on_with_what_is_open(house: House) -> None:
    event = house.say("raised")
    house.plan.chains = (house.plan.chains[1],)
    house.restart()
    house.wait(300)
    assert house.incident(event).level == 2
    house.plan.chains = ()
    house.restart()
    house.wait(5000)
    assert (house.incident(event).chain, len(house.told())) == (None, 4)


def test_who_does_not_run_the_timers_tells_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.say("raised")
    monkeypatch.setattr(Leader, "held", lambda _self: False)
    house.wait(9000)
    assert len(house.told()) == 2


def test_at_night_warnings_wait_and_critical_ones_pass(house: House) -> None:
    house.clock.advance(EVENING - T0)
    house.say("raised", "window/w02")
    assert house.told() == [("group", "raised", MORNING - EVENING), ("desk", "raised", 0.0)]
    house.say("raised", severity="critical")
    # who said that critical ones wait is told in the morning
    assert house.told(2) == [("group", "raised", 0.0), ("desk", "raised", 0.0), ("boss", "raised", MORNING - EVENING)]


def test_on_friday_evening_warnings_wait_for_monday(house: House) -> None:
    house.clock.advance(EVENING - T0 + 4 * 86_400)
    house.say("raised")
    assert house.told()[0] == ("group", "raised", 3 * 86_400 - 10 * 3600)


def test_a_warning_that_becomes_critical_at_night_waits_no_longer(house: House) -> None:
    house.clock.advance(EVENING - T0)
    event = house.say("raised")
    house.wait(60)
    house.say("updated", severity="critical")
    with house.records.reading() as connection:
        mine = (schema.alerts.c.event_id == event) & (schema.alerts.c.channel == Channel("wecombot://group").id)
        (row,) = connection.execute(select(schema.alerts).where(mine)).all()
    assert (row.next_at, row.held_until) == (house.clock.now(), None)
    assert "严重" in row.title


def test_in_the_morning_one_message_says_it_all(
    house: House, metrics: Metrics, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WeCom, "notify_url", f"http://127.0.0.1:{webhook.port}/send?key={{key}}")
    webhook.answer = b'{"errcode":0}'
    sender = AlertSender(Channel("wecombot://group"), house.records, metrics, house.clock, labels=house.labels)
    house.clock.advance(EVENING - T0)
    for number in range(4):
        house.say("raised", f"window/x{number}")
    house.say("cleared", "window/x3", elapsed_s=400.0)
    house.clock.advance(MORNING - EVENING - 1)
    sender._pass()
    assert webhook.requests == []
    house.clock.advance(1)
    sender._pass()
    (request,) = webhook.requests
    text = request.payload["text"]["content"]
    assert text.startswith("【汇总】4 起事件")
    assert text.count("离岗·提醒") == 3
    assert "已解除 离岗 f1 x3" in text
    sender._pass()
    assert len(webhook.requests) == 1
