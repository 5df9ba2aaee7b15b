"""A working day of a large hall, made and replayed without pixels: what `hallwatch bench day` measures."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from cli._workers import workers
from edge.replay import replay_detections
from hall.clock import Instant, from_iso
from hall.load import parse_hall
from hall.messages import Message, decode, encode
from twin.evaluate import Figures, evaluate
from twin.scenario import NoiseModel, Scenario, observations
from twin.scenario.wings import Wing, wings_hall, wings_of
from twin.truth import Truth
from vision.tracker import Tracker
from vision.types import Detections

HEARTBEAT_S = 1.0
"""A frame in which nobody moves is looked at so often, as by a box with a motion gate."""


class DayFigures(msgspec.Struct, frozen=True):
    """A day made and replayed, with every node on its own, two processes at most.

    Attributes:
        citizens: who came, children and staff aside; `unserved` of them lost patience.
        day_s: length of the day.
        make_cpu_s: processor time for story, truth and observations.
        replay_s: time of the replay: that of the busier process.
        replay_cpu_s: processor time of the replay, all processes together; `us_per_frame` is that of a frame.
        limit_cpu_s: processor time of following people through the same detections, and nothing else.
        ratio_to_limit: `limit_cpu_s` over `replay_cpu_s`; 1 would be nothing on top of that.
        times_real_time: length of the day over `replay_s`.
        score: claims against the truth.
    """

    windows: int
    cameras: int
    citizens: int
    unserved: int
    day_s: float
    frames: int
    people_per_frame: float
    messages: int
    make_cpu_s: float
    replay_s: float
    replay_cpu_s: float
    us_per_frame: float
    limit_cpu_s: float
    ratio_to_limit: float
    frames_per_second: float
    times_real_time: float
    processes: int
    score: Figures


@dataclass(slots=True)
class WingRun:
    """One wing, made and replayed."""

    number: int
    process: int
    truth: Truth
    messages: list[bytes] = field(default_factory=list)
    citizens: int = 0
    unserved: int = 0
    frames: int = 0
    people: int = 0
    make_cpu_s: float = 0.0
    replay_s: float = 0.0
    replay_cpu_s: float = 0.0
    limit_cpu_s: float = 0.0


def bench_day(scenario: Scenario, *, seed: int = 1, fps: float = 2.0) -> DayFigures:
    """Make a day, with the noise of the default detector, and replay it.

    Args:
        scenario: what happens, in one wing or several.
        seed: of story and noise.
        fps: frames of each camera per second.
    """
    wings = wings_of(scenario)
    processes = min(2, len(wings), os.cpu_count() or 1)
    run = partial(run_wing, scenario, seed=seed, fps=fps)
    if processes == 1:
        runs = [_told(run(wing), len(wings)) for wing in wings]
    else:
        with workers(processes) as pool:
            runs = [_told(each, len(wings)) for each in pool.map(run, wings)]
    busy_s: dict[int, float] = {}
    for each in runs:
        busy_s[each.process] = busy_s.get(each.process, 0.0) + each.replay_s
    replay_s, frames = max(busy_s.values()), sum(each.frames for each in runs)
    replay_cpu_s, limit_cpu_s = sum(each.replay_cpu_s for each in runs), sum(each.limit_cpu_s for each in runs)
    return DayFigures(
        windows=len(scenario.windows),
        cameras=sum(len(floor.cameras) for floor in parse_hall(wings_hall(scenario)).floors),
        citizens=sum(each.citizens for each in runs),
        unserved=sum(each.unserved for each in runs),
        day_s=scenario.duration_s,
        frames=frames,
        people_per_frame=round(sum(each.people for each in runs) / frames, 2),
        messages=sum(len(each.messages) for each in runs),
        make_cpu_s=round(sum(each.make_cpu_s for each in runs), 1),
        replay_s=round(replay_s, 2),
        replay_cpu_s=round(replay_cpu_s, 2),
        us_per_frame=round(1e6 * replay_cpu_s / frames, 1),
        limit_cpu_s=round(limit_cpu_s, 2),
        ratio_to_limit=round(limit_cpu_s / replay_cpu_s, 3),
        frames_per_second=round(frames / replay_s),
        times_real_time=round(scenario.duration_s / replay_s),
        processes=processes,
        score=score(runs),
    )


def _told(run: WingRun, wings: int) -> WingRun:
    """Say that a wing is done, since all of them take minutes on a slow machine."""
    cost = f"{run.frames} frames, {run.replay_cpu_s:.1f} s of processor time"
    print(f"wing {run.number} of {wings}: {cost}", file=sys.stderr, flush=True)
    return run


def run_wing(scenario: Scenario, wing: Wing, *, seed: int, fps: float) -> WingRun:
    """Make one wing of the day, then replay it."""
    hall = parse_hall(wings_hall(scenario, fps=fps))
    cpu_s = time.process_time()
    story = wing.tell(seed)
    run = WingRun(wing.number, os.getpid(), wing.truth(story, fps=2.0))
    began = from_iso(run.truth.start)
    seen = [
        (wing.camera(o.camera), began + o.at_s, o.detections)
        for o in observations(
            wing.scenario, story, seed=seed, noise=NoiseModel(), fps=fps, wing=wing.number, heartbeat_s=HEARTBEAT_S
        )
    ]
    run.make_cpu_s = time.process_time() - cpu_s
    run.citizens, run.unserved = story.citizens, story.left_unserved
    run.frames, run.people = len(seen), sum(len(found) for _, _, found in seen)
    run.limit_cpu_s = _follow_only(seen)
    clock_s, cpu_s = time.perf_counter(), time.process_time()
    run.messages = [encode(message) for message in replay_detections(hall, wing.node, seen)]
    run.replay_s, run.replay_cpu_s = time.perf_counter() - clock_s, time.process_time() - cpu_s
    return run


def _follow_only(seen: Iterable[tuple[str, Instant, Detections]]) -> float:
    """Processor time of the trackers alone."""
    trackers: defaultdict[str, Tracker] = defaultdict(Tracker)
    cpu_s = time.process_time()
    for camera, at, detections in seen:
        trackers[camera].update(at, detections)
    return time.process_time() - cpu_s


def score(runs: Iterable[WingRun]) -> Figures:
    """The claims of all nodes against the truth of all wings."""
    whole = Truth()
    messages: list[Message] = []
    for run in runs:
        messages += map(decode, run.messages)
        whole = msgspec.structs.replace(whole, duration_s=run.truth.duration_s)
        for name in ("events", "borderline", "sessions", "stays", "counts", "crossings", "presence", "blind"):
            getattr(whole, name).extend(getattr(run.truth, name))
    return evaluate(messages, whole)
