"""More alerts than a robot takes: nothing is lost, and the robot is not given too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from hall.clock import ManualClock
from hall.layout import Hall
from hall.messages import Message, encode
from ingest import schema
from ingest._robots import WeCom
from ingest.alerts import AlertSender
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.intake import Intake
from ingest.labels import Labels
from ingest.links import Links
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event
from tests.support.webhook import Webhook


class Robot:
    """A centre that tells one WeCom robot, second by second."""

    def __init__(self, records: Records, metrics: Metrics, hall: Hall, webhook: Webhook, options: str = "") -> None:
        self.clock = ManualClock(T0)
        self._records, self._metrics, self._hall = records, metrics, hall
        self.channel = Channel(f"wecombot://key{options}")
        self.webhook = webhook
        self._intake = Intake(records, None, metrics, self.clock, halls=[hall], channels=[self.channel])
        self._node = Numbered()
        self.sent_at: list[float] = []
        self.links: Links | None = None
        self.restart()

    def restart(self) -> None:
        """Another process goes on."""
        labels = Labels(self._hall)
        self._sender = AlertSender(
            self.channel, self._records, self._metrics, self.clock, labels=labels, links=self.links
        )

    def say(self, *bodies: object) -> None:
        """The node says something."""
        messages: Sequence[Message] = [self._node.message(self.clock.now(), body) for body in bodies]  # type: ignore[arg-type]
        self._intake.take([Arrival.of(m.topic, encode(m), self.clock.now()) for m in messages])

    def second(self) -> None:
        """A second goes by."""
        before = len(self.webhook.requests)
        self._sender._pass()
        self.sent_at += [self.clock.now()] * (len(self.webhook.requests) - before)
        self.clock.advance(1.0)

    @property
    def texts(self) -> list[str]:
        """What it took."""
        return [str(r.payload["text"]["content"]) for r in self.webhook.requests if r.status == 200]

    def statuses(self) -> Counter[str]:
        """How the alerts stand."""
        with self._records.reading() as connection:
            rows = connection.execute(select(schema.alerts.c.status, func.count()).group_by(schema.alerts.c.status))
            return Counter({row[0]: row[1] for row in rows})


@pytest.fixture
def robot(records: Records, metrics: Metrics, hall: Hall, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> Robot:
    monkeypatch.setattr(WeCom, "notify_url", f"http://127.0.0.1:{webhook.port}/send?key={{key}}")
    webhook.answer = b'{"errcode":0}'
    return Robot(records, metrics, hall, webhook)


def _most_in_a_minute(at: Sequence[float]) -> int:
    return max(sum(start <= other < start + 60 for other in at) for start in at)


def test_500_incidents_in_a_minute_make_20_messages_and_each_is_named(robot: Robot) -> None:
    events = [an_event("raised", subject=f"window/w{number:03}") for number in range(500)]
    for second in range(60):
        robot.say(*events[second * 500 // 60 : (second + 1) * 500 // 60])
        if second == 30:
            robot.webhook.status = 500  # ten seconds away
        if second == 40:
            robot.webhook.status = 200
            robot.restart()
        robot.second()
    while robot.statuses()["waiting"]:
        robot.second()
    assert _most_in_a_minute(robot.sent_at) <= 20
    said = "\n".join(robot.texts)
    assert Counter(said.count(event.event_id[:8]) for event in events) == {1: 500}
    assert max(len(text.encode()) for text in robot.texts) <= 2048
    assert robot.clock.now() - T0 < 180
    assert robot.statuses() == {"sent": 500}
    assert any(text.startswith("【汇总】") for text in robot.texts)


def test_a_digest_ends_in_the_address_of_the_console(robot: Robot, records: Records) -> None:
    robot.links = Links(records, "https://hall.example/centre", robot.clock)
    robot.restart()
    events = [an_event("raised", subject=f"window/w{number:03}") for number in range(60)]
    robot.say(*events)
    robot.second()
    digests = [text for text in robot.texts if text.startswith("【汇总】")]
    assert len(digests) > 1
    for text in digests:
        assert text.splitlines()[-1] == "逐条处理请到控制台：https://hall.example/centre/"
        assert len(text.encode()) <= 2048
    assert all(event.event_id[:8] in "".join(digests) for event in events)


def test_a_digest_names_what_is_open_and_what_is_over(robot: Robot) -> None:
    for number in range(15):
        robot.say(an_event("raised", subject=f"window/x{number}"))
    robot.second()
    short, long = (
        an_event("raised", subject="window/w01"),
        an_event("raised", subject="window/w02", severity="critical"),
    )
    robot.say(short, long, an_event("cleared", subject="window/w01", elapsed_s=400.0))
    for _ in range(13):
        robot.second()
    assert len(robot.texts) == 16
    assert robot.texts[-1] == (
        "【汇总】2 起事件\n"
        f"已解除 离岗 f1 1号窗口 01-05 09:00–09:06 {short.event_id[:8]}\n"
        f"离岗·严重 f1 w02 01-05 09:00起 {long.event_id[:8]}"
    )
    assert robot.statuses() == {"sent": 17, "merged": 1}


def test_what_was_over_before_it_could_be_told_is_one_message(robot: Robot) -> None:
    robot.webhook.status = 500
    robot.say(an_event("raised"))
    robot.second()
    robot.say(an_event("cleared", elapsed_s=400.0))
    robot.webhook.status = 200
    for _ in range(4):
        robot.second()
    assert len(robot.texts) == 1
    assert robot.texts[0].startswith("【解除】1号窗口 离岗\n1号窗口离岗已解除：已恢复正常。\n自 2026-01-05 09:00:00 至")
    assert robot.statuses() == {"sent": 1, "merged": 1}


def test_an_incident_that_flaps_is_told_every_five_minutes(robot: Robot) -> None:
    for second in range(400):
        if second % 20 == 0:
            robot.say(an_event("raised"))
        if second % 20 == 10:
            robot.say(an_event("cleared", elapsed_s=10.0))
        robot.second()
    told = [at for at, text in zip(robot.sent_at, robot.texts, strict=True) if text.startswith("【离岗")]
    assert told == [T0, T0 + 300]
    assert robot.texts[-1].startswith("【解除】")


def test_a_channel_may_take_fewer(robot: Robot, records: Records, metrics: Metrics, hall: Hall) -> None:
    slow = Robot(records, metrics, hall, robot.webhook, "?alert_per_minute=4&alert_cooldown_s=0")
    for number in range(60):
        slow.say(an_event("raised", subject=f"window/x{number}"))
        slow.second()
    assert _most_in_a_minute(slow.sent_at) <= 4
