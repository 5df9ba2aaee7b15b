"""The centre disturbed in every way that one can foresee, and what must be there in the end.

Messages come in parts; while a part comes, something happens to the centre or to what it needs. What is on record, in
the store and at the webhook afterwards must be what one intake makes of the same messages undisturbed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import random
import resource
import signal
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from hall.broker import parse_broker
from hall.clock import Instant, SystemClock
from hall.messages import Message, StateBody
from ingest.bench import remember
from ingest.channels import Channel
from ingest.points import points_of
from ingest.records import Records
from ingest.service import Centre
from ingest.spill import MAX_BYTES
from tests.support.centre import Publisher
from tests.support.moody import Mood, MoodyStore
from tests.support.servers import Server, http_get, mosquitto, running, victoria_metrics, wait_until
from tests.support.webhook import Webhook
from tests.support.workers import Found, a_day, alert_key, found_in, points_in, points_wanted, undisturbed

_PATIENCE_S = 90.0
"""After the last disturbance: what waits for a store is tried again after up to half a minute."""

_A_FEW_BYTES = 700
"""For each disturbance: more than events and sessions need then, less than the states."""

_ROUNDS = 2
"""Of every box, while one thing happens."""


class SteppedClock(SystemClock):
    """The machine's clock, which somebody sets meanwhile."""

    def __init__(self, offset_s: Any) -> None:
        self._offset_s = offset_s

    def now(self) -> Instant:
        """See `Clock.now`."""
        return super().now() + float(self._offset_s.value)


def _centre(folder: Path, port: int, store: str, webhook: str, spill_bytes: int, offset_s: Any) -> None:
    """The process that is disturbed: the centre without its pages."""
    logging.basicConfig(filename=folder / "centre.log", format="%(asctime)s %(name)s %(message)s", level=logging.INFO)
    logging.raiseExceptions = False  # the log may not be written to either while the disk is full
    centre = Centre(
        (),
        parse_broker(f"mqtt://127.0.0.1:{port}"),
        store=store,
        records=_records(folder),
        alerts=[webhook],
        clock=SteppedClock(offset_s),
        spill_bytes=spill_bytes,
    )
    with centre:
        while True:
            time.sleep(60)


def _records(folder: Path) -> str:
    return f"sqlite:///{folder}/records.db"


class Scene:
    """The centre with a broker, a store and a webhook around it.

    Args:
        folder: for everything.
        spill_bytes: how much may wait for the store.
    """

    def __init__(self, folder: Path, broker: Server, store: MoodyStore, webhook: Webhook, spill_bytes: int) -> None:
        self.folder = folder
        self.broker = broker
        self.store = store
        self.webhook = webhook
        self.log = folder / "centre.log"
        self.log.touch()
        self.starts = 0
        self._spill_bytes = spill_bytes
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self._offset_s = self._context.Value("d", 0.0)
        self._process: BaseProcess | None = None
        self._connected = 0

    def start(self) -> None:
        """Start the centre; it is not waited for."""
        arguments = (self.folder, self.broker.port, self.store.address, self.webhook.url)
        self._process = self._context.Process(
            target=_centre, args=(*arguments, self._spill_bytes, self._offset_s), daemon=True
        )
        self._process.start()
        self.starts += 1
        self._connected = self.connected

    @property
    def connected(self) -> int:
        """How often it has connected to the broker."""
        return self.log.read_text().count("connected to")

    def wait_connected(self) -> None:
        """Wait until it is connected since the last call, or since it was started."""
        wait_until(lambda: self.connected > self._connected, "the centre is connected", 40)
        self._connected = self.connected

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        assert self._process.exitcode is None, f"the centre ended by itself with {self._process.exitcode}"
        self._process.kill()
        self._process.join()

    def set_clock(self, offset_s: float) -> None:
        """Set its clock, so far from the right time."""
        self._offset_s.value = offset_s

    def allow_writing(self, *, allowed: bool) -> None:
        """Whether it may write to any file: without, its disk is full."""
        assert self._process is not None
        assert self._process.pid is not None
        most = resource.RLIM_INFINITY if allowed else 0
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


Disturb = Callable[[Scene, random.Random], None]


def _killed(scene: Scene, rng: random.Random) -> None:
    """Mostly at work, now and then while it starts."""
    if rng.random() < 0.8:
        scene.wait_connected()
    time.sleep(rng.uniform(0.0, 0.5))
    scene.kill()
    scene.start()


def _broker_restarted(scene: Scene, rng: random.Random) -> None:
    scene.wait_connected()
    time.sleep(rng.uniform(0.05, 0.3))
    scene.broker.stop(signal.SIGTERM)
    time.sleep(rng.uniform(0.0, 0.5))
    scene.broker.start()


def _store_in_mood(*moods: Mood, longest_s: float = 3.0) -> Disturb:
    def disturb(scene: Scene, rng: random.Random) -> None:
        scene.store.mood = rng.choice(moods)
        time.sleep(rng.uniform(0.1, longest_s))
        scene.store.mood = "well"
        time.sleep(rng.uniform(0.0, 1.0))

    return disturb


def _store_swallows_and_killed(scene: Scene, rng: random.Random) -> None:
    """The store has what the centre does not know of."""
    scene.wait_connected()
    scene.store.mood = "swallowing"
    time.sleep(rng.uniform(0.1, 0.6))
    scene.kill()
    scene.store.mood = "well"
    scene.start()


def _disk_full(scene: Scene, rng: random.Random) -> None:
    scene.allow_writing(allowed=False)
    scene.store.mood = rng.choice(("well", "failing"))
    time.sleep(rng.uniform(0.3, 1.5))
    scene.allow_writing(allowed=True)
    scene.store.mood = "well"
    time.sleep(0.3)


def _clock_stepped(scene: Scene, rng: random.Random) -> None:
    scene.webhook.refuse_next = rng.choice((0, 2))  # what is tried again has a time to come
    time.sleep(rng.uniform(0.1, 0.4))
    scene.set_clock(rng.choice((0.0, 5.0, -5.0, 3600.0, -3600.0, 80_000.0, -80_000.0)))


def _store_failing(scene: Scene, rng: random.Random) -> None:
    scene.store.mood = "failing"
    time.sleep(rng.uniform(0.2, 0.5))


@dataclass(frozen=True)
class Case:
    """What happens, and how often when it is done in full and in short.

    Attributes:
        disturb: called once for each part of the messages.
        times: in full, and in short.
        drops: whether so little may wait for the store that telemetry is given up, while boxes have much to say.
    """

    disturb: Disturb
    times: int
    short: int
    drops: bool = False


CASES: Mapping[str, Case] = {
    "killed": Case(_killed, times=100, short=3),
    "broker": Case(_broker_restarted, times=30, short=2),
    "store": Case(_store_in_mood("failing", "hanging", "swallowing"), times=30, short=2),
    "swallowed": Case(_store_swallows_and_killed, times=30, short=2),
    "disk": Case(_disk_full, times=30, short=2),
    "clock": Case(_clock_stepped, times=60, short=4),
    "quota": Case(_store_failing, times=30, short=4, drops=True),
}


@dataclass
class Verdict:
    """What came of it; `wrong` says what should not be."""

    messages: int
    starts: int
    connected: int
    alerts: int
    sent_again: int
    points: int
    dropped: int
    wrong: list[str] = field(default_factory=list)


def centre_chaos(folder: Path, case: Case, *, seed: int, times: int) -> Verdict:
    """Disturb the centre so many times while messages come; what must be there, and is not.

    Args:
        folder: for everything.
        case: one of `CASES`.
        seed: of the messages, and of when what happens.
        times: how often.
    """
    rng = random.Random(seed)
    messages = a_day(seed, rounds=_ROUNDS * times)
    if case.drops:
        messages = [_talkative(m, rng) for m in messages if m.kind == "state" or m.node == "edge-f0"]
    each = -(-len(messages) // times)
    parts = [messages[i : i + each] for i in range(0, len(messages), each)]
    with _scene(folder, _A_FEW_BYTES * times if case.drops else MAX_BYTES) as (scene, victoria):
        with ThreadPoolExecutor(1, "box") as pool, Publisher(scene.broker.port) as box:
            for part in parts:
                sending = pool.submit(_send_slowly, box, part)
                case.disturb(scene, rng)
                sending.result()
        scene.store.mood = "well"
        try:
            return _judge(scene, case, messages, victoria)
        finally:
            scene.kill()


def _talkative(message: Message, rng: random.Random) -> Message:
    """The same, with thirty windows."""
    if not isinstance(message.body, StateBody):
        return message
    windows = [
        msgspec.structs.replace(message.body.windows[0], window=f"w{i:02}", customers=rng.randrange(100))
        for i in range(30)
    ]
    return msgspec.structs.replace(message, body=StateBody(windows, []))


def _send_slowly(box: Publisher, messages: Sequence[Message]) -> None:
    for message in messages:
        wait_until(lambda: _has_sent(box, message), "the broker takes a message")  # noqa: B023 - waited for
        time.sleep(0.02)


def _has_sent(box: Publisher, message: Message) -> bool:
    """Send it, perhaps again: while the broker is away, paho keeps it and says that it has not been sent."""
    try:
        box.send(message)
    except RuntimeError:
        return False
    return True


@contextlib.contextmanager
def _scene(folder: Path, spill_bytes: int) -> Iterator[tuple[Scene, Server]]:
    with (
        running(mosquitto(folder)) as broker,
        running(victoria_metrics(folder)) as victoria,
        MoodyStore(victoria.port) as store,
        Webhook() as webhook,
    ):
        # From the first message on, whether or not the centre is there yet.
        remember(parse_broker(f"mqtt://127.0.0.1:{broker.port}"), "hallwatch-ingest")
        scene = Scene(folder, broker, store, webhook, spill_bytes)
        scene.start()
        wait_until(lambda: scene.connected, "the centre is connected")
        yield scene, victoria


def _judge(scene: Scene, case: Case, messages: Sequence[Message], victoria: Server) -> Verdict:
    """What is wrong, once all is there or nothing comes any more."""
    expected = undisturbed(scene.folder, messages, Channel(scene.webhook.url))
    wanted = points_wanted(messages)
    kept = points_wanted([m for m in messages if (p := points_of(m, 0.0)) and not p.telemetry])
    records = Records(_records(scene.folder))
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        time.sleep(0.3)
        wrong = found_in(records).differences(expected) + _alerts_wrong(expected, scene.webhook)
        points = points_in(victoria)
        if missing := (kept if case.drops else wanted) - points:
            wrong.append(f"{len(missing)} points missing, such as {min(missing, key=str)}")
        if not wrong or time.monotonic() > deadline:
            break
    records.close()
    if more := points - wanted:
        wrong.append(f"{len(more)} points too many, such as {min(more, key=str)}")
    if (counted := _counted(victoria)) != len(points):
        wrong.append(f"a query counts {counted} points of {len(points)}")
    sent = Counter(scene.webhook.delivered)
    return Verdict(
        messages=len(messages),
        starts=scene.starts,
        connected=scene.connected,
        alerts=len(sent),
        sent_again=sum(sent.values()) - len(sent),
        points=len(points),
        dropped=len(wanted - points),
        wrong=wrong,
    )


def _alerts_wrong(expected: Found, webhook: Webhook) -> list[str]:
    wanted, sent = {alert_key(*row[:3]) for row in expected.rows["alerts"]}, set(webhook.delivered)
    lacking, more = wanted - sent, sent - wanted
    return [f"alert {key} was not sent" for key in lacking] + [f"alert {key} should not be" for key in more]


def _counted(victoria: Server) -> int:
    """How many numbers a query counts."""
    query = {"query": 'sum(count_over_time({hall="demo",__name__!~"incident_.*"}[10y]))', "time": f"{time.time():.0f}"}
    text = http_get(f"http://127.0.0.1:{victoria.port}/api/v1/query?{urllib.parse.urlencode(query)}", 30)
    found = json.loads(text)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0
