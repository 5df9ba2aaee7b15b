"""A node that publishes by hand, and the centre as a child process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from hall.clock import Instant, to_datetime
from hall.messages import (
    AnyBody,
    EventBody,
    Message,
    Phase,
    SessionBody,
    StateBody,
    WindowState,
    compose,
    encode,
    event_id,
)
from hall.topics import Address
from tests.support.servers import free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = Address("demo", "f1", "edge-f1")
T0: Instant = 1_767_574_800.0
"""2026-01-05 09:00:00 in Shanghai, a Monday."""

HALL_TEXT = """
hall: {id: demo, name: 演示政务服务中心, timezone: Asia/Shanghai}
floors:
  - id: f1
    cameras: [{id: c1, source: "rtsp://user:hush@10.0.0.11/sub"}]
    windows:
      - id: w01
        label: 1号窗口
        service: 社保
        camera: c1
        clerk_area: [[0.1, 0.1], [0.3, 0.1], [0.3, 0.4]]
        customer_area: [[0.1, 0.5], [0.3, 0.5], [0.3, 0.9]]
    zones:
      - id: waiting
        label: 等候区
        serves: [w01]
        areas: [{camera: c1, polygon: [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]]}]
"""


class Numbered:
    """Makes the messages of one run of a node, numbered as a node numbers them."""

    def __init__(self, address: Address = ADDRESS, boot: str = "boot-1") -> None:
        self.address = address
        self.boot = boot
        self.next_seq = 0

    def message(self, at: Instant, body: AnyBody) -> Message:
        """The next message."""
        message = compose(self.address, self.boot, self.next_seq, at, body)
        self.next_seq += 1
        return message


class Publisher:
    """Publishes with QoS 1 and waits for the broker's word."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(0)
        self._client.reconnect_delay_set(0.05, 0.2)  # type: ignore[arg-type] # paho takes any number
        connected = threading.Event()
        self._client.on_connect = lambda *_: connected.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert connected.wait(5), "no connection to the broker"

    def send(self, *messages: Message) -> None:
        """Publish messages; back when the broker has all of them."""
        self.send_raw(*((m.topic, encode(m)) for m in messages))

    def send_raw(
        self, *payloads: tuple[str, bytes], retain: bool = False, properties: Properties | None = None
    ) -> None:
        """Publish anything; back when the broker has all of it."""
        for sent in [self._client.publish(topic, payload, 1, retain, properties) for topic, payload in payloads]:
            sent.wait_for_publish(10)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class IngestProcess:
    """`hallwatch ingest` as a child process."""

    def __init__(
        self, folder: Path, broker_port: int, *options: str, hall: str | None = HALL_TEXT, records: str | None = None
    ) -> None:
        self.port = free_port()
        self.log = folder / "ingest.log"
        self.records = folder / "records.db"
        address = records or f"sqlite:///{self.records}"
        self._arguments = [f"--broker=mqtt://127.0.0.1:{broker_port}", f"--records={address}"]
        self._arguments += [f"--listen=127.0.0.1:{self.port}", "--no-console", *options]
        if hall is not None:
            (folder / "hall.yaml").write_text(hall)
            self._arguments.insert(0, str(folder / "hall.yaml"))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is well."""
        code = "import typer; from cli.ingest import ingest; typer.run(ingest)"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *self._arguments], stdout=log, stderr=log, cwd=ROOT
            )
        try:
            wait_until(self.is_well, f"ingest is well; its log:\n{self.log}", 60)
        except BaseException:
            self.kill()
            raise

    def is_well(self) -> bool:
        """Whether it says it is."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"ingest ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def get(self, path: str) -> Any:
        """JSON of a path."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5).raise_for_status().json()

    def metrics(self) -> dict[str, float]:
        """Its metrics, by name with labels."""
        text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).raise_for_status().text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        status = self.process.wait(15)
        self.process = None
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def an_event(
    phase: Phase, *, started_at: Instant = T0, subject: str = "window/w01", elapsed_s: float = 300.0, **more: Any
) -> EventBody:
    """A clerk_absent event."""
    values: dict[str, Any] = {
        "event_id": event_id("demo", subject, "clerk_absent", started_at),
        "rule": "clerk_absent",
        "subject": subject,
        "phase": phase,
        "severity": "warning",
        "started_at": to_datetime(started_at),
        "elapsed_s": elapsed_s,
        "unknown_s": 0.0,
        "limit_s": 300.0,
    }
    if phase == "cleared":
        values |= {"reason": "resolved", "ended_at": to_datetime(started_at + elapsed_s)}
    return EventBody(**values | more)


def a_state(customers: int = 1, window: str = "w01") -> StateBody:
    """A state with one window."""
    seen = WindowState(window, "open", "present", to_datetime(T0), customers, None, "idle")
    return StateBody(windows=[seen], zones=[])


def a_session(number: int, window: str = "w01") -> SessionBody:
    """A finished session of a minute, the `number`th."""
    start = T0 + 100 * number
    return SessionBody(f"session-{number}", window, to_datetime(start), to_datetime(start + 60), 60.0, overtime=False)
