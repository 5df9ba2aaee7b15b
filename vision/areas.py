"""Areas of a picture: which people stand in them, by foot point or by overlap of the box."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

# Overlap is looked up in sums over a raster of this size, drawn finer and averaged.
_GRID = (320, 180)
_FINER = 4


def foot_points(boxes: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Middle of the lower edge of xyxy boxes (N, 4), in fractions of an image of size (width, height)."""
    width, height = size_px
    x = (boxes[:, 0] + boxes[:, 2]) / (2 * width)
    return np.stack([x, np.minimum(boxes[:, 3] / height, 1.0)], axis=1).astype(np.float64)


class Area:
    """A polygon in one camera's picture.

    Args:
        polygon: corners in fractions of the image, simple, at least three.
    """

    def __init__(self, polygon: Sequence[tuple[float, float]]) -> None:
        self.polygon = np.array(polygon, dtype=np.float64)
        self._next = np.roll(self.polygon, -1, axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            # A level edge has no slope and needs none: no point's height lies between its ends.
            self._slope = (self._next[:, 0] - self.polygon[:, 0]) / (self._next[:, 1] - self.polygon[:, 1])
        mask = np.zeros((_GRID[1] * _FINER, _GRID[0] * _FINER), np.uint8)
        # OpenCV counts from the middle of a pixel, in sixteenths.
        corners = np.round((self.polygon * _GRID * _FINER - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, shift=4)
        covered = cv2.resize(mask, _GRID, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        self._sums = np.asarray(cv2.integral(covered, sdepth=cv2.CV_64F), dtype=np.float64)

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (N, 2, fractions) lie inside: even-odd rule, (N,)."""
        x, y = points[:, :1], points[:, 1:]
        x0, y0 = self.polygon[:, 0], self.polygon[:, 1]
        straddles = (y0 > y) != (self._next[:, 1] > y)
        with np.errstate(invalid="ignore"):
            crosses = straddles & (x < self._slope * (y - y0) + x0)
        return np.asarray(crosses.sum(axis=1) % 2 == 1)

    def overlap(self, boxes: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float64]:
        """Share (N,) of each xyxy box (N, 4, pixels) that lies in the area; parts beyond the image do not count."""
        scale = np.array([_GRID[0] / size_px[0], _GRID[1] / size_px[1]] * 2)
        x0, y0, x1, y1 = np.clip(boxes * scale, 0, [*_GRID, *_GRID]).T
        covered = self._sum(x1, y1) - self._sum(x0, y1) - self._sum(x1, y0) + self._sum(x0, y0)
        area = (x1 - x0) * (y1 - y0)
        share = np.divide(covered, area, out=np.zeros_like(covered), where=area > 0)
        return np.asarray(np.clip(share, 0, 1), dtype=np.float64)

    def _sum(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the area covers of the raster left of x and above y; between cells, linear."""
        i, j = np.minimum(x.astype(int), _GRID[0] - 1), np.minimum(y.astype(int), _GRID[1] - 1)
        u, v = x - i, y - j
        top = self._sums[j, i] * (1 - u) + self._sums[j, i + 1] * u
        bottom = self._sums[j + 1, i] * (1 - u) + self._sums[j + 1, i + 1] * u
        return np.asarray(top * (1 - v) + bottom * v)

    def border_distance_px(self, points: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float64]:
        """Distance (N,) in pixels of points (N, 2, fractions) from the border, whether inside or outside."""
        start = self.polygon * size_px
        edge = self._next * size_px - start
        to_point = (points * size_px)[:, None, :] - start[None]
        along = np.clip((to_point * edge).sum(-1) / np.maximum((edge**2).sum(-1), 1e-12), 0, 1)
        return np.asarray(np.linalg.norm(to_point - along[..., None] * edge, axis=-1).min(axis=1))
