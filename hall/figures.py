"""Figures of a handful of numbers."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], q: float) -> float | None:
    """A percentile with linear interpolation, or None of nothing."""
    if not values:
        return None
    ordered = sorted(values)  # a handful of waits, many times a second: numpy takes ten times as long
    place = (len(ordered) - 1) * q / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
