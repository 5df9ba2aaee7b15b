"""What boxes have in common."""

from __future__ import annotations

import numpy as np
import pytest

from vision.boxes import Box, covered, iou, shared

BOX = (2.0, 2.0, 6.0, 4.0)


@pytest.mark.parametrize(
    ("other", "area"),
    [
        # itself
        (BOX, 8.0),
        # a corner
        ((5.0, 3.0, 9.0, 9.0), 1.0),
        # all of it, and more
        ((0.0, 0.0, 9.0, 9.0), 8.0),
        # a border only
        ((6.0, 2.0, 9.0, 4.0), 0.0),
        # apart in both directions
        ((8.0, 6.0, 9.0, 9.0), 0.0),
        # beside it
        ((8.0, 2.0, 9.0, 4.0), 0.0),
        # a line through it
        ((3.0, 0.0, 3.0, 9.0), 0.0),
    ],
)
def test_what_two_boxes_share(other: Box, area: float) -> None:
    assert shared(BOX, other) == shared(other, BOX) == area
    assert covered(BOX, other) == area / 8.0
    size = (other[2] - other[0]) * (other[3] - other[1])
    pair = np.array([BOX], np.float32), np.array([other, BOX], np.float32)
    assert iou(*pair).tolist()[0] == pytest.approx([area / (8.0 + size - area), 1.0])
    assert iou(*pair).dtype == np.float32


def test_nothing_has_nothing_in_common() -> None:
    point = (3.0, 3.0, 3.0, 3.0)
    assert covered(point, BOX) == 0.0
    both = np.array([point, point])
    assert iou(both, both).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert iou(both, np.zeros((0, 4))).shape == (2, 0)
