"""Send a hall file to a running box by `config/set`, and hear what became of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hall.broker import BrokerSettings, tls_context
from hall.config_set import REQUEST, said_with
from hall.errors import BrokerError, MessageError
from hall.messages import HealthBody, Message, ReplyBody, StatusBody, decode
from hall.topics import Address

_CONNECT_S = 10.0
_STATUS_S = 2.0
"""The status of a node is retained: it comes at once, or there is none, or this user may not read it."""

_HEARD = ("reply", "status", "health")
Body = TypeVar("Body", StatusBody, HealthBody, ReplyBody)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The broker on the connection, or on the request."""

    of: str
    code: ReasonCode


_Heard = Message | _Verdict


class _Line:
    """One connection; what comes over it waits in a queue."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._address = settings.address
        self._heard = SimpleQueue[_Heard]()
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"hallwatch-push-{uuid.uuid4().hex}", protocol=MQTTv5)
        if settings.username is not None:
            password = None if settings.password is None else settings.password.get_secret_value()
            client.username_pw_set(settings.username, password)
        context = tls_context(settings)
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = lambda *told: self._heard.put(_Verdict("connection", told[3]))
        client.on_publish = lambda *told: self._heard.put(_Verdict("request", told[3]))
        client.on_message = lambda *told: self._came(told[2])
        self._client = client
        try:
            client.connect(settings.host, settings.port)
        except OSError as exc:
            raise BrokerError(f"{settings.address}: {exc}; expected an MQTT broker there") from exc
        client.loop_start()

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topics: list[str]) -> None:
        """Listen; raises BrokerError."""
        code, _ = self._client.subscribe([(topic, 1) for topic in topics])
        self._check(code)

    def publish(self, topic: str, payload: bytes, properties: Properties) -> None:
        """Send; raises BrokerError."""
        self._check(self._client.publish(topic, payload, qos=1, properties=properties).rc)

    def wait(self, wanted: Callable[[_Heard], Any], timeout_s: float) -> Any:
        """The first answer to `wanted` that is not None; None when the time is up.

        Raises:
            BrokerError: the broker refused the connection or the request.
        """
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                heard = self._heard.get(timeout=left_s)
            except Empty:
                break
            if isinstance(heard, _Verdict) and heard.code.is_failure:
                raise BrokerError(f"{self._address}: refused the {heard.of}: {heard.code}")
            if (found := wanted(heard)) is not None:
                return found
        return None

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"{self._address}: {code.name}; expected a connection that holds")

    def _came(self, message: MQTTMessage) -> None:
        try:
            self._heard.put(decode(bytes(message.payload)))
        except MessageError:
            return  # somebody else's, on a topic of ours


def push_config(
    settings: BrokerSettings,
    address: Address,
    payload: bytes,
    *,
    base: str | None = None,
    key: str | None = None,
    timeout_s: float = 30.0,
) -> ReplyBody:
    """Ask a node to go by another hall file, and wait for its answer, which may be no.

    Args:
        settings: the broker.
        address: the node.
        payload: the hall file, YAML in UTF-8.
        base: sha256 of the hall file that it is meant to replace; None: whichever is in force.
        key: the node's `HALLWATCH_CONFIG_KEY`, where it has one: the request is signed. Without `base`, the one in
            force is learned from the node's health.
        timeout_s: how long the node may take to answer.

    Raises:
        BrokerError: the broker is away or refuses, the node is not there, or does not answer.
    """
    with closing(_Line(settings)) as line:
        if line.wait(lambda heard: heard if isinstance(heard, _Verdict) else None, _CONNECT_S) is None:
            raise BrokerError(f"{settings.address}: no answer within {_CONNECT_S:g} s; expected an MQTT broker there")
        line.subscribe([address.topic(kind) for kind in _HEARD])
        status = line.wait(lambda heard: _body(heard, StatusBody), _STATUS_S)
        if status is not None and status.status != "online":
            raise BrokerError(f"{address}: {status.status}; expected a node that is there to take a hall file")
        if key is not None and base is None:
            base = line.wait(_sha256, timeout_s)
            if base is None:
                raise BrokerError(
                    f"{address}: no health within {timeout_s:g} s; expected the sha256 in force, or a base"
                )
        topic, correlation = address.topic(REQUEST), uuid.uuid4().hex
        line.publish(topic, payload, _properties(topic, payload, correlation, base, key))
        reply = line.wait(lambda heard: _reply(heard, correlation), timeout_s)
    if not isinstance(reply, ReplyBody):
        known = "" if status is not None else "; nobody of this name was heard at this broker"
        raise BrokerError(
            f"{address}: no answer within {timeout_s:g} s{known}. Whether it took the file, its health says"
        )
    return reply


def _properties(topic: str, payload: bytes, correlation: str, base: str | None, key: str | None) -> Properties:
    properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation.encode()
    for pair in said_with(key, topic, base, payload).items():
        properties.UserProperty = pair
    return properties  # type: ignore[no-any-return]


def _body(heard: _Heard, kind: type[Body]) -> Body | None:
    return heard.body if isinstance(heard, Message) and isinstance(heard.body, kind) else None


def _sha256(heard: _Heard) -> str | None:
    health = _body(heard, HealthBody)
    return health.config.sha256 if health is not None and health.config is not None else None


def _reply(heard: _Heard, correlation: str) -> ReplyBody | None:
    reply = _body(heard, ReplyBody)
    return reply if reply is not None and reply.correlation == correlation else None
