"""The story of the demo: rounds without a seam, and in each of them one event of every rule, seen on pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from cli._edge import recordings, register_sim
from edge.replay import replay
from hall.clock import from_iso
from hall.layout import Hall
from hall.load import load_hall
from hall.messages import EventBody, Message
from tests.support.clips import ROOT
from twin._round_story import ROUND_S, RoundStory
from twin.actors import ActorState
from twin.evaluate import evaluate
from twin.scenario import load_place, parse_scenario, story_truth
from twin.source import SimAddress
from twin.truth import Truth
from vision.detector import Detector

RULES = ["clerk_absent", "long_wait", "overtime_case"]
STEP_S = 0.25
FASTEST_M_S = 1.5


@pytest.fixture(scope="module")
def story() -> RoundStory:
    return RoundStory()


@pytest.fixture(scope="module")
def hall() -> Hall:
    return load_hall(ROOT / "twin" / "assets" / "demo.yaml")


@dataclass(frozen=True)
class Hastened:
    """Several rounds as the cameras of the demo show them."""

    story: RoundStory
    rounds: int
    speed: float

    @property
    def duration_s(self) -> float:
        return self.rounds * ROUND_S / self.speed

    @property
    def clerks(self) -> frozenset[str]:
        return self.story.clerks

    def at(self, t_s: float) -> list[ActorState]:
        return list(self.story.at(t_s * self.speed))


def truth_of(hall: Hall, story: RoundStory, rounds: int) -> Truth:
    addresses = [SimAddress.parse(source) for source in recordings(hall, []).values()]
    assert len({(a.hall, a.story, a.speed, a.seed) for a in addresses}) == 1, "cameras of one moment"
    scenario = parse_scenario("scenario: {id: round, hall: lowdesk}")
    hastened = Hastened(story, rounds, addresses[0].speed)
    return story_truth(hall, scenario, hastened)  # type: ignore[arg-type]


def seen(states: list[ActorState]) -> list[tuple[str, str, float, float, float]]:
    return sorted((s.figure, s.pose, round(s.yaw_deg, 6), round(s.x_m, 6), round(s.y_m, 6)) for s in states)


@pytest.mark.parametrize("moment_s", [0.0, 0.5, 37.0, 119.5])
def test_a_round_begins_where_the_last_one_ends(story: RoundStory, moment_s: float) -> None:
    assert len(story.at(moment_s)) > 7
    assert seen(list(story.at(moment_s))) == seen(list(story.at(moment_s + ROUND_S)))


def test_nobody_jumps_and_all_come_and_go_by_a_door(story: RoundStory) -> None:
    door = load_place().door
    before: dict[str, ActorState] = {}
    for number in range(round(2 * ROUND_S / STEP_S)):
        now = {state.person: state for state in story.at(number * STEP_S)}
        for name in (now.keys() ^ before.keys()) if number else ():
            state = now.get(name) or before[name]
            by_door = math.dist((state.x_m, state.y_m), door) < 1.0
            assert by_door or (name in story.clerks and state.x_m > 6), f"{name} appears or vanishes in the hall"
        for name in now.keys() & before.keys():
            a, b = before[name], now[name]
            far_m = math.dist((a.x_m, a.y_m), (b.x_m, b.y_m))
            # Half a metre from standing to sitting is a cut.
            seat = a.pose.startswith("sit") != b.pose.startswith("sit")
            assert far_m <= FASTEST_M_S * STEP_S + (0.75 if seat else 1e-6), f"{name} at {number * STEP_S} s"
        before = now


def test_no_two_people_share_a_place(story: RoundStory) -> None:
    for number in range(round(ROUND_S / STEP_S)):
        still = [(s.x_m, s.y_m) for s in story.at(number * STEP_S) if not s.pose.startswith("walk")]
        apart = [math.dist(a, b) for i, a in enumerate(still) for b in still[:i]]
        assert min(apart) > 0.5, f"at {number * STEP_S} s"


def test_every_round_has_one_event_of_each_rule(hall: Hall, story: RoundStory) -> None:
    """Also when many sessions are over, from which the wait to expect follows."""
    truth = truth_of(hall, story, rounds=8)
    for rule in RULES:
        events = [event for event in truth.events if event.rule == rule]
        assert len(events) == 8
        assert len({event.subject for event in events}) == 1
        assert all(event.end_s is not None for event in events)
    lengths_s = [event.end_s - event.start_s for event in truth.events if event.end_s is not None]
    assert max(lengths_s) < 60, "an event that outlasts its round would not be seen to clear"


@pytest.fixture(scope="module")
def said(hall: Hall, detector: Detector) -> list[Message]:
    """What the box of the demo says about one round, on pixels."""
    register_sim()
    messages: list[Message] = []
    start = from_iso("2026-01-05T01:00:00Z")
    replay(hall, recordings(hall, []), detector, start=start, fit=detector.input_size, emit=messages.append)
    return messages


def test_each_rule_rises_and_clears_within_ninety_seconds(hall: Hall, story: RoundStory, said: list[Message]) -> None:
    began = said[0].captured_at.timestamp()
    for rule in RULES:
        events = [(m.captured_at.timestamp() - began, m.body) for m in said if isinstance(m.body, EventBody)]
        phases = [body.phase for _, body in events if body.rule == rule and body.phase != "updated"]
        assert phases == ["raised", "cleared"], rule
        # A box that takes some seconds to start sees it all the same: nothing rises in the first ones.
        assert min(at_s for at_s, body in events if body.rule == rule) > 15
        assert max(at_s for at_s, body in events if body.rule == rule) < 60


def test_all_of_it_is_true(hall: Hall, story: RoundStory, said: list[Message]) -> None:
    figures = evaluate(said, truth_of(hall, story, rounds=1))
    for rule in RULES:
        score = figures.events[rule]
        assert (score.truth, score.precision, score.recall) == (1, 1.0, 1.0), rule
        assert score.start_error_p95_s is not None
        assert score.start_error_p95_s < 2
    assert (figures.sessions.precision, figures.sessions.recall) == (1.0, 1.0)
