"""What the suite calls wrong, and all of it together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hall.clock import from_iso, to_datetime
from hall.messages import AnyBody, Message, SessionBody
from tests.support.centre import T0, Numbered, an_event
from twin.accuracy import Case, suite_result, summary, write_page
from twin.accuracy.results import CaseResult, judge_case
from twin.truth import TrueBlind, TrueEvent, TrueSession, Truth

TRUTH = Truth(
    duration_s=300.0,
    events=[TrueEvent("clerk_absent", "window/w01", 20.0, 60.0)],
    sessions=[TrueSession("w01", 100.0, 160.0)],
)


def messages(*bodies: tuple[float, AnyBody]) -> list[Message]:
    node = Numbered()
    return [node.message(T0 + at_s, body) for at_s, body in bodies]


def absence(start_s: float = 20.0, end_s: float | None = 60.0, **more: Any) -> list[tuple[float, AnyBody]]:
    """Told at the limit, 30 s later, and at its end."""
    bodies: list[tuple[float, AnyBody]] = [(start_s + 30, an_event("raised", started_at=T0 + start_s, **more))]
    if end_s is not None:
        cleared = an_event("cleared", started_at=T0 + start_s, elapsed_s=end_s - start_s, **more)
        bodies.append((end_s, cleared))
    return bodies


def session(end_s: float = 160.0) -> tuple[float, AnyBody]:
    began, ended = to_datetime(T0 + 100), to_datetime(T0 + end_s)
    return end_s + 15, SessionBody("s", "w01", began, ended, end_s - 100, overtime=False)


def judged(seed: int, *bodies: tuple[float, AnyBody], truth: Truth = TRUTH) -> CaseResult:
    assert from_iso(truth.start) == T0
    return judge_case(Case("quiet", seed), messages(*bodies), truth)


@pytest.mark.parametrize(
    ("bodies", "wrong"),
    [
        # as it was
        ([*absence(), session()], []),
        # nothing is told
        ([], ["missed: clerk_absent window/w01 20.0-60.0 s", "0 sessions instead of 1"]),
        # something else is told, and goes on
        (
            [*absence(), session(), *absence(200.0, None, subject="window/w02")],
            ["wrong: clerk_absent window/w02 200.0-… s"],
        ),
        # late, within what is asked and not
        ([*absence(21.9), session()], []),
        ([*absence(22.5), session()], ["clerk_absent starts 2.5 s off (p95)"]),
        # a session of another length
        ([*absence(), session(161.9)], []),
        ([*absence(), session(162.5)], ["length of sessions 2.5 s off (p95)"]),
        # a session that was none
        ([*absence(), session(), session(103.0)], ["2 sessions instead of 1"]),
        # unknown time that nobody knows of
        ([*absence(unknown_s=4.9), session()], []),
        ([*absence(unknown_s=5.5), session()], ["unknown time 5.5 s off (p95)"]),
    ],
)
def test_what_is_wrong(bodies: list[tuple[float, AnyBody]], wrong: list[str]) -> None:
    assert judged(1, *bodies).wrong == wrong


@pytest.mark.parametrize(("blind", "wrong"), [((49.0, 55.0), ["1 events raised while blind"]), ((51.0, 55.0), [])])
def test_nothing_may_be_raised_while_nobody_can_know(blind: tuple[float, float], wrong: list[str]) -> None:
    truth = Truth(
        duration_s=300.0,
        events=TRUTH.events,
        sessions=TRUTH.sessions,
        blind=[TrueBlind("cam1", *blind, ["window/w01"])],
    )
    result = judged(1, *absence(), session(), truth=truth)
    assert result.wrong == wrong
    assert suite_result([result], [truth], model="m", fps=2.0).total.raised_blind == len(wrong)


def test_all_of_them_together(tmp_path: Path) -> None:
    """In order of their names; rates over all events, errors over all matches; what is wrong stands open."""
    results = [judged(2, *absence(21.0, unknown_s=1.0)), judged(1, *absence(), session())]
    suite = suite_result(results, [TRUTH, TRUTH], model="nanodet", fps=2.0)
    assert [r.name for r in suite.scenarios] == ["quiet-1", "quiet-2"]
    total = suite.total
    assert (total.scenarios, total.passed, total.simulated_s) == (2, 1, 600.0)
    absent = total.events["clerk_absent"]
    assert (absent.truth, absent.claimed, absent.precision, absent.recall) == (2, 2, 1.0, 1.0)
    assert total.start_error_p95_s == pytest.approx(0.95)
    assert (total.sessions.truth, total.sessions.claimed, total.sessions.recall) == (2, 1, 0.5)
    assert total.unknown_error_p95_s == 1.0
    lines = summary(suite).splitlines()
    assert lines[0].split() == ["quiet-1", "ok"]
    assert lines[1].split(maxsplit=1) == ["quiet-2", "0 sessions instead of 1"]
    assert "1 of 2 scenarios as asked, 10 simulated minutes, nanodet at 2 frames a second" in lines
    assert "start of events p95 0.95 s, length of sessions p95 0.00 s" in lines[-1]
    write_page(tmp_path / "index.html", suite, {"quiet-1": TRUTH, "quiet-2": TRUTH})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<details id="quiet-1">' in page
    assert '<details id="quiet-2" open>' in page
    assert "<b>1 / 2</b>" in page
