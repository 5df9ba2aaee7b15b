"""From tracks to people on the floor: foot points, and floor metres where the camera is calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from vision.areas import Area, foot_points
from vision.calibration import Calibration
from vision.stays import Sighting
from vision.tracker import Tracker, TrackerSettings
from vision.types import TENTATIVE, Detections, Tracks

_PERSON_M = 1.7
_SHADOW = 0.75
"""A box of which so much lies in a larger one may be a second box on the same person,"""
_DOUBLE = 0.4
_DOUBLE_AT_DEPTH = 0.25
"""and so may one that shares so much (IoU) with a surer one: non-maximum suppression only takes those above 0.5."""


@dataclass(frozen=True, slots=True)
class People:
    """The people of one frame.

    Attributes:
        at: capture time.
        tracks: N tracks, with the boxes as measured.
        feet: (N, 2) foot points, fractions of the image.
        floor_m: (N, 2) places on the floor plan, NaN beyond the horizon; None where not calibrated.
    """

    at: Instant
    tracks: Tracks
    feet: NDArray[np.float64]
    floor_m: NDArray[np.float64] | None

    def sightings(self, area: Area) -> list[Sighting]:
        """The confirmed tracks as a ledger of stays in `area` wants them."""
        confirmed = np.flatnonzero(self.tracks.ids != TENTATIVE)
        if len(confirmed) == 0:
            return []
        feet, size_px = self.feet[confirmed], self.tracks.size_px
        boxes = self.tracks.boxes_px[confirmed]
        scale_m = _PERSON_M / np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
        border_m = area.border_distance_px(feet, size_px) * scale_m
        points, units_m = feet * size_px, scale_m
        if self.floor_m is not None:
            on_floor = self.floor_m[confirmed]
            known: NDArray[np.bool_] = np.asarray(np.isfinite(on_floor).all(axis=1))
            points = np.where(known[:, None], on_floor, points)
            units_m = np.where(known, 1.0, scale_m)
        columns = zip(
            self.tracks.ids[confirmed].tolist(),
            points[:, 0].tolist(),
            points[:, 1].tolist(),
            units_m.tolist(),
            area.contains(feet).tolist(),
            border_m.tolist(),
            _shadowed(boxes, self.tracks.scores[confirmed]).tolist(),
            strict=True,
        )
        return [Sighting(*row) for row in columns]


def _shadowed(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which xyxy boxes (N, 4) lie mostly within a larger one or largely upon a surer one."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=-1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    within = (area[None, :] > area[:, None]) & (overlap >= _SHADOW * area[:, None])
    union = area[:, None] + area[None, :] - overlap
    # Two people at the same depth cannot stand in each other: half a width apart is half a shoulder.
    height = boxes[:, 3] - boxes[:, 1]
    same_depth = np.abs(boxes[:, None, 3] - boxes[None, :, 3]) < 0.1 * height[:, None]
    share = np.where(same_depth, _DOUBLE_AT_DEPTH, _DOUBLE)
    upon = (scores[None, :] > scores[:, None]) & (overlap >= share * union)
    return np.asarray((within | upon).any(axis=1))


class Locator:
    """Follows the people of one camera.

    Args:
        calibration: the camera's floor homography, if it has one.
        settings: thresholds of the tracker.
    """

    def __init__(self, calibration: Calibration | None = None, settings: TrackerSettings | None = None) -> None:
        self.calibration = calibration
        self._tracker = Tracker(settings)

    def locate(self, at: Instant, detections: Detections) -> People:
        """People of a frame from its detections, those of low score included."""
        tracks = self._tracker.update(at, detections)
        feet = foot_points(tracks.boxes_px, tracks.size_px)
        floor_m = None if self.calibration is None else self.calibration.to_floor(feet)
        return People(at, tracks, feet, floor_m)
