"""The story: the same by seed, people who walk and never through a counter, and what happens to them."""

from __future__ import annotations

from itertools import pairwise
from math import dist

import pytest

from hall.errors import InputError
from twin.actors import Story
from twin.scenario import Scenario, ScenarioStory, built_in, load_place, parse_scenario, tell
from twin.scenario.story import HEIGHTS_M

MORNING = built_in("morning")


def people(story: Story, at_s: float) -> dict[str, tuple[str, float, float]]:
    return {state.person: (state.pose, state.x_m, state.y_m) for state in story.at(at_s)}


def quiet(more: str = "", windows: str = "[{id: w01, service: {mean: 60s, spread: 1s}}]") -> Scenario:
    return parse_scenario(f"scenario: {{id: s, duration: 5min}}\nwindows: {windows}\n{more}")


def test_the_same_seed_tells_the_same_story() -> None:
    times = [0.0, 77.7, 300.0, 600.0]
    first, second, other = tell(MORNING, 3), tell(MORNING, 3), tell(MORNING, 4)
    assert [first.at(t) for t in reversed(times)] == [second.at(t) for t in reversed(times)]
    assert [first.at(t) for t in times] != [other.at(t) for t in times]


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="expected 0 or more"):
        tell(MORNING, -1)


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_jumps_or_walks_through_a_counter(seed: int) -> None:
    story, place = tell(MORNING, seed), load_place()
    frames = [people(story, i / 5) for i in range(3000)]
    assert max(len(frame) for frame in frames) > 8
    for before, after in pairwise(frames):
        for name in before.keys() & after.keys():
            assert dist(before[name][1:], after[name][1:]) < 0.75, name  # sitting down is a cut
    for frame in frames:
        for name, (_, x, y) in frame.items():
            inside = [c for c in place.counters if c.left_m < x < c.right_m and c.front_y_m < y < c.back_y_m]
            assert not inside, name


def test_every_pose_is_one_of_the_figure() -> None:
    story = tell(MORNING, 1)
    seen = {(s.figure, s.pose) for i in range(600) for s in story.at(float(i))}
    assert {figure for figure, _ in seen} <= HEIGHTS_M.keys()
    desk = {figure for figure, pose in seen if pose in {"sit_desk", "sit_phone"}}
    assert all(figure.startswith("clerk") for figure in desk)
    assert not any(figure.startswith("clerk") for figure, pose in seen if pose == "reach")


def test_a_clerk_leaves_and_is_back_in_time() -> None:
    story = tell(quiet(windows="[{id: w01, away: [{from: 1min, until: 2min}]}]"), 1)
    assert people(story, 59.9)["clerk-w01"][0] == "sit_desk"
    assert "clerk-w01" not in people(story, 90.0)
    assert people(story, 120.1)["clerk-w01"][0] == "sit_desk"


def test_service_pauses_while_the_clerk_is_away_but_lunch_waits_for_the_case() -> None:
    def away_at_60(why: str) -> ScenarioStory:
        windows = f"[{{id: w01, service: {{mean: 90s, spread: 1s}}, away: [{{from: 1min, until: 2min, why: {why}}}]}}]"
        return tell(quiet("arrivals: {waiting: 1}", windows), 1)

    leave, lunch = away_at_60("leave"), away_at_60("lunch")
    assert people(lunch, 70.0)["clerk-w01"][0] == "sit_desk"
    assert "clerk-w01" not in people(leave, 75.0)
    # about 9 s to the window and 90 s of service, one minute longer where the clerk went
    assert people(leave, 130.0)["citizen-1"][2] > 4
    assert lunch.served == leave.served == 1
    assert "citizen-1" not in people(lunch, 130.0)


def test_who_took_the_ticket_first_is_called_first() -> None:
    story = tell(quiet("arrivals: {waiting: 4}"), 1)
    order: dict[str, None] = {}
    for i in range(300):
        order.update({name: None for name, (_, _, y) in people(story, float(i)).items() if "citizen" in name and y > 4})
    assert list(order) == ["citizen-1", "citizen-2", "citizen-3", "citizen-4"]


def test_the_impatient_leave() -> None:
    story = tell(quiet("arrivals: {waiting: 6}\nqueue: {patience: {mean: 40s, spread: 1s}}"), 1)
    assert story.left_unserved == 5
    assert sum("citizen" in name for name in people(story, 299.0)) == 0


def test_arrivals_follow_their_rate() -> None:
    busy = parse_scenario(
        "scenario: {id: s, duration: 1h}\narrivals: {rate: [{at: 0s, per_hour: 20}, {at: 30min, per_hour: 200}]}"
    )
    story = tell(busy, 1)
    first = {s.person for t in range(1800) for s in story.at(float(t)) if "citizen" in s.person}
    every = {s.person for t in range(3600) for s in story.at(float(t)) if "citizen" in s.person}
    assert 4 <= len(first) <= 18  # 10 expected
    assert 75 <= len(every - first) <= 125  # 100 expected


def test_the_others() -> None:
    more = """
helpers: [{window: w01, from: 1min, until: 2min}]
cleaners: [{at: 1min}]
blockers: [{window: w01, from: 1min, until: 2min}]
sitters: [{from: 0s, until: 4min}]
"""
    story = tell(quiet(more), 1)
    seen = people(story, 62.0)
    assert seen["colleague-1"][0] == "stand"
    assert seen["cleaner-1"][0].startswith("walk")
    assert seen["blocker-1"][2] == pytest.approx(4.75)
    assert seen["sitter-1"][0] == "sit"
    assert "cleaner-1" not in story.clerks
    assert {"clerk-w01", "colleague-1"} <= story.clerks


def test_a_child_stays_near() -> None:
    story = tell(quiet("arrivals: {waiting: 1, children: 1}"), 1)
    for at_s in (1.0, 30.0):
        seen = people(story, at_s)
        assert dist(seen["citizen-1"][1:], seen["child-1"][1:]) < 0.7
