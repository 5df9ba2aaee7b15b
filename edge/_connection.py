"""One MQTT session, driven by the thread that uses it.

paho's own thread would resend and reorder behind the outbox; here a fresh client serves each session through
paho's calls for foreign event loops, so that nothing but the outbox outlives a connection.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from paho.mqtt.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    MQTTv5,
    WebsocketConnectionError,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hall.broker import BrokerSettings
from hall.errors import BrokerError
from hall.wake import Wake, wait_for

KEEPALIVE_S = 15
"""A box that loses power is reported offline after one and a half of these."""

_ANSWER_S = 5.0
"""How long the broker may take to accept a connection."""

_TICK_S = 1.0
"""How often paho looks after its keep-alive."""

_OVERHEAD_BYTES = 64
"""More than the header of a message takes beside topic and payload."""

_REFUSALS = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x8E, 0x95, 0x98, 0x9D})
"""Reason codes that stay until a person has done something: MQTT 5, section 2.4. The others pass by themselves."""

Acknowledged = Callable[[int, ReasonCode], None]
"""Told the packet id and the broker's verdict."""

Arrived = Callable[[MQTTMessage], None]
"""Told a message that came for a subscription, within `turn`; the broker counts it as delivered afterwards."""


class LinkError(BrokerError):
    """The session has ended or never began. `refused`: trying again soon is no use."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        self.refused = refused
        super().__init__(message)


class Connection:
    """One session. Not thread-safe: everything runs in the thread that calls.

    Args:
        settings: the broker.
        tls: of `hall.broker.tls_context`.
        client_id: the broker ends an older session of the same id.
        will: topic and payload that the broker publishes, retained, when the session breaks.
        window: messages that may wait for their acknowledgement.
        on_ack: told each acknowledgement, within `turn`.
        on_arrival: told what comes for `subscribe`.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        tls: ssl.SSLContext | None,
        *,
        client_id: str,
        will: tuple[str, bytes],
        window: int,
        on_ack: Acknowledged,
        on_arrival: Arrived | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._on_ack = on_ack
        self._connected = False
        self._error: LinkError | None = None
        self.window = window
        self._largest_bytes: int | None = None
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
        client.max_inflight_messages = window
        client.max_queued_messages = window
        client.connect_timeout = _ANSWER_S
        if settings.username is not None:
            password = settings.password
            client.username_pw_set(settings.username, password.get_secret_value() if password else None)
        if tls is not None:
            client.tls_set_context(tls)
        client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = self._connack
        client.on_publish = self._puback
        client.on_disconnect = self._ended
        if on_arrival is not None:
            client.on_message = lambda _client, _data, message: on_arrival(message)
        self._client = client

    def open(self) -> None:
        """Connect and wait until the broker has accepted.

        Raises:
            LinkError: it is away, silent or refuses.
        """
        try:
            self._client.connect(self._settings.host, self._settings.port, keepalive=KEEPALIVE_S, clean_start=True)
        except (OSError, WebsocketConnectionError, ValueError) as exc:
            raise LinkError(f"{self._settings.address}: {exc}") from exc
        deadline = time.monotonic() + _ANSWER_S
        while not self._connected:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self._settings.address}: no answer within {_ANSWER_S:g} s; is it a broker?")
            self.turn(left)

    def fits(self, topic: str, payload: bytes) -> bool:
        """Whether the broker takes a message of this size."""
        size = len(topic.encode()) + len(payload) + _OVERHEAD_BYTES
        return self._largest_bytes is None or size <= self._largest_bytes

    def subscribe(self, topic: str) -> None:
        """Ask for what comes on a topic, with QoS 1; a broker that refuses it says so in its own log.

        Raises:
            LinkError: the session has ended.
        """
        code, _ = self._client.subscribe(topic, qos=1)
        self._check(code)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool,
        correlation: bytes | None = None,
        content_type: str | None = None,
        said: Mapping[str, str] | None = None,
    ) -> int:
        """Hand over a message with QoS 1; the packet id that its acknowledgement will have.

        Args:
            topic: where to.
            payload: what.
            retain: whether it stands at the broker.
            correlation: correlation data of the request that it answers.
            content_type: of the payload, where it is not our JSON.
            said: user properties.

        Raises:
            LinkError: the session has ended.
        """
        properties = None
        if correlation is not None or content_type is not None or said:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            if correlation is not None:
                properties.CorrelationData = correlation
            if content_type is not None:
                properties.ContentType = content_type
            for pair in (said or {}).items():
                properties.UserProperty = pair
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._check(info.rc)
        return info.mid

    def turn(self, timeout_s: float, wake: Wake | None = None) -> None:
        """Wait for the network, for `wake` or for the time to pass, and do what is due.

        Raises:
            LinkError: the session has ended.
        """
        sock: Any = self._client.socket()
        if sock is None:
            self._check(MQTTErrorCode.MQTT_ERR_NO_CONN)
        readable, writable = wait_for(sock, min(timeout_s, _TICK_S), wake, write=self._client.want_write())
        if readable:
            self._check(self._client.loop_read())
        if writable:
            self._check(self._client.loop_write())
        self._check(self._client.loop_misc())

    def close(self) -> None:
        """Leave in good order, so that no will is sent; never raises."""
        if self._connected:
            self._client.disconnect()
        self.drop()

    def drop(self) -> None:
        """Cut the connection where it still stands; the broker sends the will."""
        sock: Any = self._client.socket()
        if sock is not None:
            sock.close()

    def _check(self, code: MQTTErrorCode) -> None:
        if self._error is not None:
            raise self._error
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"{self._settings.address}: connection lost ({code.name})")

    # --- what paho calls, within `turn` and `publish`

    def _connack(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            who = f" for user {self._settings.username!r}" if self._settings.username else ""
            self._error = LinkError(
                f"{self._settings.address} refuses{who}: {reason}", refused=reason.value in _REFUSALS
            )
            return
        self._connected = True
        self.window = min(self.window, getattr(properties, "ReceiveMaximum", self.window))
        self._largest_bytes = getattr(properties, "MaximumPacketSize", None)

    def _puback(self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties) -> None:
        self._on_ack(mid, reason)

    def _ended(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._connected = False
        if self._error is not None:
            return
        if not flags.is_disconnect_packet_from_server:
            self._error = LinkError(f"{self._settings.address}: connection lost ({reason})")
            return
        hint = f"; another process uses the id {self._client_id}" if reason == "Session taken over" else ""
        self._error = LinkError(
            f"{self._settings.address} ended the session: {reason}{hint}", refused=reason.value in _REFUSALS
        )
