"""A box killed at any moment while its broker comes and goes, and what must have arrived in the end.

The process that is killed has the real pipeline, outbox and publisher; it is fed what cameras found, faster than time,
from where its last commit stood. A restart costs a pipeline its tracks and the looks of the last seconds, so what must
arrive is what a replay of the same feed says that is restarted at the same places, from what it had saved there.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.outbox import Outbox
from edge.pipeline import Pipeline
from edge.publisher import Publisher, Retry
from edge.replay import numbered
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.load import parse_hall
from hall.messages import Message
from hall.topics import Address
from tests.support.feed import HALL, Observation, observations
from tests.support.mqtt import Recorder, recording, remember_subscriptions
from tests.support.servers import Server, mosquitto, running, wait_until
from vision.types import Detections

ADDRESS = Address("test", "f1", "edge-f1")
_TOGETHER = 4
"""Looks of one commit, as a box takes a frame of each camera."""

_PART = 200 * _TOGETHER
_PAUSE_S = 0.008
_QUOTA = 256 * 2**20


class _Saved(msgspec.Struct, array_like=True):
    """What a commit stores: how much of the feed is done, and the state of the pipeline then."""

    position: int
    pipeline: bytes


class _Feed:
    """The observations of a run, in parts: a box that begins has to read one of them only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number, self._part = -1, list[Observation]()

    @staticmethod
    def write(folder: Path, feed: Sequence[Observation]) -> None:
        for number in range(0, len(feed), _PART):
            (folder / f"feed-{number // _PART}").write_bytes(pickle.dumps(feed[number : number + _PART]))

    def take(self, position: int) -> list[Observation]:
        """The looks of one commit; none at the end."""
        if position // _PART != self._number:
            path = self._folder / f"feed-{position // _PART}"
            self._number, self._part = position // _PART, pickle.loads(path.read_bytes()) if path.exists() else []
        return self._part[position % _PART : position % _PART + _TOGETHER]


class _NoDetector:
    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        raise AssertionError(f"expected detections, got {len(images)} pictures")


def _pipeline(saved: bytes | None) -> Pipeline:
    return Pipeline(parse_hall(HALL), ADDRESS.node, _NoDetector(), saved)


def _box(folder: Path, port: int, *, drain: bool) -> None:
    """The process that is killed."""
    feed = _Feed(folder)
    outbox = Outbox(folder / "outbox.db", quota_bytes=_QUOTA)
    stored = outbox.load_state()
    saved = None if stored is None else msgspec.msgpack.decode(stored, type=_Saved)
    position, boot, seq = 0 if saved is None else saved.position, uuid.uuid4().hex, 0
    with (folder / "boots").open("a") as file:
        file.write(f"{boot} {position}\n")
    quick = Retry(first_s=0.02, most_s=0.2)
    publisher = Publisher(
        outbox, ADDRESS, boot, "0", parse_broker(f"mqtt://127.0.0.1:{port}"), SystemClock(), retry=quick
    )
    publisher.start()
    pipeline = _pipeline(None if saved is None else saved.pipeline)
    while not drain and (part := feed.take(position)):
        emitted = [told for camera, at, found in part for told in pipeline.observe(camera, at, found)]
        messages = numbered(ADDRESS, boot, seq, emitted)
        position, seq = position + len(part), seq + len(messages)
        outbox.commit(messages, msgspec.msgpack.encode(_Saved(position, pipeline.save())))
        publisher.notify()
        time.sleep(_PAUSE_S)
    while not drain:
        time.sleep(1)
    left = publisher.stop(drain_s=60)
    outbox.close()
    raise SystemExit(bool(left))


@dataclass(frozen=True)
class Verdict:
    """What came of it; `wrong` says what should not be."""

    kills: int
    boots: int
    broker_stops: int
    looks: int
    expected: int
    events: int
    received: int
    again: int
    wrong: list[str]


def expected_messages(feed: Sequence[Observation], boots: Sequence[tuple[str, int]], end: int) -> list[Message]:
    """What a replay says that starts anew, from what it had saved, wherever a box did."""
    messages: list[Message] = []
    saved: bytes | None = None
    for (boot, start), (_, stop) in zip(boots, [*boots[1:], ("", end)], strict=True):
        pipeline, seq = _pipeline(saved), 0
        for camera, at, found in feed[start:stop]:
            told = numbered(ADDRESS, boot, seq, pipeline.observe(camera, at, found))
            messages, seq = messages + told, seq + len(told)
        saved = pipeline.save() if stop > start else saved
    return messages


def judge(expected: Sequence[Message], received: Sequence[Message]) -> tuple[int, list[str]]:
    """How many came again, and what is wrong: nothing may be missing, other, more, or out of order."""
    wrong = []
    known = {(m.boot, m.seq): m for m in expected}
    first: dict[tuple[str, int], Message] = {}
    again = 0
    for message in received:
        key, plain = (message.boot, message.seq), msgspec.structs.replace(message, late=False)
        again += key in first
        if first.setdefault(key, plain) != plain:
            wrong.append(f"{key} came again as another message")
    missing, more = [key for key in known if key not in first], [key for key in first if key not in known]
    other = [key for key, message in first.items() if key in known and known[key] != message]
    for what, keys in (
        ("are missing", missing),
        ("are none of the replay's", more),
        ("differ from the replay's", other),
    ):
        if keys:
            wrong.append(f"{len(keys)} {what}, the first {keys[0]}")
    if not wrong and list(first) != list(known):
        wrong.append("they came in another order")
    return again, wrong


def chaos(folder: Path, *, seed: int, kills: int, looks_per_kill: int = 300, longest_life_s: float = 0.9) -> Verdict:
    """Kill a box so many times, and stop and start its broker at random."""
    rng = random.Random(seed)
    feed = list(observations(seed, round(time.time()), kills * looks_per_kill))
    _Feed.write(folder, feed)
    context = multiprocessing.get_context("forkserver")
    # Each child loads the main module anew. What that imports is loaded beforehand, or a box dies before it works.
    context.set_forkserver_preload([__name__, *(name for name in sys.modules if name.startswith("tests.support."))])
    stops = 0
    with running(mosquitto(folder)) as broker, recording(broker.port) as heard:
        remember_subscriptions(broker)
        down_for = 0
        for _ in range(kills):
            if down_for == 0 and rng.random() < 0.12:
                if rng.random() < 0.5:
                    _killed_while_frozen(context, folder, broker, rng.uniform(0.2, 0.5))
                else:
                    broker.stop(signal.SIGTERM)
                stops, down_for = stops + 1, rng.randint(1, 4)
            elif down_for > 0:
                down_for -= 1
                if down_for == 0:
                    _start(broker, heard)
            _killed_after(context, folder, broker, rng.uniform(0.0, longest_life_s))
        _start(broker, heard)
        last = _spawn(context, folder, broker, drain=True)
        last.join(90)
        boots = [(boot, int(start)) for boot, start in map(str.split, (folder / "boots").read_text().splitlines())]
        expected = expected_messages(feed, boots, boots[-1][1])
        received = _all_that_comes(heard, {(m.boot, m.seq) for m in expected})
    again, wrong = judge(expected, received)
    if last.exitcode != 0:
        wrong.append(f"the last box ended with {last.exitcode}: not everything was acknowledged")
    if len(boots) < kills / 2 or boots[-1][1] < 10 * kills:
        wrong.append(f"{len(boots)} boots judged {boots[-1][1]} looks in all: too few of {kills} were killed at work")
    events = Counter(m.kind for m in expected)["event"]
    return Verdict(kills, len(boots), stops, boots[-1][1], len(expected), events, len(received), again, wrong)


def _all_that_comes(heard: Recorder, wanted: set[tuple[str, int]]) -> list[Message]:
    """What the far end has heard, as soon as nothing is missing, or after a while."""
    deadline = time.monotonic() + 20
    while True:
        received = [m for m in heard.messages() if m.kind != "status"]
        if wanted <= {(m.boot, m.seq) for m in received} or time.monotonic() > deadline:
            return received
        time.sleep(0.2)


def _start(broker: Server, heard: Recorder) -> None:
    if broker.process is None:
        broker.start()
    wait_until(lambda: heard.subscribed, "the far end listens again")


def _spawn(context: Any, folder: Path, broker: Server, *, drain: bool) -> BaseProcess:
    process: BaseProcess = context.Process(target=_box, args=(folder, broker.port), kwargs={"drain": drain})
    process.start()
    return process


def _killed_while_frozen(context: Any, folder: Path, broker: Server, life_s: float) -> None:
    """The broker stands still, so that what a box hands over lies unread in a socket, and both are killed then."""
    process = _spawn(context, folder, broker, drain=False)
    time.sleep(life_s)
    assert broker.process is not None
    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(life_s)
    broker.stop(signal.SIGKILL)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _killed_after(context: Any, folder: Path, broker: Server, life_s: float) -> None:
    process = _spawn(context, folder, broker, drain=False)
    time.sleep(life_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
