"""Where people were: person-seconds per cell, summed over an interval.

On the plan somebody takes up a square metre around the place of their body, and each cell gets the share of it that
lies within: a place is known to some tenths of a metre, and whoever stands on the line between two cells is in both.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

from hall.clock import Instant
from hall.messages import HeatBody, HeatCell
from vision.locate import People

Cell = tuple[int, int]
_IMAGE_CELLS = 16
_LONGEST_STEP_S = 2.0
"""One look stands for no more time than this: what happened in a longer gap nobody knows."""


class HeatMap:
    """Sums person-seconds of all cameras of a node.

    Args:
        calibrated: by camera, whether its people have floor metres.
        every_s: length of an interval.
        before: the map of a pipeline before; what it has summed of cameras that stay goes on.
    """

    def __init__(self, calibrated: Mapping[str, bool], every_s: float, before: object = None) -> None:
        self._every_s = every_s
        self._maps = {camera: None if on_plan else camera for camera, on_plan in calibrated.items()}
        self._cells: dict[str | None, defaultdict[Cell, float]] = {
            name: defaultdict(float) for name in self._maps.values()
        }
        self._seen_at: dict[str, Instant] = {}
        self._since: Instant | None = None
        if isinstance(before, HeatMap):
            before.hand_over(self)

    def hand_over(self, other: HeatMap) -> None:
        """Let another map go on with what was summed of the cameras that it has, too."""
        other._cells = {name: defaultdict(float, self._cells.get(name, {})) for name in other._cells}
        other._seen_at = {name: at for name, at in self._seen_at.items() if name in other._maps}
        other._since = self._since

    def add(self, camera: str, people: People) -> None:
        """Take one frame."""
        step_s = min(people.at - self._seen_at.get(camera, people.at), _LONGEST_STEP_S)
        self._seen_at[camera] = people.at
        if step_s <= 0:
            return
        if not len(people.feet):
            return
        cells = self._cells[self._maps[camera]]
        if people.floor_m is None:
            for x, y in (people.feet * _IMAGE_CELLS).tolist():
                cells[math.floor(x), math.floor(y)] += step_s
            return
        for x, y in people.floor_m.tolist():
            if math.isfinite(x) and math.isfinite(y):
                for cell, share in square_metre(x, y):
                    cells[cell] += step_s * share

    def due(self, now: Instant) -> list[HeatBody]:
        """The maps of an interval that is over; nothing before."""
        if self._since is None:
            self._since = now
        if now - self._since < self._every_s:
            return []
        interval_s, self._since = now - self._since, now
        bodies = []
        for camera, cells in self._cells.items():
            rows = [HeatCell(x, y, summed) for (x, y), s in sorted(cells.items()) if (summed := round(s, 2)) > 0]
            bodies.append(HeatBody(round(interval_s, 3), camera, rows))
            cells.clear()
        return bodies


def square_metre(x: float, y: float) -> Iterator[tuple[Cell, float]]:
    """The cells, up to four, that the square metre around a point of the plan lies in, and how much of it."""
    column, row = math.floor(x - 0.5), math.floor(y - 0.5)
    right, above = x - 0.5 - column, y - 0.5 - row
    for i, wide in ((column, 1 - right), (column + 1, right)):
        for j, deep in ((row, 1 - above), (row + 1, above)):
            if wide * deep > 0:
                yield (i, j), wide * deep
