"""Second boxes on one person: non-maximum suppression takes only those that share more than half."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32] | NDArray[np.float64]

_SHADOW = 0.75
"""A box of which so much lies in a larger one may be a second box on the same person,"""
_DOUBLE = 0.4
_DOUBLE_AT_DEPTH = 0.25
"""and so may one that shares so much (IoU) with a surer one."""
_ENTANGLED = 0.33
_ENTANGLED_PART = 0.6
"""Two boxes that share so much (IoU), or so much of the smaller one, may be of one person, whichever is surer."""


def apart(boxes: Sequence[Sequence[float]]) -> bool:
    """Whether no two of a few xyxy boxes have anything in common, and all have an area: then there are no doubles."""
    for i, (left, top, right, bottom) in enumerate(boxes):
        if right <= left or bottom <= top:
            return False
        for x0, y0, x1, y1 in boxes[:i]:
            if x0 < right and left < x1 and y0 < bottom and top < y1:
                return False
    return True


def shadowed(boxes: Boxes, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which xyxy boxes (N, 4) lie mostly within a larger one or largely upon a surer one."""
    overlap, area = _overlaps(boxes)
    within = (area[None, :] > area[:, None]) & (overlap >= _SHADOW * area[:, None])
    upon = (scores[None, :] > scores[:, None]) & _alike(boxes, overlap, area)
    return np.asarray((within | upon).any(axis=1))


def second(boxes: Boxes, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which xyxy boxes (N, 4) share much with a surer one; the surest on a person never does."""
    overlap, area = _overlaps(boxes)
    smaller = np.minimum(area[:, None], area[None, :])
    much = (overlap >= _SHADOW * smaller) | _alike(boxes, overlap, area)
    return np.asarray((much & (scores[None, :] > scores[:, None])).any(axis=1))


def entangled(boxes: Boxes) -> NDArray[np.bool_]:
    """Which xyxy boxes (N, 4) share so much with which others (N, N) that both may be of one person."""
    overlap, area = _overlaps(boxes)
    part = overlap >= _ENTANGLED_PART * np.minimum(area[:, None], area[None, :])
    union = area[:, None] + area[None, :] - overlap
    return np.asarray((part | (overlap >= _ENTANGLED * union)) & ~np.eye(len(boxes), dtype=bool))


def _alike(boxes: Boxes, overlap: Boxes, area: Boxes) -> NDArray[np.bool_]:
    """Which boxes (N, N) lie so much upon each other that two people could hardly."""
    # Two people at the same depth cannot stand in each other: half a width apart is half a shoulder.
    height = boxes[:, 3] - boxes[:, 1]
    same_depth = np.abs(boxes[:, None, 3] - boxes[None, :, 3]) < 0.1 * height[:, None]
    share = np.where(same_depth, _DOUBLE_AT_DEPTH, _DOUBLE)
    return np.asarray(overlap >= share * (area[:, None] + area[None, :] - overlap))


def _overlaps(boxes: Boxes) -> tuple[Boxes, Boxes]:
    """Common areas (N, N) of boxes and their own areas (N,)."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=-1), (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
