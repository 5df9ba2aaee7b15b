"""Another system of a hall, as the centre meets it."""

from __future__ import annotations

import json
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


class Machine:
    """A ticket machine: asks by MQTT 5, of the hall `demo`."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def ask(self, kind: str, said: object, correlation: bytes | None = None, reply: str | None = None) -> None:
        """Publish a request."""
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if correlation is not None:
            properties.CorrelationData = correlation
        if reply is not None:
            properties.ResponseTopic = reply
        payload = said if isinstance(said, bytes) else json.dumps(said).encode()
        self._client.publish(f"hallwatch/1/demo/{kind}", payload, 1, properties=properties).wait_for_publish(10)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()
