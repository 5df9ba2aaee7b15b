"""What passes between the stages of `vision`: frozen structs of arrays, checked where they are made.

Image coordinates are pixels from the top left corner, x to the right and y down, of the image whose size
the struct carries; a box is `x1, y1, x2, y2` with `x1 <= x2` and `y1 <= y2`. Nothing here converts: a wrong
dtype is a defect of the caller and raises ValueError with the expected and the actual shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

PERSON_M = 1.7
"""How tall people are on average, in metres."""
_UINT8, _FLOAT32, _INT64 = np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of one camera.

    Attributes:
        camera_id: the camera's id in hall.yaml.
        seq: counts the camera's frames from 0; gaps are frames that were dropped.
        captured_at: Unix time of capture in seconds, UTC; set once, by capture.
        image: (H, W, 3) uint8, BGR.

    Raises:
        ValueError: an array of another shape or dtype, a negative `seq`, a `captured_at` that is not finite.
    """

    camera_id: str
    seq: int
    captured_at: float
    image: NDArray[np.uint8]

    def __post_init__(self) -> None:
        _check("Frame.image", self.image, _UINT8, ("H", "W", 3))
        if 0 in self.image.shape:
            raise ValueError(f"Frame.image: expected at least one pixel, got shape {self.image.shape}")
        if self.seq < 0:
            raise ValueError(f"Frame.seq: expected 0 or more, got {self.seq}")
        if not np.isfinite(self.captured_at):
            raise ValueError(f"Frame.captured_at: expected Unix seconds, got {self.captured_at}")

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the image."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector found in one image, N boxes.

    Attributes:
        boxes_px: (N, 4) float32, x1 y1 x2 y2.
        scores: (N,) float32, 0 to 1.
        labels: (N,) int64, 0 is a person.
        size_px: width and height of the image the boxes are in.

    Raises:
        ValueError: an array of another shape, length or dtype, or a size below one pixel.
    """

    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        count = _check_boxes("Detections.boxes_px", self.boxes_px)
        _check("Detections.scores", self.scores, _FLOAT32, (count,))
        _check("Detections.labels", self.labels, _INT64, (count,))
        _check_size("Detections.size_px", self.size_px)

    def __len__(self) -> int:
        return len(self.boxes_px)

    @classmethod
    def empty(cls, size_px: tuple[int, int]) -> Self:
        """Nothing found in an image of this width and height."""
        return cls(*_no_boxes(), np.empty(0, np.int64), size_px)

    def select(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Some of the boxes: by an (N,) bool mask, or by indices, in their order."""
        return type(self)(self.boxes_px[mask], self.scores[mask], self.labels[mask], self.size_px)


TENTATIVE = -1
"""The id of a track that was seen only once: it may be a mistake of the detector."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The people a tracker follows in one image, N boxes.

    Attributes:
        ids: (N,) int64, unique within one camera and one run of the tracker; TENTATIVE for somebody seen once.
        boxes_px: (N, 4) float32, x1 y1 x2 y2.
        scores: (N,) float32, 0 to 1, of the detection that the track took last.
        size_px: width and height of the image the boxes are in.

    Raises:
        ValueError: an array of another shape, length or dtype, ids that repeat, or a size below one pixel.
    """

    ids: NDArray[np.int64]
    boxes_px: NDArray[np.float32]
    scores: NDArray[np.float32]
    size_px: tuple[int, int]

    def __post_init__(self) -> None:
        _check("Tracks.ids", self.ids, _INT64, ("N",))
        count = len(self.ids)
        _check("Tracks.boxes_px", self.boxes_px, _FLOAT32, (count, 4))
        _check("Tracks.scores", self.scores, _FLOAT32, (count,))
        _check_size("Tracks.size_px", self.size_px)
        named = [track for track in self.ids.tolist() if track != TENTATIVE]
        if len(set(named)) != len(named):
            raise ValueError(f"Tracks.ids: expected each id once, got {self.ids.tolist()}")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, size_px: tuple[int, int]) -> Self:
        """Nobody followed in an image of this width and height."""
        return cls(np.empty(0, np.int64), *_no_boxes(), size_px)

    def select(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Some of the tracks: by an (N,) bool mask, or by indices, in their order."""
        return type(self)(self.ids[mask], self.boxes_px[mask], self.scores[mask], self.size_px)


def _no_boxes() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.empty((0, 4), np.float32), np.empty(0, np.float32)


def _check_boxes(name: str, boxes: NDArray[np.float32]) -> int:
    """How many boxes (N, 4) there are."""
    if not (isinstance(boxes, np.ndarray) and boxes.dtype is _FLOAT32 and boxes.ndim == 2 and boxes.shape[1] == 4):
        _check(name, boxes, _FLOAT32, ("N", 4))
    return len(boxes)


def _check(name: str, array: object, dtype: np.dtype[Any], shape: tuple[int | str, ...]) -> None:
    """Raise ValueError unless this is an array of this dtype and shape; a letter stands for any length."""
    if isinstance(array, np.ndarray) and array.dtype is dtype and array.shape == shape:
        return  # as nearly always
    if isinstance(array, np.ndarray) and array.dtype == dtype and _fits(array.shape, shape):
        return
    expected = f"{dtype} ({', '.join(map(str, shape))})"
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name}: expected an array {expected}, got {type(array).__name__}")  # noqa: TRY004
    raise ValueError(f"{name}: expected {expected}, got {array.dtype} {array.shape}")


def _fits(found: tuple[int, ...], shape: tuple[int | str, ...]) -> bool:
    if found == shape:
        return True
    return len(found) == len(shape) and all(isinstance(n, str) or n == m for n, m in zip(shape, found, strict=True))


def _check_size(name: str, size_px: tuple[int, int]) -> None:
    if len(size_px) != 2 or min(size_px) < 1:
        raise ValueError(f"{name}: expected (width, height) of at least one pixel, got {size_px}")
