"""A box with eight cameras for three quarters of an hour, a fault every minute: does it grow, does it lose anything?

`make soak` runs it. The cameras are RTSP servers that misbehave, the broker is a real mosquitto that is stopped at
times, the box is `hallwatch edge` in a process of its own. Prints memory, threads and descriptors over time, and fails
where memory goes on growing, a thread or a descriptor is left behind, or a message is missing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cli._density import CLIPS, hall_text, make_streams
from hall.messages import EventBody, HealthBody
from tests.support.mqtt import Recorder, recording
from tests.support.servers import Server, mosquitto, running
from twin.rtsp import Footage, Misbehaviour, RtspCamera

_SAMPLE_S = 5.0
_FAULT_S = 20.0
_MOST_GROWTH_MB_H = 12.0
"""What the noise of half an hour looks like as a slope; a leak of one frame a minute is 30."""
_MOST_LEFT_BEHIND = 2
BEHAVIOURS: tuple[Misbehaviour, ...] = ("silent", "garbage", "lossy", "jump")
_OTHERS: tuple[Literal["away", "password", "broker"], ...] = ("away", "password", "broker")


@dataclass(frozen=True)
class Sample:
    """The box at a moment, seconds since the start; whether all was well then and in the half minute before."""

    at_s: float
    rss_mb: float
    threads: int
    descriptors: int
    calm: bool


@dataclass
class Soak:
    """What came of it."""

    samples: list[Sample]
    faults: dict[str, int]
    messages: int
    missing: int
    events: dict[str, int]
    never_cleared: int
    reconnects: int

    @property
    def later(self) -> list[Sample]:
        """After warm-up: the second half."""
        return [one for one in self.samples if one.at_s >= self.samples[-1].at_s / 2]

    @property
    def growth_mb_h(self) -> float:
        """Slope of memory after warm-up, megabytes an hour, by least squares."""
        at_s, rss_mb = np.array([(one.at_s, one.rss_mb) for one in self.later]).T
        return float(np.polyfit(at_s, rss_mb, 1)[0] * 3600)

    def left_behind(self, what: Callable[[Sample], int]) -> int:
        """How many more there are in the calm moments of the last quarter than in those of the second."""
        end_s = self.samples[-1].at_s
        calm = [one for one in self.samples if one.calm] or self.samples
        second = [what(one) for one in calm if end_s / 4 <= one.at_s < end_s / 2]
        last = [what(one) for one in calm if one.at_s >= 3 * end_s / 4]
        return min(last) - min(second) if second and last else 0

    def wrong(self) -> list[str]:
        """What should not be."""
        found = []
        if self.growth_mb_h > _MOST_GROWTH_MB_H:
            found.append(f"memory grows by {self.growth_mb_h:.1f} MB an hour")
        for name, what in (("threads", _threads), ("descriptors", _descriptors)):
            if (more := self.left_behind(what)) > _MOST_LEFT_BEHIND:
                found.append(f"{more} {name} more than before")
        if self.missing:
            found.append(f"{self.missing} messages are missing")
        if not self.events.get("clerk_absent") or not self.events.get("camera_fault"):
            found.append(f"events: {self.events}; expected clerk_absent and camera_fault among them")
        return found


def main() -> None:
    """Print the table; exit 1 where something grows or is lost."""
    parser = argparse.ArgumentParser(description="A box for long, with faults all the time.")
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--fault-every", type=float, default=60.0, metavar="S")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder), given.cameras, 60 * given.minutes, given.fault_every, given.seed)
    for one in found.samples[:: max(1, len(found.samples) // 15)]:
        print(f"{one.at_s / 60:6.1f} min {one.rss_mb:7.1f} MB {one.threads:4} threads {one.descriptors:4} descriptors")
    print(
        f"memory after warm-up: {found.growth_mb_h:+.1f} MB an hour; threads {found.left_behind(_threads):+}, "
        f"descriptors {found.left_behind(_descriptors):+}\n{found.messages} messages, {found.missing} missing; events "
        f"{found.events}, not cleared {found.never_cleared}\nfaults {found.faults}, {found.reconnects} reconnects"
    )
    if wrong := found.wrong():
        sys.exit("\n".join(wrong))


def soak(folder: Path, number: int, seconds: float, fault_every_s: float, seed: int) -> Soak:
    """Run it."""
    footage = [Footage.read(stream) for stream in make_streams("sub", folder)]
    cameras = [RtspCamera(footage[i % len(CLIPS)]) for i in range(number)]
    for camera in cameras:
        camera.start()
    hall = folder / "hall.yaml"
    hall.write_text(hall_text([camera.url() for camera in cameras], 2.0), encoding="utf-8")
    broker = mosquitto(folder)
    with running(broker), recording(broker.port) as heard, (folder / "edge.log").open("w") as log:
        command = [str(Path(sys.executable).with_name("hallwatch")), "edge", str(hall), "--data", str(folder / "data")]
        box = subprocess.Popen(
            [*command, "--broker", f"mqtt://127.0.0.1:{broker.port}", "--model", "default"], stderr=log, env=os.environ
        )
        try:
            samples, faults = _watch(box, cameras, broker, seconds, fault_every_s, random.Random(seed))
        finally:
            box.send_signal(signal.SIGTERM)
            code = box.wait(30)
            for camera in cameras:
                camera.stop()
        if code:
            raise SystemExit(f"the box ended with {code}: {(folder / 'edge.log').read_text()[-2000:]}")
        time.sleep(3)
        return _judge(heard, samples, faults)


def _watch(
    box: subprocess.Popen[bytes],
    cameras: list[RtspCamera],
    broker: Server,
    seconds: float,
    fault_every_s: float,
    rng: random.Random,
) -> tuple[list[Sample], dict[str, int]]:
    samples: list[Sample] = []
    faults: dict[str, int] = defaultdict(int)
    began, fault_at, mends_at = time.monotonic(), fault_every_s / 2, float("inf")
    mend: Callable[[], None] | None = None
    troubled_at = 0.0
    while (at_s := time.monotonic() - began) < seconds and box.poll() is None:
        if mend is not None and at_s >= mends_at:
            mend()
            mend, troubled_at = None, at_s
        elif mend is None and at_s >= fault_at and at_s < seconds - 2 * _FAULT_S:
            name, mend = _break(cameras, broker, rng)
            faults[name] += 1
            fault_at, mends_at = fault_at + fault_every_s, at_s + _FAULT_S
        troubled_at = at_s if mend is not None else troubled_at
        samples.append(_sample(box.pid, at_s, calm=at_s - troubled_at > 30))
        time.sleep(_SAMPLE_S)
    return samples, dict(faults)


def _break(cameras: list[RtspCamera], broker: Server, rng: random.Random) -> tuple[str, Callable[[], None]]:
    """Something fails; what, and how it is mended."""
    camera = rng.choice(cameras)
    what: Misbehaviour | Literal["away", "password", "broker"] = rng.choice([*BEHAVIOURS, *_OTHERS])
    if what == "broker":
        broker.stop()
        return what, broker.start
    if what == "away":
        camera.stop()
        return what, camera.start
    if what == "password":
        camera.ask_for(("someone", "else"))
        camera.stop()
        camera.start()
        return what, lambda: camera.ask_for(None)
    camera.behaviour = what

    def mend() -> None:
        camera.behaviour = "fine"

    return what, mend


def _sample(pid: int, at_s: float, *, calm: bool) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(at_s, int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), descriptors, calm)


def _threads(sample: Sample) -> int:
    return sample.threads


def _descriptors(sample: Sample) -> int:
    return sample.descriptors


def _judge(heard: Recorder, samples: list[Sample], faults: dict[str, int]) -> Soak:
    messages = [message for message in heard.messages() if message.seq > 0]
    numbers = defaultdict(set)
    for message in messages:
        numbers[message.boot].add(message.seq)
    missing = sum(max(seen) - len(seen) for seen in numbers.values())
    events: dict[str, int] = defaultdict(int)
    open_now: set[str] = set()
    for message in messages:
        if isinstance(message.body, EventBody):
            events[message.body.rule] += message.body.event_id not in open_now
            open_now.add(message.body.event_id)
    cleared = {m.body.event_id for m in messages if isinstance(m.body, EventBody) and m.body.ended_at is not None}
    health = [message.body for message in messages if isinstance(message.body, HealthBody)]
    reconnects = sum(camera.reconnects for camera in health[-1].cameras) if health else 0
    distinct = sum(len(seen) for seen in numbers.values())
    return Soak(samples, faults, distinct, missing, dict(events), len(open_now - cleared), reconnects)


if __name__ == "__main__":
    main()
