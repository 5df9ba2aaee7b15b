"""How much the pipeline costs on top of what nobody can avoid: decoding and inference."""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import median

import msgspec

from edge.capture import open_file
from edge.replay import replay
from hall.layout import Hall
from hall.messages import Message, encode
from vision.detector import Detector


class ReplayFigures(msgspec.Struct, frozen=True):
    """Replay against decoding plus inference alone, frame by frame, on the same recordings in the same run.

    Each frame is one inference in both: no crops.

    Attributes:
        ratio_to_limit: time of decoding plus inference alone over time of the replay; median over the rounds.
        times_real_time: recorded camera-seconds per second of replay at 2 analysed frames per second.
        frames: analysed per round.
        limit_s, replay_s: median times of a round.
    """

    ratio_to_limit: float
    times_real_time: float
    frames: int
    limit_s: float
    replay_s: float
    model: str
    provider: str
    rounds: int


def bench_replay(hall: Hall, sources: Mapping[str, str], detector: Detector, *, rounds: int = 3) -> ReplayFigures:
    """Measure; rounds of both take turns, so that a noisy neighbour hits both."""
    ratios, limits, replays = [], [], []
    frames = 0
    for _ in range(rounds):
        limit_s = _limit(hall, sources, detector)
        replay_s, frames, _ = _replay(hall, sources, detector)
        ratios.append(limit_s / replay_s)
        limits.append(limit_s)
        replays.append(replay_s)
    slow = _at(hall, 2.0)
    took_s, _, covered_s = _replay(slow, sources, detector)
    return ReplayFigures(
        ratio_to_limit=round(median(ratios), 3),
        times_real_time=round(covered_s * len(sources) / took_s, 1),
        frames=frames,
        limit_s=round(median(limits), 3),
        replay_s=round(median(replays), 3),
        model=detector.name,
        provider=detector.provider,
        rounds=rounds,
    )


def _at(hall: Hall, fps: float) -> Hall:
    floors = [
        floor.model_copy(update={"cameras": [c.model_copy(update={"analyse_fps": fps}) for c in floor.cameras]})
        for floor in hall.floors
    ]
    return hall.model_copy(update={"floors": floors})


def _limit(hall: Hall, sources: Mapping[str, str], detector: Detector) -> float:
    """Decode and infer, one after the other, nothing else."""
    cameras = {camera.id: camera for floor in hall.floors for camera in floor.cameras}
    started = time.perf_counter()
    for name, source in sources.items():
        fps = cameras[name].analyse_fps
        for frame in open_file(name, source, analyse_fps=fps, start=0.0, fit=detector.input_size):
            detector.detect([frame.image])
    return time.perf_counter() - started


def _replay(hall: Hall, sources: Mapping[str, str], detector: Detector) -> tuple[float, int, float]:
    started = time.perf_counter()

    def emit(message: Message) -> None:
        encode(message)  # what `hallwatch replay` does, less the disk

    report = replay(hall, sources, detector, start=1767574800.0, fit=detector.input_size, emit=emit)
    return time.perf_counter() - started, report.frames, report.covered_s
