"""What the broker delivers, and the checks it must pass before it counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from hall.clock import Instant
from hall.errors import MessageError
from hall.layout import Hall
from hall.messages import MAX_BYTES, ClipBody, EventBody, Message, SessionBody, StateBody, StayBody, decode
from hall.topics import parse_topic
from ingest.dead_letters import KEPT_BYTES, DeadLetter

MAX_AHEAD_S = 86_400.0
"""A time further in the future than this comes from a clock that is wrong."""

_EARLIEST: Instant = 946_684_800.0  # 2000-01-01: no clock that was ever set says less
_MAX_ID = 64


class Asked(msgspec.Struct, frozen=True):
    """What an MQTT 5 message says beside its payload.

    Attributes:
        response_topic: where an answer goes; None where none is wanted.
        correlation: what the answer must carry, so that it is known for one.
        user: user properties, in order; a name may come more than once.
    """

    response_topic: str | None
    correlation: bytes | None
    user: tuple[tuple[str, str], ...] = ()


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One MQTT message. An oversized payload is cut to its beginning; `size_bytes` is that of the whole.

    `packet_id` is what it is to be acknowledged by; 0 where it is not.
    """

    topic: str
    payload: bytes
    size_bytes: int
    received_at: Instant
    asked: Asked | None = None
    packet_id: int = 0

    @classmethod
    def of(
        cls, topic: str, payload: bytes, received_at: Instant, asked: Asked | None = None, packet_id: int = 0
    ) -> Arrival:
        """An arrival whose payload is kept only as far as it can be of use."""
        kept = payload if len(payload) <= MAX_BYTES else payload[:KEPT_BYTES]
        return cls(topic, kept, len(payload), received_at, asked, packet_id)

    def refused(self, reason: str, detail: str) -> DeadLetter:
        """The dead letter that becomes of it."""
        letter = DeadLetter.of(self.received_at, self.topic, reason, detail, self.payload)
        return DeadLetter(letter.received_at, letter.topic, reason, letter.detail, self.size_bytes, letter.payload)


def read_arrival(arrival: Arrival, halls: Mapping[str, Hall]) -> Message:
    """The message in an arrival.

    Raises:
        MessageError: it is none, or not what its topic says, or its node is not in `halls`, where there are some;
            besides the reasons of `hall.messages.decode`: `topic`, `node`, `clock`.
    """
    if arrival.size_bytes > MAX_BYTES:
        raise MessageError("oversized", f"{arrival.size_bytes} bytes; expected {MAX_BYTES} at most")
    # PostgreSQL keeps no text with it. Two searches, for that of one byte is fast and finds nothing in most messages.
    if b"\\" in arrival.payload and b"\\u0000" in arrival.payload:
        raise MessageError("malformed", "a text with the character NUL; expected none")
    address, kind = parse_topic(arrival.topic)
    message = decode(arrival.payload, kind)
    if message.kind != kind or (message.hall, message.floor, message.node) != (
        address.hall,
        address.floor,
        address.node,
    ):
        raise MessageError("topic", f"the envelope says {message.address}/{message.kind}; expected the topic's")
    if halls:
        _check_node(message, halls)
    _check_numbers(message)
    _check_times(message, arrival.received_at)
    return message


def _check_node(message: Message, halls: Mapping[str, Hall]) -> None:
    if (hall := halls.get(message.hall)) is None:
        raise MessageError("node", f"hall {message.hall} is in no hall file; expected {', '.join(sorted(halls))}")
    floor = hall.floor_of(message.node)
    if floor is None or floor.id != message.floor:
        nodes = ", ".join(f"{message.hall}/{f.id}/{node}" for f in hall.floors for node in f.nodes)
        raise MessageError("node", f"node {message.address} is not in the hall file; expected {nodes}")


def _check_numbers(message: Message) -> None:
    if message.seq < 0 or not 0 < len(message.boot) <= _MAX_ID:
        raise MessageError(
            "malformed",
            f"boot of {len(message.boot)} characters, seq {message.seq}; expected 1 to {_MAX_ID}, 0 or more",
        )
    match message.body:
        case EventBody(event_id=identity):
            _check_ids(identity)
        case SessionBody(session_id=identity, window=place) | StayBody(stay_id=identity, zone=place):
            _check_ids(identity, place)


def _check_ids(*ids: str) -> None:
    for identity in ids:
        if not 0 < len(identity) <= _MAX_ID:
            raise MessageError("body", f"id of {len(identity)} characters; expected 1 to {_MAX_ID}")


def _check_times(message: Message, now: Instant) -> None:
    _check_time("captured_at", message.captured_at, now)
    match message.body:
        case EventBody() | ClipBody() | SessionBody() | StayBody() as body:
            _check_time("started_at", body.started_at, now)
            if body.ended_at is not None:
                _check_time("ended_at", body.ended_at, now)
        case StateBody() as body:
            if moments := [window.clerk_since for window in body.windows if window.clerk_since is not None]:
                _check_time("clerk_since", min(moments), now)
                _check_time("clerk_since", max(moments), now)
        case _:
            pass


def _check_time(name: str, moment: datetime, now: Instant) -> None:
    if not _EARLIEST <= moment.timestamp() <= now + MAX_AHEAD_S:
        raise MessageError("clock", f"{name} {moment.isoformat()}; expected a time from 2000 to tomorrow")
