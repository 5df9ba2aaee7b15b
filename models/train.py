"""Fine-tune a YOLO of ultralytics on labelled pictures of a site.

Pictures show people: they are linked, not copied, no picture is drawn on the way, and what training leaves
behind are weights and numbers.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hall.errors import InputError
from models._ultralytics import load, require
from models.labels import Labelled, read_labels

FEWEST = 10
"""Labelled pictures below which fine-tuning is pointless: the validation would be one or two."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train.

    Args:
        epochs: rounds over all pictures.
        size_px: pictures are scaled to a square of it, a multiple of 32.
        batch: pictures of one step.
        validation: share of the pictures that judges and is not learnt from.
        freeze: so many layers from the first keep their weights; 10 is the whole backbone of a YOLO11.
        device: of torch: cpu, 0, ...
        seed: of everything random.
    """

    epochs: int = 50
    size_px: int = 640
    batch: int = 8
    validation: float = 0.2
    freeze: int = 0
    device: str = "cpu"
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InputError: a size that is no multiple of 32, or a share of nothing or everything.
        """
        if self.size_px < 32 or self.size_px % 32:
            raise InputError(f"size {self.size_px}: expected a multiple of 32 pixels")
        if not 0 < self.validation < 1:
            raise InputError(f"validation {self.validation:g}: expected a share between 0 and 1")


def train(weights: str, folder: Path, out: Path, settings: TrainSettings) -> Path:
    """Train, and keep the weights that were best on the validation pictures.

    Args:
        weights: where to begin: a .pt that is here, or a YAML for random weights.
        folder: labelled pictures, COCO or YOLO; of all classes only people are learnt.
        out: made where it is missing; gets best.pt and results.csv.
        settings: epochs, size, batch.

    Returns:
        The path of best.pt.

    Raises:
        InputError: the extra `train` is not installed, too few pictures, or weights that are none.
    """
    require("train")
    labelled = read_labels(folder)
    if len(labelled) < FEWEST:
        raise InputError(
            f"{folder}: found {len(labelled)} labelled pictures; expected {FEWEST} or more, better hundreds"
        )
    model = load(weights)
    work = out / "work"
    try:
        shutil.rmtree(work, ignore_errors=True)
        data = write_dataset(labelled, work, settings.validation)
    except OSError as exc:
        raise InputError(f"{out}: {exc.strerror}; expected a folder that can be written") from exc
    model.train(
        data=str(data),
        epochs=settings.epochs,
        imgsz=settings.size_px,
        batch=settings.batch,
        device=settings.device,
        seed=settings.seed,
        freeze=settings.freeze or None,
        project=str(work.resolve()),
        name="run",
        workers=0,
        plots=False,  # they are mosaics of the pictures
        amp=False,  # its self-test fetches a model
        verbose=False,
    )
    run = work / "run"
    best = out / "best.pt"
    shutil.move(run / "weights" / "best.pt", best)
    shutil.move(run / "results.csv", out / "results.csv")
    shutil.rmtree(work)
    return best


def write_dataset(labelled: Sequence[Labelled], folder: Path, validation: float) -> Path:
    """The pictures as ultralytics reads them: links to them, labels of one class, and data.yaml.

    The last pictures in the order of their names validate, the others are learnt from: neighbours in time are
    nearly the same picture, and drawn at random they would praise a model that has learnt them by heart.

    Args:
        labelled: of `models.labels.read_labels`.
        folder: made anew.
        validation: share of the pictures.

    Returns:
        The path of data.yaml.

    Raises:
        InputError: a picture cannot be read.
    """
    ordered = sorted(labelled, key=lambda item: str(item.path))
    last = max(1, round(len(ordered) * validation))
    for kind, items in (("train", ordered[:-last]), ("val", ordered[-last:])):
        images, labels = folder / "images" / kind, folder / "labels" / kind
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for number, item in enumerate(items):
            name = f"{number:06d}"  # folders may hold pictures of one name
            (images / name).with_suffix(item.path.suffix.lower()).symlink_to(item.path.resolve())
            (labels / f"{name}.txt").write_text("".join(f"{line}\n" for line in _lines(item)), encoding="utf-8")
    described = folder / "data.yaml"
    told = {"path": str(folder.resolve()), "train": "images/train", "val": "images/val", "names": {0: "person"}}
    described.write_text(json.dumps(told), encoding="utf-8")  # JSON is YAML
    return described


def _lines(item: Labelled) -> list[str]:
    boxes = np.clip(item.people if item.fractions else item.people / _size_px(item.path), 0, 1)
    return [
        f"0 {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}"
        for x1, y1, x2, y2 in boxes.tolist()
        if x2 > x1 and y2 > y1
    ]


def _size_px(path: Path) -> NDArray[np.float32]:
    image = cv2.imread(str(path))
    if image is None:
        raise InputError(f"{path}: cannot be read; expected a picture")
    return np.array([image.shape[1], image.shape[0]] * 2, np.float32)
