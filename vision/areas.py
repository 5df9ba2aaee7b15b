"""Areas of a picture: which people stand in them, by foot point or by overlap of the box."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

# Overlap is looked up in sums over a raster of this size, drawn finer and averaged.
_GRID = (320, 180)
_FINER = 4
_A_FEW = 8
"""Up to so many boxes plain numbers are faster than arrays."""


def foot_points(boxes: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Middle of the lower edge of xyxy boxes (N, 4), in fractions of an image of size (width, height)."""
    width, height = size_px
    if len(boxes) <= _A_FEW:
        few = [((left + right) / (2 * width), min(bottom / height, 1.0)) for left, _, right, bottom in boxes.tolist()]
        return np.array(few, np.float64).reshape(-1, 2)
    feet = np.empty((len(boxes), 2))
    feet[:, 0] = (boxes[:, 0] + boxes[:, 2]) / (2 * width)
    feet[:, 1] = np.minimum(boxes[:, 3] / height, 1.0)
    return feet


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
        # The same for one point or box at a time: a frame has a handful, for which numpy takes ten times as long.
        self._cells = self._sums.data
        self._edges = list(
            zip(self.polygon.tolist(), self._next.tolist(), np.nan_to_num(self._slope).tolist(), strict=True)
        )
        (left, top), (right, bottom) = self.polygon.min(axis=0).tolist(), self.polygon.max(axis=0).tolist()
        self._bounds: tuple[float, float, float, float] = (left, top, right, bottom)
        self._borders: dict[tuple[int, int], list[tuple[float, float, float, float, float]]] = {}

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points (N, 2, fractions) lie inside: even-odd rule, (N,)."""
        x, y = points[:, :1], points[:, 1:]
        x0, y0 = self.polygon[:, 0], self.polygon[:, 1]
        straddles = (y0 > y) != (self._next[:, 1] > y)
        with np.errstate(invalid="ignore"):
            crosses = straddles & (x < self._slope * (y - y0) + x0)
        return np.asarray(crosses.sum(axis=1) % 2 == 1)

    def holds(self, x: float, y: float) -> bool:
        """Whether one point, in fractions, lies inside; as `contains`."""
        left, top, right, bottom = self._bounds
        if not (left <= x <= right and top <= y <= bottom):
            return False
        inside = False
        for (x0, y0), (_, y1), slope in self._edges:
            if (y0 > y) != (y1 > y) and x < slope * (y - y0) + x0:
                inside = not inside
        return inside

    def overlap(self, boxes: NDArray[np.float32], size_px: tuple[int, int]) -> NDArray[np.float64]:
        """Share (N,) of each xyxy box (N, 4, pixels) that lies in the area; parts beyond the image do not count."""
        scale = np.array([_GRID[0] / size_px[0], _GRID[1] / size_px[1]] * 2)
        x0, y0, x1, y1 = np.clip(boxes * scale, 0, [*_GRID, *_GRID]).T
        covered = self._sum(x1, y1) - self._sum(x0, y1) - self._sum(x1, y0) + self._sum(x0, y0)
        area = (x1 - x0) * (y1 - y0)
        share = np.divide(covered, area, out=np.zeros_like(covered), where=area > 0)
        return np.asarray(np.clip(share, 0, 1), dtype=np.float64)

    def share(self, box: Sequence[float], size_px: tuple[int, int]) -> float:
        """Share of one xyxy box, in pixels, that lies in the area; as `overlap`."""
        wide, high = _GRID
        across, down = wide / size_px[0], high / size_px[1]
        left, top, right, bottom = self._bounds
        if box[2] * across < left * wide - 1 or box[0] * across > right * wide + 1 or box[3] * down < top * high - 1:
            return 0.0  # as most boxes of a picture
        x0, y0 = min(max(box[0] * across, 0.0), wide), min(max(box[1] * down, 0.0), high)
        x1, y1 = min(max(box[2] * across, 0.0), wide), min(max(box[3] * down, 0.0), high)
        if y0 > bottom * high + 1:
            return 0.0
        if (area := (x1 - x0) * (y1 - y0)) <= 0:
            return 0.0
        covered = self._cell(x1, y1) - self._cell(x0, y1) - self._cell(x1, y0) + self._cell(x0, y0)
        return min(max(covered / area, 0.0), 1.0)

    def _cell(self, x: float, y: float) -> float:
        i, j = min(int(x), _GRID[0] - 1), min(int(y), _GRID[1] - 1)
        u, v, cells = x - i, y - j, self._cells
        top = cells[j, i] * (1 - u) + cells[j, i + 1] * u
        bottom = cells[j + 1, i] * (1 - u) + cells[j + 1, i + 1] * u
        return float(top * (1 - v) + bottom * v)

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

    def is_far(self, x: float, y: float, size_px: tuple[int, int], far_px: float) -> bool:
        """Whether one point, in fractions, is for sure outside and further than so many pixels from the border."""
        left, top, right, bottom = self._bounds
        wide, high = far_px / size_px[0], far_px / size_px[1]
        return x < left - wide or x > right + wide or y < top - high or y > bottom + high

    def border_px(self, x: float, y: float, size_px: tuple[int, int]) -> float:
        """Distance in pixels of one point, in fractions, from the border; as `border_distance_px`."""
        borders = self._borders.get(size_px)
        if borders is None:
            start = self.polygon * size_px
            edge = self._next * size_px - start
            length = np.maximum((edge**2).sum(-1), 1e-12)
            borders = self._borders[size_px] = [tuple(row) for row in np.c_[start, edge, length].tolist()]
        x_px, y_px, squares = x * size_px[0], y * size_px[1], []
        for start_x, start_y, edge_x, edge_y, length in borders:
            off_x, off_y = x_px - start_x, y_px - start_y
            along = off_x * edge_x + off_y * edge_y
            if along > 0:
                along = along / length if along < length else 1.0
                off_x, off_y = off_x - along * edge_x, off_y - along * edge_y
            squares.append(off_x * off_x + off_y * off_y)
        return math.sqrt(min(squares))
