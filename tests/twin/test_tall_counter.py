"""The hall with tall counters: clerks of whom only head and shoulders show, through glass."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hall.layout import Hall
from hall.load import parse_hall
from twin.actors import ActorState
from twin.camera import Compositor, PersonTruth, load_scene
from twin.camera.assets import assets
from twin.camera.look import PEDESTAL
from twin.scenario import built_in, hall_for, load_place, parse_scenario, story_truth, tell
from twin.stories import make_story
from vision.areas import Area, foot_points

SCENE = load_scene("tallcounter")
STORY = make_story("demo", "tallcounter", 1)
CLERKS = [
    ActorState(f"clerk-{counter.id}", figure, "sit_desk", 0.0, *counter.clerk_seat.pos)
    for counter, figure in zip(SCENE.counters, ["clerk_f1", "clerk_m1", "clerk_m2"], strict=True)
]


@pytest.fixture(scope="module")
def cam1() -> Compositor:
    return Compositor("tallcounter", "cam1", noise=0.0)


@pytest.fixture(scope="module")
def hall() -> Hall:
    return parse_hall(hall_for(built_in("morning", "tallcounter"), seed=1))


def see(camera: Compositor, *actors: ActorState) -> dict[str, PersonTruth]:
    return {seen.actor.person: seen for seen in camera.draw(actors)}


def test_the_file_describes_tall_counters_and_glass() -> None:
    assert [counter.top_z for counter in SCENE.counters] == [1.1, 1.1, 1.1]
    described = json.loads((assets() / "halls" / "tallcounter" / "halls.json").read_bytes())
    glass = [part for part in described["occluders"] if part.get("see_through")]
    assert [(part["layer"], part["height"]) for part in glass] == [("glass1", 2.0), ("glass2", 2.0), ("glass3", 2.0)]


def test_head_and_shoulders_of_a_seated_clerk_show_through_the_glass(cam1: Compositor) -> None:
    for person, seen in see(cam1, *CLERKS).items():
        assert seen.box is not None, person
        left, top, right, bottom = seen.box
        assert 0.18 < seen.visible < 0.3, "the rest is behind the counter"
        assert top == pytest.approx(seen.full_box[1], abs=2), "nothing hides the head"
        assert 40 < bottom - top < 70
        assert bottom - top < 0.35 * (seen.full_box[3] - seen.full_box[1])
        assert right - left > 0.8 * (seen.full_box[2] - seen.full_box[0])


def test_glass_tints_whom_it_does_not_hide(cam1: Compositor) -> None:
    clerk = CLERKS[0]
    box = see(cam1, clerk)["clerk-1"].box
    assert box is not None
    through = cam1.render([clerk], 0).image
    glass = next(layer for layer in cam1.view.layers if layer.name == "glass1")
    pane = np.median(glass.image[..., 3])
    assert 0.15 * 255 < pane < 0.35 * 255, "glass, not a wall"
    head = np.s_[box[1] + 5 : box[1] + 12, (box[0] + box[2]) // 2 - 4 : (box[0] + box[2]) // 2 + 4]
    empty = cam1.render([], 1).image
    assert through[head].mean() < empty[head].mean() - 30, "dark hair before bright cabinets"
    there = np.s_[
        head[0].start - glass.top : head[0].stop - glass.top, head[1].start - glass.left : head[1].stop - glass.left
    ]
    baked = SCENE.look.bake(glass.image)[there].astype(float)
    behind = SCENE.look.bake(cam1.view.background)[head] * (1 - baked[..., 3:] / 255)
    assert np.abs(empty[head] - PEDESTAL - (behind + baked[..., :3])).max() < 2, "the empty hall is behind glass, once"


def test_glass_is_painted_once_however_people_move(cam1: Compositor) -> None:
    for number in (3, 75, 90, 200):
        shown = cam1.render(STORY.at(number / 12), number)
        fresh = Compositor("tallcounter", "cam1", noise=0.0).render(STORY.at(number / 12), number)
        assert np.array_equal(shown.image, fresh.image), number
    empty = Compositor("tallcounter", "cam1", noise=0.0).render([], 1).image
    assert np.array_equal(cam1.render([], 0).image, empty), "who left has left nothing behind"


def test_who_stands_before_the_counter_hides_it_and_the_clerk(cam1: Compositor) -> None:
    x, y = SCENE.cameras["cam1"].position[:2]
    seat = CLERKS[1]
    share = (4.75 - y) / (seat.y_m - y)
    citizen = ActorState("citizen", "m_hoodie", "stand", 180.0, x + (seat.x_m - x) * share, 4.75)
    alone, seen = see(cam1, CLERKS[1])["clerk-2"], see(cam1, CLERKS[1], citizen)
    assert seen["citizen"].visible == 1.0
    assert seen["clerk-2"].visible < 0.75 * alone.visible
    walker = replace(seat, pose="walk0", yaw_deg=90.0, y_m=7.15)
    assert 0.35 < see(cam1, walker)["clerk-2"].visible < 0.7


def test_areas_hold_the_people_they_are_for(cam1: Compositor, hall: Hall) -> None:
    place = load_place("tallcounter")
    seen = see(cam1, *CLERKS)
    for number, window in enumerate(hall.floors[0].windows, start=1):
        assert window.clerk_area is not None
        assert window.customer_area is not None
        box = np.array([seen[f"clerk-{number}"].box], np.float32)
        shares = [Area(w.clerk_area[0].polygon).overlap(box, (1280, 720))[0] for w in hall.floors[0].windows]  # type: ignore[index]
        assert shares[number - 1] > 0.95
        assert sum(shares) == pytest.approx(shares[number - 1])
        stand = place.counter(window.id).stand
        citizen = see(cam1, ActorState("c", "m_tee", "stand", 180.0, *stand))["c"]
        boxes = np.array([citizen.full_box], np.float32)
        assert Area(window.customer_area[0].polygon).contains(foot_points(boxes, (1280, 720))).all()
        assert Area(window.clerk_area[0].polygon).overlap(boxes, (1280, 720))[0] < 0.3


def test_a_story_without_pixels_has_the_boxes_of_the_pictures(cam1: Compositor) -> None:
    from twin.scenario.bodies import silhouettes  # noqa: PLC0415 - the only test that needs it

    place = load_place("tallcounter")
    actors = [*CLERKS, *(replace(clerk, person=f"{clerk.person}w", pose="walk0", y_m=7.15) for clerk in CLERKS)]
    people = silhouettes(place, place.cameras["cam1"], [actors])
    seen = see(cam1, *actors)
    for person, box in zip(people.person, people.seen_px, strict=True):
        rendered = seen[person].box
        assert rendered is not None
        assert box[1] == pytest.approx(rendered[1], abs=14), person
        assert box[3] == pytest.approx(rendered[3], abs=14), person


def test_a_scenario_file_plays_in_it() -> None:
    text = """
scenario: {id: tall, hall: tallcounter, duration: 4min}
arrivals: {waiting: 2}
windows:
  - {id: w01, service: {mean: 30s, spread: 1s}, away: [{from: 80s, until: 170s}]}
  - {id: w02, service: {mean: 30s, spread: 1s}}
"""
    scenario = parse_scenario(text)
    hall = parse_hall(hall_for(scenario, seed=1))
    sources = [camera.source.get_secret_value() for camera in hall.floors[0].cameras]
    assert sources[0] == "sim://tallcounter?camera=cam1&seed=1&story=tall"
    story = tell(scenario, 1)
    truth = story_truth(hall, scenario, story)
    (event,) = truth.events
    assert (event.rule, event.subject) == ("clerk_absent", "window/w01")
    assert event.start_s == pytest.approx(80, abs=1.0)
    assert event.end_s == pytest.approx(170, abs=1.0)
    assert sorted(session.window for session in truth.sessions) == ["w01", "w02"]
    poses = {state.pose for t in range(240) for state in story.at(float(t)) if state.person.startswith("citizen")}
    assert "stand2" in poses
    assert "reach" not in poses, "nobody reaches through the front of a tall counter"
