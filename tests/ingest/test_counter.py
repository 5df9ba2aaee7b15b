"""Requests of other systems by MQTT: a real broker, a centre, replies, and duty commands handed to a box."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.duty import decode_table
from hall.layout import Hall
from hall.topics import parse_input_topic, reply_topic
from ingest._tables_inputs import tickets
from ingest.duty_forwarder import DutyForwarder
from ingest.input_book import InputBook, Sender
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.records import Records
from ingest.schema import dead_letters
from ingest.service import Centre
from tests.support.centre import T0
from tests.support.machine import Machine
from tests.support.mqtt import Received, Recorder, recording, retained
from tests.support.servers import Server, wait_until

TAKEN = {"key": "t-1", "ticket": "A012", "event": "taken"}


@contextmanager
def centre_at(folder: Path, broker: Server, hall: Hall) -> Iterator[Centre]:
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    with Centre([hall], settings, records=f"sqlite:///{folder}/records.db") as running:
        assert running.wait_connected()
        yield running


@pytest.fixture
def machine(broker: Server) -> Iterator[Machine]:
    made = Machine(broker.port)
    yield made
    made.close()


@pytest.fixture
def heard(broker: Server) -> Iterator[Recorder]:
    with recording(broker.port, "hallwatch/1/demo/reply/#") as recorder:
        yield recorder


def replies(heard: Recorder, count: int) -> list[Received]:
    heard.wait(lambda got: len(got) >= count, f"{count} replies")
    return heard.received


def test_a_request_is_answered(tmp_path: Path, broker: Server, hall: Hall, machine: Machine, heard: Recorder) -> None:
    with centre_at(tmp_path, broker, hall) as centre:
        machine.ask("ticket", TAKEN, b"req-1")
        machine.ask("ticket", TAKEN, b"\xff\x00", "hallwatch/1/demo/reply/machine-1")
        machine.ask("ticket", {"key": "t-2", "ticket": "A012", "event": "called", "phone": "13812345678"}, b"req-3")
        machine.ask("ticket", b"{", b"req-4", "somewhere/else")
        machine.ask("rating", {"key": "r-1", "window": "w01", "score": 5})
        found = replies(heard, 5)
        with centre.records.reading() as connection:
            assert connection.execute(select(tickets.c.ticket)).scalars().all() == ["A012"]
            letters = connection.execute(select(dead_letters.c.topic, dead_letters.c.payload)).all()
    taken = {"request": "ticket", "accepted": True, "key": "t-1", "error": None}
    said = [json.loads(one.payload) for one in found]
    assert said[0] == taken | {"correlation": "req-1"}
    assert said[1] == taken | {"correlation": "ff00"}
    assert (said[2]["accepted"], said[2]["key"], said[2]["correlation"]) == (False, "t-2", "req-3")
    assert "window: found nothing" not in said[2]["error"]  # keys that nobody asked for are said first
    assert "phone: found a key; expected no such key" in said[2]["error"]
    assert (said[3]["accepted"], said[3]["key"]) == (False, None)
    assert said[4] == {"request": "rating", "accepted": True, "key": "r-1", "error": None, "correlation": None}
    own, named = "hallwatch/1/demo/reply", "hallwatch/1/demo/reply/machine-1"
    assert [one.topic for one in found] == [own, named, own, own, own]
    assert [one.correlation for one in found] == [b"req-1", b"\xff\x00", b"req-3", b"req-4", None]
    assert [topic for topic, _ in letters] == ["hallwatch/1/demo/ticket"] * 2
    assert b"13812345678" not in b"".join(payload for _, payload in letters)


def test_a_request_that_finds_the_centre_away_is_answered_later(
    tmp_path: Path, broker: Server, hall: Hall, machine: Machine, heard: Recorder
) -> None:
    with centre_at(tmp_path, broker, hall):
        pass
    machine.ask("ticket", TAKEN, b"1")
    with centre_at(tmp_path, broker, hall):
        assert replies(heard, 1)[0].correlation == b"1"


def test_a_duty_command_stands_at_the_broker_for_the_box(
    tmp_path: Path, broker: Server, hall: Hall, machine: Machine, heard: Recorder
) -> None:
    topic = "hallwatch/1/demo/f1/edge-f1/duty/set"
    with centre_at(tmp_path, broker, hall) as centre:
        machine.ask("duty/set", {"key": "d-1", "window": "w01", "duty": "paused", "by": "caller-1"})
        assert json.loads(replies(heard, 1)[0].payload)["accepted"]
        wait_until(lambda: topic in retained(broker.port, "hallwatch/#"), "the table is retained")
        centre.inputs.take("duty/set", b'{"key": "d-2", "window": "w01", "duty": "open"}', Sender("demo", "x", "li"))
        wait_until(lambda: _table(broker, topic).revision == 2, "the next one replaces it")
    table = _table(broker, topic)
    assert [(command.window, command.duty) for command in table.commands] == [("w01", "paused"), ("w01", "open")]


def _table(broker: Server, topic: str) -> Any:
    return decode_table(retained(broker.port, "hallwatch/#")[topic].payload)


def test_each_table_is_published_once_and_again_after_a_start(records: Records, metrics: Metrics, hall: Hall) -> None:
    clock, places, told = ManualClock(T0), Places(hall), list[str]()
    book = InputBook(records, None, metrics, clock, places)

    def forwarder() -> DutyForwarder:
        leader = Leader(records, metrics, clock)
        return DutyForwarder(records, leader, clock, places, lambda topic, _payload: told.append(topic))

    first = forwarder()
    first.forward()
    assert told == []
    book.take("duty/set", b'{"key": "1", "window": "w01", "duty": "paused"}', Sender("demo", "x"))
    first.forward()
    first.forward()
    clock.advance(3600)
    first.forward()
    assert told == ["hallwatch/1/demo/f1/edge-f1/duty/set"]
    forwarder().forward()
    assert len(told) == 2


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("hallwatch/1/demo/ticket", ("demo", "ticket")),
        ("hallwatch/1/demo/duty/set", ("demo", "duty/set")),
        # that of a box is another one
        ("hallwatch/1/demo/f1/edge-f1/duty/set", None),
        ("hallwatch/1/demo/f1/edge-f1/state", None),
        ("hallwatch/1/demo/reply", None),
        ("hallwatch/2/demo/ticket", None),
        ("hallwatch/1/d emo/ticket", None),
        ("hallwatch/1//ticket", None),
    ],
)
def test_topics_of_other_systems(topic: str, expected: tuple[str, str] | None) -> None:
    assert parse_input_topic(topic) == expected


@pytest.mark.parametrize(
    "wanted",
    [None, "", "anywhere", "hallwatch/1/other/reply/x", "hallwatch/1/demo/reply/x/y", "hallwatch/1/demo/reply/", "#",
     "hallwatch/1/demo/f1/edge-f1/config/set"],
)  # fmt: skip
def test_nobody_lets_the_centre_speak_elsewhere(wanted: str | None) -> None:
    assert reply_topic("demo", wanted) == "hallwatch/1/demo/reply"
