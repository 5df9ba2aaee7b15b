"""From tracks to people on the floor: foot points, and floor metres where the camera is calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from vision._doubles import entangled, shadowed
from vision.areas import Area, foot_points
from vision.calibration import Calibration
from vision.stays import Sighting
from vision.tracker import Tracker, TrackerSettings
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
        born_at: (N,) when each track was seen first, NaN for tentative ones; None where unknown.
    """

    at: Instant
    tracks: Tracks
    feet: NDArray[np.float64]
    floor_m: NDArray[np.float64] | None
    born_at: NDArray[np.float64] | None = None

    def sightings(self, area: Area) -> list[Sighting]:
        """The confirmed tracks as a ledger of stays in `area` wants them."""
        confirmed = np.flatnonzero(self.tracks.ids != TENTATIVE)
        if len(confirmed) == 0:
            return []
        feet, boxes = self.feet[confirmed], self.tracks.boxes_px[confirmed].astype(np.float64)
        ids, size_px = self.tracks.ids[confirmed], self.tracks.size_px
        metres_per_px = _PERSON_M / np.maximum(boxes[:, 3] - boxes[:, 1], 1.0)
        # In heights of the image, so that places hold through a change of resolution.
        head_x, head_y = (boxes[:, 0] + boxes[:, 2]) / 2 / size_px[1], boxes[:, 1] / size_px[1]
        born_at = np.full(len(ids), self.at) if self.born_at is None else self.born_at[confirmed]
        columns = zip(
            ids.tolist(),
            head_x.tolist(),
            head_y.tolist(),
            (metres_per_px * size_px[1]).tolist(),
            area.contains(feet).tolist(),
            (area.border_distance_px(feet, size_px) * metres_per_px).tolist(),
            shadowed(boxes, self.tracks.scores[confirmed]).tolist(),
            [tuple(ids[row].tolist()) for row in entangled(boxes)],
            born_at.tolist(),
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
        return People(at, tracks, feet, floor_m, self._tracker.born_at(tracks.ids))
