from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from hall.clock import ManualClock, SystemClock
from hall.errors import InputError
from hall.layout import Hall
from hall.messages import Message, encode
from ingest import schema
from ingest._sent_note import SentNote
from ingest.alerts import GIVE_UP_S, AlertSender
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event
from tests.support.servers import wait_until
from tests.support.webhook import Webhook

Say = Callable[..., None]
EVENT = an_event("raised").event_id
RAISED, CLEARED = f"{EVENT}:raised", f"{EVENT}:cleared"


@pytest.fixture
def channel(webhook: Webhook) -> Channel:
    return Channel(webhook.url)


@pytest.fixture
def say(records: Records, metrics: Metrics, hall: Hall, channel: Channel) -> Say:
    intake = Intake(records, None, metrics, SystemClock(), halls=[hall], channels=[channel])

    def take(*messages: Message) -> None:
        intake.take([Arrival.of(m.topic, encode(m), T0) for m in messages])

    return take


def _sender(records: Records, metrics: Metrics, channel: Channel) -> AlertSender:
    return AlertSender(channel, records, metrics, SystemClock(), first_wait_s=0.02)


def _rows(records: Records) -> list[tuple[str, str]]:
    with records.reading() as connection:
        rows = connection.execute(select(schema.alerts.c.phase, schema.alerts.c.status).order_by(schema.alerts.c.id))
        return [(phase, status) for phase, status in rows]


def test_an_incident_alerts_when_it_opens_and_when_it_clears(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook
) -> None:
    node = Numbered()
    raised = node.message(T0 + 300, an_event("raised", severity="critical", unknown_s=12.0))
    say(raised, node.message(T0 + 310, an_event("updated")))
    say(node.message(T0 + 492, an_event("cleared", elapsed_s=492.0)), raised)
    sender = _sender(records, metrics, channel)
    sender.start()
    wait_until(lambda: len(webhook.requests) == 2, "both alerts")
    sender.stop()
    opened, cleared = webhook.requests
    assert opened.payload["title"] == "【离岗·严重】1号窗口"
    assert opened.payload["message"] == (
        "1号窗口无人值守，自 2026-01-05 09:00:00 起，已 5 分钟（时限 5 分钟）。\n"
        "其中画面不可见 12 秒，未计入。\n"
        "地点：演示政务服务中心 f1\n"
        "处理：请通知该窗口人员返岗，或安排替岗；暂停服务的，请摆放告示并引导群众到其他窗口。\n"
        f"编号 {EVENT[:8]}"
    )
    assert cleared.payload["title"] == "【解除】1号窗口 离岗"
    assert cleared.payload["message"] == (
        "1号窗口离岗已解除：已恢复正常。\n"
        "自 2026-01-05 09:00:00 至 2026-01-05 09:08:12，历时 8 分 12 秒。\n"
        f"地点：演示政务服务中心 f1\n编号 {EVENT[:8]}"
    )
    assert [(r.payload["event_id"], r.payload["phase"], r.payload["type"]) for r in webhook.requests] == [
        (EVENT, "raised", "warning"),
        (EVENT, "cleared", "success"),
    ]
    assert [r.headers["idempotency-key"] for r in webhook.requests] == webhook.delivered == [RAISED, CLEARED]
    assert _rows(records) == [("raised", "sent"), ("cleared", "sent")]


def test_an_incident_that_opens_again_alerts_again(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook
) -> None:
    node = Numbered()
    story = [(300, "raised"), (600, "cleared"), (900, "raised"), (950, "cleared")]
    for at, phase in story:
        say(node.message(T0 + at, an_event(phase)))  # type: ignore[arg-type]
    sender = _sender(records, metrics, channel)
    sender.start()
    sender.stop()
    assert webhook.delivered == [RAISED, CLEARED, f"{RAISED}:2", f"{CLEARED}:2"]


def test_a_channel_that_is_down_gets_everything_later_and_in_order(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook
) -> None:
    webhook.status = 500
    node = Numbered()
    say(node.message(T0 + 300, an_event("raised")), node.message(T0 + 400, an_event("cleared")))
    sender = _sender(records, metrics, channel)
    sender.start()
    wait_until(lambda: len(webhook.requests) >= 2, "it tried twice")
    webhook.stop()
    sender.stop()
    assert webhook.delivered == []
    # The process ends here; what is not sent stays on record.
    webhook.status = 200
    webhook.start()
    again = _sender(records, metrics, channel)
    again.start()
    wait_until(lambda: len(webhook.delivered) == 2, "both alerts")
    again.stop()
    assert webhook.delivered == [RAISED, CLEARED]
    assert _rows(records) == [("raised", "sent"), ("cleared", "sent")]


def test_a_clear_never_overtakes_its_raise(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook
) -> None:
    webhook.refuse_next = 1
    other = an_event("raised", started_at=T0 + 50)
    node = Numbered()
    say(node.message(T0 + 300, an_event("raised")), node.message(T0 + 350, other))
    say(node.message(T0 + 400, an_event("cleared")))
    sender = _sender(records, metrics, channel)
    sender.start()
    wait_until(lambda: len(webhook.delivered) == 3, "all alerts")
    sender.stop()
    # What one event waits for holds up no other event.
    assert webhook.delivered == [f"{other.event_id}:raised", RAISED, CLEARED]


def test_a_process_killed_after_sending_remembers_it(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook, tmp_path: Path
) -> None:
    say(Numbered().message(T0 + 300, an_event("raised")))
    # What a kill between the channel's answer and the mark leaves behind.
    path = tmp_path / f"records.db-sent-{channel.id}"
    SentNote(path).write([1])
    sender = _sender(records, metrics, channel)
    sender.start()
    wait_until(lambda: _rows(records) == [("raised", "sent")], "it is marked")
    sender.stop()
    assert webhook.requests == []
    assert not path.exists()


def test_an_old_alert_is_given_up(
    say: Say, records: Records, metrics: Metrics, channel: Channel, webhook: Webhook
) -> None:
    webhook.status = 500
    say(Numbered().message(T0 + 300, an_event("raised")))
    sender = AlertSender(channel, records, metrics, ManualClock(SystemClock().now() + GIVE_UP_S + 1), first_wait_s=0.02)
    sender.start()
    sender.stop()
    assert _rows(records) == [("raised", "failed")]


@pytest.mark.parametrize("url", ["", "no address", "hush://user:hush@host", "json://", "wecombot://"])
def test_an_address_that_apprise_does_not_know_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Channel(url)
    assert "expected an address such as json://" in str(caught.value)
    assert "user:hush" not in str(caught.value)


def test_each_channel_is_told_in_its_language(records: Records, metrics: Metrics, hall: Hall, webhook: Webhook) -> None:
    channels = [Channel(f"{webhook.url}/a?alert_language=en"), Channel(f"{webhook.url}/b?rto=3&alert_language=zh")]
    intake = Intake(records, None, metrics, SystemClock(), halls=[hall], channels=channels)
    raised = Numbered().message(T0 + 300, an_event("raised"))
    intake.take([Arrival.of(raised.topic, encode(raised), T0)])
    with records.reading() as connection:
        titles = connection.scalars(select(schema.alerts.c.title).order_by(schema.alerts.c.id)).all()
    assert titles == ["[Clerk absent, Warning] 1号窗口", "【离岗·提醒】1号窗口"]


def test_a_language_that_alerts_do_not_speak_is_refused() -> None:
    with pytest.raises(InputError, match="alert_language=fr: expected zh or en"):
        Channel("json://user:hush@host/?alert_language=fr")
