"""Image to floor: a plane homography from points that an installer measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

import cv2
import numpy as np
from numpy.typing import NDArray

from hall.errors import InputError

Floats = NDArray[np.float64]
Pair = tuple[float, float]
_A_FEW = 8
"""Up to so many points plain numbers are faster than arrays."""
_HORIZON = 1e-9


@dataclass(frozen=True)
class Calibration:
    """A homography between fractions of the image and metres of the floor plan.

    Attributes:
        matrix: (3, 3), image fractions (x, y, 1) to floor metres.
        error_m: mean distance of the given points from where the homography puts them, metres. With exactly
            four points it is zero by construction and says nothing.
        points: how many points were given.
    """

    matrix: Floats
    error_m: float
    points: int

    @classmethod
    def fit(cls, floor_points: Sequence[tuple[Pair, Pair]]) -> Calibration:
        """Least squares over all points (Hartley & Zisserman, Multiple View Geometry, 4.1).

        Args:
            floor_points: at least four pairs of an image point (fractions) and a floor point (metres).

        Raises:
            InputError: the points lie on a line or otherwise fix no plane.
        """
        image = np.array([p for p, _ in floor_points], dtype=np.float64)
        floor = np.array([p for _, p in floor_points], dtype=np.float64)
        matrix, _ = cv2.findHomography(image, floor, 0) if len(image) >= 4 else (None, None)
        if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
            raise InputError(
                f"floor_points: {len(image)} points that fix no plane; expected at least 4, no three on a line"
            )
        # The sign of the third coordinate tells floor from sky; let it be positive on the floor.
        if (np.c_[image, np.ones(len(image))] @ matrix[2]).mean() < 0:
            matrix = -matrix
        fitted = cls(np.asarray(matrix, dtype=np.float64), 0.0, len(image))
        error = float(np.linalg.norm(fitted.to_floor(image) - floor, axis=1).mean())
        if not np.isfinite(error):
            raise InputError("floor_points: some lie beyond the horizon of the others; expected points of one floor")
        return cls(fitted.matrix, error, len(image))

    def to_floor(self, points: Floats) -> Floats:
        """Floor metres (N, 2) of image points (N, 2) in fractions; NaN at and above the horizon."""
        if len(points) <= _A_FEW:
            return np.array([self._on_floor(x, y) for x, y in points.tolist()]).reshape(-1, 2)
        x: Floats = points @ self.matrix[:, :2].T
        x += self.matrix[:, 2]
        w = x[:, 2:]
        w[w <= _HORIZON] = np.nan
        return np.asarray(x[:, :2] / w)

    def _on_floor(self, x: float, y: float) -> Pair:
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        w = g * x + h * y + i
        return (nan, nan) if w <= _HORIZON else ((a * x + b * y + c) / w, (d * x + e * y + f) / w)

    @cached_property
    def _rows(self) -> list[list[float]]:
        rows: list[list[float]] = self.matrix.tolist()
        return rows

    def to_image(self, points: Floats) -> Floats:
        """Image fractions (N, 2) of floor points (N, 2) in metres; NaN behind the camera."""
        inverse = np.linalg.inv(self.matrix)
        x = np.c_[points, np.ones(len(points))] @ inverse.T
        # The inverse's third coordinate is 1 / w of `to_floor`, so it is positive before the camera.
        w = np.where(x[:, 2:] > 1e-9, x[:, 2:], np.nan)
        return np.asarray(x[:, :2] / w)
