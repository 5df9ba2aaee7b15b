"""Image to floor: a plane homography from points that an installer measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from hall.plane import HORIZON, Pair, Plane

Floats = NDArray[np.float64]
_A_FEW = 8
"""Up to so many points plain numbers are faster than arrays."""


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
        """Least squares over all points, see `hall.plane`.

        Args:
            floor_points: at least four pairs of an image point (fractions) and a floor point (metres).

        Raises:
            InputError: the points lie on a line or otherwise fix no plane.
        """
        plane = Plane.fit(floor_points)
        return cls(np.array(plane.matrix, dtype=np.float64), fmean(plane.errors_m(floor_points)), len(floor_points))

    def to_floor(self, points: Floats) -> Floats:
        """Floor metres (N, 2) of image points (N, 2) in fractions; NaN at and above the horizon."""
        if len(points) <= _A_FEW:
            return np.array([self._on_floor(x, y) for x, y in points.tolist()]).reshape(-1, 2)
        x: Floats = points @ self.matrix[:, :2].T
        x += self.matrix[:, 2]
        w = x[:, 2:]
        w[w <= HORIZON] = np.nan
        return np.asarray(x[:, :2] / w)

    def _on_floor(self, x: float, y: float) -> Pair:
        (a, b, c), (d, e, f), (g, h, i) = self._rows
        w = g * x + h * y + i
        return (nan, nan) if w <= HORIZON else ((a * x + b * y + c) / w, (d * x + e * y + f) / w)

    @cached_property
    def _rows(self) -> list[list[float]]:
        rows: list[list[float]] = self.matrix.tolist()
        return rows

    def to_image(self, points: Floats) -> Floats:
        """Image fractions (N, 2) of floor points (N, 2) in metres; NaN behind the camera."""
        inverse = np.linalg.inv(self.matrix)
        x = np.c_[points, np.ones(len(points))] @ inverse.T
        # The inverse's third coordinate is 1 / w of `to_floor`, so it is positive before the camera.
        w = np.where(x[:, 2:] > HORIZON, x[:, 2:], np.nan)
        return np.asarray(x[:, :2] / w)
