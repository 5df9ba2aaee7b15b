"""The few MQTT 5 packets that a subscriber needs (OASIS MQTT 5.0, chapters 2 and 3), as bytes.

The centre spends most of its time on receiving. A general client hands over one message at a time and reads each in
several small pieces from the socket; here whatever the socket holds is cut into messages in one loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from hall.errors import BrokerError

MAX_PACKET_BYTES = 16_000_000
"""What is larger the broker does not send; what is larger than a message may be becomes a dead letter."""

CONNACK, PUBLISH, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x90, 0xD0, 0xE0
PINGREQ = b"\xc0\x00"
NORMAL_DISCONNECTION = b"\xe0\x00"

_SESSION_EXPIRY, _SERVER_KEEPALIVE, _RECEIVE_MAXIMUM, _PACKET_MAXIMUM = 0x11, 0x13, 0x21, 0x27
_REASON_STRING = 0x1F
_PROPERTY_SIZES = {
    1: (0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A),
    2: (0x13, 0x21, 0x22, 0x23),
    4: (2, 0x11, 0x18, 0x27),
}
_SIZES = {code: size for size, codes in _PROPERTY_SIZES.items() for code in codes}
_TEXTS = frozenset({0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F})
_REASONS = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x84: "unsupported protocol version: MQTT 5 is needed",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8B: "server shutting down",
    0x8D: "keep alive timeout",
    0x8E: "session taken over by another client of the same name",
    0x8F: "topic filter invalid",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x97: "quota exceeded",
    0x9E: "shared subscriptions not supported",
}


class Publish(NamedTuple):
    """A message. `packet_id` is 0 where none is to be acknowledged."""

    topic: str
    payload: bytes
    packet_id: int


class Control(NamedTuple):
    """Any other packet: its type and what follows its length."""

    kind: int
    body: bytes


class PacketReader:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Publish | Control]:
        """The packets that are complete with `data`.

        Raises:
            BrokerError: this is no MQTT.
        """
        if self._rest:
            data = self._rest + data
        packets: list[Publish | Control] = []
        at, end = 0, len(data)
        while at < end:
            start, length = _length(data, at + 1)
            if length > MAX_PACKET_BYTES:
                raise BrokerError(f"a packet of {length} bytes; expected {MAX_PACKET_BYTES} at most")
            if start < 0 or start + length > end:
                break
            first = data[at]
            at = start + length
            if first & 0xF0 == PUBLISH:
                packets.append(_publish(data, start, at, first & 0x06))
            else:
                packets.append(Control(first & 0xF0, data[start:at]))
        self._rest = data[at:]
        return packets


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Where a variable byte integer ends, and its value; -1 where not all of it is there."""
    value, shift = 0, 0
    for i in range(at, min(at + 4, len(data))):
        byte = data[i]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return i + 1, value
        shift += 7
    if shift == 28:
        raise BrokerError("a packet whose length has more than four bytes; expected MQTT 5")
    return -1, 0


def _publish(data: bytes, at: int, end: int, qos: int) -> Publish:
    after = at + 2 + int.from_bytes(data[at : at + 2])
    if after + (3 if qos else 1) > end:
        raise BrokerError("a message that ends within its topic; expected MQTT 5")
    topic = data[at + 2 : after]
    packet_id = 0
    if qos:
        packet_id = data[after] << 8 | data[after + 1]
        after += 2
    start, properties = _length(data, after)
    if start < 0 or start + properties > end:
        raise BrokerError("a message that ends within its properties; expected MQTT 5")
    try:
        name = topic.decode()
    except UnicodeDecodeError:
        name = "(not UTF-8)"
    return Publish(name, data[start + properties : end], packet_id)


def connect(
    client_id: str,
    *,
    username: str | None,
    password: str | None,
    keepalive_s: int,
    session_expiry_s: int,
    receive_maximum: int,
) -> bytes:
    """CONNECT to a session that the broker keeps."""
    properties = struct.pack(
        ">BIBHBI",
        *(_SESSION_EXPIRY, session_expiry_s),
        *(_RECEIVE_MAXIMUM, receive_maximum),
        *(_PACKET_MAXIMUM, MAX_PACKET_BYTES),
    )
    flags = (0x80 if username is not None else 0) | (0x40 if password is not None else 0)
    head = _text("MQTT") + struct.pack(">BBH", 5, flags, keepalive_s)
    secrets = b"".join(_text(text) for text in (username, password) if text is not None)
    return _packet(0x10, head + _varint(len(properties)) + properties + _text(client_id) + secrets)


def subscribe(topic: str) -> bytes:
    """SUBSCRIBE with QoS 1. Retained messages come with a new subscription only, not with each connection."""
    return _packet(0x82, struct.pack(">HB", 1, 0) + _text(topic) + b"\x11")


def acknowledge(packet_ids: Iterable[int]) -> bytes:
    """A PUBACK for each message."""
    return b"".join([b"@\x02" + packet_id.to_bytes(2) for packet_id in packet_ids])


def refusal(packet: Control) -> str | None:
    """What a CONNACK, SUBACK or DISCONNECT says is wrong; None where all is well.

    Raises:
        BrokerError: it is too short.
    """
    body = packet.body
    try:
        if packet.kind == CONNACK:
            return _reason(body[1], body[2:])
        if packet.kind == SUBACK:
            start, length = _length(body, 2)
            if start < 0:
                raise _too_short()
            return _reason(max(body[start + length :]), body[2:])
        return _reason(body[0] if body else 0x80, body[1:]) or "the broker ended the connection"
    except (IndexError, ValueError) as exc:
        raise _too_short() from exc


def _too_short() -> BrokerError:
    return BrokerError("an answer that ends too early; expected MQTT 5")


def server_keepalive_s(connack: Control) -> int | None:
    """The keep-alive that the broker asks for in place of ours."""
    value = _properties(connack.body[2:]).get(_SERVER_KEEPALIVE)
    return None if value is None else int.from_bytes(value)


def _reason(code: int, properties: bytes) -> str | None:
    if code < 0x80:
        return None
    said = _properties(properties).get(_REASON_STRING, b"").decode(errors="replace")
    return _REASONS.get(code, f"reason code {code:#x}") + (f" ({said[:200]})" if said else "")


def _properties(data: bytes) -> dict[int, bytes]:
    """Properties up to the first one that we do not know; it is not for us."""
    at, length = _length(data, 0)
    end = at + length
    found: dict[int, bytes] = {}
    while 0 <= at < min(end, len(data)):
        code = data[at]
        if code in _TEXTS:
            size = int.from_bytes(data[at + 1 : at + 3])
            found[code] = data[at + 3 : at + 3 + size]
            at += 3 + size
        elif code in _SIZES:
            found[code] = data[at + 1 : at + 1 + _SIZES[code]]
            at += 1 + _SIZES[code]
        else:
            break
    return found


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _varint(len(body)) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _varint(value: int) -> bytes:
    made = bytearray()
    while True:
        value, part = value >> 7, value & 0x7F
        made.append(part | (0x80 if value else 0))
        if not value:
            return bytes(made)
