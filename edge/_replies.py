"""What a box answers to those who asked: by words, on `reply` or where they wanted it, or with a picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge._connection import Connection
from hall.clock import Clock
from hall.messages import Refusal, ReplyBody, compose, correlation_text, encode
from hall.pictures import JPEG, MAX_PICTURE_BYTES
from hall.topics import Address

_WAITING = 16
"""So many wait for a broker that is away; older ones go."""


@dataclass(frozen=True, slots=True)
class Request:
    """Something that a box was asked for.

    Attributes:
        kind: of the topic, such as `frame/get`.
        payload: as it came.
        correlation: what the answer must carry.
        to: where the answer goes; None: on `reply`.
    """

    kind: str
    payload: bytes
    correlation: bytes | None = None
    to: str | None = None

    def refused(self, error: str, reason: Refusal | None = None) -> Reply:
        """The answer that there is none."""
        correlation = correlation_text(self.correlation)
        body = ReplyBody(self.kind, accepted=False, correlation=correlation, error=error, reason=reason)
        return Reply(body, self.correlation, self.to)


@dataclass(frozen=True, slots=True)
class Picture:
    """An answer that is a JPEG, and what is said beside it as user properties."""

    request: Request
    jpeg: bytes
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in words."""

    body: ReplyBody
    correlation: bytes | None = None
    to: str | None = None


class Replies:
    """The answers that wait. Filled from any thread, sent by the publisher's.

    Args:
        address: the node.
        boot: id of this run.
        clock: for the time in a reply.
    """

    def __init__(self, address: Address, boot: str, clock: Clock) -> None:
        self._address, self._boot, self._clock = address, boot, clock
        self._waiting: deque[Reply | Picture] = deque(maxlen=_WAITING)

    def put(self, answer: Reply | Picture) -> None:
        """Have something answered."""
        self._waiting.append(answer)

    def send(self, connection: Connection) -> None:
        """Hand over what waits.

        Raises:
            LinkError: the session has ended.
        """
        while self._waiting:
            answer = self._waiting[0]
            told = self._show(connection, answer) if isinstance(answer, Picture) else answer
            if told is not None:
                self._say(connection, told)
            self._waiting.popleft()

    def _say(self, connection: Connection, reply: Reply) -> None:
        message = compose(self._address, self._boot, 0, self._clock.now(), reply.body)
        connection.publish(reply.to or message.topic, encode(message), retain=False, correlation=reply.correlation)

    def _show(self, connection: Connection, picture: Picture) -> Reply | None:
        """Send a picture; where it cannot be, what is said instead."""
        request, size = picture.request, len(picture.jpeg)
        if request.to is None:
            return request.refused(f"{request.kind}: found no response topic; expected one below answer/ of this box")
        if size > MAX_PICTURE_BYTES or not connection.fits(request.to, picture.jpeg):
            return request.refused(f"{request.kind}: the picture has {size} bytes, more than the broker takes")
        connection.publish(
            request.to,
            picture.jpeg,
            retain=False,
            correlation=request.correlation,
            content_type=JPEG,
            said=picture.said,
        )
        return None
