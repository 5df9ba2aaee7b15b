"""The filter and the assignment of the tracker, against their textbook forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from vision._assign import alike, assign, corners
from vision._filter import Coordinate, grown

PLACE_VAR, SPEED_VAR, CHANGE_VAR = 16.0, 400.0, 30.0

MEASURED = st.lists(st.tuples(st.floats(0.01, 2.5), st.floats(-2000, 2000)), max_size=12)


@given(MEASURED)
def test_a_coordinate_is_a_kalman_filter(measured: list[tuple[float, float]]) -> None:
    """With matrices: Bar-Shalom, Estimation with Applications, 5.2.3 and, for the noise, 6.2.2."""
    coordinate = Coordinate(100.0, PLACE_VAR, SPEED_VAR)
    x, p, h = np.array([100.0, 0.0]), np.diag([PLACE_VAR, SPEED_VAR]), np.array([[1.0, 0.0]])
    for dt, z in measured:
        coordinate.predict(dt, grown(dt, CHANGE_VAR))
        coordinate.correct(z, PLACE_VAR)
        f = np.array([[1.0, dt], [0.0, 1.0]])
        x, p = f @ x, f @ p @ f.T + CHANGE_VAR * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        gain = p @ h.T / (h @ p @ h.T + PLACE_VAR)
        x, p = x + gain[:, 0] * (z - x[0]), (np.eye(2) - gain @ h) @ p
    assert (coordinate.place, coordinate.speed) == pytest.approx(x.tolist(), rel=1e-6, abs=1e-6)


WORTH = st.integers(1, 6).flatmap(
    lambda columns: st.lists(
        st.lists(st.sampled_from([0.0, 0.0, 0.3, 0.5, 0.7, 0.9]), min_size=columns, max_size=columns),
        min_size=1,
        max_size=6,
    )
)


@given(WORTH)
def test_no_assignment_is_worth_more(rows: list[list[float]]) -> None:
    """Many who want the same, too: only some of these have an answer without the Hungarian method."""
    pairs = assign([{column: worth for column, worth in enumerate(row) if worth} for row in rows])
    assert [row for row, _ in pairs] == sorted({row for row, _ in pairs})
    assert len({column for _, column in pairs}) == len(pairs)
    assert all(rows[row][column] > 0 for row, column in pairs)
    best = np.array(rows)[linear_sum_assignment(np.array(rows), maximize=True)].sum()
    assert sum(rows[row][column] for row, column in pairs) == pytest.approx(best)


def test_the_second_best_for_both_is_better_than_the_best_for_one() -> None:
    assert assign([{0: 0.9, 1: 0.8}, {0: 0.7}]) == [(0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("buffer", "least", "expected"),
    [
        pytest.param(0.0, 0.01, {}, id="they only meet"),
        # 20 x 20 each: 10 px of the width and all of the height in common.
        pytest.param(0.5, 0.3, {7: pytest.approx(0.5 / 3)}, id="enlarged to twice the size"),
        pytest.param(0.5, 0.34, {}, id="not enough"),
    ],
)
def test_overlap_of_enlarged_boxes(buffer: float, least: float, expected: dict[int, float]) -> None:
    one, other, far = (0.0, 0.0, 10.0, 10.0), (10.0, 0.0, 10.0, 10.0), (90.0, 0.0, 10.0, 10.0)
    boxes = [(7, corners(other, buffer)), (8, corners(far, buffer))]
    assert alike(corners(one, buffer), boxes, least, weight=0.5) == expected
