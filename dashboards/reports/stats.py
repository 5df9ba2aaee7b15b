"""Whether a figure changed, by more than days differ from each other anyway.

What is compared are pairs of days of the same weekday, one before and one after: hours of a day are alike and are no
independent witnesses, and a Monday is not a Friday. Pairs are drawn again with replacement (the bootstrap over
blocks); that gives the standard error of the difference, widened by sqrt(n / (n - 1)) since few are drawn from few,
and with Student's t of n - 1 degrees of freedom the interval.

Source: B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 (standard error), 8 (blocks)
and 12 (the bootstrap with t). docs/reports.md has how often it is wrong where nothing changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import lgamma, pi, sqrt
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

LEAST_PAIRS = 4
"""With fewer, days cannot be told from chance: nothing is said."""
RESAMPLES = 1000
_SEED = 20_261_123
_AT_ONCE = 50

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Verdict = Literal["up", "down", "noise", "few"]


class Difference(NamedTuple):
    """How far a figure moved over pairs of days, and between what bounds that is likely to lie.

    Attributes:
        pairs: of days.
        by: after less before, over these days; None where there is no such figure.
        low: of the interval; likewise `high`. None where there are too few pairs.
        verdict: `up` or `down` where the interval leaves out zero; `few` pairs.
    """

    pairs: int
    by: float | None
    low: float | None
    high: float | None
    verdict: Verdict


class Figure(Protocol):
    """A figure of some days, which can be reckoned for any choice of them."""

    def of(self, counts: Counts) -> Floats:
        """The figure for each choice.

        Args:
            counts: choices x days, how often each day was chosen.

        Returns:
            One for each choice; NaN where there is none.
        """
        ...

    def has(self, day: int) -> bool:
        """Whether a day says anything about it."""
        ...

    def __len__(self) -> int:
        """Of how many days it is."""
        ...


class Ratio:
    """A sum over another: a share, a mean.

    Args:
        parts: by day.
        wholes: by day.
    """

    def __init__(self, parts: Sequence[float], wholes: Sequence[float]) -> None:
        self._parts, self._wholes = np.asarray(parts, float), np.asarray(wholes, float)

    def of(self, counts: Counts) -> Floats:
        """See `Figure.of`."""
        wholes = counts @ self._wholes
        ratios: Floats = np.divide(counts @ self._parts, wholes, out=np.full(len(counts), np.nan), where=wholes > 0)
        return ratios

    def has(self, day: int) -> bool:
        """See `Figure.has`."""
        return bool(self._wholes[day] > 0)

    def __len__(self) -> int:
        return len(self._wholes)


class Quantile:
    """A quantile of all values of the days together: the smallest that so many do not exceed.

    Args:
        values: by day.
        q: between 0 and 1.
    """

    def __init__(self, values: Sequence[Sequence[float]], q: float) -> None:
        self._sizes = [len(day) for day in values]
        pooled = np.concatenate([np.asarray(day, float) for day in values]) if values else np.zeros(0)
        order = np.argsort(pooled, kind="stable")
        self._values: Floats = pooled[order]
        self._day = np.repeat(np.arange(len(values)), self._sizes)[order]
        self._q = q

    def of(self, counts: Counts) -> Floats:
        """See `Figure.of`."""
        found = np.full(len(counts), np.nan)
        if not len(self._values):
            return found
        for at in range(0, len(counts), _AT_ONCE):
            below = np.cumsum(counts[at : at + _AT_ONCE][:, self._day], axis=1, dtype=np.int32)
            total = below[:, -1]
            place = np.argmax(below >= np.ceil(self._q * total)[:, None].clip(min=1), axis=1)
            found[at : at + _AT_ONCE] = np.where(total > 0, self._values[place], np.nan)
        return found

    def has(self, day: int) -> bool:
        """See `Figure.has`."""
        return self._sizes[day] > 0

    def __len__(self) -> int:
        return len(self._sizes)


def value(figure: Figure) -> float | None:
    """A figure over all of its days."""
    found = float(figure.of(np.ones((1, len(figure)), int))[0])
    return None if np.isnan(found) else found


def difference(
    before: Figure, after: Figure, pairs: Sequence[tuple[int, int]], *, level: float = 0.95, seed: int = _SEED
) -> Difference:
    """How far a figure moved.

    Args:
        before: the figure of the days before.
        after: of those after.
        pairs: which days are compared: their places in `before` and in `after`, each in one pair.
        level: how likely the interval holds the true difference.
        seed: of what is drawn.
    """
    told = [pair for pair in pairs if before.has(pair[0]) and after.has(pair[1])]
    count = len(told)
    if count == 0:
        return Difference(0, None, None, None, "few")
    rows = np.random.default_rng(seed).multinomial(count, [1 / count] * count, size=RESAMPLES)
    chosen = np.concatenate([np.ones((1, count), int), rows])
    moved = _spread(after, [b for _, b in told], chosen) - _spread(before, [a for a, _ in told], chosen)
    by = float(moved[0])
    if count < LEAST_PAIRS:
        return Difference(count, by, None, None, "few")
    half = _student((1 + level) / 2, count - 1) * float(np.nanstd(moved[1:], ddof=1)) * sqrt(count / (count - 1))
    low, high = by - half, by + half
    verdict: Verdict = "up" if low > 0 else "down" if high < 0 else "noise"
    return Difference(count, by, low, high, verdict)


def _spread(figure: Figure, days: Sequence[int], chosen: Counts) -> Floats:
    """The figure for choices among some of its days."""
    counts = np.zeros((len(chosen), len(figure)), dtype=np.int64)
    counts[:, list(days)] = chosen
    return figure.of(counts)


@lru_cache(maxsize=256)
def _student(level: float, freedom: int) -> float:
    """Quantile of Student's t, by summing up its density: no table, no scipy. `level` is above one half."""
    x = np.linspace(0.0, 700.0, 700_001)
    scale = np.exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2)) / sqrt(freedom * pi)
    density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
    reached = 0.5 + np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)]) * (x[1] - x[0])
    return float(np.interp(level, reached, x))
