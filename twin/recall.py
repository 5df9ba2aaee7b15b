"""What a detector finds of rendered people, by height, pose, role and how much of them can be seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twin.camera import PersonTruth
from twin.source import FPS, SimSource, fitted
from vision.recall import HEIGHTS_PX, LEAST_IOU, Detects, RecallFigures, band, matched, tally

_VISIBLE = (0.25, 0.5, 0.75)


def recall(
    source: SimSource,
    detector: Detects,
    *,
    score: float,
    fps: float = 1.0,
    fit: tuple[int, int] | None = None,
    least_iou: float = LEAST_IOU,
) -> RecallFigures:
    """Render a source, detect, compare: everybody of whom anything can be seen.

    Args:
        source: a rendered camera.
        detector: looked at.
        score: detections below it do not count.
        fps: frames a second of the source that are looked at.
        fit: width and height that frames are shrunk into, as the box does it.
        least_iou: of what is visible of a person and the detection that is of them.
    """
    seen: list[tuple[PersonTruth, bool]] = []
    false = 0
    numbers = range(0, source.count, max(1, round(FPS / fps)))
    for number in numbers:
        shown = source.rendered(number)
        found = detector.detect([fitted(shown.image, fit)])[0]
        people = [person for person in shown.people if person.box is not None]
        scale = source.size_px[0] / found.size_px[0]
        boxes = np.array([person.box for person in people], np.float32).reshape(-1, 4)
        hits, wrong = matched(boxes, found.boxes_px[found.scores >= score] * scale, least_iou)
        seen += list(zip(people, hits, strict=True))
        false += len(wrong)
    groups: dict[str, Callable[[PersonTruth], str]] = {
        "height_px": lambda p: band(p.full_box[3] - p.full_box[1], HEIGHTS_PX, "{:g}"),
        "pose": lambda p: "walk" if p.actor.pose.startswith("walk") else p.actor.pose,
        "role": lambda p: "staff" if p.actor.figure.startswith("clerk_") else "citizen",
        "visible": lambda p: band(p.visible, _VISIBLE, "{:.0%}"),
    }
    return tally(seen, groups, frames=len(numbers), false=false)
