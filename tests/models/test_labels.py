"""Labelled folders in COCO and YOLO format: the same people either way, and faults that name the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hall.errors import InputError
from models.labels import Labelled, read_labels

WIDTH, HEIGHT = 200, 100


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))


def yolo(folder: Path, lines: str = "1 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.1 0.1\n") -> Path:
    """Somebody in the middle and a bag; nobody in the second picture."""
    picture(folder / "images" / "day" / "a.jpg")
    picture(folder / "images" / "b.png")
    (folder / "labels" / "day").mkdir(parents=True)
    (folder / "labels" / "day" / "a.txt").write_text(lines)
    (folder / "data.yaml").write_text("names:\n  0: bag\n  1: Person\n")
    return folder


def coco(folder: Path, **more: Any) -> Path:
    picture(folder / "images" / "a.jpg")
    picture(folder / "images" / "b.png")
    told = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "bag"}, {"id": 1, "name": "person"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [80, 30, 40, 40]},
            {"image_id": 7, "category_id": 1, "bbox": [0, 0, 50, 50], "iscrowd": 1},
            {"image_id": 7, "category_id": 3, "bbox": [10, 5, 20, 10]},
        ],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations" / "people.json").write_text(json.dumps({**told, **more}))
    return folder


def told(found: list[Labelled]) -> list[tuple[str, list[list[float]]]]:
    return [(item.path.name, item.in_pixels(WIDTH, HEIGHT)[0].round(3).tolist()) for item in found]


PEOPLE = [("a.jpg", [[80.0, 30.0, 120.0, 70.0]]), ("b.png", [])]


def test_yolo(tmp_path: Path) -> None:
    assert sorted(told(read_labels(yolo(tmp_path)))) == PEOPLE


def test_coco(tmp_path: Path) -> None:
    found = read_labels(coco(tmp_path))
    assert told(found) == PEOPLE
    assert found[0].crowds.tolist() == [[0, 0, 50, 50]]


def test_pictures_and_labels_side_by_side_with_one_class(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    assert told(read_labels(tmp_path)) == PEOPLE[:1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1 0.5 0.5 0.2\n", r"a\.txt:1: found '1 0.5 0.5 0.2'; expected: class x y width height"),
        ("\n1 80 30 40 40\n", r"a\.txt:2: found '1 80 30 40 40'; expected a box as fractions"),
        ("1 0.5 0.5 0 0.4\n", "expected a box as fractions"),
        ("person 0.5 0.5 0.2 0.4", "expected: class x y"),
    ],
)
def test_lines_that_are_no_labels(lines: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(yolo(tmp_path, lines))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"categories": [{"id": 1, "name": "bag"}, {"id": 2, "name": "phone"}]},
            "classes bag, phone; expected one called",
        ),
        ({"images": [{"id": 7, "file_name": "gone.jpg"}]}, r"found no gone\.jpg, which the annotations name"),
        ({"images": [{"id": 9, "file_name": "b.png"}]}, r"people\.json: no COCO annotations: no 7"),
        (
            {"annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2]}]},
            "no COCO annotations: not enough values",
        ),
        ({"images": []}, "no COCO annotations"),
    ],
)
def test_annotations_that_are_none(more: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_labels(coco(tmp_path, **more))


def test_folders_that_hold_nothing_of_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_labels(tmp_path / "gone")
    picture(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"found no labelled pictures; expected COCO .* or YOLO"):
        read_labels(tmp_path)
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=r"found 2 annotation files \(a\.json, b\.json\)"):
        read_labels(tmp_path)
    (tmp_path / "b.json").unlink()
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(InputError, match=r"a\.json: no COCO annotations"):
        read_labels(tmp_path)


def test_names_of_classes(tmp_path: Path) -> None:
    folder = yolo(tmp_path)
    (folder / "data.yaml").write_text("names: 3\n")
    with pytest.raises(InputError, match="found names 3"):
        read_labels(folder)
    (folder / "classes.txt").write_text("bag\nperson\n")
    assert sorted(told(read_labels(folder))) == PEOPLE
