"""The fit of the noise model: measured right, and near to what the detector does."""

from __future__ import annotations

import numpy as np
import pytest

from models.zoo import resolve
from twin.scenario import NoiseModel, built_in, load_place, observations, tell
from twin.scenario.bodies import silhouettes
from twin.scenario.fit import compare, noise_of
from vision.detector import Detector

RUSH = built_in("rush")


def test_what_the_model_was_told_is_measured() -> None:
    story, place = tell(RUSH, 1), load_place()
    told = NoiseModel(recall={}, free_below=1, lost_above=1, false_per_frame=0.5, jitter=0.02, second={})
    seen = [o for o in observations(RUSH, story, seed=1, noise=told, cameras=["cam1"]) if o.at_s < 120]
    people = silhouettes(place, place.cameras["cam1"], [story.at(o.at_s) for o in seen])
    noise = noise_of(people, [o.detections for o in seen], score=0.3)
    often = [found for found in noise.by_size.values() if found.people >= 20]
    assert len(often) >= 2
    assert all(found.recall > 0.97 for found in often)
    assert noise.false_per_frame == pytest.approx(0.5, abs=0.12)
    assert noise.jitter["sit_desk"] == pytest.approx(0.02, rel=0.1)
    none = noise_of(people, [o.detections.select(np.zeros(len(o.detections), bool)) for o in seen], score=0.3)
    assert {found.recall for found in none.by_size.values()} == {0.0}


def test_the_model_is_near_to_the_detector() -> None:
    pixels, model = compare(
        RUSH, tell(RUSH, 2), "cam1", Detector(resolve("nanodet-g_416_int8")), frames=24, seed=2, noise=NoiseModel()
    )
    counted = [(found, model.by_size[band]) for band, found in pixels.by_size.items() if found.people >= 20]
    assert counted
    for real, made in counted:
        assert made.recall == pytest.approx(real.recall, abs=0.12)
    assert model.jitter["sit_desk"] == pytest.approx(pixels.jitter["sit_desk"], abs=0.01)
