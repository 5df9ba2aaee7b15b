"""Acknowledgement against a real broker; only the intake behind it is a stand-in that can fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.errors import RecordsError
from ingest.arrivals import Arrival, Asked
from ingest.metrics import Metrics
from ingest.subscriber import Subscriber
from tests.support.centre import Publisher
from tests.support.mqtt import recording
from tests.support.servers import Server, free_port, mosquitto, running, wait_until

TOPIC = "hallwatch/1/demo/f1/edge-f1/state"


@dataclass
class _Batch:
    payloads: list[bytes]
    is_safe: bool = False


class _Intake:
    """Keeps what it takes; fails while `broken`."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.asked_by: list[Asked | None] = []
        self.asked = 0
        self.broken = False

    def prepare(self, arrivals: Sequence[Arrival]) -> _Batch:
        self.asked_by += [arrival.asked for arrival in arrivals]
        return _Batch([arrival.payload for arrival in arrivals])

    def settle(self, batch: _Batch) -> None:
        self.asked += 1
        if self.broken:
            raise RecordsError("the disk is full")
        self.taken += batch.payloads


def _subscriber(port: int, intake: _Intake, metrics: Metrics) -> Subscriber:
    settings = parse_broker(f"mqtt://127.0.0.1:{port}")
    return Subscriber(settings, "centre", intake, metrics, SystemClock(), retry_s=0.05)  # type: ignore[arg-type]


def _payloads(count: int, start: int = 0) -> list[bytes]:
    return [f"{i}".encode() for i in range(start, start + count)]


def _publish(port: int, payloads: list[bytes], retain: bool = False) -> None:
    with Publisher(port) as node:
        node.send_raw(*((TOPIC, payload) for payload in payloads), retain=retain)


def test_what_is_not_on_record_is_not_acknowledged(broker: Server, metrics: Metrics) -> None:
    first = _Intake()
    subscriber = _subscriber(broker.port, first, metrics)
    subscriber.start()
    wait_until(lambda: subscriber.trouble is None, "connected")
    _publish(broker.port, _payloads(3))
    wait_until(lambda: len(first.taken) == 3, "the first three")
    first.broken = True
    _publish(broker.port, _payloads(5, 3))
    wait_until(lambda: first.asked >= 2 and subscriber.records_trouble, "it failed")
    subscriber.stop()
    # While it is away, the broker keeps what comes.
    _publish(broker.port, _payloads(4, 8))
    second = _Intake()
    again = _subscriber(broker.port, second, metrics)
    again.start()
    wait_until(lambda: len(second.taken) >= 9, "everything that was not acknowledged")
    again.stop()
    assert (first.taken, second.taken) == (_payloads(3), _payloads(9, 3))


def test_records_that_recover_lose_nothing(broker: Server, metrics: Metrics) -> None:
    intake = _Intake()
    intake.broken = True
    subscriber = _subscriber(broker.port, intake, metrics)
    subscriber.start()
    wait_until(lambda: subscriber.trouble is None, "connected")
    _publish(broker.port, _payloads(10))
    wait_until(lambda: subscriber.records_trouble == "the disk is full", "it says so")
    intake.broken = False
    wait_until(lambda: len(intake.taken) == 10, "all of them")
    assert subscriber.records_trouble is None
    subscriber.stop()
    assert intake.taken == _payloads(10)


def test_more_than_the_receive_maximum_flows(broker: Server, metrics: Metrics) -> None:
    intake = _Intake()
    subscriber = _subscriber(broker.port, intake, metrics)
    subscriber.start()
    wait_until(lambda: subscriber.trouble is None, "connected")
    _publish(broker.port, _payloads(1700))
    wait_until(lambda: len(intake.taken) == 1700, "all of them")
    subscriber.stop()
    assert intake.taken == _payloads(1700)


def test_a_broker_that_comes_late_goes_and_comes_back(
    tmp_path_factory: pytest.TempPathFactory, metrics: Metrics
) -> None:
    server = mosquitto(tmp_path_factory.mktemp("broker"), free_port())
    intake = _Intake()
    subscriber = _subscriber(server.port, intake, metrics)
    subscriber.start()
    wait_until(lambda: "not reachable" in (subscriber.trouble or ""), "it says so")
    for i in range(2):
        with running(server):
            wait_until(lambda: subscriber.trouble is None, "connected")
            _publish(server.port, _payloads(1, i))
            wait_until(lambda i=i: len(intake.taken) == i + 1, "the message")  # type: ignore[misc]
        wait_until(lambda: subscriber.trouble, "it is lost")
    subscriber.stop()
    assert intake.taken == _payloads(2)


def test_retained_messages_come_once_not_with_each_connection(broker: Server, metrics: Metrics) -> None:
    _publish(broker.port, [b"retained"], retain=True)
    for expected in ([b"retained"], []):
        intake = _Intake()
        subscriber = _subscriber(broker.port, intake, metrics)
        subscriber.start()
        wait_until(lambda s=subscriber: s.trouble is None, "connected")  # type: ignore[misc]
        _publish(broker.port, [b"live"])
        wait_until(lambda i=intake: b"live" in i.taken, "the live one")  # type: ignore[misc]
        subscriber.stop()
        assert intake.taken == [*expected, b"live"]


def test_a_request_says_where_its_answer_goes(broker: Server, metrics: Metrics) -> None:
    intake = _Intake()
    subscriber = _subscriber(broker.port, intake, metrics)
    subscriber.start()
    wait_until(lambda: subscriber.trouble is None, "connected")
    asking = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    asking.ResponseTopic, asking.CorrelationData = "hallwatch/1/demo/f1/desk/reply", b"\x00\xff1"
    asking.UserProperty = [("by", "王芳"), ("by", "desk")]
    with Publisher(broker.port) as node:
        node.send_raw((TOPIC, b"plain"))
        node.send_raw((TOPIC, b"asking"), properties=asking)
    wait_until(lambda: len(intake.taken) == 2, "both")
    subscriber.stop()
    wanted = Asked("hallwatch/1/demo/f1/desk/reply", b"\x00\xff1", (("by", "王芳"), ("by", "desk")))
    assert intake.asked_by == [None, wanted]


def test_answers_wait_for_the_broker_and_are_no_arrivals(
    tmp_path_factory: pytest.TempPathFactory, metrics: Metrics
) -> None:
    server = mosquitto(tmp_path_factory.mktemp("broker"), free_port())
    intake = _Intake()
    subscriber = _subscriber(server.port, intake, metrics)
    reply = "hallwatch/1/demo/f1/desk/reply"
    with running(server), recording(server.port) as recorder:
        for i in range(30):
            subscriber.reply(reply, f"{i}".encode(), bytes([i]))
        subscriber.start()
        recorder.wait(lambda got: len(got) == 30, "what was said before it was connected")
        subscriber.reply(reply, b"last")
        recorder.wait(lambda got: len(got) == 31, "what was said at rest")
        _publish(server.port, [b"live"])
        wait_until(lambda: intake.taken, "a message")
        subscriber.stop()
        assert [one.payload for one in recorder.received if one.topic == reply] == [b"%d" % i for i in range(30)] + [
            b"last"
        ]
        assert [one.correlation for one in recorder.received][:30] == [bytes([i]) for i in range(30)]
    assert intake.taken == [b"live"]


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0", "a" * 65_536, "\udc80"])
def test_what_cannot_be_published_is_no_answer(broker: Server, metrics: Metrics, topic: str) -> None:
    subscriber = _subscriber(broker.port, _Intake(), metrics)
    with pytest.raises(ValueError, match=r"without wildcards|surrogates"):
        subscriber.reply(topic, b"yes")
    subscriber.stop()


def test_several_topics(broker: Server, metrics: Metrics) -> None:
    intake = _Intake()
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    topics = ("hallwatch/1/+/+/+/state", "$share/centre/hallwatch/1/+/+/duty/set")
    subscriber = Subscriber(settings, "centre", intake, metrics, SystemClock(), topics=topics)  # type: ignore[arg-type]
    subscriber.start()
    wait_until(lambda: subscriber.trouble is None, "connected")
    with Publisher(broker.port) as node:
        node.send_raw((TOPIC, b"state"), ("hallwatch/1/demo/f1/duty/set", b"duty"))
    wait_until(lambda: len(intake.taken) == 2, "both")
    subscriber.stop()
    assert sorted(intake.taken) == [b"duty", b"state"]
