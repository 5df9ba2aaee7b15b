"""What a detector makes of people: misses, false boxes, jitter. Defaults are those of the shipped NanoDet-G."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from twin.scenario.bodies import POSES
from twin.scenario.place import Floats

Curve = tuple[tuple[float, float], ...]
"""(height in pixels of an upright person there, share found), ascending; straight between, flat beyond."""

_MEASURED: Mapping[str, Curve] = MappingProxyType(
    {
        # NanoDet-G int8 on full frames of the rendered figures, IoU 0.3: 100, 150 and 250 px, each pose alone; walking
        # and behind the desk by `twin.scenario.fit` on the scenarios rush and phones.
        "stand": ((100, 0.93), (150, 0.99), (250, 1.0)),
        "reach": ((100, 0.93), (150, 0.99), (250, 1.0)),
        # Near the camera arms and legs swing further than the points of a body do, and boxes differ the more.
        "walk": ((100, 0.94), (150, 0.99), (200, 0.93), (250, 0.84)),
        "sit": ((100, 0.83), (150, 0.96), (250, 0.97)),
        # Behind a desk: none at 100 px, half at 150, all 807 in camera 1, where clerks are 195 to 215 px.
        "sit_desk": ((100, 0.0), (150, 0.5), (195, 1.0)),
        # Bent over a phone behind a desk: four of five there, though only a third of the clip's one clerk.
        "sit_phone": ((100, 0.0), (150, 0.4), (205, 0.8)),
    }
)


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """How far detections are from the truth.

    Attributes:
        recall: share found per pose, by the height of an upright person at that place.
        free_below, lost_above: others who hide less of a box than the first change nothing, more than the second
            leave nothing to find; in between the share found falls in a straight line. The clips were scored on
            people at least a quarter visible, so the second is 0.75.
        memory_s: misses come in runs: the time in which the luck of a person changes. Not measured.
        dim: what a dim picture leaves of recall. Not measured.
        false_per_frame: boxes on nobody, per frame (0.00 and 0.03 in camera 1 of two scenarios, 0.18 and 0.09 in
            camera 2).
        jitter: standard deviation of each edge, in box heights. Measured from frame to frame of people who keep still:
            0.003 standing, 0.01 at the desk, 0.016 sitting, 0.03 over a phone.
        score_low, score_high: scores of what is found, evenly between: 5th and 95th percentile in the clips.
    """

    recall: Mapping[str, Curve] = field(default_factory=lambda: _MEASURED)
    free_below: float = 0.4
    lost_above: float = 0.75
    memory_s: float = 0.5
    dim: float = 0.8
    false_per_frame: float = 0.07
    jitter: float = 0.012
    score_low: float = 0.42
    score_high: float = 0.81

    def found(self, pose: np.ndarray, height_px: Floats, hidden: Floats) -> Floats:
        """The share found (N,) of people in a pose (index into POSES), of a height, hidden by others so far."""
        share = np.ones(len(pose))
        for i, name in enumerate(POSES):
            curve = self.recall.get(name)
            rows = pose == i
            if curve:
                share[rows] = np.interp(height_px[rows], [p[0] for p in curve], [p[1] for p in curve])
        if self.lost_above > self.free_below:
            share *= np.clip((self.lost_above - hidden) / (self.lost_above - self.free_below), 0, 1)
        return share


EXACT = NoiseModel(
    recall=MappingProxyType({}),
    free_below=1.0,
    lost_above=1.0,
    dim=1.0,
    false_per_frame=0.0,
    jitter=0.0,
    score_low=0.9,
    score_high=0.9,
)
"""Everybody is found, exactly, even behind others."""
