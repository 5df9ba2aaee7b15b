"""Recall of a detector on rendered people, with a detector that knows what it is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from twin.recall import recall
from twin.source import SimSource, open_sim
from vision.recall import Share, recall_table
from vision.types import Detections


class Knowing:
    """Finds everybody whose visible box is higher than a limit, in the size it is given, and one ghost a frame."""

    def __init__(self, source: SimSource, numbers: Sequence[int], *, least_px: float) -> None:
        self._frames = iter([source.rendered(number).people for number in numbers])
        self._least_px = least_px

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        (image,) = images
        scale = image.shape[1] / 1280
        boxes = [p.box for p in next(self._frames) if p.box is not None and p.box[3] - p.box[1] >= self._least_px]
        found = np.array([*boxes, (0, 0, 20, 20)], np.float32) * np.float32(scale)
        scores = np.array([0.9] * len(boxes) + [0.8], np.float32)
        weak = np.array([(600, 300, 640, 400)], np.float32) * np.float32(scale)
        return [
            Detections(
                np.concatenate([found, weak]),
                np.append(scores, np.float32(0.1)),
                np.zeros(len(scores) + 1, np.int64),
                (image.shape[1], image.shape[0]),
            )
        ]


@pytest.mark.parametrize(("least_px", "all_found"), [(0.0, True), (110.0, False)])
def test_groups_and_ghosts(least_px: float, all_found: bool) -> None:
    """In full size or shrunk, who is found is counted in every group, and what is on nobody as such."""
    source = open_sim("sim://lowdesk?camera=cam1")
    numbers = range(0, source.count, 120)
    detector = Knowing(open_sim("sim://lowdesk?camera=cam1"), numbers, least_px=least_px)
    figures = recall(source, detector, score=0.5, fps=0.1, fit=(416, 416))
    assert figures.frames == len(numbers) == 3
    assert figures.false_per_frame == 1.0
    assert (figures.total.recall == 1.0) == all_found
    for groups in figures.groups.values():
        assert sum(share.people for share in groups.values()) == figures.total.people > 10
        assert sum(share.found for share in groups.values()) == figures.total.found
    assert set(figures.groups["role"]) == {"staff", "citizen"}
    assert "sit_desk" in figures.groups["pose"]
    assert "boxes on nobody: 1.00 a frame" in recall_table(figures)


def test_nobody() -> None:
    assert Share(0, 0).recall is None
