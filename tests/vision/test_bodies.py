"""Where bodies are on the floor, under a pinhole camera that is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vision.bodies import Bodies
from vision.calibration import Calibration

SIZE = (1280, 720)
FOCAL_PX = 900.0
HEIGHT_M = 3.0
TILT = math.radians(25)


def _pixel(x: float, y: float, z: float) -> tuple[float, float]:
    """The camera hangs over (0, 0) and looks along y, down by 25 degrees."""
    down, ahead = HEIGHT_M - z, y
    deep = ahead * math.cos(TILT) + down * math.sin(TILT)
    below = down * math.cos(TILT) - ahead * math.sin(TILT)
    return SIZE[0] / 2 + FOCAL_PX * x / deep, SIZE[1] / 2 + FOCAL_PX * below / deep


def _box(x: float, y: float, foot: tuple[float, float], head_m: float) -> list[float]:
    """Of somebody whose head is over (x, y); `foot`: how far before it, and how high, the lower edge is."""
    (over, top), (under, bottom) = _pixel(x, y, head_m), _pixel(x, y - foot[0], foot[1])
    middle = (over + under) / 2
    return [middle - 30, top, middle + 30, bottom]


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    points = [(_pixel(x, y, 0.0), (x, y)) for x, y in ((-2, 5), (2, 5), (-2, 8), (2, 8), (0, 6))]
    fractions = [((px / SIZE[0], py / SIZE[1]), (float(x), float(y))) for (px, py), (x, y) in points]
    found = Bodies.of(Calibration.fit(fractions), SIZE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("what", "foot", "head_m", "error_m"),
    [
        ("who stands", (0.13, 0.0), 1.70, 0.15),
        ("a short adult who stands", (0.13, 0.0), 1.58, 0.45),
        ("who sits, feet before the seat", (0.45, 0.0), 1.32, 0.15),
        ("who sits at a desk, seen down to its edge", (0.4, 0.77), 1.40, 0.15),
        ("who sits behind a tall counter", (0.5, 1.1), 1.40, 0.15),
    ],
)
@pytest.mark.parametrize("at", [(0.0, 5.0), (-1.5, 7.0), (2.0, 6.0)])
def test_the_place_of_a_body(
    bodies: Bodies, what: str, foot: tuple[float, float], head_m: float, error_m: float, at: tuple[float, float]
) -> None:
    (place,) = bodies.places([_box(*at, foot, head_m)])
    assert np.hypot(*(place - at)) < error_m, what


def test_by_the_lower_edge_alone_a_clerk_would_be_far_off() -> None:
    """What this module is for: on the floor, the edge of the desk before a clerk lies more than a metre behind them."""
    _, desk = _pixel(0.0, 5.6, 0.77)
    _, there = _pixel(0.0, 7.2, 0.0)
    assert desk < there


def test_who_is_cut_off_by_the_edge_of_the_image(bodies: Bodies) -> None:
    """No feet in the picture: a standing person's head."""
    at = (0.3, 1.9)
    middle, top = _pixel(*at, 1.7)
    assert _pixel(*at, 0.0)[1] > SIZE[1]
    (place,) = bodies.places([[middle - 60, top, middle + 60, float(SIZE[1])]])
    assert place == pytest.approx(at, abs=0.01)


def test_above_the_horizon_nobody_is_on_the_floor(bodies: Bodies) -> None:
    horizon = SIZE[1] / 2 - FOCAL_PX * math.tan(TILT)
    assert np.isnan(bodies.places([[600, horizon - 60, 640, horizon - 20]])).all()
    assert bodies.places([]).shape == (0, 2)
