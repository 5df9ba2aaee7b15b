"""Where on the floor people are, from their boxes: by the feet of who stands, by the head of who sits or is hidden.

The lower edge of a box is on the floor only where feet are seen. Of a clerk behind a desk it is the edge of the desk,
which lies a metre and more beyond on the floor; of who sits it is the feet, half a metre before the body. How high the
box would be, if its lower edge were on the floor, tells which of them it is; the rest follows from the height of the
head. `Upright` knows the vertical from the floor points alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, nan

import numpy as np
from numpy.typing import NDArray

from vision.calibration import Calibration
from vision.types import PERSON_M
from vision.upright import Upright

# A body on a chair is 0.88 m high (sitting height, median of both sexes, GB/T 10000-1988) and a chair 0.42 to 0.5 m.
# Who works at a desk sits upright, who waits leans back: 1.41 m and 1.32 m of the figures of the rendered halls.
DESK_HEAD_M = 1.40
SEAT_HEAD_M = 1.33
_HIDDEN_M, _SEATED_M = 1.25, 1.40
"""Up to the first height a box shows no feet: a desk hides them. From the second on it does."""
_SITTING_M, _STANDING_M = 1.50, 1.65
"""Who sits looks up to the first height high, with the feet before the body; who stands, from the second on. In between
it may be either, and the place is in between, too."""
_TOES_M = 0.13
"""The tips of shoes, which are the lower edge of who stands before the camera, are so far before the body."""
_CUT = 0.995
"""A box down to here is cut off by the edge of the image: there are no feet in it."""
_FLAT = 1e-12

Row = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Bodies:
    """The floor under people in one camera, of images of one size.

    Attributes:
        rows: (3, 4), plan metres (x, y, up, 1) to fractions of the image; the third is positive before the camera.
        camera: where it hangs, metres of the plan.
        size_px: width and height of the image.
    """

    rows: tuple[Row, Row, Row]
    camera: tuple[float, float]
    size_px: tuple[int, int]

    @classmethod
    def of(cls, calibration: Calibration, size_px: tuple[int, int]) -> Bodies | None:
        """From a floor and the size of the image; None where the floor points say nothing of the vertical."""
        upright = Upright.of(calibration, size_px)
        if upright is None:
            return None
        centre = np.linalg.svd(upright.matrix)[2][-1]
        if abs(centre[3]) < _FLAT:
            return None
        x, y = (centre[:2] / centre[3]).tolist()
        a, b, c = (tuple(row) for row in upright.matrix.tolist())
        return cls((a, b, c), (x, y), size_px)

    def places(self, boxes: Sequence[Sequence[float]]) -> NDArray[np.float64]:
        """Metres of the plan (N, 2) of boxes (N, 4), xyxy in pixels; NaN where somebody cannot be on the floor."""
        return np.array([self._place(*box) for box in boxes], np.float64).reshape(-1, 2)

    def _place(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float]:
        width, height = self.size_px
        x, head, foot = (left + right) / (2 * width), top / height, min(bottom / height, 1.0)
        if foot >= _CUT:
            return self._level(x, head, PERSON_M)
        at = self._level(x, foot, 0.0)
        high_m = self._height_m(at, head)
        if not high_m > _HIDDEN_M:  # nor a number where the lower edge is above the horizon
            return self._level(x, head, DESK_HEAD_M)
        leaning = min((high_m - _HIDDEN_M) / (_SEATED_M - _HIDDEN_M), 1.0)
        sitting_m = DESK_HEAD_M + leaning * (SEAT_HEAD_M - DESK_HEAD_M)
        standing = min(max((high_m - _SITTING_M) / (_STANDING_M - _SITTING_M), 0.0), 1.0)
        if standing < 1:
            at = self._level(x, head, sitting_m + standing * (high_m - sitting_m))
        return self._behind(at, _TOES_M * standing)

    def _level(self, x: float, y: float, up_m: float) -> tuple[float, float]:
        """The point of the plan below what shows at a point of the image and is so high."""
        (a0, a1, a2, a3), (b0, b1, b2, b3), (c0, c1, c2, c3) = self.rows
        p, q, r = x * c0 - a0, x * c1 - a1, (a2 - x * c2) * up_m + a3 - x * c3
        s, t, u = y * c0 - b0, y * c1 - b1, (b2 - y * c2) * up_m + b3 - y * c3
        flat = p * t - q * s
        if abs(flat) < _FLAT:
            return nan, nan
        at_x, at_y = (r * t - q * u) / flat, (p * u - r * s) / flat
        before = c0 * at_x + c1 * at_y + c2 * up_m + c3
        return (at_x, at_y) if before > 0 else (nan, nan)

    def _height_m(self, at: tuple[float, float], y: float) -> float:
        """How high over a point of the plan is what shows in a line of the image."""
        _, (b0, b1, b2, b3), (c0, c1, c2, c3) = self.rows
        slope = y * c2 - b2
        if abs(slope) < _FLAT:
            return nan
        return (b0 * at[0] + b1 * at[1] + b3 - y * (c0 * at[0] + c1 * at[1] + c3)) / slope

    def _behind(self, at: tuple[float, float], by_m: float) -> tuple[float, float]:
        """A point so far behind another one, seen from the camera."""
        x, y = at[0] - self.camera[0], at[1] - self.camera[1]
        away = hypot(x, y)
        return (at[0] + by_m * x / away, at[1] + by_m * y / away) if away > _FLAT else at
