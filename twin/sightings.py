"""Who was in which area when: spans, from the exact boxes of everybody in the pictures of every camera."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hall.geometry import segments_meet
from hall.layout import CameraPolygon, Entrance
from twin._spans import Span, Spans
from vision.areas import Area, foot_points

BLINK_S = 1.0
"""Who is out of an area for less never left it."""

PASSING_S = 2.0
"""Who is in an area for less only passed: the ledger of stays says the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Everybody whom one camera had before it, one row per person and moment, N rows in order of time.

    Attributes:
        at_s: (N,) seconds from the beginning.
        person: (N,) names.
        full_px: (N, 4) x1 y1 x2 y2 of the whole body; the lower edge is where the feet are.
        seen_px: (N, 4) what furniture leaves of it; people in front hide nothing here.
        size_px: width and height of the picture.
    """

    at_s: NDArray[np.float64]
    person: NDArray[np.object_]
    full_px: NDArray[np.float32]
    seen_px: NDArray[np.float32]
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """The pictures of all cameras over one recording.

    Attributes:
        pictures: by camera.
        staff: names of those whose presence makes a window staffed; a cleaner is none.
        end_s: length of the recording.
        step_s: time between two moments.
        blind: by camera, when nothing can be known: spans in order and apart.
    """

    pictures: Mapping[str, Picture]
    staff: frozenset[str]
    end_s: float
    step_s: float
    blind: Mapping[str, Spans]

    def spans_in(
        self, areas: Sequence[CameraPolygon], own: str | None, *, staff: bool | None, by_overlap: float | None = None
    ) -> dict[str, Spans]:
        """When each person was in an area, passers-by left out.

        Args:
            areas: the polygons of the area.
            own: the camera of a polygon that names none.
            staff: only them, only the others, or None for all.
            by_overlap: share of the seen box that lies in the area; by the foot point where left out.
        """
        times: dict[str, list[float]] = {}
        for part in areas:
            picture = self.pictures.get(part.camera or own or "")
            if picture is None:
                continue
            area = Area(part.polygon)
            if by_overlap is None:
                inside = area.contains(foot_points(picture.full_px, picture.size_px))
            else:
                inside = area.overlap(picture.seen_px, picture.size_px) >= by_overlap
            for name, at_s in zip(picture.person[inside], picture.at_s[inside].tolist(), strict=True):
                if staff is None or (name in self.staff) == staff:
                    times.setdefault(name, []).append(at_s)
        return {name: list(self._runs(sorted(own_times))) for name, own_times in times.items()}

    def _runs(self, times: Sequence[float]) -> Iterator[Span]:
        """Uninterrupted times."""
        start = last = times[0]
        for at_s in [*times[1:], float("inf")]:
            if at_s - last > BLINK_S + self.step_s / 2:
                if last - start >= PASSING_S:
                    yield start, last
                start = at_s
            last = at_s

    def crossings(self, entrance: Entrance) -> Iterator[tuple[float, str]]:
        """When somebody crossed a line, and in which direction."""
        picture = self.pictures.get(entrance.camera)
        if picture is None:
            return
        feet = foot_points(picture.full_px, picture.size_px)
        (ax, ay), (bx, by) = entrance.line
        width, height = picture.size_px
        side = (bx - ax) * width * (feet[:, 1] - ay) * height - (by - ay) * height * (feet[:, 0] - ax) * width
        rows_of: dict[str, list[int]] = {}
        for row, name in enumerate(picture.person.tolist()):
            rows_of.setdefault(name, []).append(row)
        for rows in rows_of.values():
            for i, j in pairwise(rows):
                near = picture.at_s[j] - picture.at_s[i] <= BLINK_S and (side[i] > 0) != (side[j] > 0)
                path = (tuple(feet[i].tolist()), tuple(feet[j].tolist()))
                if near and segments_meet(*path, *entrance.line):
                    yield float(picture.at_s[j]), "in" if side[j] > 0 else "out"
