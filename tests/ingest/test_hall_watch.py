"""The centre's own rules at work: what boxes and machines say becomes incidents and alerts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from hall.clock import ManualClock, to_datetime, to_iso
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import Seen, StateBody, StatusBody, WindowDuty, WindowState, ZoneState, encode, event_id
from ingest import schema
from ingest._tables_inputs import rule_states
from ingest.arrivals import Arrival
from ingest.casebook import Casebook
from ingest.channels import Channel
from ingest.hall_watch import HallWatch
from ingest.input_book import InputBook, Sender
from ingest.inputs import InputKind
from ingest.intake import Intake
from ingest.labels import Labels
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.points import Points
from ingest.reader import Reader
from ingest.recipients import Recipient, Roster
from ingest.records import Records
from tests.support.centre import HALL_TEXT, T0, Numbered

LIMITS = "limits: {called_but_no_clerk: 30s, closed_window_with_queue: 30s, camera_lost: 60s, long_wait: 10min}\n"


class Scene:
    """A hall, second by second."""

    def __init__(self, address: str, hall: Hall | None) -> None:
        self.clock, self.halls = ManualClock(T0), [] if hall is None else [hall]
        self.records = Records(address)
        self.metrics = Metrics(CollectorRegistry())
        self.roster = Roster([Recipient(Channel("json://127.0.0.1:9/hook"))], {})
        self.book = InputBook(self.records, None, self.metrics, self.clock, Places(*self.halls))
        self.intake = Intake(self.records, None, self.metrics, self.clock, halls=self.halls)
        self.reader = Reader(self.records)
        self.node, self._keys = Numbered(), 0
        self.alerts = 0
        self.leader = Leader(self.records, self.metrics, self.clock)
        self.start()

    def close(self) -> None:
        """The centre ends."""
        self.leader.close()
        self.records.close()

    def start(self) -> None:
        """The centre starts, again perhaps."""
        casebook = Casebook(Labels(*self.halls), self.roster)
        self.leader.close()
        self.leader = Leader(self.records, self.metrics, self.clock)
        self.watch = HallWatch(
            self.records,
            casebook,
            self.leader,
            self.clock,
            self.halls,
            on_change=self.reader.changed,
            on_alert=self._alerted,
        )

    def _alerted(self) -> None:
        self.alerts += 1

    def ask(self, kind: InputKind, **said: Any) -> None:
        self._keys += 1
        self.book.take(kind, json.dumps({"key": str(self._keys), **said}).encode(), Sender("demo", "x"))

    def tell(self, body: StateBody | StatusBody) -> None:
        message = self.node.message(self.clock.now(), body)
        self.intake.take([Arrival.of(message.topic, encode(message), self.clock.now())])
        self.reader.changed()

    def play(
        self, seconds: int, clerk: Seen = "absent", since_s: float = 0, duty: WindowDuty = "open", over: int = 0
    ) -> None:
        """The box says its state every ten seconds, and the rules are judged every second."""
        for _ in range(seconds):
            if round(self.clock.now() - T0) % 10 == 0:
                since = None if clerk == "unknown" else to_datetime(T0 + since_s)
                window = WindowState("w01", duty, clerk, since, 0, None, "idle")
                self.tell(StateBody([window], [ZoneState("waiting", 8, 700.0, 300.0, 600.0, None, over)]))
            self.clock.advance(1)
            self.watch.judge()

    def incidents(self) -> list[tuple[str, str, str, str | None]]:
        found = self.reader.incidents()
        return sorted((one.rule, one.subject, one.status, one.reason) for one in found)

    def told(self) -> list[str]:
        with self.records.reading() as connection:
            return list(connection.scalars(select(schema.alerts.c.title).order_by(schema.alerts.c.id)))


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    made = Scene(f"sqlite:///{tmp_path}/records.db", parse_hall(HALL_TEXT + LIMITS))
    yield made
    made.close()


def test_a_call_that_nobody_answers(scene: Scene) -> None:
    scene.play(20)
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(29)
    assert scene.incidents() == []
    scene.play(2)
    (incident,) = scene.reader.incidents()
    assert (incident.rule, incident.subject, incident.floor, incident.node) == (
        "called_but_no_clerk",
        "window/w01",
        "f1",
        "edge-f1",
    )
    assert (incident.started_at, incident.limit_s, incident.detail) == (T0 + 20, 30.0, {"ticket": "A012"})
    assert incident.event_id == event_id("demo", "window/w01", "called_but_no_clerk", T0 + 20)
    assert scene.told() == ["【叫号无人应·提醒】1号窗口"]
    scene.play(19, "present", since_s=60)
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "cleared", "resolved")]
    assert scene.told()[1:] == ["【解除】1号窗口 叫号无人应"]
    assert scene.alerts == 2


def test_a_restart_goes_on_with_the_same_incident(scene: Scene) -> None:
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(35)
    scene.start()
    scene.play(35)
    assert scene.alerts == 1
    scene.ask("ticket", ticket="A012", event="done")
    scene.play(1)
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "cleared", "resolved")]
    with scene.records.reading() as connection:
        assert connection.execute(select(rule_states)).all() == []


def test_a_ticket_that_is_missed_needs_no_clerk(scene: Scene) -> None:
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(35)
    scene.ask("ticket", ticket="A012", event="missed")
    scene.play(200)
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "cleared", "resolved")]
    scene.ask("ticket", ticket="A012", event="called", window="w01")  # its holder is back
    scene.play(31)
    assert [incident[2] for incident in scene.incidents()] == ["cleared", "open"]


def test_a_call_that_was_answered_is_answered_after_a_restart_too(scene: Scene) -> None:
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(40)
    scene.play(20, "present", since_s=40)
    scene.start()
    scene.play(50, since_s=60)  # whoever was served is gone, and so is the clerk
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "cleared", "resolved")]


def test_a_silent_box_is_unknown(scene: Scene) -> None:
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(11)
    scene.tell(StatusBody("offline", "0.1"))
    for _ in range(100):
        scene.clock.advance(1)
        scene.watch.judge()
    assert scene.incidents() == []


def test_a_pause_by_command_counts_before_the_box_says_so(scene: Scene) -> None:
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(25)
    scene.ask("duty/set", window="w01", duty="paused")
    scene.play(60)
    assert scene.incidents() == []


def test_advice_to_open_a_window(scene: Scene) -> None:
    scene.ask("duty/set", window="w01", duty="paused")
    scene.play(60, duty="paused")
    assert scene.incidents() == []
    scene.play(40, duty="paused", over=2)
    (incident,) = scene.reader.incidents()
    assert (incident.rule, incident.subject, incident.severity) == (
        "closed_window_with_queue",
        "zone/waiting",
        "warning",
    )
    assert incident.detail == {"windows": ["w01"], "over_limit": 2, "count": 8, "longest_s": 700.0}
    assert scene.told() == ["【建议开窗·提醒】等候区"]
    scene.ask("duty/set", window="w01", duty="open")
    scene.play(1)
    assert scene.incidents() == [("closed_window_with_queue", "zone/waiting", "cleared", "resolved")]


def test_a_window_on_demand_is_opened_when_too_many_wait(tmp_path: Path) -> None:
    """潮汐窗口: that it is closed is no fault, and nobody commanded it."""
    text = HALL_TEXT.replace("- id: w01\n", "- id: w01\n        on_demand: true\n")
    assert text != HALL_TEXT
    scene = Scene(f"sqlite:///{tmp_path}/records.db", parse_hall(text + LIMITS))
    scene.play(60, duty="closed")
    assert scene.incidents() == []
    scene.play(40, duty="closed", over=2)
    (incident,) = scene.reader.incidents()
    assert (incident.rule, incident.status, incident.detail["windows"]) == ("closed_window_with_queue", "open", ["w01"])
    scene.ask("duty/set", window="w01", duty="open")
    scene.play(1, over=2)
    assert scene.incidents() == [("closed_window_with_queue", "zone/waiting", "cleared", "resolved")]


def test_exact_waits_count_too(scene: Scene) -> None:
    """The camera finds nobody over the limit; a ticket is."""
    scene.ask("duty/set", window="w01", duty="paused")
    scene.ask("ticket", ticket="A1", event="taken", service="社保", at=to_iso(T0 - 590))
    scene.play(45, duty="paused")
    (incident,) = scene.reader.incidents()
    assert (incident.rule, incident.started_at) == ("closed_window_with_queue", T0 + 10)
    assert incident.detail["longest_ticket_s"] == 630.0


def test_without_a_hall_file_calls_are_judged_all_the_same(tmp_path: Path) -> None:
    scene = Scene(f"sqlite:///{tmp_path}/records.db", None)
    scene.play(10)
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(59)
    assert scene.incidents() == []
    scene.play(2)
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "open", None)]
    scene.close()


def test_the_same_on_postgresql(database: str) -> None:
    scene = Scene(database, parse_hall(HALL_TEXT + LIMITS))
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.ask("duty/set", window="w01", duty="open")
    scene.play(35)
    scene.start()
    scene.play(2, "present", since_s=35)
    scene.play(10, "present", since_s=35)
    assert scene.incidents() == [("called_but_no_clerk", "window/w01", "cleared", "resolved")]
    scene.ask("ticket", ticket="A012", event="done")
    scene.play(1)
    with scene.records.reading() as connection:
        assert connection.execute(select(rule_states)).all() == []
    scene.close()


def test_where_nothing_is_said_nothing_is_written(scene: Scene) -> None:
    scene.play(20)
    with scene.records.reading() as connection:
        assert connection.execute(select(rule_states)).all() == []


class Heard:
    """An outlet that keeps what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def send(self, points: Sequence[Points]) -> None:
        self.lines += [line.rsplit(" ", 1)[0] for one in points for line in one.lines.decode().split("\n")]

    def finish(self, sending: None) -> None:
        """Nothing is on its way."""


def test_how_incidents_and_tickets_are_dealt_with_is_told_every_minute(scene: Scene) -> None:
    heard = Heard()
    watch = HallWatch(
        scene.records,
        Casebook(Labels(*scene.halls), scene.roster),
        scene.leader,
        scene.clock,
        scene.halls,
        outlet=cast("Any", heard),
    )
    scene.ask("ticket", ticket="A012", event="called", window="w01")
    scene.play(35)
    watch.judge()
    scene.play(50, "unknown")
    watch.judge()
    told = [line for line in heard.lines if line.startswith("incident,")]
    assert told == [
        "incident,hall=demo,floor=f1,rule=called_but_no_clerk "
        "unattended=1,raised=1,acknowledged=0,false_alarms=0,false_share=0.0"
    ]
    scene.clock.advance(60)
    watch.judge()
    assert len([line for line in heard.lines if line.startswith("incident,")]) == 2
