"""Heat: the cells hold exactly the person-seconds that were seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.heat import HeatMap
from vision.areas import foot_points
from vision.locate import People
from vision.types import Tracks

SIZE = (640, 360)


def people(at: float, feet: list[tuple[float, float]], floor: list[tuple[float, float]] | None = None) -> People:
    boxes = np.array([(x * 640 - 10, y * 360 - 60, x * 640 + 10, y * 360) for x, y in feet], np.float32).reshape(-1, 4)
    tracks = Tracks(np.arange(len(feet), dtype=np.int64), boxes, np.ones(len(feet), np.float32), SIZE)
    return People(at, tracks, foot_points(boxes, SIZE), None if floor is None else np.array(floor).reshape(-1, 2))


def test_cells_of_the_plan_and_of_the_picture() -> None:
    """Calibrated cameras share the metres of the plan; another one has cells of its own picture.

    In the middle of a cell somebody is in that one alone; a quarter of a metre beside it, in the next one by a quarter.
    """
    heat = HeatMap({"a": True, "b": True, "c": False}, every_s=10.0)
    assert heat.due(0.0) == []
    for i in range(11):
        heat.add("a", people(float(i), [(0.5, 0.5)], [(3.5, 4.5)]))
        heat.add("b", people(float(i), [(0.1, 0.5)], [(3.75, 4.5)]))
        heat.add("c", people(float(i), [(0.5, 0.999)]))
    on_plan, in_picture = heat.due(10.0)
    assert (on_plan.camera, on_plan.interval_s) == (None, 10.0)
    assert [(c.x, c.y, c.person_s) for c in on_plan.cells] == [(3, 4, 17.5), (4, 4, 2.5)]
    assert [(in_picture.camera, c.x, c.y, c.person_s) for c in in_picture.cells] == [("c", 8, 15, 10.0)]
    assert heat.due(15.0) == []
    assert [body.cells for body in heat.due(20.0)] == [[], []]


def test_a_long_gap_is_nobodys_time() -> None:
    """A camera that stood still for a minute tells nothing about that minute."""
    heat = HeatMap({"c": False}, every_s=60.0)
    heat.due(0.0)
    for at in (0.0, 60.0, 60.0, 59.0):
        heat.add("c", people(at, [(0.5, 0.5)]))
    (body,) = heat.due(60.0)
    assert [cell.person_s for cell in body.cells] == [2.0]


def test_people_beyond_the_horizon_have_no_place() -> None:
    heat = HeatMap({"a": True}, every_s=1.0)
    heat.due(0.0)
    for at in (0.0, 1.0):
        heat.add("a", people(at, [(0.5, 0.1), (0.5, 0.9)], [(math.nan, math.nan), (1.5, 1.5)]))
    (body,) = heat.due(1.0)
    assert [(c.x, c.y, c.person_s) for c in body.cells] == [(1, 1, 1.0)]


@given(
    st.lists(
        st.tuples(st.floats(0.04, 1.9), st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.2, 0.99)), max_size=5)),
        min_size=2,
        max_size=40,
    )
)
def test_cells_sum_to_person_seconds(frames: list[tuple[float, list[tuple[float, float]]]]) -> None:
    """Whatever the frames are, the cells of all intervals together are the person-seconds seen."""
    heat = HeatMap({"c": False}, every_s=5.0)
    at, expected, cells = 0.0, 0.0, []
    heat.due(at)
    heat.add("c", people(at, []))
    for step_s, feet in frames:
        at += step_s
        heat.add("c", people(at, feet))
        expected += step_s * len(feet)
        cells += [cell for body in heat.due(at) for cell in body.cells]
    cells += [cell for body in heat.due(at + 5.0) for cell in body.cells]
    assert sum(cell.person_s for cell in cells) == pytest.approx(expected, abs=0.005 * len(cells) + 1e-6)
