"""Asks boxes for something and waits for their answer: a connection of its own to the broker, beside the intake's.

Each process hears its answers on a topic of its own, `hallwatch/1/+/+/+/answer/{name}`, so several may share the work.
Nothing is kept: a question that is lost with a connection is answered by nobody, and asked again by whoever wants to.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hall.broker import BrokerSettings, tls_context
from hall.errors import BrokerError, MessageError
from hall.messages import ReplyBody, decode
from hall.pictures import JPEG
from hall.topics import Address, answer_subscription

_log = logging.getLogger(__name__)

WAIT_S = 8.0
"""So long a box may take: it blurs a picture in less than one, and others may wait before it."""
_MAX_PACKET_BYTES = 4_000_000
_LONGEST_BREAK_S = 8
_NOBODY_LISTENS = 0x10
"""Reason code of a broker that knows of nobody who would hear it: MQTT 5, section 3.4.2.1."""


class NoAnswerError(BrokerError):
    """The box took too long."""


@dataclass(frozen=True, slots=True)
class BoxPicture:
    """A JPEG from a box, and what was said beside it: `camera`, `captured_at`, `size`."""

    jpeg: bytes
    said: Mapping[str, str]


class Boxes:
    """Asks boxes. Safe for any number of threads and event loops.

    Args:
        settings: the broker.
        wait_s: how long a box may take to answer.
    """

    def __init__(self, settings: BrokerSettings, *, wait_s: float = WAIT_S) -> None:
        self._settings, self._wait_s = settings, wait_s
        self._name = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._asked: dict[bytes, Future[BoxPicture | ReplyBody]] = {}
        self._sent: dict[int, bytes] = {}
        self._running = False
        self.trouble: str | None = "not connected yet"
        """Why nobody can be asked now; None while the broker is there."""
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"hallwatch-ask-{self._name}", protocol=MQTTv5)
        if settings.username is not None:
            password = None if settings.password is None else settings.password.get_secret_value()
            client.username_pw_set(settings.username, password)
        context = tls_context(settings)
        if context is not None:
            client.tls_set_context(context)
        client.reconnect_delay_set(1, _LONGEST_BREAK_S)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_disconnect = self._lost
        client.on_message = self._came
        self._client = client

    def start(self) -> None:
        """Connect, and again whenever the connection is lost."""
        self._running = True
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        self._client.connect_async(self._settings.host, self._settings.port, properties=properties)
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker; whoever still waits hears so."""
        was_running, self._running = self._running, False
        self.trouble = "the centre is stopping"
        if was_running:
            self._client.disconnect()
            self._client.loop_stop()
        self._give_up(self.trouble)

    async def ask(
        self,
        address: Address,
        kind: str,
        payload: bytes,
        said: Mapping[str, str] | None = None,
        *,
        wait_s: float | None = None,
    ) -> BoxPicture | ReplyBody:
        """Ask a box, and wait for what it says. The event loop goes on meanwhile.

        Args:
            address: the box.
            kind: of the topic, such as `frame/get`.
            payload: the question.
            said: user properties of it.
            wait_s: how long the box may take; what the constructor was told where left out.

        Raises:
            BrokerError: the broker is away, or lets nobody ask, or no box listens there.
            NoAnswerError: nothing came in time.
        """
        if self.trouble is not None:
            raise BrokerError(f"broker {self._settings.address}: {self.trouble}")
        correlation = uuid.uuid4().hex.encode()
        wait_s = self._wait_s if wait_s is None else wait_s
        future = self._send(address, kind, payload, correlation, said or {})
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), wait_s)
        except TimeoutError as exc:
            raise NoAnswerError(f"{address}: no answer within {wait_s:g} s") from exc
        finally:
            with self._lock:
                self._asked.pop(correlation, None)

    def _send(
        self, address: Address, kind: str, payload: bytes, correlation: bytes, said: Mapping[str, str]
    ) -> Future[BoxPicture | ReplyBody]:
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = address.topic(f"answer/{self._name}")
        properties.CorrelationData = correlation
        for pair in said.items():
            properties.UserProperty = pair
        future: Future[BoxPicture | ReplyBody] = Future()
        with self._lock:
            self._asked[correlation] = future
            sent = self._client.publish(address.topic(kind), payload, qos=1, properties=properties)
            self._sent[sent.mid] = correlation
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(correlation, f"broker {self._settings.address}: connection lost ({sent.rc.name})")
        return future

    def _end(self, correlation: bytes, error: str) -> None:
        with self._lock:
            future = self._asked.pop(correlation, None)
        # One that nobody waits for any more is cancelled.
        if future is not None and future.set_running_or_notify_cancel():
            future.set_exception(BrokerError(error))

    def _give_up(self, why: str) -> None:
        with self._lock:
            waiting = list(self._asked)
            self._sent.clear()
        for correlation in waiting:
            self._end(correlation, f"broker {self._settings.address}: {why}")

    # --- what paho calls, in its thread

    def _connected(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._complain(f"refused: {reason}")
            return
        client.subscribe(answer_subscription(self._name), options=SubscribeOptions(qos=1))

    def _subscribed(self, _client: Client, _data: Any, _mid: int, reasons: Sequence[ReasonCode], _more: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._complain("answers of boxes may not be read; does its access list allow hallwatch/1/+/+/+/answer/#?")
            return
        self.trouble = None

    def _published(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        with self._lock:
            correlation = self._sent.pop(mid, None)
        if correlation is None:
            return
        if reason.is_failure:
            told = "does its access list let the centre ask? See docs/mqtt.md"
            self._end(correlation, f"broker {self._settings.address} refuses the question: {reason}; {told}")
        elif reason.value == _NOBODY_LISTENS:
            self._end(correlation, "no box listens there: it is away, or of a version that cannot answer")

    def _lost(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if self._running:
            self._complain(f"connection lost: {reason}")
            self._give_up(f"connection lost: {reason}")

    def _complain(self, why: str) -> None:
        if why != self.trouble:
            _log.warning("boxes cannot be asked: broker %s: %s", self._settings.address, why)
        self.trouble = why

    def _came(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        with self._lock:
            future = None if correlation is None else self._asked.pop(correlation, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(_answer(message))
        except MessageError as exc:
            future.set_exception(BrokerError(f"{message.topic}: {exc}"))


def _answer(message: MQTTMessage) -> BoxPicture | ReplyBody:
    payload = bytes(message.payload)
    if getattr(message.properties, "ContentType", None) == JPEG:
        return BoxPicture(payload, dict(getattr(message.properties, "UserProperty", ())))
    body = decode(payload, "reply").body
    if not isinstance(body, ReplyBody):
        raise MessageError("kind", f"found {type(body).__name__}; expected a reply or a picture")
    return body
