"""What stands on the wire, against paho's reader of the same document and against bytes of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.errors import BrokerError
from ingest import _packets
from ingest._packets import CONNACK, DISCONNECT, SUBACK, Control, PacketReader, Publish


def _publish(topic: bytes, payload: bytes, qos: int = 1, packet_id: int = 7, properties: bytes = b"") -> bytes:
    head = len(topic).to_bytes(2) + topic + (packet_id.to_bytes(2) if qos else b"")
    body = head + _packets._varint(len(properties)) + properties + payload
    return bytes([0x30 | qos << 1]) + _packets._varint(len(body)) + body


def test_a_connect_is_what_the_specification_says() -> None:
    made = _packets.connect("c", username="u", password="pw", keepalive_s=30, session_expiry_s=60, receive_maximum=500)
    assert made == (
        b"\x10\x22\x00\x04MQTT\x05\xc0\x00\x1e"  # name, version 5, user and password and no clean start, 30 s
        b"\x0d\x11\x00\x00\x00\x3c\x21\x01\xf4\x27\x00\xf4\x24\x00"  # session expiry, receive maximum, packet size
        b"\x00\x01c\x00\x01u\x00\x02pw"
    )
    assert _packets.connect(
        "c", username=None, password=None, keepalive_s=30, session_expiry_s=60, receive_maximum=1
    ).endswith(b"\x00\x01c")


def test_a_subscription_asks_for_retained_messages_once() -> None:
    assert _packets.subscribe("a/+") == b"\x82\x09\x00\x01\x00\x00\x03a/+\x11"


def test_acknowledgements() -> None:
    assert _packets.acknowledge([1, 0x1234]) == b"\x40\x02\x00\x01\x40\x02\x12\x34"


MESSAGES = [
    (b"a/b", b"payload", 1, 7, b""),
    (b"a/b", b"", 0, 0, b""),  # QoS 0 has no number
    ("hallwatch/1/大厅".encode(), b"x" * 200, 1, 65535, b""),  # two bytes of length
    (b"a", b"y" * 20_000, 1, 1, b"\x09\x00\x02id\x26\x00\x01a\x00\x01b"),  # three, and properties
]


@given(cuts=st.lists(st.integers(1, 3000), max_size=40))
def test_a_stream_cut_anywhere_gives_the_same_packets(cuts: list[int]) -> None:
    stream = b"".join(_publish(*message) for message in MESSAGES) + b"\xd0\x00"
    reader, found, at = PacketReader(), [], 0
    for cut in [*cuts, len(stream)]:
        found += reader.feed(stream[at : at + cut])
        at += cut
    wanted = [Publish(topic.decode(), payload, number) for topic, payload, _, number, _ in MESSAGES]
    assert found == [*wanted, Control(_packets.PINGRESP, b"")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes"),  # no such length
        (b"\x32\xff\xff\xff\x7f" + b"x" * 100, "268435455 bytes; expected 16000000 at most"),  # said before it is there
        (b"\x32\x04\x00\x09ab", "within its topic"),  # the topic is longer than the packet
        (b"\x32\x04\x00\x01a\x00", "within its topic"),  # no number
        (b"\x32\x00", "within its topic"),  # nothing at all
        (b"\x32\x07\x00\x01a\x00\x01\x09b", "within its properties"),
    ],
)
def test_what_is_no_mqtt_is_said(data: bytes, says: str) -> None:
    with pytest.raises(BrokerError, match=says):
        PacketReader().feed(data)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_packets_or_an_error(data: bytes) -> None:
    try:
        packets = PacketReader().feed(data)
        for packet in packets:
            if isinstance(packet, Control):
                _packets.refusal(packet)
    except BrokerError:
        pass


def test_a_topic_that_is_no_text_has_a_name_for_its_dead_letter() -> None:
    assert PacketReader().feed(_publish(b"\xff/a", b"x")) == [Publish("(not UTF-8)", b"x", 7)]


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (Control(CONNACK, b"\x00\x00\x00"), None),
        (Control(CONNACK, b"\x00\x86\x00"), "bad user name or password"),
        (Control(CONNACK, b"\x00\x99\x00"), "reason code 0x99"),
        (Control(CONNACK, b"\x00\x87\x07\x1f\x00\x04nope"), "not authorized (nope)"),
        (Control(SUBACK, b"\x00\x01\x00\x01"), None),
        (Control(SUBACK, b"\x00\x01\x00\x87"), "not authorized"),
        (Control(DISCONNECT, b"\x8e\x00"), "session taken over by another client of the same name"),
        (Control(DISCONNECT, b""), "unspecified error"),
        (Control(DISCONNECT, b"\x00"), "the broker ended the connection"),
    ],
)
def test_what_a_broker_says_is_wrong(packet: Control, says: str | None) -> None:
    assert _packets.refusal(packet) == says


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x01"])
def test_an_answer_that_is_too_short_is_an_error(body: bytes) -> None:
    with pytest.raises(BrokerError, match="too early"):
        _packets.refusal(Control(SUBACK, body))


def test_the_keepalive_of_the_broker_is_heard() -> None:
    assert _packets.server_keepalive_s(Control(CONNACK, b"\x00\x00\x03\x21\x00\x14")) is None
    assert _packets.server_keepalive_s(Control(CONNACK, b"\x00\x00\x06\x21\x00\x14\x13\x00\x0a")) == 10
