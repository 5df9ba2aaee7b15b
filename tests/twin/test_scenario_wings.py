"""A hall of several wings, and the working day of 20 windows."""

from __future__ import annotations

import numpy as np
import pytest

from hall.errors import ConfigError, InputError
from hall.load import parse_hall
from twin._spans import closed_spans
from twin.scenario import EXACT, Scenario, built_in, observations, parse_scenario, tell
from twin.scenario.wings import wings_hall, wings_of
from twin.truth import TrueEvent

DAY = built_in("workday")


def two_wings(more: str, *, duration: str = "5min") -> Scenario:
    return parse_scenario(f"scenario: {{id: s, wings: 2, duration: {duration}}}\n{more}")


def test_a_working_day_has_twenty_windows_and_about_600_citizens() -> None:
    assert len(DAY.windows) == 20
    came = [sum(wing.tell(seed).citizens for wing in wings_of(DAY)) for seed in (1, 2, 3)]
    assert all(540 <= count <= 660 for count in came), came
    assert len(set(came)) == 3


def test_a_wing_tells_its_own_story_and_always_the_same() -> None:
    first, second = wings_of(two_wings("arrivals: {waiting: 6}"))
    at = 100.0
    assert first.tell(1).at(at) == first.tell(1).at(at)
    assert [s.figure for s in first.tell(1).at(at)] != [s.figure for s in second.tell(1).at(at)]
    noise = [
        b"".join(o.detections.scores.tobytes() for o in observations(w.scenario, w.tell(1), seed=1, wing=w.number))
        for w in (first, second)
    ]
    assert noise[0] != noise[1]


def test_what_is_said_of_a_window_happens_in_its_wing() -> None:
    scenario = two_wings(
        "windows: [{id: w02}, {id: w05, away: [{from: 1min, until: 3min}]}]\n"
        "helpers: [{window: w05, from: 80s, until: 100s, covers: true}]\n"
        "faults: [{camera: cam4, kind: covered, from: 1min, until: 2min}]\n"
        "sitters: [{until: 1min}, {until: 2min}, {until: 3min}]\n"
        "arrivals: {waiting: 5, rate: [{per_hour: 60}]}"
    )
    first, second = (wing.scenario for wing in wings_of(scenario))
    assert [d.id for d in first.windows] == [d.id for d in second.windows] == ["w02"]
    assert (len(first.helpers), second.helpers[0].window) == (0, "w02")
    assert (first.blind("cam2"), second.blind("cam2")) == ([], [(60.0, 120.0)])
    assert [len(w.sitters) for w in (first, second)] == [2, 1]
    assert [w.arrivals.waiting for w in (first, second)] == [3, 2]
    assert first.arrivals.rate[0].per_hour == 30


def test_the_hall_file_names_every_window_camera_and_box_once() -> None:
    hall = parse_hall(wings_hall(DAY, fps=1.0))
    floor = hall.floors[0]
    assert [w.id for w in floor.windows] == [f"w{i:02d}" for i in range(1, 21)]
    assert [c.id for c in floor.cameras] == [f"cam{i}" for i in range(1, 15)]
    assert floor.nodes == tuple(f"edge-{i}" for i in range(1, 8))
    assert {w.id: w.camera for w in floor.windows}["w04"] == "cam3"
    assert floor.zones[1].serves == ["w04", "w05", "w06"]
    # The second wing stands beside the first one on the plan.
    here, there = (floor.cameras[i].floor_points[0][1] for i in (0, 2))
    assert np.subtract(there, here).tolist() == [12.0, 0.0]
    assert hall.limits.overtime_case == 1200.0
    assert closed_spans(hall.schedule, 1767574800.0, DAY.duration_s) == [(10800.0, 16200.0)]


def test_windows_beyond_the_last_wing_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"windows w01 to w06 \(windows\[0\]\.id is w07\)"):
        two_wings("windows: [{id: w07}]")
    with pytest.raises(InputError, match="found 2 wings; expected one"):
        tell(two_wings(""), 1)
    assert [d.id for d in two_wings("").windows] == ["w01", "w02", "w03", "w04", "w05", "w06"]


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        # gone for two minutes on duty before the break and one after it: two minutes are too few, three are enough
        ("{from: 28min, until: 33min}", [(1680, 1980)]),
        # long enough before the break: the event ends with duty, and what is left after it is too short
        ("{from: 25min, until: 33min}", [(1500, 1800)]),
        # gone in the break, late back: absent since the hall opened again
        ("{from: 31min, until: 36min}", [(1920, 2160)]),
        ("{from: 31min, until: 34min}", []),
    ],
)
def test_an_absence_counts_on_duty_only(away: str, expected: list[tuple[int, int]]) -> None:
    scenario = two_wings(
        'hours: {mon: ["09:00-09:30", "09:32-10:30"]}\nlimits: {clerk_absent: 150s}\n'
        f"windows: [{{id: w04, away: [{away}]}}]",
        duration="40min",
    )
    wing = wings_of(scenario)[1]
    events = wing.truth(wing.tell(1), fps=2.0).events
    assert [(e.rule, e.subject) for e in events] == [("clerk_absent", "window/w04")] * len(expected)
    assert [(e.start_s, e.end_s) for e in events] == [pytest.approx(span, abs=2) for span in expected]


def test_nobody_waits_too_long_while_the_hall_is_closed() -> None:
    """Two who sit through the break: an event up to it, another one from the opening on, with the longest wait."""
    scenario = two_wings(
        'hours: {mon: ["09:00-09:06", "09:10-10:00"]}\nlimits: {long_wait: 4min}\nwindows: []\n'
        "sitters: [{until: 1s}, {from: 30s, until: 15min}, {until: 1s}, {from: 1min, until: 14min}]",
        duration="18min",
    )
    wing = wings_of(scenario)[1]
    events: list[TrueEvent] = [e for e in wing.truth(wing.tell(1), fps=2.0).events if e.rule == "long_wait"]
    assert [(e.subject, round(e.start_s, -1)) for e in events] == [("zone/waiting-2", 30), ("zone/waiting-2", 30)]
    assert [e.end_s for e in events] == [360.0, pytest.approx(903, abs=3)]


def test_wings_without_noise_are_what_their_stories_say() -> None:
    scenario = two_wings("arrivals: {waiting: 4}", duration="1min")
    for wing in wings_of(scenario):
        story = wing.tell(3)
        seen = list(observations(wing.scenario, story, seed=3, wing=wing.number, noise=EXACT))
        assert {wing.camera(o.camera) for o in seen} == {f"cam{2 * wing.number - 1}", f"cam{2 * wing.number}"}
