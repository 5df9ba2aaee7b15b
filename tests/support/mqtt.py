"""What a broker carries, as its clients see it: a recorder for tests, and a broker that asks for passwords."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hall.messages import Message, decode
from tests.support.servers import Server, mosquitto, require, wait_until


@dataclass(frozen=True)
class Received:
    """A message as it came. `retained`: the publisher asked for it, or it stood there before we subscribed."""

    topic: str
    payload: bytes
    retained: bool
    at: float
    correlation: bytes | None = None

    @property
    def kind(self) -> str:
        """Last part of the topic."""
        return self.topic.rsplit("/", 1)[-1]

    def decoded(self) -> Message:
        """The payload as one of our messages."""
        return decode(self.payload)


class Recorder:
    """Subscribes with QoS 1 in a session that the broker keeps, and collects whatever comes, in order."""

    def __init__(self, port: int, topic: str, username: str | None, password: str | None) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._subscribed = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"recorder-{id(self)}", protocol=MQTTv5)
        client.username_pw_set(username, password)
        client.on_connect = self._connected
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_disconnect = lambda *_: self._subscribed.clear()
        client.on_message = self._came
        client.reconnect_delay_set(0.02, 0.02)  # type: ignore[arg-type] # paho takes any number
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        kept.SessionExpiryInterval = 3600
        self._client = client
        client.connect("127.0.0.1", port, keepalive=30, clean_start=False, properties=kept)
        client.loop_start()
        wait_until(self._subscribed.is_set, f"subscribed to {topic}")

    @property
    def subscribed(self) -> bool:
        """Whether the subscription stands now; false while the broker is away."""
        return self._subscribed.is_set()

    @property
    def received(self) -> list[Received]:
        """Everything so far."""
        with self._lock:
            return list(self._received)

    def messages(self, *kinds: str) -> list[Message]:
        """Everything so far, decoded; of some kinds only where named."""
        return [one.decoded() for one in self.received if not kinds or one.kind in kinds]

    def wait(self, condition: Callable[[list[Received]], object], what: str, timeout_s: float = 20.0) -> None:
        """Wait until a condition holds for what has come."""
        wait_until(lambda: condition(self.received), what, timeout_s)

    def wait_for(self, count: int, *kinds: str, timeout_s: float = 20.0) -> None:
        """Wait for a number of messages; of some kinds only where named."""
        self.wait(
            lambda got: sum(not kinds or one.kind in kinds for one in got) >= count,
            f"{count} messages {' '.join(kinds)}",
            timeout_s,
        )

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, _data: Any, _flags: ConnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        client.subscribe(self._topic, options=SubscribeOptions(qos=1, retainAsPublished=True))

    def _came(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._lock:
            told = getattr(message.properties, "CorrelationData", None)
            payload = bytes(message.payload)
            self._received.append(Received(message.topic, payload, message.retain, time.monotonic(), told))


@contextlib.contextmanager
def recording(
    port: int, topic: str = "hallwatch/#", *, username: str | None = None, password: str | None = None
) -> Iterator[Recorder]:
    """Record for the length of a block."""
    recorder = Recorder(port, topic, username, password)
    try:
        yield recorder
    finally:
        recorder.close()


@pytest.fixture
def recorder(broker: Server) -> Iterator[Recorder]:
    """Records everything of ours on the broker of this test."""
    with recording(broker.port) as running:
        yield running


def retained(port: int, topic: str = "hallwatch/#", **login: str) -> dict[str, Received]:
    """What a late joiner finds, by topic; waits a moment, since nothing says that no more will come."""
    with recording(port, topic, **login) as late:
        time.sleep(0.1)
        return {one.topic: one for one in late.received}


def remember_subscriptions(broker: Server) -> None:
    """Let mosquitto write its sessions to disk, so that they outlive a SIGKILL."""
    store = broker.folder / "mosquitto.db"
    before = store.stat().st_mtime_ns if store.exists() else 0
    assert broker.process is not None
    broker.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: store.exists() and store.stat().st_mtime_ns > before, "mosquitto wrote its sessions")


def mosquitto_with_users(folder: Path, users: Mapping[str, str], acl: str = "pattern readwrite #") -> Server:
    """A broker that lets only these users in (name to password), with an access list; not started yet."""
    server = mosquitto(folder)
    passwords, access = folder / "passwords", folder / "acl"
    passwords.touch(mode=0o600)
    for user, password in users.items():
        command = [require("mosquitto_passwd", "mosquitto"), "-b", str(passwords), user, password]
        subprocess.run(command, check=True, capture_output=True)
    access.write_text(acl + "\n")
    access.chmod(0o600)
    config = folder / "mosquitto.conf"
    text = config.read_text().replace("allow_anonymous true", "allow_anonymous false")
    config.write_text(f"{text}password_file {passwords}\nacl_file {access}\n")
    return server
