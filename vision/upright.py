"""How high a standing person is in a picture, from the floor alone.

The homography of a floor and square pixels around the middle of the picture give the focal length and with it the
vertical (Zhang, A Flexible New Technique for Camera Calibration, 2000, 3.1, with one plane and one unknown).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.calibration import Calibration
from vision.types import PERSON_M

Floats = NDArray[np.float64]

_FOCAL_WIDTHS = (0.3, 4.0)
"""Lenses from 118 to 14 degrees wide; what lies beyond is noise of the floor points."""


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """Projects what stands on a calibrated floor.

    Attributes:
        matrix: (3, 4), plan metres (x, y, up, 1) to fractions of the image.
    """

    matrix: Floats

    @classmethod
    def of(cls, calibration: Calibration, size_px: tuple[int, int]) -> Upright | None:
        """From a floor and the size of the image; None where the floor points say nothing of the vertical."""
        width, height = size_px
        to_px = np.array([[width, 0, -width / 2], [0, height, -height / 2], [0, 0, 1.0]])
        floor = to_px @ np.linalg.inv(calibration.matrix)
        focal_px = _focal_px(floor)
        if focal_px is None or not _FOCAL_WIDTHS[0] <= focal_px / width <= _FOCAL_WIDTHS[1]:
            return None
        rays = floor / np.array([[focal_px], [focal_px], [1.0]])
        scale = float(np.linalg.norm(rays[:, 0]) + np.linalg.norm(rays[:, 1])) / 2
        up = np.cross(rays[:, 0], rays[:, 1])
        up *= scale / np.linalg.norm(up)
        # The camera hangs over the floor, whichever way the plan's axes turn.
        if up @ rays[:, 2] > 0:
            up = -up
        vertical = np.array([focal_px, focal_px, 1.0]) * up
        pixels = np.column_stack([floor[:, :2], vertical, floor[:, 2]])
        return cls(np.linalg.inv(to_px) @ pixels)

    def person(self, point: tuple[float, float], at_m: float = 0.0) -> float:
        """Height of a standing person of 1.7 m who shows at a point of the image, as a fraction of the image's.

        Args:
            point: fractions of the image.
            at_m: how high over the floor that point of the person is.

        Returns:
            NaN where nobody can stand: at and above the horizon.
        """
        level = self.matrix[:, [0, 1, 3]].copy()
        level[:, 2] += at_m * self.matrix[:, 2]
        try:
            place = np.linalg.solve(level, np.array([*point, 1.0]))
        except np.linalg.LinAlgError:
            return float("nan")
        if abs(place[2]) < 1e-12:
            return float("nan")
        x, y = place[:2] / place[2]
        ends = np.array([(x, y, 0.0, 1.0), (x, y, PERSON_M, 1.0)]) @ self.matrix.T
        if (ends[:, 2] <= 1e-9).any():
            return float("nan")
        return abs(float(np.diff(ends[:, 1] / ends[:, 2])[0]))


def _focal_px(floor: Floats) -> float | None:
    """Plan axes are at right angles and of one scale; least squares over both for 1 / focal length squared."""
    (ax, ay, az), (bx, by, bz) = floor[:, 0], floor[:, 1]
    factors = np.array([ax * bx + ay * by, ax**2 + ay**2 - bx**2 - by**2])
    rest = np.array([az * bz, az**2 - bz**2])
    size = float(factors @ factors)
    inverse = -float(factors @ rest) / size if size > 0 else 0.0
    return float(inverse**-0.5) if inverse > 0 else None
