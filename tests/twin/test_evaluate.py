"""Scores: claims against truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hall.clock import from_iso, to_datetime
from hall.errors import InputError
from hall.messages import (
    AnyBody,
    CrossingBody,
    EventBody,
    Message,
    Rule,
    SessionBody,
    StateBody,
    StayBody,
    WindowState,
    ZoneState,
    compose,
)
from hall.topics import Address
from twin.evaluate import evaluate, read_messages, read_truth, table
from twin.truth import TrueBlind, TrueCount, TrueCrossing, TrueEvent, TruePresence, TrueSession, TrueStay, Truth

ADDRESS = Address("demo", "f1", "edge-f1")
BEGAN = from_iso(Truth().start)


def told(at_s: float, body: AnyBody) -> Message:
    return compose(ADDRESS, "replay", 1, BEGAN + at_s, body)


def event(
    start_s: float, *, rule: Rule = "clerk_absent", subject: str = "window/w01", phase: Any = "raised", **more: Any
) -> Message:
    body = EventBody(
        event_id=f"{subject}@{start_s}",
        rule=rule,
        subject=subject,
        phase=phase,
        severity="warning",
        started_at=to_datetime(BEGAN + start_s),
        elapsed_s=8.0,
        unknown_s=0.0,
        limit_s=8.0,
        **more,
    )
    return told(start_s + 8, body)


@pytest.mark.parametrize(
    ("truths", "claims", "precision", "recall"),
    [
        # raised and cleared are one claim; it starts half a second late
        ([6.0], [event(6.5), event(6.5, phase="cleared", ended_at=to_datetime(BEGAN + 20.5))], 1.0, 1.0),
        # a false alarm at another window
        ([6.0], [event(6.0), event(6.0, subject="window/w02")], 0.5, 1.0),
        # missed
        ([6.0, 60.0], [event(6.0)], 1.0, 0.5),
        # too far away to be the same thing: both wrong and missed
        ([6.0], [event(30.0)], 0.0, 0.0),
        # nothing happened and nothing was claimed
        ([], [], 1.0, 1.0),
        # one truth is not matched twice
        ([6.0], [event(5.0), event(7.0)], 0.5, 1.0),
    ],
)
def test_events(truths: list[float], claims: list[Message], precision: float, recall: float) -> None:
    truth = Truth(events=[TrueEvent("clerk_absent", "window/w01", start, start + 14) for start in truths])
    score = evaluate(claims, truth).events["clerk_absent"]
    assert (score.precision, score.recall) == (precision, recall)


def test_errors_are_in_seconds() -> None:
    truth = Truth(events=[TrueEvent("clerk_absent", "window/w01", 6.0, 20.0)])
    score = evaluate([event(6.5, phase="cleared", ended_at=to_datetime(BEGAN + 21.0))], truth).events["clerk_absent"]
    assert score.start_error_p95_s == 0.5
    assert score.end_error_p95_s == 1.0


def test_sessions_stays_counts_and_crossings() -> None:
    def when(at_s: float) -> Any:
        return to_datetime(BEGAN + at_s)

    zone = ZoneState("front", 3, None, None, None, None, 0)
    messages = [
        told(0, StateBody([], [zone])),
        told(12, SessionBody("s", "w01", when(1), when(11), 10.0, overtime=False)),
        told(12, StayBody("t", "front", when(0), when(9), 9.0, "left")),
        told(3, CrossingBody("door", "in")),
        told(4, CrossingBody("door", "out")),
    ]
    truth = Truth(
        sessions=[TrueSession("w01", 1.0, 12.0)],
        stays=[TrueStay("front", 0.0, 9.0), TrueStay("front", 20.0, 30.0)],
        counts=[TrueCount("front", 0.0, 3), TrueCount("front", 5.0, 4)],
        crossings=[TrueCrossing("door", "in", 3.0)],
    )
    figures = evaluate(messages, truth)
    assert figures.sessions.duration_error_p95_s == 1.0
    assert (figures.stays.precision, figures.stays.recall) == (1.0, 0.5)
    assert figures.counts["front"].mean_absolute_error == 0.5
    assert figures.crossings["door/in"].claimed == 1
    assert (figures.crossings["door/out"].truth, figures.crossings["door/out"].claimed) == (0, 1)
    assert "crossings door/out: truth 0, claimed 1" in table(figures)


def state(at_s: float, clerk: Any, since_s: float | None, count: int | None) -> Message:
    since = None if since_s is None else to_datetime(BEGAN + since_s)
    window = WindowState("w01", "open", clerk, since, 0, None, "idle")
    return told(at_s, StateBody([window], [ZoneState("back", count, None, None, None, None, 0)]))


BLIND = Truth(
    duration_s=100.0,
    events=[TrueEvent("clerk_absent", "window/w01", 20.0, 50.0, 8.0)],
    presence=[TruePresence("w01", 0.0, 20.0), TruePresence("w01", 50.0, 100.0)],
    blind=[TrueBlind("cam1", 30.0, 38.0, ["window/w01", "zone/back"])],
)
"""A clerk away from 20 to 50 s; from 30 to 38 s nobody can know."""


def test_presence_and_unknown_time() -> None:
    """The clerk's absence is told 5 s late and dated 1 s late, unknown time 2 s late; before the first decision
    nothing is claimed."""
    messages = [
        state(0, "unknown", None, 0),
        state(10, "present", 0, 0),
        state(25, "absent", 21, 0),
        state(32, "unknown", None, None),
        state(38, "absent", 21, 0),
        state(50, "present", 50.5, 0),
    ]
    figures = evaluate(messages, BLIND)
    score = figures.presence["w01"]
    assert score.share_right == round((90 - 5 - 2) / 90, 4)
    assert score.change_error_p95_s == pytest.approx(1.0, abs=0.05)
    assert (score.unknown_s, score.true_unknown_s) == (6.0, 8.0)
    assert (figures.zones["back"].unknown_s, figures.zones["back"].true_unknown_s) == (6.0, 8.0)
    assert "clerk w01: right 92.2% of the time" in table(figures)


@pytest.mark.parametrize(("raised_s", "count"), [(29.9, 0), (30.0, 1), (37.9, 1), (38.0, 0)])
def test_raised_while_blind(raised_s: float, count: int) -> None:
    claim = msgspec.structs.replace(event(20.0), captured_at=to_datetime(BEGAN + raised_s))
    later = event(20.0, phase="cleared", ended_at=to_datetime(BEGAN + 50))
    assert (
        evaluate([claim, msgspec.structs.replace(later, captured_at=to_datetime(BEGAN + 35))], BLIND).raised_blind
        == count
    )


def test_unknown_time_of_events() -> None:
    claim = event(20.0, phase="cleared", ended_at=to_datetime(BEGAN + 50))
    assert isinstance(claim.body, EventBody)
    claim = msgspec.structs.replace(claim, body=msgspec.structs.replace(claim.body, unknown_s=5.0))
    assert evaluate([claim], BLIND).unknown_error_p95_s == 3.0
    assert evaluate([], BLIND).unknown_error_p95_s is None


def test_who_came_together_is_told_apart_by_the_end() -> None:
    """Two who sit there from the beginning: the claim about the one who stays is about that one."""

    def stay(start_s: float, end_s: float) -> Message:
        began, ended = to_datetime(BEGAN + start_s), to_datetime(BEGAN + end_s)
        return told(end_s, StayBody(f"{start_s}", "back", began, ended, end_s - start_s, "left"))

    truth = Truth(stays=[TrueStay("back", 0.0, 8.0), TrueStay("back", 0.0, 155.0)])
    figures = evaluate([stay(0.0, 155.0), stay(0.5, 8.0)], truth)
    assert figures.stays.duration_error_p95_s == pytest.approx(0.475)


def test_another_start() -> None:
    truth = Truth(start="2027-01-01T00:00:00Z", events=[TrueEvent("clerk_absent", "window/w01", 6.0)])
    assert evaluate([event(6.0)], truth).events["clerk_absent"].recall == 0.0
    assert evaluate([event(6.0)], truth, start=BEGAN).events["clerk_absent"].recall == 1.0


def test_what_came_within_a_hair_of_its_limit_is_right_either_way() -> None:
    by_a_hair = TrueEvent("clerk_absent", "window/w01", 6.0, 20.0, marginal=True)
    truth = Truth(events=[by_a_hair], borderline=[TrueEvent("clerk_absent", "window/w02", 50.0, 59.5)])
    nothing = evaluate([], truth).events["clerk_absent"]
    assert (nothing.precision, nothing.recall) == (1.0, 1.0)
    both = evaluate([event(6.5), event(50.0, subject="window/w02")], truth).events["clerk_absent"]
    assert (both.matched, both.precision, both.recall) == (2, 1.0, 1.0)
    elsewhere = evaluate([event(6.5, subject="window/w02")], truth).events["clerk_absent"]
    assert elsewhere.precision == 0.0


def test_two_events_that_are_one_by_a_hair_are_told_by_one_claim() -> None:
    """A wait to expect that is over for a moment, unless one head more is counted; where that is sure, they are two."""

    def recall(*borderline: TrueEvent) -> float:
        both = [TrueEvent("long_wait", "zone/z", 100.0, 110.0), TrueEvent("long_wait", "zone/z", 130.0, 300.0)]
        claim = event(100.0, ended_at=to_datetime(BEGAN + 290.0), rule="long_wait", subject="zone/z")
        return evaluate([claim], Truth(events=both, borderline=list(borderline))).events["long_wait"].recall

    assert recall(TrueEvent("long_wait", "zone/z", 90.0, 310.0)) == 1.0
    assert recall(TrueEvent("long_wait", "zone/z", 90.0, 120.0)) == 0.5
    assert recall() == 0.5


def test_a_wait_to_expect_may_begin_with_one_head_more_or_less() -> None:
    """From 100 s on with one more, at 130 s by the truth, at 160 s with one less; 5 s besides, as ever."""
    exact = TrueEvent("long_wait", "zone/z", 130.0, 300.0)
    loose = TrueEvent("long_wait", "zone/z", 100.0, 300.0, begins_by_s=160.0)
    truth = Truth(events=[exact], borderline=[loose])
    for start_s, right, error_s in (
        (130.0, 1.0, 0.0),
        (133.0, 1.0, 3.0),
        (110.0, 1.0, 0.0),
        (163.0, 1.0, 3.0),
        (170.0, 0.0, None),
    ):
        found = evaluate([event(start_s, rule="long_wait", subject="zone/z")], truth).events["long_wait"]
        assert (found.precision, found.recall, found.start_error_p95_s) == (right, right, error_s), start_s


def test_the_sample_of_the_docs_is_a_truth(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")
    sample = text.split("```json")[1].split("```")[0]
    path = tmp_path / "truth.json"
    path.write_text(sample)
    truth = read_truth(path)
    assert set(json.loads(sample)) == set(Truth.__struct_fields__)
    assert all(msgspec.to_builtins(truth).values())
    assert set(json.loads(sample)["events"][0]) == set(TrueEvent.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        # no JSON
        ("{", "expected a truth file"),
        # a rule that does not exist
        ('{"events": [{"rule": "asleep", "subject": "window/w01", "start_s": 1}]}', "$.events[0].rule"),
    ],
)
def test_a_bad_truth_names_the_place(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "truth.json"
    path.write_text(text)
    with pytest.raises(InputError, match="truth") as caught:
        read_truth(path)
    assert word in str(caught.value)


def test_missing_files_are_said(tmp_path: Path) -> None:
    for read in (read_truth, read_messages):
        with pytest.raises(InputError, match=r"nothing\.json"):
            read(tmp_path / "nothing.json")


def test_a_wait_raised_again_after_the_break_is_one_event() -> None:
    """It has the same event_id, since it began at the same moment."""
    told_twice = [
        event(10, subject="zone/z"),
        event(10, subject="zone/z", phase="cleared", ended_at=to_datetime(BEGAN + 50)),
    ]
    told_twice += [
        event(10, subject="zone/z"),
        event(10, subject="zone/z", phase="cleared", ended_at=to_datetime(BEGAN + 90)),
    ]
    truth = Truth(events=[TrueEvent("clerk_absent", "zone/z", 10, 50), TrueEvent("clerk_absent", "zone/z", 10, 90)])
    score = evaluate(told_twice, truth).events["clerk_absent"]
    assert (score.truth, score.claimed, score.matched, score.end_error_p95_s) == (1, 1, 1, 0.0)
