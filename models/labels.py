"""Labelled pictures in the two formats that label tools write: COCO (one JSON) and YOLO (a text file per picture)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hall.errors import InputError
from models.classes import person_class

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture and the people in it.

    Args:
        path: of the picture.
        people: (N, 4) xyxy, in pixels or, if `fractions`, as fractions of the picture.
        crowds: (M, 4), likewise: regions of people who were not told apart.
    """

    path: Path
    people: Boxes
    crowds: Boxes
    fractions: bool

    def in_pixels(self, width: int, height: int) -> tuple[Boxes, Boxes]:
        """People and crowds in pixels of a picture of this size."""
        if not self.fractions:
            return self.people, self.crowds
        size = np.array([width, height, width, height], np.float32)
        return self.people * size, self.crowds * size


def read_labels(folder: Path) -> list[Labelled]:
    """The labelled pictures of a folder.

    COCO: a .json with images, annotations and categories, in the folder or in annotations/; pictures beside it
    or in images/. YOLO: pictures in images/ or in the folder itself, text files in labels/ or beside them, a
    picture without one shows nobody; the class of people is `person` in data.yaml or classes.txt, or the only one.

    Raises:
        InputError: neither format, no picture, or labels that say something impossible.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with labelled pictures")
    annotations = [*sorted(folder.glob("*.json")), *sorted((folder / "annotations").glob("*.json"))]
    if len(annotations) > 1:
        named = ", ".join(path.name for path in annotations)
        raise InputError(f"{folder}: found {len(annotations)} annotation files ({named}); expected one")
    found = _coco(annotations[0], folder) if annotations else _yolo(folder)
    if not found:
        raise InputError(f"{folder}: found no labelled pictures; expected COCO (.json) or YOLO (images/ and labels/)")
    return found


def _coco(path: Path, folder: Path) -> list[Labelled]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        person = _person({c["id"]: str(c["name"]) for c in told["categories"]}, path)
        boxes: dict[Any, list[tuple[list[float], bool]]] = {image["id"]: [] for image in told["images"]}
        for note in told["annotations"]:
            if note["category_id"] == person:
                left, top, width, height = map(float, note["bbox"])
                boxes[note["image_id"]].append(([left, top, left + width, top + height], bool(note.get("iscrowd"))))
        return [
            Labelled(
                _picture(folder, image["file_name"]),
                _array([box for box, crowd in boxes[image["id"]] if not crowd]),
                _array([box for box, crowd in boxes[image["id"]] if crowd]),
                fractions=False,
            )
            for image in told["images"]
        ]
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}; expected annotations") from exc
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        why = f"no {exc}" if isinstance(exc, KeyError) else str(exc)
        raise InputError(f"{path}: no COCO annotations: {why}") from exc


def _picture(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / "images" / name):
        if path.is_file():
            return path
    raise InputError(f"{folder}: found no {name}, which the annotations name; expected it here or in images/")


def _yolo(folder: Path) -> list[Labelled]:
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    labels = folder / "labels" if (folder / "labels").is_dir() else pictures
    paths = sorted(path for path in pictures.rglob("*") if path.suffix.lower() in PICTURES)
    if not any(labels.rglob("*.txt")):
        return []
    person = _person(_class_names(folder), folder)
    return [
        Labelled(
            path, _rows(labels / path.relative_to(pictures).with_suffix(".txt"), person), _array([]), fractions=True
        )
        for path in paths
    ]


def _class_names(folder: Path) -> dict[Any, str]:
    listed, described = folder / "classes.txt", folder / "data.yaml"
    if listed.is_file():
        return dict(enumerate(listed.read_text(encoding="utf-8").split("\n")))
    if not described.is_file():
        return {0: "person"}
    try:
        names = YAML(typ="safe").load(described).get("names")
    except (YAMLError, AttributeError) as exc:
        raise InputError(f"{described}: no YAML with names: {exc}") from exc
    if isinstance(names, Mapping):
        return {int(number): str(name) for number, name in names.items()}
    if isinstance(names, Sequence):
        return {number: str(name) for number, name in enumerate(names)}
    raise InputError(f"{described}: found names {names!r}; expected the names of the classes")


def _person(names: Mapping[Any, str], where: Path) -> Any:
    """The class of people.

    Raises:
        InputError: none is called so, and there is more than one.
    """
    found = person_class(names)
    if found is None:
        raise InputError(f"{where}: found the classes {', '.join(names.values())}; expected one called person")
    return found


def _rows(path: Path, person: Any) -> Boxes:
    """People of a label file; none where there is no file."""
    if not path.is_file():
        return _array([])
    return _array([box for number, box in _lines(path) if number == person])


def _lines(path: Path) -> Iterator[tuple[int, list[float]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            label, x, y, width, height = (float(part) for part in line.split())
        except ValueError:
            raise InputError(f"{path}:{number}: found {line[:60]!r}; expected: class x y width height") from None
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        if not all(-0.01 <= side <= 1.01 for side in box) or width <= 0 or height <= 0:
            raise InputError(f"{path}:{number}: found {line[:60]!r}; expected a box as fractions of the picture")
        yield int(label), box


def _array(boxes: Sequence[Sequence[float]]) -> Boxes:
    return np.array(boxes, np.float32).reshape(-1, 4)
