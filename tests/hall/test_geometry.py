"""Polygons: a simple one against a definition that anybody can check, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hall.geometry import Point, crossing_edges, nearly_on_a_line, polygon_area, segments_meet

SQUARE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
CROSSINGS = [
    # A square, either way round.
    (SQUARE, None),
    (SQUARE[::-1], None),
    # A bow tie.
    ([(0, 0), (1, 1), (1, 0), (0, 1)], (0, 2)),
    # An arrow head is simple, though not convex.
    ([(0, 0), (2, 1), (0, 2), (1, 1)], None),
    # A corner that touches another edge.
    ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)], (0, 2)),
    # A pentagram.
    ([(0, 3), (4, 3), (1, 0), (2, 5), (3, 0)], (0, 2)),
    # An edge that runs back along another.
    ([(0, 0), (4, 0), (4, 1), (3, 0), (1, 0), (0, 1)], (0, 2)),
    # A corner visited twice.
    ([(0, 0), (1, 1), (2, 0), (2, 2), (1, 1), (0, 2)], (0, 3)),
    # A triangle has no edges that are no neighbours.
    ([(0, 0), (1, 0), (0, 1)], None),
]


@pytest.mark.parametrize(("polygon", "edges"), CROSSINGS)
def test_crossing_edges(polygon: list[Point], edges: tuple[int, int] | None) -> None:
    assert crossing_edges(polygon) == edges


AREAS = [(SQUARE, 1.0), (SQUARE[::-1], 1.0), ([(0, 0), (1, 0), (0, 1)], 0.5), ([(0, 0), (1, 1), (2, 2)], 0.0)]


@pytest.mark.parametrize(("polygon", "area"), AREAS)
def test_polygon_area(polygon: list[Point], area: float) -> None:
    assert polygon_area(polygon) == area


LINES = [
    # Three corners of a triangle, one of them moved ever closer to the line between the others.
    ([(0, 0), (10, 0), (5, 3)], False),
    ([(0, 0), (10, 0), (5, 0.2)], False),
    ([(0, 0), (10, 0), (5, 0.05)], True),
    ([(0, 0), (10, 0), (5, 0)], True),
    # Aslant, and in thousandths as fractions of an image are.
    ([(0.1, 0.1), (0.2, 0.2), (0.9, 0.9)], True),
    ([(0.001, 0.001), (0.002, 0.002), (0.003, 0.001)], False),
    # Two points, one, one many times, none.
    ([(0, 0), (1, 1)], True),
    ([(1, 1)], True),
    ([(1, 1)] * 4, True),
    ([], True),
]


@pytest.mark.parametrize(("points", "on_a_line"), LINES)
def test_nearly_on_a_line(points: list[Point], on_a_line: bool) -> None:
    assert nearly_on_a_line(points) is on_a_line


# A coarse grid, so that touching, collinear and repeated corners are common, not rare.
_points = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda p: (float(p[0]), float(p[1])))


def _meet_by_definition(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether some a + s(b-a) equals some c + t(d-c) with s and t from 0 to 1, in exact fractions."""
    ax, ay, bx, by, cx, cy, dx, dy = (Fraction(v) for p in (a, b, c, d) for v in p)
    ux, uy, vx, vy, wx, wy = bx - ax, by - ay, dx - cx, dy - cy, cx - ax, cy - ay
    determinant = vx * uy - vy * ux
    if determinant:
        s, t = (vx * wy - vy * wx) / determinant, (ux * wy - uy * wx) / determinant
        return 0 <= s <= 1 and 0 <= t <= 1
    # Parallel, or one is a point: they meet if an end of one lies on the other.
    return any(_on(p, q, r) for p, q, r in ((a, c, d), (b, c, d), (c, a, b), (d, a, b)))


def _on(p: Point, q: Point, r: Point) -> bool:
    """Whether p lies on the closed segment qr: the two ways from p are opposite, and level."""
    across = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    along = (q[0] - p[0]) * (r[0] - p[0]) + (q[1] - p[1]) * (r[1] - p[1])
    return across == 0 and along <= 0


@given(_points, _points, _points, _points)
@example((0.0, 0.0), (2.0, 0.0), (1.0, 0.0), (3.0, 0.0))
@example((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0))
@example((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (1.0, 1.0))
def test_segments_meet_as_defined(a: Point, b: Point, c: Point, d: Point) -> None:
    assert segments_meet(a, b, c, d) == _meet_by_definition(a, b, c, d)


@given(st.lists(_points, min_size=3, max_size=7))
def test_simple_as_defined(polygon: list[Point]) -> None:
    n = len(polygon)
    edges = [(polygon[i], polygon[(i + 1) % n]) for i in range(n)]
    apart = [(i, j) for i, j in combinations(range(n), 2) if j - i > 1 and (i, j) != (0, n - 1)]
    meeting = [(i, j) for i, j in apart if _meet_by_definition(*edges[i], *edges[j])]
    assert crossing_edges(polygon) == (meeting[0] if meeting else None)


@given(st.lists(_points, min_size=3, max_size=7), st.integers(0, 6))
def test_a_polygon_may_start_at_any_corner(polygon: list[Point], start: int) -> None:
    start %= len(polygon)
    turned = polygon[start:] + polygon[:start]
    assert (crossing_edges(polygon) is None) == (crossing_edges(turned) is None)
    assert polygon_area(polygon) == pytest.approx(polygon_area(turned))
