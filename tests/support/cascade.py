"""OpenCV's face cascades, evaluated with numpy: our OpenCV 5 has no CascadeClassifier any more.

The files are those of Debian's package opencv-data. After Viola & Jones (2001) as OpenCV 4 has it: windows normalised
by their standard deviation, stumps on sums of rectangles, stages that reject; a face is where several windows agree.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FOLDER = Path("/usr/share/opencv4/haarcascades")
_STEP = 1.2
_NEIGHBOURS = 3
_ALIKE = 0.2
"""Windows whose edges are so near to each other, as a share of their size, are of one face."""

Grey = NDArray[np.uint8]
Sums = NDArray[np.float64]


@dataclass(frozen=True)
class _Stump:
    rectangles: list[tuple[int, int, int, int, float]]
    threshold: float
    below: float
    above: float


_Stage = tuple[float, list[_Stump]]


class Cascade:
    """A cascade of stumps, such as `haarcascade_frontalface_default`."""

    def __init__(self, name: str) -> None:
        path = FOLDER / f"{name}.xml"
        if not path.exists():
            raise AssertionError(f"{path} is missing: apt-get install opencv-data (make test does it)")
        root = ET.parse(path).getroot().find("cascade")
        assert root is not None
        self._width, self._height = int(root.findtext("width", "")), int(root.findtext("height", ""))
        features = [_rectangles(one) for one in root.findall("features/_")]
        self._stages: list[_Stage] = []
        for stage in root.findall("stages/_"):
            stumps = []
            for weak in stage.findall("weakClassifiers/_"):
                _, _, feature, threshold = weak.findtext("internalNodes", "").split()
                below, above = map(float, weak.findtext("leafValues", "").split())
                stumps.append(_Stump(features[int(feature)], float(threshold), below, above))
            self._stages.append((float(stage.findtext("stageThreshold", "")), stumps))

    def faces(self, grey: Grey, least_px: int = 24) -> list[tuple[int, int, int, int]]:
        """Faces as x, y, width, height in pixels."""
        found: list[tuple[int, int, int, int]] = []
        scale = max(1.0, least_px / self._width)
        while min(grey.shape[0] / self._height, grey.shape[1] / self._width) >= scale:
            size = round(grey.shape[1] / scale), round(grey.shape[0] / scale)
            small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            found += [
                (round(x * scale), round(y * scale), round(self._width * scale), round(self._height * scale))
                for x, y in self._windows(small, 2 if scale <= 2 else 1)
            ]
            scale *= _STEP
        return _agreed(found)

    def _windows(self, grey: Grey, every: int) -> list[tuple[int, int]]:
        sums, squares = (
            np.asarray(table, np.float64) for table in cv2.integral2(grey, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
        )
        rows, columns = grey.shape[0] - self._height + 1, grey.shape[1] - self._width + 1
        if rows < 1 or columns < 1:
            return []
        inner = (1, 1, self._width - 2, self._height - 2)
        area = inner[2] * inner[3]
        everywhere = slice(0, rows, every), slice(0, columns, every)
        spread = area * _sum(squares, *everywhere, inner) - _sum(sums, *everywhere, inner) ** 2
        deviation = np.sqrt(np.maximum(spread, 1e-9))
        # All windows at once is cheap with slices; nearly all of them go in the first stages.
        threshold, stumps = self._stages[0]
        y, x = np.nonzero(_votes(stumps, partial(_sum, sums, *everywhere), deviation) >= threshold)
        deviation = deviation[y, x]
        y, x, flat, wide = y * every, x * every, sums.ravel(), sums.shape[1]
        for threshold, stumps in self._stages[1:]:
            keep = _votes(stumps, partial(_sum_flat, flat, wide, y * wide + x), deviation) >= threshold
            y, x, deviation = y[keep], x[keep], deviation[keep]
        return list(zip(x.tolist(), y.tolist(), strict=True))


def _votes(stumps: Sequence[_Stump], sum_of: Callable[[Sequence[float]], Sums], deviation: Sums) -> Sums:
    total = np.zeros(deviation.shape)
    for stump in stumps:
        value = np.zeros(deviation.shape)
        for *box, weight in stump.rectangles:
            value += weight * sum_of(box)
        total += np.where(value < stump.threshold * deviation, stump.below, stump.above)
    return total


def _rectangles(feature: ET.Element) -> list[tuple[int, int, int, int, float]]:
    assert not int(feature.findtext("tilted", "0")), "a tilted feature, which this does not know"
    rectangles = []
    for one in feature.findall("rects/_"):
        x, y, width, height, weight = (one.text or "").split()
        rectangles.append((int(x), int(y), int(width), int(height), float(weight)))
    return rectangles


def _sum(table: Sums, rows: slice, columns: slice, box: Sequence[float]) -> Sums:
    """Sums of a rectangle in all windows."""
    left, top, width, height = map(int, box)
    y1, y2 = _moved(rows, top), _moved(rows, top + height)
    x1, x2 = _moved(columns, left), _moved(columns, left + width)
    return np.asarray(table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1])


def _moved(places: slice, by: int) -> slice:
    return slice(places.start + by, places.stop + by, places.step)


def _sum_flat(table: Sums, wide: int, places: NDArray[np.intp], box: Sequence[float]) -> Sums:
    """The same in some windows, by place in the flat table."""
    left, top, width, height = map(int, box)
    above, below = places + (top * wide + left), places + ((top + height) * wide + left)
    return np.asarray(table[below + width] - table[above + width] - table[below] + table[above])


def _agreed(windows: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """The mean of each group of windows that lie alike, where the group is large enough."""
    groups: list[list[tuple[int, int, int, int]]] = []
    for window in windows:
        near = [group for group in groups if any(_alike(window, other) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([window, *(other for group in near for other in group)])
    return [_mean(group) for group in groups if len(group) > _NEIGHBOURS]


def _alike(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    most = _ALIKE * (min(one[2], other[2]) + min(one[3], other[3])) / 2
    corners = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for box in (one, other)]
    return all(abs(a - b) <= most for a, b in zip(*corners, strict=True))


def _mean(group: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    x, y, width, height = (round(sum(values) / len(group)) for values in zip(*group, strict=True))
    return x, y, width, height
