"""What a rendered frame costs, beside a plain copy of a frame in the same run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, median

import msgspec
import numpy as np

from twin.actors import ActorState
from twin.camera import Compositor
from twin.stories import make_story

_HALL = "lowdesk"
_WALKERS = 12
_ROWS_M = {"cam1": ((4.2, -3.5), (6.9, -4.0)), "cam2": ((-1.25, -3.0), (-2.55, -3.5))}
"""Per camera, where two rows of people walk: y, and x of the first."""


class TwinFigures(msgspec.Struct, frozen=True):
    """Processor time of this thread per 1280x720 frame, milliseconds.

    Attributes:
        story_ms: mean over the demo story, all cameras, sprites already decoded.
        walking_ms: mean with 12 people, all of whom walk: nothing of anybody can be taken from the frame before.
        copy_ms: a plain copy of the frame.
        ratio_to_copy: `story_ms` over `copy_ms`; median over the rounds.
        frames_per_second: of the story, on one core.
    """

    story_ms: float
    walking_ms: float
    copy_ms: float
    ratio_to_copy: float
    frames_per_second: float
    frames: int
    rounds: int


def bench_twin(*, rounds: int = 3, seconds: float = 30.0) -> TwinFigures:
    """Measure that much of the story; rounds of all take turns, so that a noisy neighbour hits each."""
    story = make_story("demo", _HALL, 1)
    frames = [story.at(number / 12) for number in range(round(min(seconds, story.duration_s) * 12))]
    crowds_of = {
        camera: [_crowd(number, rows) for number in range(min(len(frames), 120))] for camera, rows in _ROWS_M.items()
    }
    cameras = {camera: Compositor(_HALL, camera, seed=1) for camera in _ROWS_M}
    for name, camera in cameras.items():  # sheets are decoded once per process
        _render(camera, frames[::3])
        _render(camera, crowds_of[name][::3])
    stories, crowds, copies = [], [], []
    for _ in range(rounds):
        copies.append(_copy(frames_of=200))
        stories.append(fmean(_render(camera, frames) for camera in cameras.values()))
        crowds.append(fmean(_render(camera, crowds_of[name]) for name, camera in cameras.items()))
    return TwinFigures(
        story_ms=round(median(stories), 2),
        walking_ms=round(median(crowds), 2),
        copy_ms=round(median(copies), 3),
        ratio_to_copy=round(median(s / c for s, c in zip(stories, copies, strict=True)), 1),
        frames_per_second=round(1000 / median(stories)),
        frames=len(frames) * len(cameras),
        rounds=rounds,
    )


def _render(camera: Compositor, moments: Sequence[Sequence[ActorState]]) -> float:
    """Milliseconds per frame."""
    began = time.thread_time()
    for number, actors in enumerate(moments):
        camera.render(actors, number)
    return (time.thread_time() - began) * 1000 / len(moments)


def _copy(*, frames_of: int) -> float:
    frame = np.full((720, 1280, 3), 127, np.uint8)
    began = time.thread_time()
    for _ in range(frames_of):
        frame.copy()
    return (time.thread_time() - began) * 1000 / frames_of


def _crowd(number: int, rows_m: tuple[tuple[float, float], ...]) -> list[ActorState]:
    """Twelve people in two rows who walk across the view of a camera, 1.2 m a second at 12 frames."""
    figures = ["m_tee", "f_coat", "m_polo", "f_pink", "m_hoodie", "f_tee"]
    walker = ActorState("", "", f"walk{number % 6}", 90.0, 0.0, 0.0)
    return [
        replace(
            walker,
            person=f"p{k}",
            figure=figures[k % len(figures)],
            x_m=rows_m[k % 2][1] + (k // 2 * 1.1 + number * 0.1) % 6.6,
            y_m=rows_m[k % 2][0],
        )
        for k in range(_WALKERS)
    ]
