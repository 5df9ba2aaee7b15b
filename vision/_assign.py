"""Which boxes belong to which tracks: overlap of boxes, and the assignment that is worth most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from vision._filter import Box

Corners = tuple[float, float, float, float, float]


def corners(box: Box, buffer: float = 0.0) -> Corners:
    """A box enlarged on every side by `buffer` of its size: left, top, right, bottom and area."""
    x, y, width, height = box
    half_width, half_height = width * (0.5 + buffer), height * (0.5 + buffer)
    return x - half_width, y - half_height, x + half_width, y + half_height, 4 * half_width * half_height


def alike(own: Corners, boxes: Iterable[tuple[int, Corners]], least: float, weight: float = 1.0) -> dict[int, float]:
    """Intersection over union with numbered boxes, times a weight, where it is `least` or more.

    Args:
        own: the one box.
        boxes: the others, each with its number.
        least: above zero.
        weight: of the one box.
    """
    left, top, right, bottom, area = own
    found = {}
    for column, (x0, y0, x1, y1, other_area) in boxes:
        if x0 >= right or left >= x1 or y0 >= bottom or top >= y1:
            continue  # as most pairs of a crowd
        shared = (min(right, x1) - max(left, x0)) * (min(bottom, y1) - max(top, y0))
        share = shared / max(area + other_area - shared, 1e-9)
        if share >= least:
            found[column] = share * weight
    return found


def assign(worth: Sequence[Mapping[int, float]]) -> list[tuple[int, int]]:
    """Pairs of a row and a column whose worth comes to most, in order of row.

    Args:
        worth: for each row what it is worth, above zero, to pair it with a column; others are never paired.
    """
    best = [
        (row, next(iter(columns)) if len(columns) == 1 else max(columns, key=columns.__getitem__))
        for row, columns in enumerate(worth)
        if columns
    ]
    if len({column for _, column in best}) == len(best):
        return best  # everybody has what he wants most: nothing is worth more
    rows = [row for row, _ in best]
    every = sorted({column for row in rows for column in worth[row]})
    matrix = np.array([[worth[row].get(column, 0.0) for column in every] for row in rows])
    pairs = zip(*(found.tolist() for found in linear_sum_assignment(matrix, maximize=True)), strict=True)
    return [(rows[i], every[j]) for i, j in pairs if every[j] in worth[rows[i]]]
