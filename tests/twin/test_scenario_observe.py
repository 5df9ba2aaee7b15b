"""Observations without pixels: boxes as in the rendered clips, and noise as it is said to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from twin.actors import ActorState
from twin.scenario import EXACT, NoiseModel, built_in, load_place, observations, parse_scenario, tell
from twin.scenario.bodies import POSES, silhouettes
from twin.scenario.noise import SURE
from twin.scenario.observe import hidden_by_others

PLACE = load_place()
MORNING = built_in("morning")
SHORT = parse_scenario("scenario: {id: s, duration: 2min}\narrivals: {waiting: 6}")


@pytest.mark.parametrize(
    ("camera", "state", "whole", "seen"),
    [
        # From the truth of the rendered clips: whole box, and what the id buffer shows of it.
        (
            "cam1",
            ActorState("a", "clerk_f1", "sit_desk", 0.0, -2.88, 6.16),
            (237, 284, 301, 481),
            (237, 284, 300, 390),
        ),
        (
            "cam1",
            ActorState("a", "m_check", "stand", 180.0, 0.5, 4.85),
            (675, 282, 765, 545),
            (675, 282, 765, 545),
        ),
        (
            "cam1",
            ActorState("a", "clerk_m2", "stand2", 0.0, 2.45, 6.5),
            (903, 230, 977, 439),
            (910, 230, 977, 369),
        ),
        ("cam2", ActorState("a", "f_blouse", "sit", 180.0, 1.29, -0.6), (670, 346, 757, 557), (670, 346, 757, 557)),
        ("cam2", ActorState("a", "f_pink", "sit", 180.0, 0.71, -1.9), (595, 291, 668, 465), (595, 291, 665, 465)),
        ("cam2", ActorState("a", "m_polo", "stand", 270.0, -5.3, -1.7), (927, 160, 971, 299), (927, 160, 971, 299)),
    ],
)
def test_boxes_are_those_of_the_rendered_clips(
    camera: str, state: ActorState, whole: tuple[int, ...], seen: tuple[int, ...]
) -> None:
    """Edges within a tenth of the height; sideways a narrow figure may be narrower than the model."""
    people = silhouettes(PLACE, PLACE.cameras[camera], [[state]])
    height = whole[3] - whole[1]
    assert np.abs(people.full_px[0] - whole).max() < 0.1 * height
    assert np.abs(people.seen_px[0] - seen).max() < 0.1 * height


def test_who_is_behind_the_camera_is_not_seen() -> None:
    far = ActorState("a", "m_tee", "stand", 0.0, 0.0, -3.0)
    assert len(silhouettes(PLACE, PLACE.cameras["cam1"], [[far]])) == 0
    assert len(silhouettes(PLACE, PLACE.cameras["cam1"], [[]])) == 0


def test_who_stands_in_front_hides() -> None:
    clerk = ActorState("clerk", "clerk_m1", "sit_desk", 0.0, 0.0, 6.16)
    front = ActorState("front", "m_jacket", "stand", 180.0, 0.0, 4.75)
    aside = ActorState("aside", "m_jacket", "stand", 180.0, 2.0, 4.75)
    people = silhouettes(PLACE, PLACE.cameras["cam1"], [[clerk, front], [clerk, aside], [clerk]])
    hidden = dict(
        zip(zip(people.frame.tolist(), people.person.tolist(), strict=True), hidden_by_others(people), strict=True)
    )
    assert hidden[0, "clerk"] > 0.7
    assert hidden[0, "front"] == 0
    assert hidden[1, "clerk"] == hidden[2, "clerk"] == 0


def test_without_noise_everybody_in_the_picture_is_found() -> None:
    story = tell(SHORT, 1)
    for seen in observations(SHORT, story, seed=1):
        people = silhouettes(PLACE, PLACE.cameras[seen.camera], [story.at(seen.at_s)])
        assert np.allclose(np.sort(seen.detections.boxes_px, axis=0), np.sort(people.seen_px, axis=0), atol=0.01)


def test_frames_come_in_order_and_the_same_by_seed() -> None:
    story = tell(SHORT, 1)

    def boxes(seed: int) -> list[tuple[str, float, bytes]]:
        noisy = observations(SHORT, story, seed=seed, noise=NoiseModel())
        return [(o.camera, o.at_s, o.detections.boxes_px.tobytes()) for o in noisy]

    first = boxes(1)
    assert first == boxes(1)
    assert first != boxes(2)
    assert [at_s for _, at_s, _ in first] == sorted(at_s for _, at_s, _ in first)
    assert len(first) == 2 * 241


def test_misses_false_boxes_and_jitter_are_as_many_as_said() -> None:
    story = tell(SHORT, 1)
    model = replace(EXACT, recall=dict.fromkeys(POSES, ((1.0, 0.7),)))
    all_there = list(observations(SHORT, story, seed=1, fps=10))
    found = list(observations(SHORT, story, seed=1, fps=10, noise=model))
    share = sum(len(o.detections) for o in found) / sum(len(o.detections) for o in all_there)
    assert share == pytest.approx(0.7, abs=0.05)
    more = list(observations(SHORT, story, seed=1, fps=10, noise=replace(EXACT, false_per_frame=0.5)))
    extra = sum(len(o.detections) for o in more) - sum(len(o.detections) for o in all_there)
    assert extra / len(more) == pytest.approx(0.5, abs=0.05)
    lasting = replace(EXACT, false_per_frame=0.5, false_lasts_s=0.8)
    more = list(observations(SHORT, story, seed=1, fps=10, noise=lasting))
    extra = sum(len(o.detections) for o in more) - sum(len(o.detections) for o in all_there)
    assert extra / len(more) == pytest.approx(0.5, abs=0.1)


def test_misses_leave_boxes_of_a_low_score_and_second_ones_score_less() -> None:
    story = tell(SHORT, 1)
    sure, half = dict.fromkeys(POSES, 1.0), dict.fromkeys(POSES, ((1.0, 0.5),))
    all_there = sum(len(o.detections) for o in observations(SHORT, story, seed=1, fps=10))
    found = list(observations(SHORT, story, seed=1, fps=10, noise=replace(EXACT, recall=half, unsure=sure)))
    scores = np.concatenate([o.detections.scores for o in found])
    assert len(scores) == all_there
    assert (scores < SURE).mean() == pytest.approx(0.5, abs=0.05)
    twice = replace(EXACT, second=dict.fromkeys(POSES, 0.3), second_memory_s=0.5)
    scores = np.concatenate([o.detections.scores for o in observations(SHORT, story, seed=1, fps=10, noise=twice)])
    assert len(scores) == pytest.approx(1.3 * all_there, rel=0.05)
    assert (scores < 0.6).sum() == len(scores) - all_there


def test_recall_falls_with_size_and_behind_others() -> None:
    model = NoiseModel()
    pose = np.full(3, POSES.index("sit_desk"))
    assert model.found(pose, np.array([90.0, 150, 300]), np.zeros(3))[0].tolist() == [0.0, 0.5, 1.0]
    stand = np.zeros(3, int)
    assert model.found(stand, np.full(3, 250.0), np.array([0.3, 0.575, 0.9]))[0] == pytest.approx([1.0, 0.5, 0.0])


def test_a_blind_camera_gives_nothing() -> None:
    text = """
faults:
  - {camera: cam1, kind: covered, from: 30s, until: 60s}
  - {camera: cam2, kind: dim, from: 0s, until: 2min}
"""
    scenario = parse_scenario(f"scenario: {{id: s, duration: 2min}}\n{text}")
    seen = list(observations(scenario, tell(scenario, 1), seed=1))
    assert not [o for o in seen if o.camera == "cam1" and 30 <= o.at_s < 60]
    assert len([o for o in seen if o.camera == "cam2"]) == 241


def test_a_heartbeat_leaves_out_still_frames() -> None:
    """In an empty hall of sitting clerks nothing moves."""
    scenario = parse_scenario("scenario: {id: s, duration: 1min}")
    seen = list(observations(scenario, tell(scenario, 1), seed=1, heartbeat_s=2.0, cameras=["cam1"]))
    assert [o.at_s for o in seen] == [2.0 * i for i in range(31)]
