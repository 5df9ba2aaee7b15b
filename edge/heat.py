"""Where people were: person-seconds per cell, summed over an interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from hall.clock import Instant
from hall.messages import HeatBody, HeatCell
from vision.locate import People

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
        self._cells: dict[str | None, Counter[tuple[int, int]]] = {name: Counter() for name in self._maps.values()}
        self._seen_at: dict[str, Instant] = {}
        self._since: Instant | None = None
        if isinstance(before, HeatMap):
            before.hand_over(self)

    def hand_over(self, other: HeatMap) -> None:
        """Let another map go on with what was summed of the cameras that it has, too."""
        other._cells = {name: self._cells.get(name, Counter()).copy() for name in other._cells}
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
        places = people.feet * _IMAGE_CELLS if people.floor_m is None else people.floor_m
        cells = self._cells[self._maps[camera]]
        for x, y in places.tolist():
            if math.isfinite(x) and math.isfinite(y):
                cells[math.floor(x), math.floor(y)] += step_s  # type: ignore[assignment]  # a Counter of seconds

    def due(self, now: Instant) -> list[HeatBody]:
        """The maps of an interval that is over; nothing before."""
        if self._since is None:
            self._since = now
        if now - self._since < self._every_s:
            return []
        interval_s, self._since = now - self._since, now
        bodies = []
        for camera, cells in self._cells.items():
            rows = [HeatCell(x, y, round(seconds, 2)) for (x, y), seconds in sorted(cells.items())]
            bodies.append(HeatBody(round(interval_s, 3), camera, rows))
            cells.clear()
        return bodies
