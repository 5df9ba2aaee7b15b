"""What a detector makes of people: misses, false boxes, jitter. Defaults are those of the shipped NanoDet-G."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from twin.scenario.bodies import POSES
from twin.scenario.place import Floats

Curve = tuple[tuple[float, float], ...]
"""(height in pixels of an upright person there, share found), ascending; straight between, flat beyond."""

Indices = NDArray[np.int64]
SURE = 0.37
"""A box of the default detector counts by itself from this score on,"""
LEAST = 0.2
"""and goes on with a track from this one on."""

_MEASURED: Mapping[str, Curve] = MappingProxyType(
    {
        # NanoDet-G int8 on full frames of the rendered figures, IoU 0.3: 100, 150 and 250 px, each pose alone; walking
        # and behind the desk by `twin.scenario.fit` on the scenarios rush and phones.
        "stand": ((100, 0.93), (150, 0.99), (250, 1.0)),
        "reach": ((100, 0.93), (150, 0.99), (250, 1.0)),
        # Near the camera arms and legs swing further than the points of a body do, and boxes differ the more.
        "walk": ((100, 0.94), (150, 0.99), (200, 0.93), (250, 0.84)),
        "sit": ((100, 0.83), (150, 0.97), (250, 0.985)),
        # Behind a desk: none at 100 px, half at 150, all 807 in camera 1, where clerks are 195 to 215 px.
        "sit_desk": ((100, 0.0), (150, 0.5), (195, 1.0)),
        # Bent over a phone behind a desk: four of five there, though only a third of the clip's one clerk.
        "sit_phone": ((100, 0.0), (150, 0.4), (205, 0.8)),
    }
)

Scores = tuple[float, float, float]
"""5th percentile, median and 95th of the scores of what is found."""

# The rest was measured on the rendered pictures of morning and queue (seed 1, both cameras, two frames a second), of
# people hidden by less than a fifth, with what the pipeline gets: full frames, merged with crops.
_SCORES: Mapping[str, Scores] = MappingProxyType(
    {
        "stand": (0.62, 0.77, 0.81),
        "reach": (0.71, 0.78, 0.83),
        "walk": (0.5, 0.73, 0.81),
        "sit": (0.47, 0.67, 0.77),
        "sit_desk": (0.57, 0.63, 0.73),
        "sit_phone": (0.48, 0.52, 0.58),
    }
)
_UNSURE: Mapping[str, float] = MappingProxyType(
    {"stand": 1.0, "reach": 1.0, "walk": 0.5, "sit": 1.0, "sit_desk": 1.0, "sit_phone": 0.5}
)
_SECOND: Mapping[str, float] = MappingProxyType({"walk": 0.024, "sit": 0.08})


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """How far detections are from the truth.

    Attributes:
        recall: share found per pose, by the height of an upright person at that place.
        free_below, lost_above: others who hide less of a box than the first change nothing, more than the second
            leave nothing to find; in between the share found falls in a straight line. The clips were scored on
            people at least a quarter visible, so the second is 0.75.
        memory_s: misses come in runs: the time in which the luck of a person changes. Half of the looks after one in
            which somebody who walks was missed miss as well; who keeps still is hardly ever missed.
        unsure: share of misses per pose that leave a box with a low score, which goes on with a track.
        scores: of what is found, per pose; where left out evenly from score_low to score_high.
        second: a second box on one person, per pose and look: with arms, legs and chair, or without.
        second_memory_s: the same for them as memory_s. On sitters they stay for three looks on average, 89 at most.
        dim: what a dim picture leaves of recall. Not measured.
        false_per_frame: boxes on nobody, per frame (0.00 and 0.03 in camera 1 of two scenarios, 0.18 and 0.09 in
            camera 2), the second ones on people and those on furniture taken together.
        false_lasts_s: they last for two looks on average.
        jitter: standard deviation of each edge, in box heights. Measured from frame to frame of people who keep still:
            0.003 standing, 0.01 at the desk, 0.016 sitting, 0.03 over a phone.
        score_low, score_high: 5th and 95th percentile of all scores in the clips.
        false_scores: of boxes on nobody and second ones.
    """

    recall: Mapping[str, Curve] = field(default_factory=lambda: _MEASURED)
    free_below: float = 0.4
    lost_above: float = 0.75
    memory_s: float = 0.5
    unsure: Mapping[str, float] = field(default_factory=lambda: _UNSURE)
    scores: Mapping[str, Scores] = field(default_factory=lambda: _SCORES)
    second: Mapping[str, float] = field(default_factory=lambda: _SECOND)
    second_memory_s: float = 8.0
    dim: float = 0.8
    false_per_frame: float = 0.07
    false_lasts_s: float = 0.8
    false_scores: Scores = (0.38, 0.44, 0.57)
    jitter: float = 0.012
    score_low: float = 0.42
    score_high: float = 0.81

    def found(self, pose: Indices, height_px: Floats, hidden: Floats) -> tuple[Floats, Floats]:
        """The shares found (N,) of people in a pose (index into POSES), of a height, hidden by others so far.

        The second share is with boxes of a low score.
        """
        share = np.ones(len(pose))
        for i, name in enumerate(POSES):
            curve = self.recall.get(name)
            rows = pose == i
            if curve:
                share[rows] = np.interp(height_px[rows], [p[0] for p in curve], [p[1] for p in curve])
        glimpsed = share + (1 - share) * per_pose(self.unsure, pose)
        if self.lost_above > self.free_below:
            left = np.clip((self.lost_above - hidden) / (self.lost_above - self.free_below), 0, 1)
            share, glimpsed = share * left, glimpsed * left
        return share, glimpsed

    def scored(self, pose: Indices, rank: Floats) -> Floats:
        """Scores (N,) of people who are found, from the lowest (rank 0) to the highest of their pose (1)."""
        scores = self.score_low + rank * (self.score_high - self.score_low)
        for i, name in enumerate(POSES):
            if name in self.scores:
                rows = pose == i
                scores[rows] = quantiles(self.scores[name], rank[rows])
        return scores


def per_pose(values: Mapping[str, float], pose: Indices) -> Floats:
    """The value (N,) of each pose, nothing where it has none."""
    return np.array([values.get(name, 0.0) for name in POSES])[pose]


def quantiles(scores: Scores, rank: Floats) -> Floats:
    """Scores (N,) of ranks from 0 to 1."""
    low, median, high = scores
    return np.asarray(
        np.interp(rank, (0.0, 0.05, 0.5, 0.95, 1.0), (max(SURE, 1.5 * low - 0.5 * median), *scores, high))
    )


EXACT = NoiseModel(
    recall=MappingProxyType({}),
    free_below=1.0,
    lost_above=1.0,
    dim=1.0,
    unsure=MappingProxyType({}),
    scores=MappingProxyType({}),
    second=MappingProxyType({}),
    false_per_frame=0.0,
    false_lasts_s=0.0,
    jitter=0.0,
    score_low=0.9,
    score_high=0.9,
)
"""Everybody is found, exactly, even behind others."""
