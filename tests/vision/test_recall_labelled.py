"""Recall on labelled pictures, with a detector that finds what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hall.errors import InputError
from models.labels import Labelled
from vision.recall import Share, labelled_recall, matched, recall_table
from vision.types import Detections


class Told:
    """Says these boxes of each picture, all sure but the last, which is weak."""

    def __init__(self, *boxes: list[list[float]]) -> None:
        self._boxes = iter(boxes)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        (image,) = images
        boxes = np.array(next(self._boxes), np.float32)
        scores = np.linspace(0.9, 0.3, len(boxes), dtype=np.float32)
        return [Detections(boxes, scores, np.zeros(len(boxes), np.int64), (image.shape[1], image.shape[0]))]


def labelled(path: Path, people: list[list[float]], grey: int, crowds: list[list[float]] | None = None) -> Labelled:
    image = np.full((400, 800, 3), grey, np.uint8)
    for x1, y1, x2, y2 in people:
        image[int(y1) : int(y2), int(x1) : int(x2)] = 220
    cv2.imwrite(str(path), image)
    return Labelled(path, rows(people), rows(crowds or []), fractions=False)


def rows(boxes: list[list[float]]) -> NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 4)


def test_by_height_and_light(tmp_path: Path) -> None:
    small, large = [10.0, 10, 30, 60], [100.0, 50, 200, 300]
    weak = [700.0, 300, 710, 310]
    bright = labelled(tmp_path / "bright.png", [small, large], 170, [[400, 0, 800, 400]])
    dark = labelled(tmp_path / "dark.png", [small], 20)
    # the large one, and something in the crowd; then a ghost
    detector = Told([large, [500, 100, 550, 200], weak], [[300, 300, 350, 390], weak])
    steps: list[int] = []
    figures = labelled_recall([bright, dark], detector, score=0.5, input_size=(400, 400), told=steps.append)
    assert figures.total == Share(1, 3)
    assert figures.false_per_frame == 0.5
    assert steps == [1, 2]
    assert figures.groups == {
        "height_px": {"below 60": Share(0, 2), "200 to 300": Share(1, 1)},
        "height_in_input_px": {"below 32": Share(0, 2), "100 to 150": Share(1, 1)},
        "light_of_picture": {"below 40": Share(0, 1), "160 to 200": Share(1, 2)},
        "light_of_person": {"200 up": Share(1, 3)},
    }
    table = recall_table(figures)
    assert "height in input, px" in table
    assert "light of person" in table


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    item = labelled(tmp_path / "a.png", [], 20)
    item.path.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.png: cannot be read; expected a picture"):
        labelled_recall([item], Told(), score=0.5, input_size=(400, 400))


@pytest.mark.parametrize(
    ("people", "boxes", "hits", "wrong"),
    [
        ([], [[0, 0, 9, 9]], [], [0]),
        ([[0, 0, 9, 9]], [], [False], []),
        # one detection is of one person, the nearer
        ([[0, 0, 10, 10], [1, 0, 11, 10]], [[1, 0, 11, 10]], [False, True], []),
        # too far off
        ([[0, 0, 10, 10]], [[8, 0, 18, 10]], [False], [0]),
    ],
)
def test_matched(people: list[list[float]], boxes: list[list[float]], hits: list[bool], wrong: list[int]) -> None:
    assert matched(rows(people), rows(boxes)) == (hits, wrong)
