"""The plane of the floor: where points lie, how far they are off, the lines of whole metres in the picture."""

from __future__ import annotations

from math import isnan

import pytest

from hall.errors import InputError
from hall.plane import Pair, Plane

CORNERS: list[Pair] = [(0.1, 0.9), (0.9, 0.9), (0.8, 0.5), (0.2, 0.5)]
MORE: list[Pair] = [*CORNERS, (0.5, 0.7), (0.4, 0.6), (0.7, 0.8)]


def on_floor(x: float, y: float) -> Pair:
    """Metres where a camera 3 m above the floor sees it; the horizon is at a third of the picture's height."""
    w = y - 1 / 3
    return (6 * x - 2.4 * y - 1.8) / w, 3 / w


def fitted(points: list[Pair]) -> Plane:
    return Plane.fit([(p, on_floor(*p)) for p in points])


@pytest.mark.parametrize("points", [CORNERS, MORE])
def test_exact_points_have_no_error(points: list[Pair]) -> None:
    plane = fitted(points)
    assert plane.errors_m([(p, on_floor(*p)) for p in points]) == pytest.approx([0.0] * len(points), abs=1e-9)
    assert plane.to_floor(0.33, 0.77) == pytest.approx(on_floor(0.33, 0.77), abs=1e-9)
    assert plane.to_image(*on_floor(0.33, 0.77)) == pytest.approx((0.33, 0.77), abs=1e-9)
    assert isnan(plane.to_floor(0.5, 0.3)[0])


def test_the_point_that_was_measured_wrong_has_the_largest_error() -> None:
    pairs = [(p, on_floor(*p)) for p in MORE]
    (seen, (x, y)) = pairs[5]
    pairs[5] = (seen, (x + 0.7, y))
    errors = Plane.fit(pairs).errors_m(pairs)
    assert max(errors) == errors[5]
    assert 0.2 < errors[5] < 0.7


def test_the_squared_distance_on_the_floor_is_the_least() -> None:
    """Whatever of the homography is moved a little, it is no better."""
    pairs = [(p, (on_floor(*p)[0] + (-1) ** i * 0.1 * i, on_floor(*p)[1])) for i, p in enumerate(MORE)]
    plane = Plane.fit(pairs)
    least = sum(e * e for e in plane.errors_m(pairs))
    assert least > 0.01
    for i in range(3):
        for j in range(3):
            for share in (1 - 1e-4, 1 + 1e-4):
                moved = [list(row) for row in plane.matrix]
                moved[i][j] *= share
                other = Plane(tuple(tuple(row) for row in moved))  # type: ignore[arg-type]
                assert sum(e * e for e in other.errors_m(pairs)) > least * (1 - 1e-9)


def test_the_grid_is_whole_metres_within_the_picture() -> None:
    """Of a floor that begins behind the camera and ends 200 m away."""
    plane = fitted(MORE)
    grid = plane.grid(-3.5, -10, 3.2, 200)
    assert len(grid) > 100
    for x1, y1, x2, y2 in grid:
        assert min(x1, y1, x2, y2) >= -1e-9
        assert max(x1, y1, x2, y2) <= 1 + 1e-9
        assert min(y1, y2) > 1 / 3
        (ax, ay), (bx, by) = plane.to_floor(x1, y1), plane.to_floor(x2, y2)
        along_y = abs(ax - bx) < 1e-6 and abs(ax - round(ax)) < 1e-6
        along_x = abs(ay - by) < 1e-6 and abs(ay - round(ay)) < 1e-6
        assert along_x or along_y
    assert fitted(MORE).grid(500, 0, 510, 3) == []


@pytest.mark.parametrize(
    "points",
    [
        [],
        [((0.1, 0.1), (0.0, 0.0)), ((0.9, 0.1), (1.0, 0.0)), ((0.9, 0.9), (1.0, 1.0))],
        [((x, 0.5), (x * 10, 0.0)) for x in (0.1, 0.3, 0.6, 0.9)],  # a line in the picture
        [(p, (p[0] * 10, 3.0)) for p in CORNERS],  # a line on the floor
        [((0.5, 0.5), (1.0, 1.0))] * 4,
    ],
)
def test_points_that_fix_no_plane(points: list[tuple[Pair, Pair]]) -> None:
    with pytest.raises(InputError, match="floor_points"):
        Plane.fit(points)
