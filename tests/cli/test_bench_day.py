"""The working day, an hour of one wing of it: made, replayed with the noise of the detector, and scored."""

from __future__ import annotations

import pytest

from cli._day import HEARTBEAT_S, bench_day, run_wing, score
from twin.scenario import built_in, parse_scenario
from twin.scenario.wings import wings_of

HOUR_S = 3300.0


def test_an_hour_of_one_wing_is_judged_right() -> None:
    """A clerk away for seven minutes, a case of 34 minutes, somebody who sits there for 45."""
    day = built_in("workday")
    hour = day.model_copy(update={"scenario": day.scenario.model_copy(update={"duration": HOUR_S})})
    run = run_wing(hour, wings_of(hour)[4], seed=1, fps=2.0)
    figures = score([run])
    for rule in ("clerk_absent", "long_wait", "overtime_case"):
        events = figures.events[rule]
        assert (events.truth, events.precision, events.recall) == (1, 1.0, 1.0), rule
    assert figures.sessions.recall == 1.0
    # Two cameras, each at least once in a heartbeat and at most twice a second.
    assert 2 * HOUR_S / HEARTBEAT_S <= run.frames <= 2 * 2 * HOUR_S + 2
    assert run.citizens > 10
    assert run.number == 5


def test_two_wings_in_two_processes() -> None:
    text = "scenario: {id: s, wings: 2, duration: 3min}\nlimits: {clerk_absent: 40s}\narrivals: {waiting: 4}\n"
    figures = bench_day(
        parse_scenario(f"{text}windows: [{{id: w01}}, {{id: w05, away: [{{from: 1min, until: 2min}}]}}]")
    )
    assert (figures.windows, figures.cameras, figures.citizens) == (2, 4, 4)
    absent = figures.score.events["clerk_absent"]
    assert (absent.truth, absent.claimed, absent.matched) == (1, 1, 1)
    assert figures.frames >= 4 * 180
    assert figures.messages > 2 * 18
    assert figures.us_per_frame == pytest.approx(1e6 * figures.replay_cpu_s / figures.frames, rel=0.1)
    assert figures.ratio_to_limit == pytest.approx(figures.limit_cpu_s / figures.replay_cpu_s, abs=0.05)
