"""Areas: who stands in them by foot point, how much of a box lies in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hall.geometry import crossing_edges, polygon_area
from vision.areas import Area, foot_points

SIZE = (1280, 720)
SQUARE = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
LETTER_L = [(0.1, 0.1), (0.4, 0.1), (0.4, 0.6), (0.9, 0.6), (0.9, 0.9), (0.1, 0.9)]

Point = tuple[float, float]


def contains(area: Area, *points: Point) -> list[bool]:
    return area.contains(np.array(points, dtype=np.float64).reshape(-1, 2)).tolist()  # type: ignore[no-any-return]


def overlap(area: Area, *boxes: tuple[float, float, float, float]) -> list[float]:
    """Overlap of boxes given in fractions."""
    pixels = np.array(boxes, dtype=np.float32).reshape(-1, 4) * np.array([*SIZE, *SIZE], dtype=np.float32)
    return area.overlap(pixels, SIZE).tolist()  # type: ignore[no-any-return]


def test_contains() -> None:
    assert contains(Area(SQUARE), (0.5, 0.5), (0.2, 0.5), (0.5, 0.8), (0.26, 0.26)) == [True, False, False, True]
    # The notch of an L is outside.
    assert contains(Area(LETTER_L), (0.2, 0.2), (0.6, 0.3), (0.6, 0.7), (0.45, 0.59)) == [True, False, True, False]
    assert contains(Area(SQUARE)) == []


def inside_by_angles(polygon: list[Point], point: Point) -> bool:
    """Brute force: the corners of a simple polygon turn once round a point inside, and not round one outside."""
    angles = [math.atan2(y - point[1], x - point[0]) for x, y in polygon]
    turns = [(b - a + math.pi) % (2 * math.pi) - math.pi for a, b in zip(angles, angles[1:] + angles[:1], strict=True)]
    return abs(sum(turns)) > math.pi


fractions = st.floats(0, 1, width=16)
polygons = (
    st.lists(st.tuples(fractions, fractions), min_size=3, max_size=8, unique=True)
    .filter(lambda polygon: not crossing_edges(polygon))
    .filter(lambda polygon: polygon_area(polygon) > 1e-3)
)


@given(polygons, st.lists(st.tuples(fractions, fractions), min_size=1, max_size=20))
def test_contains_is_even_odd(polygon: list[Point], points: list[Point]) -> None:
    area = Area(polygon)
    away = area.border_distance_px(np.array(points), SIZE) > 0.01
    for point, clear, found in zip(points, away.tolist(), contains(area, *points), strict=True):
        if clear:
            assert found == inside_by_angles(polygon, point)


def clipped_area(polygon: list[Point], box: tuple[float, float, float, float]) -> float:
    """Exact area of the part of a simple polygon within a box (Sutherland and Hodgman)."""
    points = polygon
    for axis, bound, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        kept: list[Point] = []
        for a, b in zip(points, points[1:] + points[:1], strict=True):
            a_in, b_in = sign * (a[axis] - bound) >= 0, sign * (b[axis] - bound) >= 0
            if a_in:
                kept.append(a)
            if a_in != b_in:
                t = (bound - a[axis]) / (b[axis] - a[axis])
                kept.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
        points = kept
    return polygon_area(points) if len(points) >= 3 else 0.0


boxes = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(polygons, boxes)
def test_overlap_matches_exact_clipping(polygon: list[Point], box: tuple[float, float, float, float]) -> None:
    """The raster errs by less than its cells along the borders of box and area can hold."""
    width, height = box[2] - box[0], box[3] - box[1]
    assume(width > 0.03 and height > 0.08)
    (found,) = overlap(Area(polygon), box)
    border = sum(
        math.dist((x0 * 320, y0 * 180), (x1 * 320, y1 * 180)) for (x0, y0), (x1, y1) in edges_near(polygon, box)
    )
    cells = width * 320 * height * 180
    tolerance = (0.3 * border + 2) / cells + 1e-3
    assert found == pytest.approx(clipped_area(polygon, box) / (width * height), abs=tolerance)


def edges_near(polygon: list[Point], box: tuple[float, float, float, float]) -> list[tuple[Point, Point]]:
    """The edges of a polygon, cut to the lines of a box."""
    found = []
    for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        (x0, x1), (y0, y1) = sorted((a[0], b[0])), sorted((a[1], b[1]))
        if x1 >= box[0] and x0 <= box[2] and y1 >= box[1] and y0 <= box[3]:
            low = max(x0, box[0]), max(y0, box[1])
            found.append((low, (min(x1, box[2]), min(y1, box[3]))))
    return found


def test_overlap_of_a_person() -> None:
    """A person of ordinary size: within two hundredths."""
    for box, expected in [
        ((0.30, 0.30, 0.36, 0.50), 1.0),
        ((0.22, 0.40, 0.28, 0.60), 0.5),
        ((0.40, 0.15, 0.46, 0.35), 0.5),
        ((0.70, 0.70, 0.80, 0.80), 0.25),
        ((0.05, 0.10, 0.10, 0.30), 0.0),
    ]:
        assert overlap(Area(SQUARE), box) == [pytest.approx(expected, abs=0.02)]


def test_parts_beyond_the_image_do_not_count() -> None:
    """A person cut by the border of the image is as much in an area as the part that is seen."""
    edge = Area([(0.8, 0.5), (1.0, 0.5), (1.0, 1.0), (0.8, 1.0)])
    assert overlap(edge, (0.9, 0.6, 1.3, 1.4)) == [pytest.approx(1.0, abs=0.02)]
    # Wholly beyond it: nothing, and no division by nothing.
    assert overlap(edge, (1.1, 0.6, 1.3, 0.9), (0.9, -0.5, 0.95, -0.1), (0.5, 0.5, 0.5, 0.5)) == [0.0, 0.0, 0.0]


def test_foot_points_stay_in_the_image() -> None:
    boxes_px = np.array([[100, 50, 200, 300], [600, 500, 700, 900]], dtype=np.float32)
    assert foot_points(boxes_px, SIZE) == pytest.approx(np.array([(150 / 1280, 300 / 720), (650 / 1280, 1.0)]))


def test_a_few_foot_points_and_many_are_the_same() -> None:
    boxes_px = np.random.default_rng(1).uniform(0, 800, (40, 4)).astype(np.float32)
    few = np.concatenate([foot_points(boxes_px[k : k + 5], SIZE) for k in range(0, 40, 5)])
    assert few == pytest.approx(foot_points(boxes_px, SIZE), abs=1e-6)


@given(polygons, st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), st.floats(1, 500))
def test_who_is_far_is_outside_and_that_far(polygon: list[Point], point: Point, far_px: float) -> None:
    area = Area(polygon)
    if area.is_far(*point, SIZE, far_px):
        assert not area.holds(*point)
        assert area.border_px(*point, SIZE) > far_px - 1e-6
    assert area.is_far(-1.0, 0.5, SIZE, 500.0)
    assert not area.is_far(*polygon[0], SIZE, far_px)


def test_border_distance() -> None:
    """From inside, from outside, past a corner."""
    points = np.array([(0.5, 0.5), (0.25, 0.1), (0.75 + 30 / 1280, 0.75 + 40 / 720)])
    assert Area(SQUARE).border_distance_px(points, SIZE).tolist() == pytest.approx([180.0, 108.0, 50.0])


def test_another_resolution_changes_nothing() -> None:
    """Areas are fractions of the image: half the pixels give the same shares."""
    box = np.array([[300, 200, 420, 480]], dtype=np.float32)
    full = Area(SQUARE).overlap(box, (1280, 720))
    assert Area(SQUARE).overlap(box / np.float32(2), (640, 360)).tolist() == full.tolist()


def test_one_at_a_time_is_the_same_as_all_at_once() -> None:
    """Foot points and boxes beyond the picture and on corners included."""
    rng = np.random.default_rng(7)
    points = np.concatenate([rng.uniform(-0.1, 1.1, (300, 2)), SQUARE, LETTER_L])
    corners = rng.uniform([-100, -100], [1400, 800], (300, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 400, (300, 2))], axis=1).astype(np.float32)
    for polygon in (SQUARE, LETTER_L):
        area = Area(polygon)
        assert [area.holds(x, y) for x, y in points.tolist()] == area.contains(points).tolist()
        assert [area.border_px(x, y, SIZE) for x, y in points.tolist()] == area.border_distance_px(
            points, SIZE
        ).tolist()
        shares = [area.share(box, SIZE) for box in boxes.tolist()]
        assert shares == pytest.approx(area.overlap(boxes, SIZE).tolist(), abs=1e-12)
        assert sum(share > 0 for share in shares) > 50
