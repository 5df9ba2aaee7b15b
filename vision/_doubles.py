"""Second boxes on one person: non-maximum suppression takes only those that share more than half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vision.boxes import Box, shared

Boxes = Sequence[Box]

_SHADOW = 0.75
"""A box of which so much lies in a larger one may be a second box on the same person,"""
_DOUBLE = 0.4
_DOUBLE_AT_DEPTH = 0.25
"""and so may one that shares so much (IoU) with a surer one."""
_ENTANGLED = 0.33
_ENTANGLED_PART = 0.6
"""Two boxes that share so much (IoU), or so much of the smaller one, may be of one person, whichever is surer."""


class Touch(NamedTuple):
    """Two boxes with something in common: their rows, the area they share, and the area of each."""

    one: int
    other: int
    shared: float
    area: float
    other_area: float

    def seen_from_either(self) -> tuple[Touch, Touch]:
        """The same, and the other way round."""
        return self, Touch(self.other, self.one, self.shared, self.other_area, self.area)


def touching(boxes: Boxes) -> list[Touch]:
    """Which boxes touch which; one without an area counts as a part of every other."""
    found = []
    for i, (left, top, right, bottom) in enumerate(boxes):
        area = (right - left) * (bottom - top)
        for j in range(i):
            x0, y0, x1, y1 = boxes[j]
            meet = x0 < right and left < x1 and y0 < bottom and top < y1
            if meet or area <= 0 or x1 <= x0 or y1 <= y0:
                found.append(Touch(i, j, shared(boxes[i], boxes[j]), area, (x1 - x0) * (y1 - y0)))
    return found


def shadowed(touches: Sequence[Touch], boxes: Boxes, scores: Sequence[float]) -> set[int]:
    """Rows of boxes that lie mostly within a larger one or largely upon a surer one."""
    rows = set()
    for touch in touches:
        for own in touch.seen_from_either():
            within = own.other_area > own.area and own.shared >= _SHADOW * own.area
            if within or (scores[own.other] > scores[own.one] and _alike(own, boxes)):
                rows.add(own.one)
    return rows


def second(touches: Sequence[Touch], boxes: Boxes, scores: Sequence[float]) -> set[int]:
    """Rows of boxes that share much with a surer one; the surest on a person never does."""
    rows = set()
    for touch in touches:
        for own in touch.seen_from_either():
            much = own.shared >= _SHADOW * min(own.area, own.other_area) or _alike(own, boxes)
            if much and scores[own.other] > scores[own.one]:
                rows.add(own.one)
    return rows


def entangled(touches: Sequence[Touch]) -> dict[int, list[int]]:
    """By row the boxes, in order, that share so much with it that both may be of one person."""
    upon: dict[int, list[int]] = {}
    for touch in touches:
        union = touch.area + touch.other_area - touch.shared
        part = touch.shared >= _ENTANGLED_PART * min(touch.area, touch.other_area)
        if part or touch.shared >= _ENTANGLED * union:
            upon.setdefault(touch.one, []).append(touch.other)
            upon.setdefault(touch.other, []).append(touch.one)
    return {row: sorted(others) for row, others in upon.items()}


def _alike(own: Touch, boxes: Boxes) -> bool:
    """Whether a box lies so much upon another that two people could hardly."""
    # Two people at the same depth cannot stand in each other: half a width apart is half a shoulder.
    _, top, _, bottom = boxes[own.one]
    same_depth = abs(bottom - boxes[own.other][3]) < 0.1 * (bottom - top)
    share = _DOUBLE_AT_DEPTH if same_depth else _DOUBLE
    return own.shared >= share * (own.area + own.other_area - own.shared)
