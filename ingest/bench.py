"""What the centre takes in, and what a bare subscriber does: the two that `hallwatch bench ingest` compares.

Each runs in a process of its own (`multiprocessing`), so that processor time and memory are its own.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from prometheus_client.metrics import MetricWrapperBase

from hall.broker import BrokerSettings
from hall.clock import Instant, to_datetime
from hall.errors import BrokerError, ServiceError
from hall.messages import MESSAGES, Message, StateBody, WindowState, ZoneState, compose, encode
from hall.topics import SUBSCRIPTION, Address
from ingest.outlet import WRITERS
from ingest.points import points_of
from ingest.service import Centre, tune_process
from ingest.store import open_store, parse_store
from ingest.subscriber import BATCH_MESSAGES

HALL = "bench"
CENTRE = "hallwatch-bench"
PEER = "hallwatch-bench-peer"
EVERY_S = 10.0
"""A floor says so often how it is."""

_POLL_S = 0.005
_TOLD_S = 0.02


class Work(msgspec.Struct, frozen=True):
    """What is sent: `messages` floor messages by `floors` boxes in turn, each of so many windows and zones."""

    messages: int
    floors: int = 20
    windows: int = 50
    zones: int = 10
    seed: int = 1


class Drained(msgspec.Struct, frozen=True):
    """What became of it.

    Attributes:
        seconds: from connecting until the last message was dealt with, points and all.
        cpu_s: processor time of the process in these.
        rss_mb: the most memory it had.
    """

    messages: int
    seconds: float
    cpu_s: float
    rss_mb: float


def floor_messages(work: Work, start: Instant) -> Iterator[Message]:
    """The messages, in the order in which they are sent; each floor every ten seconds from `start` on."""
    rng = random.Random(work.seed)  # noqa: S311 - a load, no secret
    floors = [_Floor(number, work, start, rng) for number in range(work.floors)]
    for i in range(work.messages):
        yield floors[i % work.floors].next_message(rng)


class _Floor:
    """One box, whose windows go on from message to message."""

    def __init__(self, number: int, work: Work, start: Instant, rng: random.Random) -> None:
        self._address = Address(HALL, f"f{number + 1}", f"edge-f{number + 1}")
        self._at = start + number * EVERY_S / work.floors
        self._seq = 0
        self._since = [start - rng.uniform(0, 3600) for _ in range(work.windows)]
        self._session = [rng.uniform(0, 900) if rng.random() < 0.7 else None for _ in range(work.windows)]
        self._zones = work.zones

    def next_message(self, rng: random.Random) -> Message:
        self._at += EVERY_S
        self._seq += 1
        windows = [self._window(i, rng) for i in range(len(self._since))]
        zones = [self._zone(i, rng) for i in range(self._zones)]
        return compose(self._address, "boot-1", self._seq, self._at, StateBody(windows, zones))

    def _window(self, i: int, rng: random.Random) -> WindowState:
        if rng.random() < 0.01:
            self._since[i] = self._at - rng.uniform(0, EVERY_S)
        age = self._session[i]
        if rng.random() < 0.02:
            age = None if age is not None else 0.0
        self._session[i] = age = None if age is None else round(age + EVERY_S, 1)
        absent = rng.random() < 0.1
        return WindowState(
            window=f"w{i + 1:02}",
            duty="open",
            clerk="absent" if absent else "present",
            clerk_since=to_datetime(self._since[i]),
            customers=0 if age is None else 1 + (rng.random() < 0.2),
            session_s=age,
            status="unstaffed" if absent else ("idle" if age is None else "serving"),
        )

    @staticmethod
    def _zone(i: int, rng: random.Random) -> ZoneState:
        longest = round(rng.uniform(60, 2400), 1)
        return ZoneState(
            zone=f"waiting{i + 1}",
            count=rng.randrange(40),
            longest_wait_s=longest,
            wait_p50_s=round(longest * 0.4, 1),
            wait_p90_s=round(longest * 0.9, 1),
            expected_wait_s=round(longest * 0.7, 1),
            over_limit=int(longest > 1800),
        )


def count_points(message: Message) -> tuple[int, int]:
    """Lines and numbers that a message makes in a store."""
    points = points_of(message, 0.0)
    if points is None:
        return 0, 0
    fields = [line.rsplit(b" ", 2)[1] for line in points.lines.split(b"\n")]
    return len(fields), sum(field.count(b"=") for field in fields)


def remember(settings: BrokerSettings, client_id: str, topics: Sequence[str] = (SUBSCRIPTION,)) -> None:
    """Make a session at the broker that keeps what comes until its owner does.

    Raises:
        BrokerError: the broker does not answer.
    """
    subscribed = threading.Event()

    def on_connect(client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(topic, SubscribeOptions(1)) for topic in topics])

    client = _client(settings, client_id)
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.set()
    client.loop_start()
    if not subscribed.wait(10):
        raise BrokerError(f"{settings.address}: no answer to a subscription within 10 s")
    client.disconnect()
    client.loop_stop()


def publish(settings: BrokerSettings, messages: Iterator[tuple[str, bytes]], per_s: float | None = None) -> None:
    """Publish with QoS 1, as fast as the broker takes it or at an even rate."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(0)
    client.connect(settings.host, settings.port)
    client.loop_start()
    begun = time.monotonic()
    for i, (topic, payload) in enumerate(messages):
        sent = client.publish(topic, payload, 1)
        if i % 200 == 0:
            sent.wait_for_publish(30)
        if per_s is not None:
            time.sleep(max(0.0, begun + i / per_s - time.monotonic()))
    sent.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


def drain_bare(settings: BrokerSettings, messages: int, answer: Connection) -> None:
    """The peer: paho and msgspec, and nothing else. Sends `Drained`."""
    decoder = msgspec.json.Decoder(MESSAGES["state"])
    done = threading.Event()
    count = 0

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal count
        decoder.decode(message.payload)
        count += 1
        if count == messages:
            done.set()

    meter = _Meter()
    client = _client(settings, PEER)
    client.on_message = on_message
    client.loop_start()
    done.wait()
    drained = meter.drained(count)
    client.disconnect()
    client.loop_stop()
    answer.send(drained)


def drain_centre(
    settings: BrokerSettings, store: str, folder: Path, messages: int, rows: int, answer: Connection
) -> None:
    """The centre itself, all but its pages. Sends `Drained` when the store has everything.

    Args:
        settings: the broker.
        store: address of the store.
        folder: for its records.
        messages: how many to wait for.
        rows: how many lines the store has then.
        answer: where to send it; memory is sent every second before.
    """
    tune_process()  # as `hallwatch ingest` does
    centre = Centre([], settings, store=store, records=f"sqlite:///{folder}/records.db", name=CENTRE)
    metrics = centre.metrics
    meter = _Meter()
    told = 0.0
    with centre:
        while True:
            time.sleep(_POLL_S)
            counted = _value(metrics.messages.labels("state"))
            if counted >= messages and _value(metrics.points) >= rows:
                break
            if meter.seconds - told > 1:
                told = meter.seconds
                answer.send((counted, _memory_mb("VmRSS"), _value(metrics.spill_bytes)))
        drained = meter.drained(messages)
    answer.send(drained)


def fill_store(store: str, work: Work, start: Instant, answer: Connection) -> None:
    """The store alone: lines made before are written as the centre writes them. Sends one number, then `Drained`.

    Args:
        store: its address.
        work: what messages to make lines of.
        start: when they begin.
        answer: where to send when everything is made, and `Drained` when it is written.
    """
    made = [points.lines for message in floor_messages(work, start) if (points := points_of(message, 0.0))]
    batches = [b"\n".join(made[i : i + BATCH_MESSAGES]) for i in range(0, len(made), BATCH_MESSAGES)]
    settings = parse_store(store)
    assert settings is not None
    opened = open_store(settings)
    answer.send(len(made))
    meter = _Meter()
    with ThreadPoolExecutor(WRITERS) as pool:
        for _ in pool.map(opened.write, batches):
            pass
    drained = meter.drained(len(made))
    opened.close()
    answer.send(drained)


def drain_share(
    settings: BrokerSettings, store: str, folder: Path, records: str, name: str, answer: Connection
) -> None:
    """One process of several, all but its pages.

    Says that it is ready, begins when told to, and then says all the time how many messages it has counted and how many
    lines the store has taken from it; when told again, it sends `Drained` and ends.

    Args:
        settings: the broker.
        store: address of the store.
        folder: for what waits for the store.
        records: address of the records.
        name: of its session, in the group `CENTRE`.
        answer: to who measures.
    """
    tune_process()  # as `hallwatch ingest` does
    centre = Centre([], settings, store=store, records=records, name=name, share=CENTRE, spool=folder)
    metrics = centre.metrics
    answer.send("ready")
    answer.recv()
    meter = _Meter()
    with centre:
        while not answer.poll(_TOLD_S):
            counted = int(_value(metrics.messages.labels("state")))
            answer.send((counted, int(_value(metrics.points))))
        drained = meter.drained(counted)
    answer.send(drained)


def _value(metric: MetricWrapperBase) -> float:
    """What one metric says now. Asking the registry would work out all of them each time, in time that is measured."""
    return next(float(sample.value) for family in metric.collect() for sample in family.samples)


class _Meter:
    """Time and processor time from now on."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._cpu_s = time.process_time()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def drained(self, messages: int) -> Drained:
        return Drained(messages, self.seconds, time.process_time() - self._cpu_s, _memory_mb("VmHWM"))


def _memory_mb(name: str) -> float:
    """Memory of this process, `VmRSS` now or `VmHWM` at most. getrusage also counts what it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ServiceError(f"/proc/self/status has no {name}; expected Linux")


def _client(settings: BrokerSettings, client_id: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    client.connect(settings.host, settings.port, clean_start=False, properties=properties)
    return client


def encoded(messages: Iterator[Message]) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads."""
    return ((message.topic, encode(message)) for message in messages)
