"""The structs between the stages: they say what they expected and what they got."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.types import Detections, Frame, Tracks

BOXES = np.array([[0, 0, 10, 20], [5, 5, 9, 9], [1, 1, 2, 2]], np.float32)
SCORES = np.array([0.9, 0.5, 0.2], np.float32)
LABELS = np.zeros(3, np.int64)
IDS = np.array([7, 3, 9], np.int64)
SIZE = (640, 360)


def test_frame() -> None:
    frame = Frame("c1", 0, 1767574800.5, np.zeros((360, 640, 3), np.uint8))
    assert frame.size_px == SIZE


@pytest.mark.parametrize(
    ("image", "message"),
    [
        # grey
        (np.zeros((360, 640), np.uint8), r"Frame.image: expected uint8 \(H, W, 3\), got uint8 \(360, 640\)"),
        # with alpha
        (np.zeros((360, 640, 4), np.uint8), r"got uint8 \(360, 640, 4\)"),
        # already normalised
        (np.zeros((360, 640, 3), np.float32), r"got float32 \(360, 640, 3\)"),
        # an empty crop
        (np.zeros((0, 640, 3), np.uint8), r"at least one pixel, got shape \(0, 640, 3\)"),
    ],
)
def test_what_is_no_frame(image: NDArray[np.uint8], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Frame("c1", 0, 0.0, image)


def test_frame_numbers() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match=r"Frame\.seq: expected 0 or more, got -1"):
        Frame("c1", -1, 0.0, image)
    with pytest.raises(ValueError, match=r"Frame\.captured_at: expected Unix seconds, got nan"):
        Frame("c1", 0, float("nan"), image)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # doubles, as numpy makes them
        (
            {"boxes_px": BOXES.astype(np.float64)},
            r"boxes_px: expected float32 \(N, 4\), got float64 \(3, 4\)",
        ),
        # one box, not a table of one
        ({"boxes_px": BOXES[0]}, r"boxes_px: expected float32 \(N, 4\), got float32 \(4,\)"),
        # boxes with their scores
        (
            {"boxes_px": np.zeros((3, 5), np.float32)},
            r"boxes_px: expected float32 \(N, 4\), got float32 \(3, 5\)",
        ),
        # a list
        ({"boxes_px": BOXES.tolist()}, r"boxes_px: expected an array float32 \(N, 4\), got list"),
        # a score short
        ({"scores": SCORES[:2]}, r"scores: expected float32 \(3\), got float32 \(2,\)"),
        # no pixels
        ({"size_px": (0, 360)}, r"size_px: expected \(width, height\) of at least one pixel, got \(0, 360\)"),
    ],
)
def test_shapes_are_checked(change: dict[str, object], message: str) -> None:
    arrays = {"boxes_px": BOXES, "scores": SCORES, "size_px": SIZE}
    with pytest.raises(ValueError, match=rf"Detections\.{message}"):
        Detections(**{**arrays, "labels": LABELS, **change})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Tracks"):
        Tracks(**{**arrays, "ids": IDS, **change})  # type: ignore[arg-type]


def test_labels_and_ids_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Detections.labels: expected int64 \(3\), got int32 \(3,\)"):
        Detections(BOXES, SCORES, LABELS.astype(np.int32), SIZE)
    with pytest.raises(ValueError, match=r"Tracks.ids: expected each id once, got \[7, 3, 7\]"):
        Tracks(np.array([7, 3, 7], np.int64), BOXES, SCORES, SIZE)


def test_empty() -> None:
    assert len(Detections.empty(SIZE)) == 0
    assert len(Tracks.empty(SIZE)) == 0
    assert Detections.empty(SIZE).size_px == Tracks.empty(SIZE).size_px == SIZE


def test_select() -> None:
    found = Detections(BOXES, SCORES, LABELS, SIZE)
    assert found.select(found.scores >= 0.5).scores.tolist() == SCORES[:2].tolist()
    assert found.select(np.array([2, 0])).boxes_px.tolist() == BOXES[[2, 0]].tolist()
    assert len(found.select(np.zeros(3, np.bool_))) == 0
    tracks = Tracks(IDS, BOXES, SCORES, SIZE)
    assert tracks.select(tracks.ids > 5).ids.tolist() == [7, 9]
    assert tracks.select(tracks.ids > 5).size_px == SIZE
