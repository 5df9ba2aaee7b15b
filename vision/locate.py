"""From tracks to people on the floor: foot points, and floor metres where the camera is calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from vision.areas import Area, foot_points
from vision.calibration import Calibration
from vision.stays import Sighting
from vision.tracker import Tracker, TrackerSettings, entangled, shadowed
from vision.types import TENTATIVE, Detections, Tracks

_PERSON_M = 1.7


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
        boxes, ids = self.tracks.boxes_px[confirmed], self.tracks.ids[confirmed]
        scale_m = _PERSON_M / np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
        border_m = area.border_distance_px(feet, size_px) * scale_m
        points, units_m = feet * size_px, scale_m
        if self.floor_m is not None:
            on_floor = self.floor_m[confirmed]
            known: NDArray[np.bool_] = np.asarray(np.isfinite(on_floor).all(axis=1))
            points = np.where(known[:, None], on_floor, points)
            units_m = np.where(known, 1.0, scale_m)
        columns = zip(
            ids.tolist(),
            points[:, 0].tolist(),
            points[:, 1].tolist(),
            units_m.tolist(),
            area.contains(feet).tolist(),
            border_m.tolist(),
            shadowed(boxes, self.tracks.scores[confirmed]).tolist(),
            ((boxes[:, 0] + boxes[:, 2]) / 2).tolist(),
            boxes[:, 1].tolist(),
            scale_m.tolist(),
            [tuple(ids[row].tolist()) for row in entangled(boxes)],
            strict=True,
        )
        return [Sighting(*row) for row in columns]


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
