"""One connection to the broker by paho, driven by the thread that uses it.

With paho's own thread every message would change hands, and both threads would wait for the interpreter's lock at each
of the small reads that make a message. So the thread that works is the one that reads, by paho's calls for foreign
event loops. A fresh client serves each connection: no acknowledgement goes by another one than its message came by.

A message of paho holds some seventy objects that say what properties there may be. So only an `Arrival` is kept of it.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from paho.mqtt.client import Client, DisconnectFlags, MQTTMessage, MQTTv5, WebsocketConnectionError
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hall.broker import BrokerSettings
from hall.clock import Clock, Instant
from hall.errors import BrokerError
from hall.wake import Wake, wait_for
from ingest.arrivals import Arrival, Asked

_log = logging.getLogger(__name__)

SESSION_EXPIRY_S = 7 * 86_400
MAX_PACKET_BYTES = 16_000_000
"""What is larger the broker does not send; what is larger than a message may be becomes a dead letter."""

KEEPALIVE_S = 30
_STALL_S = 10.0
"""An answer that takes longer will not come."""

_LOST = {
    MQTTErrorCode.MQTT_ERR_CONN_LOST: "the broker closed it",
    MQTTErrorCode.MQTT_ERR_NO_CONN: "the broker closed it",
    MQTTErrorCode.MQTT_ERR_PROTOCOL: "what came is no MQTT 5",
}


class Answer(NamedTuple):
    """Something to publish, with the correlation data of the request that it answers."""

    topic: str
    payload: bytes
    correlation: bytes | None = None
    retain: bool = False


class Link:
    """A connection with a session that the broker keeps. Not thread-safe, but for the `Wake`.

    Args:
        settings: the broker.
        context: of `hall.broker.tls_context`.
        client_id: names the session.
        receive_maximum: messages that may be on their way without being acknowledged.
        wake: ends the wait of `receive`.
        clock: when messages came, and for how long an answer is waited for.
        keepalive_s: a connection on which nothing is heard for twice as long is lost.

    Raises:
        BrokerError: the broker is away, or does not let us in.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        context: ssl.SSLContext | None,
        client_id: str,
        receive_maximum: int,
        wake: Wake,
        clock: Clock,
        *,
        keepalive_s: int = KEEPALIVE_S,
    ) -> None:
        self._wake = wake
        self._clock = clock
        self._tick_s = keepalive_s / 4
        self._receive_maximum = receive_maximum
        self._arrived: list[Arrival] = []
        self._arrived_bytes = 0
        self._published: dict[int, Answer] = {}
        self._topics: Sequence[str] = ()
        self._error: BrokerError | None = None
        self._accepted = False
        self.is_subscribed = False
        """Whether the broker has taken our subscription."""
        self._client = self._make_client(settings, context, client_id)
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = receive_maximum
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        try:
            self._client.connect(settings.host, settings.port, keepalive_s, clean_start=False, properties=properties)
        except ssl.SSLError as exc:
            raise BrokerError(f"no TLS: {exc}") from exc
        except (OSError, WebsocketConnectionError, ValueError) as exc:
            raise BrokerError(f"not reachable: {getattr(exc, 'strerror', None) or exc}") from exc
        try:
            self._expect_acceptance()
        except BaseException:
            self.close()
            raise

    def _make_client(self, settings: BrokerSettings, context: ssl.SSLContext | None, client_id: str) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _STALL_S
        if settings.username is not None:
            password = settings.password
            client.username_pw_set(settings.username, password.get_secret_value() if password else None)
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _expect_acceptance(self) -> None:
        deadline = self._clock.monotonic() + _STALL_S
        while not self._accepted:
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0:
                raise BrokerError(f"no answer within {_STALL_S:.0f} s; is it a broker?")
            self._turn(left_s, 1, 1)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for messages with QoS 1. Those of a kept session may come before the answer, which `receive` reads.

        Retained messages come with a new subscription only, and what this link publishes does not come back, but to
        a shared subscription.

        Raises:
            BrokerError: the connection is lost.
        """
        self._topics = topics
        wanted = [(topic, _options(topic)) for topic in topics]
        code, _ = self._client.subscribe(wanted)
        self._check(code)

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Ask for no more of these; what waits in the session comes all the same.

        Raises:
            BrokerError: the connection is lost.
        """
        self._check(self._client.unsubscribe(list(topics))[0])

    def receive(self, wait_s: float, most: int, most_bytes: int) -> list[Arrival]:
        """What has arrived, or arrives within `wait_s`; as soon as there is anything, and about so much of it at most.

        It also ends as soon as `is_subscribed` changes.

        Raises:
            BrokerError: the connection is lost, or the subscription refused.
        """
        was_subscribed = self.is_subscribed
        self._read(most, most_bytes)
        if self._arrived or wait_s <= 0 or self.is_subscribed != was_subscribed:
            self._look_after()
        else:
            self._turn(wait_s, most, most_bytes)
        arrived, self._arrived, self._arrived_bytes = self._arrived, [], 0
        return arrived

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        """Tell the broker that it may forget these messages.

        Raises:
            BrokerError: the connection is lost.
        """
        self._cork(on=True)  # many acknowledgements fit into a packet of TCP
        for packet_id in packet_ids:
            self._check(self._client.ack(packet_id, 1))
        self._cork(on=False)

    def publish(self, answer: Answer) -> None:
        """Publish with QoS 1. What the broker has not taken yet is in `unpublished`.

        Raises:
            BrokerError: the connection is lost.
        """
        properties = None
        if answer.correlation is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = answer.correlation
        sent = self._client.publish(answer.topic, answer.payload, 1, answer.retain, properties)
        self._published[sent.mid] = answer
        self._check(sent.rc)

    @property
    def unpublished(self) -> list[Answer]:
        """What was published and not taken yet, in order."""
        return list(self._published.values())

    def keep_alive(self) -> None:
        """Let the broker know that we are there. What it says meanwhile is kept for `receive`.

        Raises:
            BrokerError: the connection is lost.
        """
        self._read(self._receive_maximum, MAX_PACKET_BYTES)
        self._look_after()

    def leave(self) -> None:
        """Say what is left to say, and goodbye. The session stays at the broker."""
        deadline = self._clock.monotonic() + _STALL_S
        try:
            self._client.disconnect()
            while self._client.want_write() and self._clock.monotonic() < deadline:
                self._turn(self._tick_s, 1, 1)
        except BrokerError:
            return  # it is lost already, or said goodbye first

    def close(self) -> None:
        """Close the connection."""
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    def _turn(self, wait_s: float, most: int, most_bytes: int) -> None:
        """Wait for the network, for `wake` or for the time to pass, and do what is due."""
        sock: Any = self._client.socket()
        if sock is None:
            self._check(MQTTErrorCode.MQTT_ERR_NO_CONN)
        readable, _ = wait_for(sock, min(wait_s, self._tick_s), self._wake, write=self._client.want_write())
        if readable:
            self._read(most, most_bytes)
        self._look_after()

    def _read(self, most: int, most_bytes: int) -> None:
        """Read what is there; paho reads one packet at a time."""
        read, arrived = self._client.loop_read, self._arrived
        count = -1
        while count < len(arrived) < most and self._arrived_bytes < most_bytes:
            count = len(arrived)
            self._check(read())

    def _look_after(self) -> None:
        if self._client.want_write():
            self._check(self._client.loop_write())
        self._check(self._client.loop_misc())

    def _check(self, code: MQTTErrorCode) -> None:
        if self._error is not None:
            raise self._error
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"connection lost: {_LOST.get(code, code.name)}")

    def _cork(self, *, on: bool) -> None:
        sock: Any = self._client.socket()
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))

    # --- what paho calls, within the calls above

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            needed = ": MQTT 5 is needed" if reason == "Unsupported protocol version" else ""
            self._error = BrokerError(f"refused: {reason}{needed}")
        self._accepted = True

    def _on_subscribe(
        self, _client: Client, _data: Any, _packet_id: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        for topic, reason in zip(self._topics, reasons, strict=False):
            if reason.is_failure:
                self._error = BrokerError(f"subscription to {topic} refused: {reason}; does the broker's ACL allow it?")
                return
        self.is_subscribed = True

    def _on_publish(self, _client: Client, _data: Any, packet_id: int, reason: ReasonCode, _properties: Any) -> None:
        answer = self._published.pop(packet_id, None)
        if answer is not None and reason.is_failure:
            _log.warning("the broker refuses an answer on %s: %s; does its ACL allow it?", answer.topic, reason)

    def _on_disconnect(
        self, _client: Client, _data: Any, flags: DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        if self._error is not None:
            return
        if flags.is_disconnect_packet_from_server:
            hint = " by another client of the same name" if reason == "Session taken over" else ""
            self._error = BrokerError(f"connection lost: {reason}{hint}")
        elif reason == "Keep alive timeout":
            self._error = BrokerError("connection lost: nothing heard from the broker")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._arrived.append(_arrival(message, self._clock.now()))
        self._arrived_bytes += len(message.payload)


def _arrival(message: MQTTMessage, now: Instant) -> Arrival:
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic = "(not UTF-8)"
    properties = message.properties
    to = getattr(properties, "ResponseTopic", None)
    correlation = getattr(properties, "CorrelationData", None)
    user = getattr(properties, "UserProperty", ())
    asked = None if to is None and correlation is None and not user else Asked(to, correlation, tuple(user))
    return Arrival.of(topic, bytes(message.payload), now, asked, message.mid if message.qos else 0)


def _options(topic: str) -> SubscribeOptions:
    # MQTT 5 forbids noLocal with a shared subscription (3.8.3.1).
    return SubscribeOptions(
        qos=1, noLocal=not topic.startswith("$share/"), retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
    )
