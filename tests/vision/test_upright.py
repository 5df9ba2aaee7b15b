"""Heights of people from a floor homography alone, against cameras whose matrices are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.calibration import Calibration
from vision.types import PERSON_M
from vision.upright import Upright

SIZE = (1280, 720)
FLOOR = [(-2.0, 6.0), (2.0, 6.0), (-1.5, 3.0), (1.5, 3.5), (0.0, 4.5), (3.0, 8.0)]


def camera(height_m: float, down_deg: float, roll_deg: float, focal_px: float) -> NDArray[np.float64]:
    """A pinhole over the origin of the plan that looks along y: (3, 4), metres to pixels."""
    down, roll = math.radians(down_deg), math.radians(roll_deg)
    tilt = np.array([[1, 0, 0], [0, -math.sin(down), -math.cos(down)], [0, math.cos(down), -math.sin(down)]])
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    rotation = turn @ tilt
    lens = np.array([[focal_px, 0, SIZE[0] / 2], [0, focal_px, SIZE[1] / 2], [0, 0, 1]])
    return np.asarray(lens @ np.c_[rotation, -rotation @ [0, 0, height_m]])


def project(matrix: NDArray[np.float64], x: float, y: float, up: float) -> tuple[float, float]:
    u, v, w = matrix @ [x, y, up, 1.0]
    return float(u / w / SIZE[0]), float(v / w / SIZE[1])


def calibrate(matrix: NDArray[np.float64], mirrored: bool = False) -> Calibration:
    sign = -1 if mirrored else 1
    return Calibration.fit([(project(matrix, x, y, 0.0), (sign * x, y)) for x, y in FLOOR])


@given(
    height_m=st.floats(2.2, 5.0),
    down_deg=st.floats(10, 45),
    roll_deg=st.floats(-8, 8),
    focal_px=st.floats(600, 1800),
    x=st.floats(-2, 2),
    y=st.floats(4, 9),
    mirrored=st.booleans(),
)
def test_a_person_is_as_high_as_the_camera_shows(
    height_m: float, down_deg: float, roll_deg: float, focal_px: float, x: float, y: float, mirrored: bool
) -> None:
    """Wherever the camera hangs, whichever way the plan's axes run; from the feet or from the chest."""
    matrix = camera(height_m, down_deg, roll_deg, focal_px)
    upright = Upright.of(calibrate(matrix, mirrored), SIZE)
    assert upright is not None
    feet, head = project(matrix, x, y, 0.0), project(matrix, x, y, PERSON_M)
    assert upright.person(feet) == pytest.approx(feet[1] - head[1], rel=1e-3)
    assert upright.person(project(matrix, x, y, 1.2), at_m=1.2) == pytest.approx(feet[1] - head[1], rel=1e-3)


def test_nobody_stands_above_the_horizon() -> None:
    upright = Upright.of(calibrate(camera(3.0, 20, 0, 900)), SIZE)
    assert upright is not None
    assert math.isnan(upright.person((0.5, 0.0)))


@pytest.mark.parametrize(
    "points",
    [
        # From straight above, or a drawing: the floor shows no vertical.
        [((0.0, 0.0), (0.0, 0.0)), ((1.0, 0.0), (16.0, 0.0)), ((1.0, 1.0), (16.0, 9.0)), ((0.0, 1.0), (0.0, 9.0))],
        # No lens is so long: the points were measured badly.
        [((0.2, 0.8), (0.0, 0.0)), ((0.8, 0.8), (6.0, 0.0)), ((0.79, 0.4), (6.0, 1.0)), ((0.21, 0.4), (0.0, 1.0))],
    ],
)
def test_floor_points_that_say_nothing_of_the_vertical(
    points: list[tuple[tuple[float, float], tuple[float, float]]],
) -> None:
    assert Upright.of(Calibration.fit(points), SIZE) is None
