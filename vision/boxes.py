"""What boxes have in common. A box is xyxy, in whatever unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Box = Sequence[float]
"""Left, top, right and bottom: one box at a time, for which numpy takes ten times as long."""

_Float = TypeVar("_Float", np.float32, np.float64)


def shared(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def covered(box: Box, by: Box) -> float:
    """Share of a box that another one covers; 0 of a box without an area."""
    both = shared(box, by)
    return both / ((box[2] - box[0]) * (box[3] - box[1])) if both else 0.0


def iou(a: NDArray[_Float], b: NDArray[_Float]) -> NDArray[_Float]:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4); 0 of boxes without an area."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=-1), (b[:, 2:] - b[:, :2]).prod(axis=-1)
    return np.asarray(both / np.maximum(area_a[:, None] + area_b[None, :] - both, 1e-9))
