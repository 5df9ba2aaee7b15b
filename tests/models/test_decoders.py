"""Decoders on tensors small enough to decode by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from models.decoders import nanodet, non_maximum, omz, rtmdet
from models.prepare import Placement
from models.zoo import ModelEntry

Floats = NDArray[np.float32]


def entry(decoder: str, width: int, height: int, **more: Any) -> ModelEntry:
    values: dict[str, Any] = {
        "name": "tiny", "file": "tiny.onnx", "size": 1, "sha256": "0" * 64, "licence": "MIT", "source": "us",
        "decoder": decoder, "classes": 2, "person": 1, "score": 0.4, "low_score": 0.1, "nms_iou": 0.5,
        "input": {
            "width": width, "height": height, "fit": "letterbox", "channels": "bgr",
            "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0),
        },
        "outputs": [{"name": "boxes", "shape": [1, 4]}],
    }  # fmt: skip
    return ModelEntry.model_validate({**values, **more})


class TestNanodet:
    """Input 64x32: 8x4 cells of stride 8, 4x2 of 16, 2x1 of 32; 11 bins; two classes, the second a person."""

    MODEL = entry("nanodet", 64, 32)
    ONE_TO_ONE = Placement(64, 32, 1.0, 1.0)

    @staticmethod
    def outputs() -> list[Floats]:
        cells = (32, 8, 2)
        scores = [np.zeros((n, 2), np.float32) for n in cells]
        return scores + [np.zeros((n, 44), np.float32) for n in cells]

    @staticmethod
    def put(outputs: list[Floats], level: int, cell: int, score: float, bins: tuple[int, int, int, int]) -> None:
        """One person whose sides are surely so many bins away: left, top, right, bottom."""
        outputs[level][cell, 1] = score
        sides = outputs[level + 3][cell].reshape(4, 11)
        for side, number in zip(sides, bins, strict=True):
            side[number] = 100

    def test_nobody(self) -> None:
        boxes, scores = nanodet(self.outputs(), self.MODEL, self.ONE_TO_ONE)
        assert (boxes.shape, scores.shape) == ((0, 4), (0,))
        assert [boxes.dtype, scores.dtype] == ["float32", "float32"]

    @pytest.mark.parametrize(
        ("level", "cell", "bins", "box"),
        [
            # stride 8, column 3 of row 1: centre (28, 12)
            (0, 11, (2, 1, 1, 2), [12, 4, 36, 28]),
            # stride 16, column 1 of row 1: centre (24, 24)
            (1, 5, (1, 1, 2, 0), [8, 8, 56, 24]),
            # stride 32, column 1: centre (48, 16); clipped to the image on all but the left
            (2, 1, (1, 1, 1, 1), [16, 0, 64, 32]),
        ],
    )
    def test_one_person(self, level: int, cell: int, bins: tuple[int, int, int, int], box: list[float]) -> None:
        outputs = self.outputs()
        self.put(outputs, level, cell, 0.9, bins)
        boxes, scores = nanodet(outputs, self.MODEL, self.ONE_TO_ONE)
        np.testing.assert_allclose(boxes, [box], atol=1e-4)
        np.testing.assert_allclose(scores, [0.9])

    def test_a_distance_is_the_mean_of_its_distribution(self) -> None:
        outputs = self.outputs()
        outputs[0][11, 1] = 0.9
        sides = outputs[3][11].reshape(4, 11)
        sides[:, 0] = np.log(3) + 50  # three quarters on bin 0
        sides[:, 2] = 50  # and one on bin 2: half a bin, 4 pixels
        boxes, _ = nanodet(outputs, self.MODEL, self.ONE_TO_ONE)
        np.testing.assert_allclose(boxes, [[24, 8, 32, 16]], atol=1e-4)

    def test_boxes_are_in_pixels_of_the_image(self) -> None:
        outputs = self.outputs()
        self.put(outputs, 0, 11, 0.9, (2, 1, 1, 2))
        boxes, _ = nanodet(outputs, self.MODEL, Placement(640, 160, 0.1, 0.2))
        np.testing.assert_allclose(boxes, [[120, 20, 360, 140]], atol=1e-3)

    def test_weak_people_stay_and_weaker_ones_go(self) -> None:
        outputs = self.outputs()
        self.put(outputs, 0, 0, 0.11, (0, 0, 1, 1))
        self.put(outputs, 0, 31, 0.09, (1, 1, 0, 0))
        _, scores = nanodet(outputs, self.MODEL, self.ONE_TO_ONE)
        np.testing.assert_allclose(scores, [0.11])

    def test_another_class_is_nobody(self) -> None:
        outputs = self.outputs()
        outputs[0][11, 0] = 0.9
        assert len(nanodet(outputs, self.MODEL, self.ONE_TO_ONE)[0]) == 0

    def test_one_person_seen_at_two_strides_is_one_the_better(self) -> None:
        outputs = self.outputs()
        self.put(outputs, 0, 11, 0.6, (2, 1, 1, 2))  # 12 4 36 28
        self.put(outputs, 1, 5, 0.7, (1, 1, 1, 0))  # 8 8 40 24, overlap 0.6
        boxes, scores = nanodet(outputs, self.MODEL, self.ONE_TO_ONE)
        np.testing.assert_allclose(scores, [0.7])
        np.testing.assert_allclose(boxes, [[8, 8, 40, 24]], atol=1e-4)

    def test_a_box_in_the_padding_is_nobody(self) -> None:
        outputs = self.outputs()
        self.put(outputs, 0, 24, 0.9, (0, 0, 1, 0))  # centre (4, 28), where a 64x16 image has ended
        assert len(nanodet(outputs, self.MODEL, Placement(64, 16, 1.0, 1.0))[0]) == 0

    def test_outputs_of_another_network_do_not_pass(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            nanodet(self.outputs()[:4], self.MODEL, self.ONE_TO_ONE)


# A person twice, another one, a weak one, and a cup.
BOXES = np.array(
    [[10, 20, 30, 60], [100, 20, 130, 80], [11, 20, 31, 60], [140, 0, 160, 20], [50, 50, 60, 60]], np.float32
)
SCORES = np.array([[0, 0.5], [0, 0.8], [0, 0.6], [0, 0.15], [0.9, 0.05]], np.float32)


def test_rtmdet_boxes_are_in_pixels_of_the_input() -> None:
    boxes, scores = rtmdet([BOXES, SCORES], entry("rtmdet", 160, 100), Placement(320, 400, 0.5, 0.25))
    np.testing.assert_allclose(boxes, [[200, 80, 260, 320], [22, 80, 62, 240], [280, 0, 320, 80]])
    np.testing.assert_allclose(scores, [0.8, 0.6, 0.15])


def test_omz_boxes_are_fractions_of_the_image() -> None:
    fractions = (BOXES / [160, 100, 160, 100]).astype(np.float32)
    boxes, scores = omz([fractions, SCORES], entry("omz", 256, 256), Placement(320, 400, 0.8, 0.64))
    np.testing.assert_allclose(boxes, [[200, 80, 260, 320], [22, 80, 62, 240], [280, 0, 320, 80]], rtol=1e-5)
    np.testing.assert_allclose(scores, [0.8, 0.6, 0.15])


def test_values_that_are_no_numbers_are_nobody() -> None:
    boxes = np.array([[np.nan, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    scores = np.array([[0, 0.9], [0, np.nan]], np.float32)
    assert len(rtmdet([boxes, scores], entry("rtmdet", 64, 64), Placement(64, 64, 1.0, 1.0))[0]) == 0


@pytest.mark.parametrize(
    ("boxes", "scores", "kept"),
    [
        # nobody
        ([], [], []),
        # one behind the other, half hidden: two people
        ([[0, 0, 10, 10], [5, 0, 15, 10]], [0.9, 0.8], [0, 1]),
        # one person twice
        ([[0, 0, 10, 10], [1, 0, 11, 10]], [0.8, 0.9], [1]),
        # overlap of exactly the limit: both stay
        ([[0, 0, 10, 10], [0, 0, 10, 5]], [0.9, 0.8], [0, 1]),
        # a chain: the middle goes for the first, so the last stays
        ([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], [0.9, 0.8, 0.7], [0, 2]),
    ],
)
def test_non_maximum(boxes: list[list[float]], scores: list[float], kept: list[int]) -> None:
    found = non_maximum(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), 0.5)
    assert found.tolist() == kept


@given(
    corners=hnp.arrays(np.float32, (12, 4), elements=st.floats(0, 100, width=32)),
    order=st.permutations(range(12)),
)
def test_weak_candidates_change_nothing_for_good_ones(corners: Floats, order: list[int]) -> None:
    boxes = np.concatenate([np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])], 1)
    boxes[:, 2:] += 1
    scores = ((np.array(order) + 1) / 13).astype(np.float32)
    good = np.flatnonzero(scores > 0.4)
    alone = good[non_maximum(boxes[good], scores[good], 0.5)]
    together = [i for i in non_maximum(boxes, scores, 0.5) if scores[i] > 0.4]
    assert alone.tolist() == together
