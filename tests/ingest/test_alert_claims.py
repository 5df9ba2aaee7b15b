"""Several processes and one table of alerts: each is sent by one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from hall.clock import ManualClock
from hall.messages import encode
from ingest import schema
from ingest._alert_text import AlertText
from ingest.alerts import CLAIM_S, AlertSender
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.intake import Intake
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event
from tests.support.webhook import Webhook


class _Process:
    """One of several on the same records."""

    def __init__(self, database: str, folder: Path, name: str, clock: ManualClock, channel: Channel) -> None:
        self.records = Records(database, place=folder / f"{name}.db")
        self.metrics = Metrics(CollectorRegistry())
        self.leader = Leader(self.records, self.metrics, clock, name=name)
        self.intake = Intake(self.records, None, self.metrics, clock, channels=[channel])
        self.sender = AlertSender(channel, self.records, self.metrics, clock, leader=self.leader)

    def run_sender(self) -> None:
        """Let it go through what waits once."""
        self.sender.start()
        self.sender.stop()

    def close(self) -> None:
        self.leader.close()
        self.records.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


class _Interrupted(Channel):
    """A channel on which something happens while a message is on its way."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, text: AlertText, **more: Any) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().send(text, **more)


@pytest.fixture
def channel(webhook: Webhook) -> _Interrupted:
    return _Interrupted(webhook.url)


@pytest.fixture
def both(database: str, tmp_path: Path, clock: ManualClock, channel: Channel) -> Iterator[tuple[_Process, _Process]]:
    pair = _Process(database, tmp_path, "a", clock, channel), _Process(database, tmp_path, "b", clock, channel)
    yield pair
    for one in pair:
        one.close()


def _raise_one(process: _Process) -> None:
    message = Numbered().message(T0, an_event("raised"))
    process.intake.take([Arrival.of(message.topic, encode(message), T0)])


def _states(process: _Process) -> list[str]:
    with process.records.reading() as connection:
        return list(connection.scalars(select(schema.alerts.c.status)))


def test_who_loses_the_lead_while_a_message_is_on_its_way_has_sent_it_once(
    both: tuple[_Process, _Process], channel: _Interrupted, webhook: Webhook
) -> None:
    one, other = both
    assert one.leader.held()
    _raise_one(other)

    def lose_the_lead() -> None:
        one.leader.close()
        other.run_sender()
        assert other.leader.held()

    channel.meanwhile = lose_the_lead
    one.run_sender()
    assert (len(webhook.delivered), _states(one)) == (1, ["sent"])


@pytest.mark.parametrize(
    ("name", "after_s", "sent"),
    [
        # its process is gone, and may be there again to say whether it was sent
        ("gone", CLAIM_S - 1, []),
        # it is not
        ("gone", CLAIM_S, ["sent"]),
        # it is this one, which has no note of having sent it
        ("a", 1, ["sent"]),
    ],
)
def test_what_a_process_left_is_sent_by_another(
    both: tuple[_Process, _Process], clock: ManualClock, name: str, after_s: float, sent: list[str]
) -> None:
    one, _ = both
    _raise_one(one)
    with one.records.writing() as connection:
        connection.execute(update(schema.alerts).values(claimed_by=name, claimed_at=T0))
    clock.advance(after_s)
    one.run_sender()
    assert _states(one) == (sent or ["waiting"])
