"""How well the noise model fits a detector: the same people, found in rendered frames and by the model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from twin.camera import Compositor
from twin.scenario.bodies import POSES, Silhouettes, silhouettes
from twin.scenario.file import Scenario
from twin.scenario.noise import NoiseModel
from twin.scenario.observe import detect, hidden_by_others
from twin.scenario.place import Floats, load_place
from twin.scenario.story import ScenarioStory
from vision.boxes import iou
from vision.detector import Detector
from vision.types import Detections

_LEAST_IOU = 0.3
_BANDS_PX = (0, 125, 175, 225, 1000)
_BANDS_HIDDEN = (0.0, 0.2, 0.4, 0.6, 0.75, 1.01)


class Found(msgspec.Struct, frozen=True):
    """How many of some people were found."""

    people: int
    found: int

    @property
    def recall(self) -> float:
        """The share found."""
        return self.found / self.people if self.people else float("nan")


class Noise(msgspec.Struct, frozen=True):
    """What was found of the people of some frames.

    Attributes:
        by_size: by pose and band of height in pixels of somebody upright there, of those hardly hidden.
        by_hidden: by band of the share that others hide, of all.
        false_per_frame: boxes on nobody.
        jitter: standard deviation of an edge from frame to frame, in box heights, of people who keep still; by pose.
    """

    by_size: dict[str, Found]
    by_hidden: dict[str, Found]
    false_per_frame: float
    jitter: dict[str, float]


def compare(
    scenario: Scenario,
    story: ScenarioStory,
    camera: str,
    detector: Detector,
    *,
    frames: int,
    seed: int,
    noise: NoiseModel,
) -> tuple[Noise, Noise]:
    """Noise of a detector on rendered frames of a story, and that of a model of it at the same moments.

    Frames come in pairs half a second apart, spread over the story.

    Args:
        scenario: for the hall.
        story: who is where.
        camera: one of the hall.
        detector: whose boxes count from its own score on.
        frames: how many, an even number.
        seed: of the picture's noise and the model's.
        noise: the model.
    """
    place = load_place(scenario.scenario.hall)
    moments = np.linspace(1.0, story.duration_s - 2.0, frames // 2)
    states = [story.at(float(at_s)) for moment in moments for at_s in (moment, moment + 0.5)]
    compositor = Compositor(scenario.scenario.hall, camera, seed=seed)
    pixels = [detector.detect([compositor.render(who, number).image])[0] for number, who in enumerate(states)]
    people = silhouettes(place, place.cameras[camera], states)
    rng, lit = np.random.default_rng([seed, 5]), np.zeros(len(states), np.bool_)
    modelled = list(detect(people, place.cameras[camera], noise, rng, lit, 0.5))
    score = detector.score
    return noise_of(people, pixels, score=score), noise_of(people, modelled, score=score)


def noise_of(people: Silhouettes, found: Sequence[Detections], *, score: float) -> Noise:
    """Measure detections against the people of the same frames.

    Args:
        people: rows of `frame` 0 to len(found) - 1.
        found: detections of each frame.
        score: those of lower score do not count.
    """
    match = np.full(len(people), -1, np.int64)
    boxes, unmatched = np.zeros((len(people), 4)), 0
    ends = np.searchsorted(people.frame, np.arange(len(found) + 1))
    for frame, detections in enumerate(found):
        rows = slice(ends[frame], ends[frame + 1])
        sure = detections.boxes_px[detections.scores >= score].astype(np.float64)
        i, j = _pairs(people.seen_px[rows], sure)
        match[rows][i] = j
        boxes[rows][i] = sure[j]
        unmatched += len(sure) - len(j)
    return Noise(
        _by_size(people, match >= 0),
        _by_band(hidden_by_others(people), match >= 0, _BANDS_HIDDEN, "{:.2f}-{:.2f}"),
        unmatched / max(len(found), 1),
        _jitter(people, match >= 0, boxes),
    )


def _pairs(people: Floats, boxes: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    overlap = iou(people, boxes)
    i, j = linear_sum_assignment(overlap, maximize=True)
    good = overlap[i, j] >= _LEAST_IOU
    return i[good], j[good]


def _by_size(people: Silhouettes, found: NDArray[np.bool_]) -> dict[str, Found]:
    free = hidden_by_others(people) < 0.2
    rows: dict[str, Found] = {}
    for index, pose in enumerate(POSES):
        of = free & (people.pose == index)
        bands = _by_band(people.height_px[of], found[of], _BANDS_PX, "{:g}-{:g} px")
        rows |= {f"{pose} {band}": counted for band, counted in bands.items()}
    return rows


def _by_band(values: Floats, found: NDArray[np.bool_], edges: Sequence[float], name: str) -> dict[str, Found]:
    rows = {}
    for low, high in pairwise(edges):
        of = (values >= low) & (values < high)
        if of.any():
            rows[name.format(low, high)] = Found(int(of.sum()), int(found[of].sum()))
    return rows


def _jitter(people: Silhouettes, found: NDArray[np.bool_], boxes: Floats) -> dict[str, float]:
    moves: dict[str, list[Floats]] = {}
    last: dict[str, int] = {}
    for row in np.flatnonzero(found).tolist():
        before = last.get(people.person[row])
        last[people.person[row]] = row
        if before is None or people.frame[row] - people.frame[before] != 1:
            continue
        if np.array_equal(people.full_px[row], people.full_px[before]):
            height = people.seen_px[row, 3] - people.seen_px[row, 1]
            moves.setdefault(POSES[people.pose[row]], []).append((boxes[row] - boxes[before]) / height)
    return {pose: float(np.std(np.array(each)) / np.sqrt(2)) for pose, each in moves.items() if len(each) >= 20}
