"""What a detector finds of people whose boxes are known, by height, light and whatever else sets them apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from hall.errors import InputError
from models.labels import Labelled
from vision.boxes import iou
from vision.types import Detections

LEAST_IOU = 0.3
"""A detection this far over the visible box of a person is of them; `NoiseModel` was fitted with the same."""

HEIGHTS_PX = (60, 100, 150, 200, 300)
_INPUT_HEIGHTS_PX = (32, 50, 70, 100, 150)
_LIGHT = (40, 80, 120, 160, 200)

Seen = TypeVar("Seen")


class Detects(Protocol):
    """A detector."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """People of each image."""
        ...


class Share(msgspec.Struct, frozen=True):
    """So many of so many were found."""

    found: int
    people: int

    @property
    def recall(self) -> float | None:
        """Found over people; None of nobody."""
        return round(self.found / self.people, 4) if self.people else None


class RecallFigures(msgspec.Struct, frozen=True):
    """People times frames. `groups` by kind of group, then by group; false boxes are on nobody."""

    frames: int
    total: Share
    false_per_frame: float
    groups: dict[str, dict[str, Share]]


def labelled_recall(
    labelled: Sequence[Labelled],
    detector: Detects,
    *,
    score: float,
    input_size: tuple[int, int],
    least_iou: float = LEAST_IOU,
    told: Callable[[int], None] = lambda _: None,
) -> RecallFigures:
    """Detect in labelled pictures and compare, by height and by light.

    Light is the mean grey, 0 to 255, of the whole picture and of the box of a person.

    Args:
        labelled: pictures with the boxes of everybody in them.
        detector: looked at.
        score: detections below it do not count.
        input_size: width and height of the detector's input, for heights in it.
        least_iou: of a label and the detection that is of it.
        told: called with the number of pictures that are done.

    Raises:
        InputError: a picture cannot be read.
    """
    seen: list[tuple[_LabelledPerson, bool]] = []
    false = 0
    for number, item in enumerate(labelled, start=1):
        image = cv2.imread(str(item.path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{item.path}: cannot be read; expected a picture")
        people, crowds = item.in_pixels(image.shape[1], image.shape[0])
        found = detector.detect([image.astype(np.uint8, copy=False)])[0]
        boxes = found.boxes_px[found.scores >= score]
        hits, wrong = matched(people, boxes, least_iou)
        scale = min(input_size[0] / image.shape[1], input_size[1] / image.shape[0])
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        seen += [(_person(box, grey, scale), hit) for box, hit in zip(people, hits, strict=True)]
        false += len(wrong) - _in_crowds(boxes[wrong], crowds)
        told(number)
    groups: dict[str, Callable[[_LabelledPerson], str]] = {
        "height_px": lambda p: band(p.height_px, HEIGHTS_PX, "{:g}"),
        "height_in_input_px": lambda p: band(p.height_px * p.scale, _INPUT_HEIGHTS_PX, "{:g}"),
        "light_of_picture": lambda p: band(p.picture_light, _LIGHT, "{:g}"),
        "light_of_person": lambda p: band(p.light, _LIGHT, "{:g}"),
    }
    return tally(seen, groups, frames=len(labelled), false=false)


class _LabelledPerson(msgspec.Struct, frozen=True):
    height_px: float
    scale: float
    picture_light: float
    light: float


def _person(box: NDArray[np.float32], grey: NDArray[np.generic], scale: float) -> _LabelledPerson:
    left, top, right, bottom = box.round().astype(int)
    inside = grey[max(0, top) : max(top + 1, bottom), max(0, left) : max(left + 1, right)]
    whole = float(grey.mean())
    return _LabelledPerson(float(box[3] - box[1]), scale, whole, float(inside.mean()) if inside.size else whole)


def _in_crowds(boxes: NDArray[np.float32], crowds: NDArray[np.float32]) -> int:
    """How many boxes lie for at least half in a region that is labelled as a crowd: they are nobody's fault."""
    count = 0
    for box in boxes:
        sides = np.minimum(box[2:], crowds[:, 2:]) - np.maximum(box[:2], crowds[:, :2])
        shared = np.clip(sides, 0, None).prod(axis=1)
        count += bool((shared >= 0.5 * (box[2:] - box[:2]).prod()).any())
    return count


def tally(
    seen: Sequence[tuple[Seen, bool]], groups: Mapping[str, Callable[[Seen], str]], *, frames: int, false: int
) -> RecallFigures:
    """Figures of who was found.

    Args:
        seen: people, each with whether they were found.
        groups: names of kinds of groups, and the group of a person.
        frames: that were looked at.
        false: detections on nobody.
    """
    return RecallFigures(
        frames=frames,
        total=_share(seen),
        false_per_frame=round(false / max(1, frames), 4),
        groups={name: _grouped(seen, group) for name, group in groups.items()},
    )


def matched(
    people: NDArray[np.float32], boxes: NDArray[np.float32], least_iou: float = LEAST_IOU
) -> tuple[list[bool], list[int]]:
    """Who of the people (N, 4) was found, and the rows of the boxes (M, 4) that are on nobody."""
    hits, wrong = [False] * len(people), list(range(len(boxes)))
    if not len(people) or not len(boxes):
        return hits, wrong
    overlaps = iou(people.astype(np.float64), boxes.astype(np.float64))
    for i, j in zip(*linear_sum_assignment(-overlaps), strict=True):
        if overlaps[i, j] >= least_iou:
            hits[i] = True
            wrong.remove(int(j))
    return hits, wrong


def band(value: float, edges: Sequence[float], form: str) -> str:
    """The band of a value between edges, in words."""
    below = [edge for edge in edges if edge <= value]
    above = [edge for edge in edges if edge > value]
    if not below:
        return f"below {form.format(above[0])}"
    return f"{form.format(below[-1])} up" if not above else f"{form.format(below[-1])} to {form.format(above[0])}"


def _share(seen: Sequence[tuple[Seen, bool]]) -> Share:
    return Share(sum(hit for _, hit in seen), len(seen))


def _grouped(seen: Sequence[tuple[Seen, bool]], group: Callable[[Seen], str]) -> dict[str, Share]:
    by_name: dict[str, list[tuple[Seen, bool]]] = {}
    for person, hit in seen:
        by_name.setdefault(group(person), []).append((person, hit))
    return {name: _share(by_name[name]) for name in sorted(by_name, key=_order)}


def _order(name: str) -> tuple[float, str]:
    """Bands by where they begin, other groups by name."""
    number = name.split(maxsplit=1)[0].rstrip("%")
    return (float(number) if number.isdigit() else 0.0 if name.startswith("below") else -1.0), name


def recall_table(figures: RecallFigures) -> str:
    """The figures for people."""
    lines = [f"{'':24} {'people':>8} {'found':>8} {'recall':>8}", _line("all", figures.total)]
    for kind, groups in figures.groups.items():
        lines += ["", _title(kind), *(_line(f"  {name}", share) for name, share in groups.items())]
    lines += ["", f"boxes on nobody: {figures.false_per_frame:.2f} a frame, {figures.frames} frames"]
    return "\n".join(lines)


def _title(kind: str) -> str:
    name = kind.removesuffix("_px")
    return name.replace("_", " ") + (", px" if name != kind else "")


def _line(name: str, share: Share) -> str:
    value = "-" if share.recall is None else f"{share.recall:.1%}"
    return f"{name:24} {share.people:8} {share.found:8} {value:>8}"
