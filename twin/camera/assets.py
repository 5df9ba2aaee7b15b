"""The pictures and tables that come with the package."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) BGR, or (H, W, 4) BGRA with straight alpha."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels; right and bottom are outside."""


def assets() -> Traversable:
    """The folder of assets."""
    return files("twin") / "assets"


def read_picture(path: Traversable) -> Image:
    """A picture as it is stored: three channels, or four with straight alpha."""
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path}: found no picture; expected WebP, installed with the package")
    return np.asarray(image, np.uint8)


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes share a pixel."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def union(a: Box, b: Box) -> Box:
    """The smallest box around both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def intersection(a: Box, b: Box) -> Box:
    """What both share; empty (right <= left or bottom <= top) where they share nothing."""
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def area(box: Box) -> int:
    """Pixels in a box; 0 for an empty one."""
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])
