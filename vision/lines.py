"""Entrances: people who cross a line, counted once each way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from hall.geometry import segments_meet
from vision.types import Tracks

Direction = Literal["in", "out"]
Point = tuple[float, float]


@dataclass(slots=True)
class _Place:
    point: Point
    side: int
    at: Instant


class LineCounter:
    """Counts tracks whose foot point crosses a line.

    Args:
        line: two points in fractions of the image; `in` leads from its left to its right, looking from the first
            point to the second in the picture.
        dead_band: distance from the line, in box heights, within which a foot point is on no side: jitter of
            somebody who stands on the line counts nothing.
    """

    def __init__(self, line: tuple[Point, Point], *, dead_band: float = 0.05) -> None:
        self._line = line
        self._dead_band = dead_band
        self._places: dict[int, _Place] = {}

    def step(self, at: Instant, tracks: Tracks, feet: NDArray[np.float64]) -> list[Direction]:
        """Take one frame: tracks with their foot points (N, 2) in fractions; returns the crossings."""
        crossings: list[Direction] = []
        width, height = tracks.size_px
        (ax, ay), (bx, by) = self._line
        dx, dy = (bx - ax) * width, (by - ay) * height
        length = float(np.hypot(dx, dy))
        for i, track in enumerate(tracks.ids.tolist()):
            if track < 0:
                continue
            x, y = float(feet[i, 0]), float(feet[i, 1])
            # y grows downwards: a positive cross product is the right-hand side as seen in the picture.
            distance_px = (dx * (y - ay) * height - dy * (x - ax) * width) / length
            band_px = self._dead_band * float(tracks.boxes_px[i, 3] - tracks.boxes_px[i, 1])
            if abs(distance_px) < band_px:
                continue
            side = 1 if distance_px > 0 else -1
            last = self._places.get(track)
            if last is not None and last.side != side and segments_meet(last.point, (x, y), *self._line):
                crossings.append("in" if side > 0 else "out")
            self._places[track] = _Place((x, y), side, at)
        self._forget(at)
        return crossings

    def _forget(self, at: Instant) -> None:
        if len(self._places) > 200:
            self._places = {t: p for t, p in self._places.items() if at - p.at < 60}
