"""Detections of crops and of the whole picture as those of one picture: nobody twice, nobody halved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision.areas import Area, foot_points
from vision.boxes import iou
from vision.types import Detections

Boxes = NDArray[np.float32]

_SAME = 0.4
"""Boxes that share so much (IoU) are of one person. On the rendered hall 85 of 86 boxes of crops shared more with one
of the whole picture on the same person, and 99 of 100 pairs of boxes on two people, many close together, less than
0.35."""
_IN_AREA = 0.1
"""Share of a box that lies in an area for which the crop was made."""
_AT_EDGE = 0.01
"""A box that comes so near to the border of a crop, in widths and heights of it, shows a person who was cut."""


def from_crop(
    found: Detections, crop_px: tuple[int, int, int, int], size_px: tuple[int, int], areas: Sequence[Area]
) -> Detections:
    """Detections of a crop in pixels of the whole picture, only those that the crop was made for.

    People whom its border cuts are left out, unless that is the border of the picture: their boxes are wrong. So are
    people outside of its areas: the whole picture is looked at more often.

    Args:
        found: boxes in pixels of the crop.
        crop_px: left, top, right and bottom of the crop in the whole picture.
        size_px: width and height of the whole picture.
        areas: what the crop is for.
    """
    left, top, _, _ = crop_px
    boxes = found.boxes_px + np.array([left, top, left, top], np.float32)
    whole = Detections(boxes, found.scores, found.labels, size_px)
    feet = foot_points(boxes, size_px)
    inside = np.zeros(len(boxes), np.bool_)
    for area in areas:
        inside |= (area.overlap(boxes, size_px) >= _IN_AREA) | area.contains(feet)
    return whole.select(inside & ~_is_cut(boxes, crop_px, size_px))


def _is_cut(boxes: Boxes, crop_px: tuple[int, int, int, int], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    left, top, right, bottom = crop_px
    near_x, near_y = _AT_EDGE * (right - left), _AT_EDGE * (bottom - top)
    cut = (boxes[:, 0] < left + near_x) & (left > 0)
    cut |= (boxes[:, 1] < top + near_y) & (top > 0)
    cut |= (boxes[:, 2] > right - near_x) & (right < size_px[0])
    cut |= (boxes[:, 3] > bottom - near_y) & (bottom < size_px[1])
    return np.asarray(cut)


def merge(whole: Detections, crops: Sequence[Detections], sure: float) -> Detections:
    """One set of detections out of those of a picture and of its crops, the best first.

    Of two boxes on one person the one of the whole picture stays if it counts by itself, so that a box does not jump
    between frames with and without crops; else the better one does. It keeps the better score.

    Args:
        whole: of the whole picture.
        crops: of each crop, from `from_crop`.
        sure: a detection with this score counts by itself.

    Raises:
        ValueError: detections of pictures of different sizes.
    """
    merged = whole
    for found in crops:
        if found.size_px != whole.size_px:
            raise ValueError(f"crop: expected detections in a picture of {whole.size_px}, got {found.size_px}")
        merged = _merged(merged, found, sure)
    order = np.argsort(-merged.scores, kind="stable")
    return merged.select(order)


def _merged(first: Detections, second: Detections, sure: float) -> Detections:
    boxes, scores = first.boxes_px.copy(), first.scores.copy()
    overlap = iou(first.boxes_px, second.boxes_px)
    fresh = np.ones(len(second), np.bool_)
    while overlap.size and overlap.max() >= _SAME:
        i, j = np.unravel_index(int(overlap.argmax()), overlap.shape)
        fresh[j] = False
        if scores[i] < sure and second.scores[j] > scores[i]:
            boxes[i] = second.boxes_px[j]
        scores[i] = max(scores[i], second.scores[j])
        overlap[i, :] = overlap[:, j] = 0
    # A second box of the crop on somebody who has one already is no other person.
    fresh &= ~(iou(boxes, second.boxes_px) >= _SAME).any(axis=0)
    new = second.select(fresh)
    return Detections(
        np.concatenate([boxes, new.boxes_px]),
        np.concatenate([scores, new.scores]),
        np.concatenate([first.labels, new.labels]),
        first.size_px,
    )
