"""What a detector finds of rendered people, by height, pose, role and how much of them can be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from twin.camera import PersonTruth
from twin.source import FPS, SimSource, fitted
from vision.boxes import iou
from vision.types import Detections

LEAST_IOU = 0.3
"""A detection this far over the visible box of a person is of them; `NoiseModel` was fitted with the same."""

_HEIGHTS_PX = (60, 100, 150, 200, 300)
_VISIBLE = (0.25, 0.5, 0.75)


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


def recall(
    source: SimSource, detector: Detects, *, score: float, fps: float = 1.0, fit: tuple[int, int] | None = None
) -> RecallFigures:
    """Render a source, detect, compare: everybody of whom anything can be seen.

    Args:
        source: a rendered camera.
        detector: looked at.
        score: detections below it do not count.
        fps: frames a second of the source that are looked at.
        fit: width and height that frames are shrunk into, as the box does it.
    """
    seen: list[tuple[PersonTruth, bool]] = []
    false = 0
    numbers = range(0, source.count, max(1, round(FPS / fps)))
    for number in numbers:
        shown = source.rendered(number)
        found = detector.detect([fitted(shown.image, fit)])[0]
        people = [person for person in shown.people if person.box is not None]
        scale = source.size_px[0] / found.size_px[0]
        hits, wrong = _matched(people, found.boxes_px[found.scores >= score] * scale)
        seen += list(zip(people, hits, strict=True))
        false += wrong
    groups: dict[str, Callable[[PersonTruth], str]] = {
        "height_px": lambda p: _band(p.full_box[3] - p.full_box[1], _HEIGHTS_PX, "{:g}"),
        "pose": lambda p: "walk" if p.actor.pose.startswith("walk") else p.actor.pose,
        "role": lambda p: "staff" if p.actor.figure.startswith("clerk_") else "citizen",
        "visible": lambda p: _band(p.visible, _VISIBLE, "{:.0%}"),
    }
    return RecallFigures(
        frames=len(numbers),
        total=_share(seen),
        false_per_frame=round(false / max(1, len(numbers)), 4),
        groups={name: _grouped(seen, group) for name, group in groups.items()},
    )


def _matched(people: Sequence[PersonTruth], boxes: NDArray[np.float32]) -> tuple[list[bool], int]:
    """Who was found, and how many boxes are on nobody."""
    if not people or not len(boxes):
        return [False] * len(people), len(boxes)
    true = np.array([person.box for person in people], np.float64)
    overlaps = iou(true, boxes.astype(np.float64))
    rows, columns = linear_sum_assignment(-overlaps)
    hits = [False] * len(people)
    for i, j in zip(rows, columns, strict=True):
        hits[i] = bool(overlaps[i, j] >= LEAST_IOU)
    return hits, len(boxes) - sum(hits)


def _band(value: float, edges: Sequence[float], form: str) -> str:
    below = [edge for edge in edges if edge <= value]
    above = [edge for edge in edges if edge > value]
    if not below:
        return f"below {form.format(above[0])}"
    return f"{form.format(below[-1])} up" if not above else f"{form.format(below[-1])} to {form.format(above[0])}"


def _share(seen: Sequence[tuple[PersonTruth, bool]]) -> Share:
    return Share(sum(hit for _, hit in seen), len(seen))


def _grouped(seen: Sequence[tuple[PersonTruth, bool]], group: Callable[[PersonTruth], str]) -> dict[str, Share]:
    by_name: dict[str, list[tuple[PersonTruth, bool]]] = {}
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
        lines += ["", kind.replace("_", ", "), *(_line(f"  {name}", share) for name, share in groups.items())]
    lines += ["", f"boxes on nobody: {figures.false_per_frame:.2f} a frame, {figures.frames} frames"]
    return "\n".join(lines)


def _line(name: str, share: Share) -> str:
    value = "-" if share.recall is None else f"{share.recall:.1%}"
    return f"{name:24} {share.people:8} {share.found:8} {value:>8}"
