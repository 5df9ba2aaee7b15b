"""How often something is said to have changed: where it did, and where it did not."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.reports.stats import Difference, Figure, Quantile, Ratio, _student, difference, value

_TRIALS = 200


def _days(random: np.random.Generator, weekdays: list[float], factor: float) -> list[list[float]]:
    """Days of waits: each day busier or calmer as a whole, the same weekday in the same way."""
    return [list(random.exponential(600 * factor * np.exp(w + random.normal(0, 0.25)), 40)) for w in weekdays]


def _said(pairs: int, factor: float, kind: str) -> float:
    """The share of trials in which a change is called one."""
    hits = 0
    for seed in range(_TRIALS):
        random = np.random.default_rng(seed)
        weekdays = list(random.normal(0, 0.3, pairs))
        figures = [_figure(kind, _days(random, weekdays, f)) for f in (1.0, factor)]
        moved = difference(figures[0], figures[1], [(i, i) for i in range(pairs)], seed=seed)
        hits += moved.verdict in {"up", "down"}
    return hits / _TRIALS


def _figure(kind: str, days: list[list[float]]) -> Figure:
    if kind == "mean":
        return Ratio([sum(day) for day in days], [len(day) for day in days])
    return Quantile(days, 0.5 if kind == "median" else 0.9)


@pytest.mark.parametrize("kind", ["median", "p90", "mean"])
@pytest.mark.parametrize("pairs", [4, 10])
def test_what_did_not_change_is_seldom_said_to_have(kind: str, pairs: int) -> None:
    """One in twenty is what is promised; three standard errors of 200 trials are 4.6 % more."""
    assert _said(pairs, 1.0, kind) < 0.05 + 0.046


@pytest.mark.parametrize("kind", ["median", "mean"])
def test_what_did_change_is_found(kind: str) -> None:
    """Waits that fell by half, in two weeks."""
    assert _said(10, 0.5, kind) > 0.9


def test_one_day_that_was_odd_changes_nothing() -> None:
    before = Ratio([10, 10, 10, 10, 10], [100] * 5)
    after = Ratio([10, 10, 60, 10, 10], [100] * 5)
    moved = difference(before, after, [(i, i) for i in range(5)])
    assert moved.by == pytest.approx(0.1)
    assert moved.verdict == "noise"


def test_the_same_question_has_the_same_answer() -> None:
    figures = [Quantile([[float(i * j % 17) for j in range(30)] for i in range(k, k + 6)], 0.9) for k in (1, 5)]
    asked = [difference(figures[0], figures[1], [(i, i) for i in range(6)]) for _ in range(2)]
    assert asked[0] == asked[1]
    assert asked[0].verdict == "noise"


def test_few_pairs_say_nothing() -> None:
    figure = Ratio([1, 2, 3, 4, 5], [1] * 5)
    assert difference(figure, figure, [(0, 1), (1, 2), (2, 3)]) == Difference(3, 1.0, None, None, "few")
    assert difference(figure, figure, []) == Difference(0, None, None, None, "few")
    # A day without cases is no day for their share.
    gap = Ratio([0, 2, 3, 4, 5], [0, 1, 1, 1, 1])
    assert difference(gap, gap, [(i, i) for i in range(5)]).pairs == 4
    assert difference(gap, gap, [(i, i) for i in range(4)]).verdict == "few"


def test_values_of_all_days() -> None:
    assert value(Quantile([[1, 2], [], [3, 4]], 0.5)) == 2
    assert value(Quantile([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], 0.9)) == 9
    assert value(Quantile([[], []], 0.5)) is None
    assert value(Quantile([], 0.5)) is None
    assert value(Ratio([1, 2], [4, 4])) == 0.375
    assert value(Ratio([0], [0])) is None


@pytest.mark.parametrize(
    ("level", "freedom", "expected"), [(0.975, 1, 12.706), (0.975, 4, 2.776), (0.995, 3, 5.841), (0.975, 19, 2.093)]
)
def test_student(level: float, freedom: int, expected: float) -> None:
    assert _student(level, freedom) == pytest.approx(expected, abs=0.005)
