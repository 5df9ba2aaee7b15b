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
    SessionBody,
    StateBody,
    StayBody,
    ZoneState,
    compose,
)
from hall.topics import Address
from twin.evaluate import evaluate, read_messages, read_truth, table
from twin.truth import TrueCount, TrueCrossing, TrueEvent, TrueSession, TrueStay, Truth

ADDRESS = Address("demo", "f1", "edge-f1")
BEGAN = from_iso(Truth().start)


def told(at_s: float, body: AnyBody) -> Message:
    return compose(ADDRESS, "replay", 1, BEGAN + at_s, body)


def event(start_s: float, *, subject: str = "window/w01", phase: Any = "raised", **more: Any) -> Message:
    body = EventBody(
        event_id=f"{subject}@{start_s}",
        rule="clerk_absent",
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


def test_another_start() -> None:
    truth = Truth(start="2027-01-01T00:00:00Z", events=[TrueEvent("clerk_absent", "window/w01", 6.0)])
    assert evaluate([event(6.0)], truth).events["clerk_absent"].recall == 0.0
    assert evaluate([event(6.0)], truth, start=BEGAN).events["clerk_absent"].recall == 1.0


def test_the_sample_of_the_docs_is_a_truth(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "evaluate.md").read_text(encoding="utf-8")
    sample = text.split("```json")[1].split("```")[0]
    path = tmp_path / "truth.json"
    path.write_text(sample)
    truth = read_truth(path)
    assert set(json.loads(sample)) == set(Truth.__struct_fields__)
    assert all(msgspec.to_builtins(truth).values())


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
