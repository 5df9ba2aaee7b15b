"""Painting pieces into a part of a frame, and into the buffer that knows whose every pixel is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.camera.assets import Box, Image, intersection, overlap, union
from twin.camera.order import Piece, Shadow

Ids = NDArray[np.uint8]
"""(H, W): the slot of whom each pixel shows; 0 for the hall."""

_FLATNESS = 0.45
"""Height of a shadow over its width, as the cameras look down."""


def paint(frame: Image, ids: Ids, piece: Piece, clip: Box) -> None:
    """Paint a piece where it falls into `clip`."""
    for shadow in piece.shadows:
        _darken(frame, ids, shadow, clip)
    stamp = piece.stamp
    height, width = stamp.solid.shape
    left, top, right, bottom = intersection(clip, (piece.left, piece.top, piece.left + width, piece.top + height))
    if right <= left or bottom <= top:
        return
    part = np.s_[top - piece.top : bottom - piece.top, left - piece.left : right - piece.left]
    target = frame[top:bottom, left:right]
    kept = cv2.multiply(target, stamp.keep[part], scale=1 / 255)
    frame[top:bottom, left:right] = cv2.add(kept, stamp.colour[part])
    np.copyto(ids[top:bottom, left:right], np.uint8(piece.slot), where=stamp.solid[part])


def shadow_box(shadow: Shadow) -> Box:
    """What a shadow may touch."""
    reach = shadow.radius_px * 2
    flat = round(reach * _FLATNESS)
    return shadow.x_px - reach, shadow.y_px - flat, shadow.x_px + reach, shadow.y_px + flat


def _darken(frame: Image, ids: Ids, shadow: Shadow, clip: Box) -> None:
    """A shadow falls on the hall, not on people who are there already."""
    box = shadow_box(shadow)
    left, top, right, bottom = intersection(clip, box)
    if right <= left or bottom <= top:
        return
    part = np.s_[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
    target = frame[top:bottom, left:right]
    factor = _ellipse(shadow.radius_px, shadow.strength)[part]
    shaded = np.asarray(cv2.multiply(target, factor, scale=1 / 255), np.uint8)
    free = (ids[top:bottom, left:right] == 0).view(np.uint8)
    frame[top:bottom, left:right] = cv2.copyTo(shaded, free, target.copy())


@cache
def _ellipse(radius_px: int, strength: float) -> Image:
    """(H, W, 3) factors in 1/255. There are few radii: they are whole pixels."""
    reach = radius_px * 2
    flat = round(reach * _FLATNESS)
    y, x = np.mgrid[-flat:flat, -reach:reach]
    depth = np.exp(-((x / radius_px) ** 2) - (y / (radius_px * _FLATNESS)) ** 2)
    factor = (255 * (1 - strength * depth)).round().astype(np.uint8)
    return np.asarray(cv2.merge([factor] * 3), np.uint8)


def merged(boxes: Iterable[Box], bounds: Box) -> list[Box]:
    """Boxes within bounds of which no two overlap, and which cover all of the given ones."""
    apart: list[Box] = []
    for given in boxes:
        box = intersection(given, bounds)
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        # A box that has grown may reach others.
        while hits := [other for other in apart if overlap(other, box)]:
            for other in hits:
                apart.remove(other)
                box = union(box, other)
        apart.append(box)
    return apart
