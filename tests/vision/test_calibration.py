"""Image to floor: exact homographies, errors in metres, points that fix no plane, the horizon."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.errors import InputError
from hall.plane import Pair
from vision.calibration import Calibration

# A camera 3 m above the floor that looks down: the horizon lies at a third of the picture's height.
CAMERA = np.array([[6.0, -2.4, -1.8], [0.0, 0.0, 3.0], [0.0, 1.0, -1 / 3]])


def on_floor(x: float, y: float) -> Pair:
    """Where the camera above sees the floor, in metres."""
    a, b, w = CAMERA @ (x, y, 1.0)
    return float(a / w), float(b / w)


CORNERS: list[Pair] = [(0.1, 0.9), (0.9, 0.9), (0.8, 0.5), (0.2, 0.5)]
MORE: list[Pair] = [*CORNERS, (0.5, 0.7), (0.4, 0.6), (0.7, 0.8)]


def fitted(points: list[Pair]) -> Calibration:
    return Calibration.fit([(p, on_floor(*p)) for p in points])


@pytest.mark.parametrize("points", [CORNERS, MORE])
def test_fits_exact_points(points: list[Pair]) -> None:
    calibration = fitted(points)
    assert calibration.points == len(points)
    assert calibration.error_m == pytest.approx(0.0, abs=1e-6)
    (place,) = calibration.to_floor(np.array([(0.33, 0.77)]))
    assert place == pytest.approx(on_floor(0.33, 0.77), abs=1e-6)


def test_error_in_metres() -> None:
    """One of seven points is measured 0.7 m off: the mean error says about 0.1 m, four points say nothing."""
    pairs = [(p, on_floor(*p)) for p in MORE]
    (x, y) = pairs[4][1]
    calibration = Calibration.fit([*pairs[:4], (MORE[4], (x + 0.7, y)), *pairs[5:]])
    assert 0.05 < calibration.error_m < 0.3
    wrong = [*pairs[:3], (MORE[3], (pairs[3][1][0] + 0.7, pairs[3][1][1]))]
    assert Calibration.fit(wrong).error_m == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [((0.1, 0.1), (0.0, 0.0)), ((0.9, 0.1), (1.0, 0.0)), ((0.9, 0.9), (1.0, 1.0))],
        # All on one line of the picture.
        [((x, 0.5), (x * 10, 0.0)) for x in (0.1, 0.3, 0.6, 0.9)],
        # All on one line of the floor.
        [(p, (p[0] * 10, 3.0)) for p in CORNERS],
        # One point four times.
        [((0.5, 0.5), (1.0, 1.0))] * 4,
    ],
    ids=["none", "three", "a line in the picture", "a line on the floor", "one point"],
)
def test_points_that_fix_no_plane(points: list[tuple[Pair, Pair]]) -> None:
    with pytest.raises(InputError, match="floor_points"):
        Calibration.fit(points)


def test_horizon() -> None:
    """Above the horizon there is no floor; just below it is far away."""
    calibration = fitted(MORE)
    high, above, below = calibration.to_floor(np.array([(0.5, 0.0), (0.5, 0.333), (0.5, 0.34)])).tolist()
    assert np.isnan(high).all()
    assert np.isnan(above).all()
    assert below[1] > 100


def test_a_few_points_and_many_are_the_same() -> None:
    points = np.random.default_rng(1).uniform((0, 0.2), (1, 1), (40, 2))  # some above the horizon
    calibration = fitted(MORE)
    few = np.concatenate([calibration.to_floor(points[k : k + 5]) for k in range(0, 40, 5)])
    assert few == pytest.approx(calibration.to_floor(points), nan_ok=True)


def test_behind_the_camera() -> None:
    assert np.isnan(fitted(MORE).to_image(np.array([(0.0, -5.0)]))).all()


@given(st.floats(0, 1), st.floats(0.4, 1))
def test_there_and_back(x: float, y: float) -> None:
    calibration = fitted(MORE)
    (back,) = calibration.to_image(calibration.to_floor(np.array([(x, y)])))
    assert back == pytest.approx((x, y), abs=1e-6)


def test_nobody() -> None:
    assert fitted(CORNERS).to_floor(np.zeros((0, 2))).shape == (0, 2)
