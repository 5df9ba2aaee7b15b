"""Nobody can be recognised: people in a picture become a mosaic of a few blocks, before it leaves memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Detections

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Detect = Callable[[Sequence[Image]], list[Detections]]

_BLOCKS = 6.0
"""A person is so many blocks high, whatever the distance: a head is about one."""
_BROAD = 2.2
"""Of who sits, or is cut off by a desk, only the width tells how large the head is: people are so many widths high."""
_SIDE, _ABOVE, _BELOW = 0.12, 0.12, 0.05
"""How far a box is enlarged, as shares of its width and height: hair and elbows are beyond it."""
_UNSURE = 0.54
"""Detections down to this share of the score that counts by itself may be people, as for the tracker."""
_ROUNDS = 4
_COARSER = 1.6
"""What the detector still finds gets blocks so many times as large."""


def blurred(image: Image, boxes: Sequence[Box], *, blocks: float = _BLOCKS) -> Image:
    """A copy of a picture in which nobody within these boxes can be recognised.

    Args:
        image: (H, W, 3) uint8.
        boxes: x1, y1, x2, y2 in pixels, as found; they are enlarged here.
        blocks: how many blocks a person is high.
    """
    out = image.copy()
    height, width = image.shape[:2]
    sized = [(max(y2 - y1, _BROAD * (x2 - x1)) / blocks, x1, y1, x2, y2) for x1, y1, x2, y2 in boxes]
    # From the picture as it was, the coarsest last: where two overlap, nobody gets the finer blocks of somebody else.
    for block_px, x1, y1, x2, y2 in sorted(sized):
        wide, high = x2 - x1, y2 - y1
        left, right = max(0, int(x1 - _SIDE * wide)), min(width, int(np.ceil(x2 + _SIDE * wide)))
        top, bottom = max(0, int(y1 - _ABOVE * high)), min(height, int(np.ceil(y2 + _BELOW * high)))
        if right <= left or bottom <= top:
            continue
        size = max(1, round((right - left) / block_px)), max(1, round((bottom - top) / block_px))
        coarse = cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        out[top:bottom, left:right] = cv2.resize(coarse, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return np.asarray(out, np.uint8)


def anonymous(image: Image, known: Sequence[Box], detect: Detect, score: float) -> Image:
    """A copy of a picture in which nobody can be recognised, as far as a detector that looks closely can tell.

    Blurred are those who are known to be there, seen in this very picture or not, and whoever a detector finds in the
    whole picture, if unsure, and in four parts of it; then as in `unseen`.

    Args:
        image: (H, W, 3) uint8 BGR.
        known: boxes of people who are followed, in pixels.
        detect: finds people, those of low score included.
        score: from which on a detection counts by itself.
    """
    return unseen(blurred(image, [*known, *_looked_at_closely(image, detect, score)]), detect, score)


def unseen(image: Image, detect: Detect, score: float) -> Image:
    """A picture in which a detector finds nobody: what it takes for a person gets ever coarser blocks.

    Where it finds somebody to the end, the whole picture does.
    """
    blocks = _BLOCKS
    for _ in range(_ROUNDS):
        found = _boxes(detect([image])[0], _UNSURE * score)
        if not found:
            return image
        blocks /= _COARSER
        image = blurred(image, found, blocks=blocks)
    whole: Box = (0, 0, image.shape[1], image.shape[0])
    return image if not _boxes(detect([image])[0], _UNSURE * score) else blurred(image, [whole])


def _looked_at_closely(image: Image, detect: Detect, score: float) -> list[Box]:
    """Boxes of people in the whole picture and, larger to the detector, in four parts that overlap."""
    height, width = image.shape[:2]
    high, wide = round(0.6 * height), round(0.6 * width)
    corners = [(x, y) for x in (0, width - wide) for y in (0, height - high)]
    whole, *parts = detect([image, *(image[y : y + high, x : x + wide] for x, y in corners)])
    return _boxes(whole, _UNSURE * score) + [
        (left + x, top + y, right + x, bottom + y)
        for (x, y), seen in zip(corners, parts, strict=True)
        for left, top, right, bottom in _boxes(seen, score)
    ]


def _boxes(found: Detections, score: float) -> list[Box]:
    rows = found.boxes_px[found.scores >= score].tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in rows]
