"""Observations without pixels: what a detector would have found, frame by frame, far faster than real time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from twin.actors import Story
from twin.scenario.bodies import Silhouettes, silhouettes
from twin.scenario.engine import streams
from twin.scenario.file import Scenario
from twin.scenario.noise import EXACT, LEAST, SURE, NoiseModel, per_pose, quantiles
from twin.scenario.place import Camera, Floats, load_place
from vision.types import Detections

_CHUNK_S = 120.0
_STAYS_OPEN_S = 1.0
"""A motion gate closes so long after the last movement: who stops is looked at once more where he stands."""
_GRID = (4, 6)
"""Points across and down a box that others may hide."""
_TRUNK = 0.35
"""A body hides so much of its box's width to either side of the middle."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The detections of one frame, `at_s` seconds after the start of the story."""

    camera: str
    at_s: float
    detections: Detections


def observations(
    scenario: Scenario,
    story: Story,
    *,
    seed: int,
    noise: NoiseModel = EXACT,
    fps: float = 2.0,
    cameras: Sequence[str] | None = None,
    heartbeat_s: float = 0.0,
    wing: int = 1,
) -> Iterator[Observed]:
    """What each camera's detector finds, in order of time, for `Pipeline.observe`.

    While a camera is frozen, dark, covered, bumped or stalled it gives nothing, as a box that has noticed would.

    Args:
        scenario: for the hall and the camera faults.
        story: who is where.
        seed: of the noise.
        noise: none by default.
        fps: frames per second of each camera.
        cameras: all of the hall by default.
        heartbeat_s: a frame in which nobody has moved for a second is left out, unless the last one that was given
            is so old, as a box with a motion gate does it. By default every frame is given.
        wing: which one of a hall of several: each has noise of its own.
    """
    place = load_place(scenario.scenario.hall)
    names = list(place.cameras) if cameras is None else list(cameras)
    total = int(story.duration_s * fps) + 1
    size = max(1, int(_CHUNK_S * fps))
    gates = {name: _Gate(heartbeat_s) for name in names}
    for first in range(0, total, size):
        times = [k / fps for k in range(first, min(first + size, total))]
        frames = [story.at(t) for t in times]
        found = []
        for name in names:
            rng = np.random.default_rng([*streams(seed, wing), first, *name.encode()])
            people = silhouettes(place, place.cameras[name], frames)
            dim = np.array([_within(t, _spans(scenario, name, "dim")) for t in times])
            moved = [gates[name].opens(t, look) for t, look in zip(times, _looks(people, len(times)), strict=True)]
            every = detect(people, place.cameras[name], noise, rng, dim, 1 / fps)
            found.append([d if is_given else None for d, is_given in zip(every, moved, strict=True)])
        for k, at_s in enumerate(times):
            for name, detections in zip(names, found, strict=True):
                seen = detections[k]
                if seen is not None and not _within(at_s, scenario.blind(name)):
                    yield Observed(name, at_s, seen)


class _Gate:
    """Lets a frame pass where something moved or just did, or where the last one is too old."""

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._look: bytes | None = None
        self._at_s = self._moved_s = float("-inf")

    def opens(self, at_s: float, look: bytes) -> bool:
        if self._look is not None and look != self._look:
            self._moved_s = at_s
        self._look = look
        if at_s - self._moved_s > _STAYS_OPEN_S and at_s - self._at_s < self._heartbeat_s - 1e-6:
            return False
        self._at_s = at_s
        return True


def _looks(people: Silhouettes, frames: int) -> Iterator[bytes]:
    """What tells one frame from another where everybody stands still."""
    ends = np.searchsorted(people.frame, np.arange(frames + 1)).tolist()
    return (people.full_px[a:b].tobytes() for a, b in pairwise(ends))


def _spans(scenario: Scenario, camera: str, kind: str) -> list[tuple[float, float]]:
    return [(f.start, f.end) for f in scenario.faults if f.camera == camera and f.kind == kind]


def _within(at_s: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(start <= at_s < end for start, end in spans)


def detect(
    people: Silhouettes,
    camera: Camera,
    noise: NoiseModel,
    rng: np.random.Generator,
    dim: NDArray[np.bool_],
    step_s: float,
) -> Iterator[Detections]:
    """Detections of each frame.

    Args:
        people: of all frames.
        camera: which sees them.
        noise: what it makes of them.
        rng: chance.
        dim: (frames,) in which frames the picture is dim.
        step_s: time between frames.
    """
    found, scores = _found(people, noise, rng, dim, step_s)
    again = people.select(_luck(people, rng, step_s, noise.second_memory_s) < per_pose(noise.second, people.pose))
    boxes = np.concatenate([people.seen_px[found], _second(again, rng)])
    if noise.jitter > 0:
        boxes = boxes + rng.normal(0, noise.jitter, boxes.shape) * (boxes[:, 3:] - boxes[:, 1:2])
    false_frame, false_boxes = _false(camera, noise, rng, len(dim), step_s)
    frame = np.concatenate([people.frame[found], again.frame, false_frame])
    tidy = _tidy(np.concatenate([boxes, false_boxes]), camera.size_px)
    every = np.concatenate([scores, quantiles(noise.false_scores, rng.random(len(tidy) - len(scores)))])
    order = np.argsort(frame, kind="stable")
    ends = np.searchsorted(frame[order], np.arange(len(dim) + 1))
    tidy, labels = tidy[order], np.zeros(len(tidy), np.int64)
    sorted_scores = every[order].astype(np.float32)
    for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield Detections(tidy[a:b], sorted_scores[a:b], labels[a:b], camera.size_px)


def _found(
    people: Silhouettes, noise: NoiseModel, rng: np.random.Generator, dim: NDArray[np.bool_], step_s: float
) -> tuple[NDArray[np.bool_], Floats]:
    """Who is found (N,), and the scores of those: low ones where luck ran out, but not altogether."""
    share, glimpsed = noise.found(people.pose, people.height_px, hidden_by_others(people))
    light = np.where(dim[people.frame], noise.dim, 1.0)
    share, glimpsed = share * light, glimpsed * light
    luck = _luck(people, rng, step_s, noise.memory_s)
    scores = noise.scored(people.pose, 1 - luck / np.maximum(share, 1e-9))
    unsure = luck >= share
    scores[unsure] = rng.uniform(LEAST, SURE - 0.01, int(unsure.sum()))
    found = luck < glimpsed
    return found, scores[found]


def _second(people: Silhouettes, rng: np.random.Generator) -> Floats:
    """Second boxes (N, 4) on people: each person's has a place and size of its own, as measured on those who sit."""
    names, which = np.unique(people.person.astype(str), return_inverse=True)
    aside, width, top, bottom = rng.normal((0.12, 1.08, 0.0, 0.94), (0.22, 0.18, 0.08, 0.08), (len(names), 4))[which].T
    box = people.seen_px
    wide, high = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    x, half = (box[:, 0] + box[:, 2]) / 2 + aside * wide, np.abs(width) * wide / 2
    return np.stack([x - half, box[:, 1] + top * high, x + half, box[:, 1] + bottom * high], axis=1)


def _tidy(boxes: Floats, size_px: tuple[int, int]) -> NDArray[np.float32]:
    low = np.minimum(boxes[:, :2], boxes[:, 2:])
    high = np.maximum(boxes[:, :2], boxes[:, 2:])
    inside = np.clip(np.concatenate([low, high], axis=1), 0, [*size_px, *size_px])
    return np.asarray(inside, dtype=np.float32)


def _false(
    camera: Camera, noise: NoiseModel, rng: np.random.Generator, frames: int, step_s: float
) -> tuple[NDArray[np.int64], Floats]:
    """Boxes on nobody: frames and boxes. One that is there stays there for a while."""
    stays = float(np.exp(-step_s / noise.false_lasts_s)) if noise.false_lasts_s > 0 else 0.0
    first = np.repeat(np.arange(frames), rng.poisson(noise.false_per_frame * (1 - stays), frames))
    width, height = camera.size_px
    tall = rng.uniform(0.1, 0.35, len(first)) * height
    x, y = rng.uniform(0, width, len(first)), rng.uniform(0.3, 1, len(first)) * height
    boxes = np.stack([x - 0.2 * tall, y - tall, x + 0.2 * tall, y], axis=1).reshape(-1, 4)
    looks = rng.geometric(1 - stays, len(first))
    frame = np.repeat(first, looks) + np.arange(looks.sum()) - np.repeat(np.cumsum(looks) - looks, looks)
    boxes = np.repeat(boxes, looks, axis=0)
    return frame[frame < frames], boxes[frame < frames]


def _luck(people: Silhouettes, rng: np.random.Generator, step_s: float, memory_s: float) -> Floats:
    """Evenly from 0 to 1 (N,), each person's with a memory: a first-order autoregressive process."""
    keep = float(np.exp(-step_s / memory_s)) if memory_s > 0 else 0.0
    steps = rng.standard_normal(len(people))
    luck = np.empty(len(people))
    for name in dict.fromkeys(people.person.tolist()):
        rows = np.flatnonzero(people.person == name)
        own = steps[rows] * np.sqrt(1 - keep**2)
        own[0] = steps[rows[0]]
        luck[rows] = list(accumulate(own.tolist(), lambda before, step: step + keep * before))
    return np.asarray(ndtr(luck), dtype=np.float64)


def hidden_by_others(people: Silhouettes) -> Floats:
    """How much (N,) of each box people nearer to the camera hide, 0 to 1."""
    first, second = _pairs(people)
    across = (np.arange(_GRID[0]) + 0.5) / _GRID[0]
    down = (np.arange(_GRID[1]) + 0.5) / _GRID[1]
    box, other = people.seen_px[first], people.full_px[second]
    x = box[:, :1] + across * (box[:, 2:3] - box[:, :1])
    y = box[:, 1:2] + down * (box[:, 3:] - box[:, 1:2])
    middle, half = (other[:, :1] + other[:, 2:3]) / 2, _TRUNK * (other[:, 2:3] - other[:, :1])
    in_x = np.abs(x - middle) < half
    in_y = (y > other[:, 1:2]) & (y < other[:, 3:])
    hit = (in_y[:, :, None] & in_x[:, None, :]).reshape(len(first), _GRID[0] * _GRID[1])
    bits = (
        (hit * (1 << np.arange(hit.shape[1]))).sum(axis=1).astype(np.uint32) if len(first) else np.zeros(0, np.uint32)
    )
    covered = np.zeros(len(people), np.uint32)
    np.bitwise_or.at(covered, first, bits)
    return np.asarray(np.bitwise_count(covered) / (_GRID[0] * _GRID[1]), dtype=np.float64)


def _pairs(people: Silhouettes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of one frame whose boxes meet, the second nearer to the camera than the first."""
    if not len(people):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    _, start, counts = np.unique(people.frame, return_index=True, return_counts=True)
    place = np.arange(counts.max())
    rows = np.where(place[None, :] < counts[:, None], start[:, None] + place[None, :], -1)
    there = rows >= 0
    box, depth = people.full_px[rows], people.depth_m[rows]
    meets = (
        (box[:, :, None, 0] < box[:, None, :, 2])
        & (box[:, None, :, 0] < box[:, :, None, 2])
        & (box[:, :, None, 1] < box[:, None, :, 3])
        & (box[:, None, :, 1] < box[:, :, None, 3])
        & (depth[:, None, :] < depth[:, :, None])
        & there[:, :, None]
        & there[:, None, :]
    )
    frame, i, j = np.nonzero(meets)
    return rows[frame, i], rows[frame, j]
