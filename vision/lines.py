"""Entrances: people who cross a line, counted once each way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import hypot
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from hall.geometry import segments_meet
from vision.types import Tracks

Direction = Literal["in", "out"]
Point = tuple[float, float]
Born = Callable[[int], Point | None]


def _unknown(_: int) -> None:
    """Where no track was seen before."""


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

    def step(self, at: Instant, tracks: Tracks, feet: NDArray[np.float64], born: Born = _unknown) -> list[Direction]:
        """Take one frame.

        Args:
            at: capture time.
            tracks: who is in the picture.
            feet: their foot points (N, 2) in fractions.
            born: where a track was seen first, in fractions, while it was tentative; asked until it is off the line. At
                a door two sights are half of the way through it.

        Returns:
            The crossings.
        """
        crossings: list[Direction] = []
        rows = zip(tracks.ids.tolist(), tracks.boxes_px.tolist(), feet.tolist(), strict=True)
        for track, (_, top, _, bottom), (x, y) in rows:
            if track < 0:
                continue
            band_px = self._dead_band * (bottom - top)
            if track not in self._places and (first := born(track)) is not None:
                self._move(at, track, first, band_px, tracks.size_px)
            crossed = self._move(at, track, (x, y), band_px, tracks.size_px)
            if crossed is not None:
                crossings.append(crossed)
        self._forget(at)
        return crossings

    def _move(
        self, at: Instant, track: int, point: Point, band_px: float, size_px: tuple[int, int]
    ) -> Direction | None:
        """Put a track where it is seen; returns how it crossed on the way there."""
        (width, height), (ax, ay), (bx, by) = size_px, *self._line
        dx, dy = (bx - ax) * width, (by - ay) * height
        # y grows downwards: a positive cross product is the right-hand side as seen in the picture.
        distance_px = (dx * (point[1] - ay) * height - dy * (point[0] - ax) * width) / hypot(dx, dy)
        if abs(distance_px) < band_px:
            return None
        side = 1 if distance_px > 0 else -1
        last, self._places[track] = self._places.get(track), _Place(point, side, at)
        if last is None or last.side == side or not segments_meet(last.point, point, *self._line):
            return None
        return "in" if side > 0 else "out"

    def _forget(self, at: Instant) -> None:
        if len(self._places) > 200:
            self._places = {t: p for t, p in self._places.items() if at - p.at < 60}
