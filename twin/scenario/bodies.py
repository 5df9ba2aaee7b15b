"""Boxes of people in a camera's picture, without the picture: a body is a handful of points per pose.

The points were fitted to the boxes of the rendered clips (`tests/twin/test_scenario_bodies.py` says how well).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.actors import ActorState
from twin.scenario.place import Camera, Counter, Floats, Place
from twin.scenario.story import HEIGHTS_M

_TALL_M = 1.7
"""The height that the points below are for."""

# (forward, to the side, up) in metres; the floor point is between the feet, under the pelvis for sit and walk.
_UPRIGHT = [(0.0, 0.0, 1.7), (0.0, 0.29, 1.1), (0.0, -0.29, 1.1), (0.14, 0.13, 0.0), (-0.14, -0.13, 0.0)]
_STEP = [(0.0, 0.0, 1.68), (0.1, 0.27, 1.1), (-0.1, -0.27, 1.1), (0.33, 0.12, 0.0), (-0.33, -0.12, 0.03)]
_REACH = [(0.12, 0.0, 1.64), (0.0, 0.29, 1.1), (0.45, -0.25, 1.1), (0.14, 0.13, 0.0), (-0.14, -0.13, 0.0)]
_SEATED = [(0.0, 0.0, 1.35), (0.0, 0.27, 0.85), (0.0, -0.27, 0.85), (0.45, 0.15, 0.0), (0.45, -0.2, 0.0)]
_DESK = [(0.0, 0.0, 1.4), (0.05, 0.27, 0.9), (0.05, -0.27, 0.9), (0.6, 0.2, 0.0), (-0.2, -0.2, 0.45)]
_PHONE = [(0.1, 0.0, 1.34), (0.05, 0.24, 0.9), (0.05, -0.24, 0.9), (0.6, 0.2, 0.0), (-0.2, -0.2, 0.45)]

POSES = ("stand", "walk", "sit", "sit_desk", "sit_phone", "reach")
"""Poses that look different to a detector; `stand2` and the six steps of a walk count as one each."""
_POINTS = np.array([_UPRIGHT, _STEP, _SEATED, _DESK, _PHONE, _REACH])

_LEAST_DEPTH_M = 0.8
_WIDELY = 0.8
"""A counter that hides so much of the width hides the lower end of the box."""


def pose_index(pose: str) -> int:
    """Which of POSES a pose of the atlas is."""
    if pose.startswith("walk"):
        return 1
    return POSES.index("stand" if pose == "stand2" else pose)


@dataclass(frozen=True, slots=True, eq=False)
class Silhouettes:
    """People in the pictures of one camera, one row per person and frame, N rows.

    Attributes:
        frame: (N,) index of the frame, ascending.
        person: (N,) names.
        pose: (N,) index into POSES.
        full_px: (N, 4) x1 y1 x2 y2 of the whole body, also outside the picture.
        seen_px: (N, 4) what counters leave of it, clipped to the picture.
        height_px: (N,) what somebody of this height would measure upright at this place.
        depth_m: (N,) distance along the camera's axis.
    """

    frame: NDArray[np.int64]
    person: NDArray[np.object_]
    pose: NDArray[np.int64]
    full_px: Floats
    seen_px: Floats
    height_px: Floats
    depth_m: Floats

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, mask: NDArray[np.bool_]) -> Silhouettes:
        """Some of the rows."""
        return Silhouettes(
            self.frame[mask],
            self.person[mask],
            self.pose[mask],
            self.full_px[mask],
            self.seen_px[mask],
            self.height_px[mask],
            self.depth_m[mask],
        )


def silhouettes(place: Place, camera: Camera, frames: Sequence[Sequence[ActorState]]) -> Silhouettes:
    """What a camera sees of the people of some frames; who is out of its picture has no row."""
    states = [state for frame in frames for state in frame]
    index = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    pose = np.array([pose_index(s.pose) for s in states], dtype=np.int64)
    tall_m = np.array([HEIGHTS_M[s.figure] for s in states], dtype=np.float64)
    floor = np.array([(s.x_m, s.y_m) for s in states], dtype=np.float64).reshape(-1, 2)
    yaw = np.radians(np.array([s.yaw_deg for s in states], dtype=np.float64))
    names = np.array([s.person for s in states], dtype=object)

    points = _world(pose, tall_m, floor, yaw)
    pixels, depth = camera.project(points)
    before = depth.min(axis=1) > _LEAST_DEPTH_M if states else np.zeros(0, np.bool_)
    with np.errstate(invalid="ignore"):
        full = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1)
    upright, mid = _upright(camera, floor, tall_m)
    every = Silhouettes(index, names, pose, full, full, upright, mid)
    kept = every.select(before)
    seen = _behind_counters(place, camera, kept, floor[before])
    seen = np.clip(seen, 0, [*camera.size_px, *camera.size_px])
    shown = (seen[:, 2] - seen[:, 0] >= 4) & (seen[:, 3] - seen[:, 1] >= 4)
    kept = Silhouettes(kept.frame, kept.person, kept.pose, kept.full_px, seen, kept.height_px, kept.depth_m)
    return kept.select(shown)


def _world(pose: NDArray[np.int64], tall_m: Floats, floor: Floats, yaw: Floats) -> Floats:
    """Body points (N, K, 3) in the hall."""
    body = _POINTS[pose] * (tall_m / _TALL_M)[:, None, None]
    sin, cos = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
    forward, side, up = body[..., 0], body[..., 1], body[..., 2]
    x = floor[:, :1] + forward * sin + side * cos
    y = floor[:, 1:] - forward * cos + side * sin
    return np.stack([x, y, up], axis=-1)


def _upright(camera: Camera, floor: Floats, tall_m: Floats) -> tuple[Floats, Floats]:
    """Height in pixels and distance of somebody upright."""
    foot, depth = camera.project(np.c_[floor, np.zeros(len(floor))])
    head, _ = camera.project(np.c_[floor, tall_m])
    return np.abs(foot[:, 1] - head[:, 1]), depth


def _behind_counters(place: Place, camera: Camera, people: Silhouettes, floor: Floats) -> Floats:
    """Boxes without what the counters hide; only camera 1 looks over them."""
    boxes = people.full_px.copy()
    if camera.position[1] > place.counters[0].front_y_m or camera.id != "cam1":
        return boxes
    at_desk = np.isin(people.pose, [POSES.index("sit_desk"), POSES.index("sit_phone")])
    width = np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    hidden, edge = np.zeros(len(boxes)), np.full(len(boxes), -np.inf)
    for counter in place.counters:
        (left, left_y), (right, right_y), arms_px = _edges(camera, counter)
        across = np.clip(np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left), 0, None)
        across = np.where(floor[:, 1] > counter.back_y_m, across, 0.0)
        own = left_y + (middle - left) / (right - left) * (right_y - left_y) + np.where(at_desk, arms_px, 0.0)
        edge = np.where(across > 0, np.maximum(edge, own), edge)
        hidden += across
    # Counters may stand side by side: who is behind the joint of two is hidden by both.
    boxes[:, 3] = np.where(hidden >= _WIDELY * width, np.minimum(boxes[:, 3], edge), boxes[:, 3])
    return boxes


def _edges(camera: Camera, counter: Counter) -> tuple[tuple[float, float], tuple[float, float], float]:
    """In pixels: left and right end of the inner edge of the top, and how far below it the arms on it end."""
    corners = np.array(
        [
            (counter.left_m, counter.back_y_m, counter.top_m),
            (counter.right_m, counter.back_y_m, counter.top_m),
            (counter.left_m, counter.back_y_m - counter.arms_m, counter.top_m),
        ]
    )
    (left, right, arms), _ = camera.project(corners)
    return (float(left[0]), float(left[1])), (float(right[0]), float(right[1])), float(arms[1] - left[1])
