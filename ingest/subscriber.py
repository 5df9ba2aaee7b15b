"""The MQTT side: takes what nodes publish, in batches, and acknowledges a batch when it is on record.

The session is persistent, so what arrives while this process is away waits at the broker; what was delivered but
not acknowledged comes again. The broker keeps at most `RECEIVE_MAXIMUM` messages in flight, which bounds memory.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hall.broker import BrokerSettings
from hall.clock import Clock
from hall.errors import BrokerError, RecordsError
from hall.topics import SUBSCRIPTION
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.metrics import Metrics

_log = logging.getLogger(__name__)

RECEIVE_MAXIMUM = 500
SESSION_EXPIRY_S = 7 * 86_400
MAX_PACKET_BYTES = 16_000_000
"""What is larger the broker does not send; what is larger than a message may be becomes a dead letter."""

BATCH_WAIT_S = 0.05
"""How long a batch may gather: a commit costs a few milliseconds however much is in it."""

_KEEPALIVE_S = 30
_RETRY_S = 1.0
_STOP_CHECK_S = 0.1


@dataclass(frozen=True, slots=True)
class _Delivery:
    """An arrival with what its acknowledgement needs: a packet id means something in its connection only."""

    arrival: Arrival
    packet_id: int
    qos: int
    connection: int


class Subscriber:
    """Subscribes to every node and feeds the intake.

    Args:
        client_id: names the persistent session; two processes must not share one.
    """

    def __init__(
        self, settings: BrokerSettings, client_id: str, intake: Intake, metrics: Metrics, clock: Clock
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._metrics = metrics
        self._clock = clock
        self._deliveries: queue.Queue[_Delivery] = queue.Queue(maxsize=4 * RECEIVE_MAXIMUM)
        self._connection = 0
        self._said: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._consume, name="intake", daemon=True)
        self._client = self._make_client(client_id)
        self.trouble: str | None = "not connected yet"
        """Why no messages come now; None while the broker is there."""
        self.records_trouble: str | None = None
        """Why nothing can be written down now; None while it can."""

    def start(self) -> None:
        """Connect, and again whenever the connection is lost; a broker that is away is waited for."""
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            self._settings.host,
            self._settings.port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=properties,
        )
        self._thread.start()
        self._client.loop_start()

    def stop(self) -> None:
        """Take in what was delivered, acknowledge it and leave. The session stays at the broker."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self, client_id: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, manual_ack=True)
        settings = self._settings
        if settings.username is not None:
            client.username_pw_set(
                settings.username, settings.password.get_secret_value() if settings.password else None
            )
        if settings.tls:
            try:
                client.tls_set(ca_certs=str(settings.ca_file) if settings.ca_file else None)
            except OSError as exc:
                raise BrokerError(f"{settings.address}: CA file {settings.ca_file}: {exc}") from exc
        client.reconnect_delay_set(min_delay=1, max_delay=10)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # Callbacks run in paho's thread.

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._lost(f"refused: {reason}")
            return
        self._connection += 1
        # Retained messages come with a new subscription only, not each time the connection comes back.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        client.subscribe(SUBSCRIPTION, options=options)

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _packet_id: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._lost(f"subscription to {SUBSCRIPTION} refused: {reasons[0]}; does the broker's ACL allow it?")
            return
        self.trouble = self._said = None
        self._metrics.connected.set(1)
        _log.info("connected to %s", self._settings.address)

    def _on_connect_fail(self, _client: mqtt.Client, _data: Any) -> None:
        self._lost("not reachable")

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._connection += 1
        if not self._stop.is_set():
            self._lost(f"connection lost: {reason}")

    def _lost(self, why: str) -> None:
        self._metrics.connected.set(0)
        self.trouble = f"{self._settings.address}: {why}"
        if why != self._said:
            self._said = why
            _log.warning("%s; trying again", self.trouble)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        arrival = Arrival.of(_topic_of(message), bytes(message.payload), self._clock.now())
        delivery = _Delivery(arrival, message.mid, message.qos, self._connection)
        # Full only where somebody publishes with QoS 0, which no receive maximum bounds: let TCP hold it back.
        while not self._stop.is_set():
            try:
                self._deliveries.put(delivery, timeout=_RETRY_S)
            except queue.Full:
                continue
            return

    # The rest runs in the intake thread.

    def _consume(self) -> None:
        try:
            while batch := self._next_batch():
                while not self._take(batch):
                    if self._stop.wait(_RETRY_S):
                        return  # not acknowledged, so it comes again
                self._acknowledge(batch)
        finally:
            if not self._stop.is_set():
                self.records_trouble = "the intake ended on a fault of its own; see the log"

    def _next_batch(self) -> list[_Delivery]:
        """What has arrived and what comes within `BATCH_WAIT_S`; empty at the end."""
        batch = [first] if (first := self._wait_for_one()) else []
        deadline = self._clock.monotonic() + BATCH_WAIT_S
        while batch and len(batch) < RECEIVE_MAXIMUM:
            left_s = deadline - self._clock.monotonic()
            try:
                batch.append(self._deliveries.get(block=left_s > 0, timeout=max(0.0, left_s)))
            except queue.Empty:
                break
        return batch

    def _wait_for_one(self) -> _Delivery | None:
        """The next delivery; None when there is none and it is time to stop."""
        while True:
            try:
                return self._deliveries.get(timeout=_STOP_CHECK_S)
            except queue.Empty:
                if self._stop.is_set():
                    return None

    def _take(self, batch: list[_Delivery]) -> bool:
        try:
            self._intake.take([delivery.arrival for delivery in batch])
        except RecordsError as exc:
            if self.records_trouble is None:
                _log.error("messages wait at the broker: %s", exc)
            self.records_trouble = str(exc)
            return False
        self.records_trouble = None
        self._metrics.last_message.set(batch[-1].arrival.received_at)
        return True

    def _acknowledge(self, batch: list[_Delivery]) -> None:
        """Acknowledge on the connection that delivered; on another one it comes again and is a duplicate."""
        for delivery in batch:
            if delivery.connection == self._connection:
                self._client.ack(delivery.packet_id, delivery.qos)


def _topic_of(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "(not UTF-8)"
