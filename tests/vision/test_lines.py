"""Entrances: everybody who crosses counts once each way, nobody else counts."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from vision.areas import foot_points
from vision.lines import Direction, LineCounter, Point
from vision.locate import Locator
from vision.types import TENTATIVE, Detections, Tracks

SIZE = (1000, 1000)
UPRIGHT: tuple[Point, Point] = ((0.5, 0.8), (0.5, 0.2))
"""Drawn from the bottom up: its left is the left of the picture."""


def walk(
    counter: LineCounter, *steps: dict[int, Point], start: float = 0.0, step_s: float = 0.2, born: Point | None = None
) -> list[Direction]:
    """Foot points by track, one dict a frame; everybody is 200 px tall, and was seen first at `born`."""
    found: list[Direction] = []
    for i, step in enumerate(steps):
        feet = [(x * SIZE[0], y * SIZE[1]) for x, y in step.values()]
        boxes = np.array([(x - 40, y - 200, x + 40, y) for x, y in feet], dtype=np.float32).reshape(-1, 4)
        tracks = Tracks(np.array(list(step), np.int64), boxes, np.ones(len(step), np.float32), SIZE)
        found += counter.step(start + i * step_s, tracks, foot_points(boxes, SIZE), lambda _: born)
    return found


def path(track: int, *xs: float, y: float = 0.5) -> list[dict[int, tuple[float, float]]]:
    return [{track: (x, y)} for x in xs]


def test_directions() -> None:
    """`in` is from the left of the line to its right, looking along it."""
    assert walk(LineCounter(UPRIGHT), *path(1, 0.4, 0.45, 0.55, 0.6)) == ["in"]
    assert walk(LineCounter(UPRIGHT), *path(1, 0.6, 0.55, 0.45, 0.4)) == ["out"]
    turned = (UPRIGHT[1], UPRIGHT[0])
    assert walk(LineCounter(turned), *path(1, 0.4, 0.6)) == ["out"]
    level = ((0.2, 0.5), (0.8, 0.5))
    down = [{1: (0.5, 0.4)}, {1: (0.5, 0.6)}]
    assert walk(LineCounter(level), *down) == ["in"]


def test_jitter_on_the_line_counts_nothing() -> None:
    """Somebody stands on the line for a minute; the box trembles by two hundredths of a height."""
    rng = np.random.default_rng(1)
    xs = 0.5 + rng.normal(0, 0.002, 300)
    counter = LineCounter(UPRIGHT)
    assert walk(counter, *path(1, 0.46, *xs.tolist(), 0.46)) == []
    assert walk(counter, *path(1, *xs.tolist(), 0.54), start=100.0) == ["in"]


def test_there_and_back_again() -> None:
    assert walk(LineCounter(UPRIGHT), *path(1, 0.4, 0.6, 0.7, 0.6, 0.4)) == ["in", "out"]


def test_past_the_end_of_the_line() -> None:
    """Who walks round the end of the line does not cross it."""
    assert walk(LineCounter(UPRIGHT), *path(1, 0.4, 0.6, y=0.9)) == []


def test_a_fast_walker_at_two_frames_a_second() -> None:
    assert walk(LineCounter(UPRIGHT), *path(1, 0.2, 0.8), step_s=0.5) == ["in"]


def test_lost_on_the_line_and_found_behind_it() -> None:
    """Two seconds behind a pillar; the tracker keeps the id."""
    steps = [*path(1, 0.4, 0.46), *[{} for _ in range(10)], *path(1, 0.56, 0.6)]
    assert walk(LineCounter(UPRIGHT), *steps) == ["in"]


def test_two_people_pass_each_other() -> None:
    steps = [{1: (a, 0.5), 2: (1 - a, 0.6)} for a in (0.3, 0.4, 0.48, 0.53, 0.6)]
    assert sorted(walk(LineCounter(UPRIGHT), *steps)) == ["in", "out"]


def test_a_track_seen_once_counts_nothing() -> None:
    """Two mistakes of the detector on both sides are nobody who crossed."""
    assert walk(LineCounter(UPRIGHT), {TENTATIVE: (0.4, 0.5)}, {TENTATIVE: (0.6, 0.5)}) == []


def test_first_seen_a_step_before_the_line() -> None:
    """Out of a door that is a step from the line: the second sight, which confirms the track, is past it already."""
    counter, locator = LineCounter(UPRIGHT), Locator()
    found: list[Direction] = []
    for i, x in enumerate((440, 530, 620)):
        box = np.array([(x - 60, 300, x + 60, 500)], np.float32)
        people = locator.locate(0.5 * i, Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64), SIZE))
        born = partial(locator.born_foot, size_px=SIZE)
        found += counter.step(people.at, people.tracks, people.feet, born)
    assert found == ["in"]
    assert locator.born_foot(2, SIZE) is None


def test_first_seen_on_the_line_goes_by_where_they_go() -> None:
    """Half a foot of jitter at first sight is on no side."""
    steps = path(1, 0.51, 0.55, 0.6)
    counter = LineCounter(UPRIGHT)
    assert walk(counter, *steps, born=(0.495, 0.5)) == []
    assert walk(counter, *path(2, 0.51, 0.55, 0.6), born=(0.48, 0.5), start=10.0) == ["in"]


@pytest.mark.parametrize("people", [500])
def test_memory_stays_small(people: int) -> None:
    """Thousands of people a day; who has not been seen for a minute is forgotten."""
    counter = LineCounter(UPRIGHT)
    for i in range(people):
        walk(counter, {i: (0.4, 0.5)}, start=i * 10.0)
    assert len(counter._places) <= 201
