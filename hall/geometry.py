"""Plane geometry on polygons and lines in fractions of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

Point = tuple[float, float]


def _turn(a: Point, b: Point, c: Point) -> float:
    """Twice the signed area of the triangle abc."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(a: Point, b: Point, p: Point) -> bool:
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def segments_meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the closed segments ab and cd have a point in common."""
    abc, abd, cda, cdb = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if ((abc > 0) != (abd > 0)) and ((cda > 0) != (cdb > 0)) and 0.0 not in (abc, abd, cda, cdb):
        return True
    touching = ((abc, a, b, c), (abd, a, b, d), (cda, c, d, a), (cdb, c, d, b))
    return any(turn == 0 and _within(start, end, point) for turn, start, end, point in touching)


def crossing_edges(polygon: Sequence[Point]) -> tuple[int, int] | None:
    """The first two edges of a closed polygon that cross or touch, though they are no neighbours.

    Edge i runs from corner i to corner i + 1. Returns None for a simple polygon.
    """
    n = len(polygon)
    for i in range(n):
        for j in range(i + 2, n):
            if i == 0 and j == n - 1:
                continue
            if segments_meet(polygon[i], polygon[(i + 1) % n], polygon[j], polygon[(j + 1) % n]):
                return i, j
    return None


def nearly_on_a_line(points: Sequence[Point], *, share: float = 0.01) -> bool:
    """Whether all points lie within a share of their own extent from one line."""
    a, b = max(combinations(points, 2), key=lambda pair: math.dist(*pair), default=((0.0, 0.0), (0.0, 0.0)))
    length = math.dist(a, b)
    return all(abs(_turn(a, b, p)) <= share * length * length for p in points)


def polygon_area(polygon: Sequence[Point]) -> float:
    """Area of a simple polygon (shoelace formula), never negative."""
    n = len(polygon)
    twice = sum(polygon[i][0] * polygon[(i + 1) % n][1] - polygon[(i + 1) % n][0] * polygon[i][1] for i in range(n))
    return abs(twice) / 2
