"""The centre's own rules as tables: every row is a scene; times in seconds, one step a second."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.layout import Limits
from hall.messages import Seen, WindowDuty
from ingest.hall_rules import (
    Call,
    CallSeen,
    CallState,
    Change,
    QueueSeen,
    QueueState,
    step_called,
    step_closed_window,
)

LIMITS = Limits(called_but_no_clerk=60.0, closed_window_with_queue=60.0, camera_lost=100.0)

Clerk = tuple[Seen, float | None]
Stretch = tuple[float, Call | None, WindowDuty, Clerk]
"""Until when, the call that goes on, duty, and the clerk since when."""

A1, A2 = Call("A1", 10.0), Call("A2", 100.0)
AWAY: Clerk = ("absent", 0.0)
HERE: Clerk = ("present", 0.0)
BLIND: Clerk = ("unknown", None)


def shown(change: Change) -> tuple[object, ...]:
    ended = None if change.ended_at is None else round(change.ended_at)
    what = change.reason or change.phase
    return what, change.severity, round(change.started_at), ended, round(change.elapsed_s), round(change.unknown_s)


def call_scene(scene: Sequence[Stretch], restart_at: int | None = None) -> list[tuple[object, ...]]:
    state, told, now = CallState(), [], 0
    for until, call, duty, (clerk, since) in scene:
        while now < until:
            known = call if call is not None and call.at <= now else None
            state, changes = step_called(LIMITS, state, CallSeen(float(now), known, duty, clerk, since))
            if now == restart_at:
                state = msgspec.json.decode(msgspec.json.encode(state), type=CallState)
            told += [shown(change) for change in changes]
            now += 1
    return told


CALLS: list[tuple[str, list[Stretch], list[tuple[object, ...]]]] = [
    ("the clerk is there", [(200, A1, "open", HERE)], []),
    ("nobody was called", [(200, None, "open", AWAY)], []),
    ("a minute after the call", [(90, A1, "open", AWAY)], [("raised", "warning", 10, None, 60, 0)]),
    ("the clerk went after the call", [(110, A1, "open", ("absent", 40.0))], [("raised", "warning", 40, None, 60, 0)]),
    (
        "the clerk is back",
        [(90, A1, "open", AWAY), (300, A1, "open", ("present", 88.0))],
        [("raised", "warning", 10, None, 60, 0), ("resolved", "warning", 10, 88, 78, 0)],
    ),
    (
        "it grows critical, once",
        [(400, A1, "open", AWAY)],
        [("raised", "warning", 10, None, 60, 0), ("updated", "critical", 10, None, 180, 0)],
    ),
    (
        "the ticket is done: a stand-in served it",
        [(90, A1, "open", AWAY), (300, None, "open", AWAY)],
        [("raised", "warning", 10, None, 60, 0), ("resolved", "warning", 10, 90, 80, 0)],
    ),
    (
        "another ticket is called, and nobody comes for that one either",
        [(120, A1, "open", AWAY), (170, A2, "open", AWAY)],
        [
            ("raised", "warning", 10, None, 60, 0),
            ("resolved", "warning", 10, 120, 110, 0),
            ("raised", "warning", 100, None, 60, 0),
        ],
    ),
    (
        "a call that is told late raises at once, and ends the one before",
        [(200, A1, "open", AWAY), (201, A2, "open", AWAY)],
        [
            ("raised", "warning", 10, None, 60, 0),
            ("updated", "critical", 10, None, 180, 0),
            ("resolved", "critical", 10, 200, 190, 0),
            ("raised", "warning", 100, None, 100, 0),
        ],
    ),
    (
        "the window is paused: it is settled, also when it opens again",
        [(90, A1, "open", AWAY), (120, A1, "paused", AWAY), (400, A1, "open", AWAY)],
        [("raised", "warning", 10, None, 60, 0), ("paused", "warning", 10, 90, 80, 0)],
    ),
    ("leave is leave", [(400, A1, "leave", AWAY)], []),
    (
        "the hall closes",
        [(90, A1, "open", AWAY), (200, A1, "closed", AWAY)],
        [("raised", "warning", 10, None, 60, 0), ("off_duty", "warning", 10, 90, 80, 0)],
    ),
    ("nobody sees", [(400, A1, "open", BLIND)], []),
    (
        "nobody saw for a while, which does not count",
        [(40, A1, "open", AWAY), (70, A1, "open", BLIND), (130, A1, "open", AWAY)],
        [("raised", "warning", 10, None, 60, 30)],
    ),
    (
        "nobody sees for long",
        [(90, A1, "open", AWAY), (300, A1, "open", BLIND)],
        [("raised", "warning", 10, None, 60, 0), ("camera_lost", "warning", 10, 90, 80, 0)],
    ),
    (
        "and is still away then: the same event again",
        [(90, A1, "open", AWAY), (300, A1, "open", BLIND), (310, A1, "open", AWAY)],
        [
            ("raised", "warning", 10, None, 60, 0),
            ("camera_lost", "warning", 10, 90, 80, 0),
            ("raised", "warning", 10, None, 80, 210),
        ],
    ),
    (
        "a clerk who came back and went again was called for",
        [(40, A1, "open", AWAY), (100, A1, "open", ("present", 35.0)), (170, A1, "open", ("absent", 100.0))],
        [("raised", "warning", 100, None, 60, 0)],
    ),
]


@pytest.mark.parametrize(("scene", "expected"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_called_but_no_clerk(scene: list[Stretch], expected: list[tuple[object, ...]]) -> None:
    assert call_scene(scene) == expected
    for restart_at in (20, 75, 95, 150):
        assert call_scene(scene, restart_at) == expected, restart_at


Zone = tuple[float, int | None, tuple[str, ...], bool]
"""Until when, how many are over (None: unseen), which windows are closed, and whether the hall is open."""
W3 = ("w03",)


def queue_scene(scene: Sequence[Zone]) -> list[tuple[object, ...]]:
    state, told, now = QueueState(), [], 0
    for until, over, closed, is_open in scene:
        while now < until:
            state, changes = step_closed_window(LIMITS, state, QueueSeen(float(now), is_open, over, closed))
            told += [shown(change) for change in changes]
            now += 1
    return told


QUEUES: list[tuple[str, list[Zone], list[tuple[object, ...]]]] = [
    ("nobody waits too long", [(300, 0, W3, True)], []),
    ("every window is open", [(300, 3, (), True)], []),
    ("for a minute", [(100, 1, W3, True)], [("raised", "warning", 0, None, 60, 0)]),
    ("for less than a minute, again and again", [(50, 1, W3, True), (60, 0, W3, True), (110, 1, W3, True)], []),
    (
        "many",
        [(100, 1, W3, True), (200, 5, W3, True), (300, 2, W3, True)],
        [("raised", "warning", 0, None, 60, 0), ("updated", "critical", 0, None, 100, 0)],
    ),
    (
        "somebody opens the window",
        [(100, 1, W3, True), (200, 1, (), True)],
        [("raised", "warning", 0, None, 60, 0), ("resolved", "warning", 0, 100, 100, 0)],
    ),
    (
        "the queue goes by itself, for good",
        [(100, 1, W3, True), (130, 0, W3, True), (150, 1, W3, True), (300, 0, W3, True)],
        [("raised", "warning", 0, None, 60, 0), ("resolved", "warning", 0, 150, 150, 0)],
    ),
    (
        "the hall closes",
        [(100, 1, W3, True), (200, 1, W3, False)],
        [("raised", "warning", 0, None, 60, 0), ("off_duty", "warning", 0, 100, 100, 0)],
    ),
    ("nobody sees", [(300, None, W3, True)], []),
    (
        "nobody saw for a while, which does not count",
        [(30, 1, W3, True), (70, None, W3, True), (120, 1, W3, True)],
        [("raised", "warning", 0, None, 60, 40)],
    ),
    (
        "nobody sees for long",
        [(100, 1, W3, True), (300, None, W3, True)],
        [("raised", "warning", 0, None, 60, 0), ("camera_lost", "warning", 0, 100, 100, 0)],
    ),
]


@pytest.mark.parametrize(("scene", "expected"), [row[1:] for row in QUEUES], ids=[row[0] for row in QUEUES])
def test_closed_window_with_queue(scene: list[Zone], expected: list[tuple[object, ...]]) -> None:
    assert queue_scene(scene) == expected


def test_the_hold_begins_anew_after_a_restart_and_what_is_raised_goes_on() -> None:
    state, _ = step_closed_window(LIMITS, QueueState(), QueueSeen(0.0, True, 1, W3))
    state, changes = step_closed_window(LIMITS, state, QueueSeen(1000.0, True, 1, W3))
    assert changes == []
    state, changes = step_closed_window(LIMITS, state, QueueSeen(1060.0, True, 1, W3))
    assert [shown(change) for change in changes] == [("raised", "warning", 1000, None, 60, 0)]
    _, changes = step_closed_window(LIMITS, state, QueueSeen(2000.0, True, 0, ()))
    assert [shown(change) for change in changes] == [("resolved", "warning", 1000, 2000, 1000, 0)]


clerks = st.tuples(st.sampled_from(["present", "absent", "unknown"]), st.integers(0, 300))
calls = st.one_of(st.none(), st.builds(Call, st.sampled_from(["A1", "A2"]), st.integers(0, 300).map(float)))
duties = st.sampled_from(["open", "closed", "paused", "leave"])


def _ordered(told: Sequence[Change]) -> None:
    """Raised, updated at most to critical, cleared; never two at once."""
    open_now = False
    for change in told:
        assert change.phase == "raised" if not open_now else change.phase in {"updated", "cleared"}
        assert (change.reason is None) == (change.phase != "cleared")
        assert change.elapsed_s >= 0
        assert change.unknown_s >= 0
        open_now = change.phase != "cleared"
    for before, after in pairwise(told):
        if after.phase != "raised":
            assert after.started_at == before.started_at


@given(st.lists(st.tuples(st.integers(1, 120), calls, duties, clerks), max_size=12))
def test_calls_go_in_order_whatever_happens(scene: list[tuple[int, Call | None, WindowDuty, tuple[Seen, int]]]) -> None:
    state, told, now = CallState(), list[Change](), 0
    for lasts, call, duty, (clerk, since) in scene:
        now += lasts
        known = call if call is not None and call.at <= now else None
        since_s = None if clerk == "unknown" else float(min(since, now))
        state, changes = step_called(LIMITS, state, CallSeen(float(now), known, duty, clerk, since_s))
        state = msgspec.json.decode(msgspec.json.encode(state), type=CallState)
        told += changes
        if any(change.phase == "raised" for change in changes):
            assert (duty, clerk) == ("open", "absent")
    _ordered(told)


queues = st.tuples(
    st.integers(1, 120), st.one_of(st.none(), st.integers(0, 6)), st.sampled_from([(), W3]), st.booleans()
)


@given(st.lists(queues, max_size=12))
def test_advice_goes_in_order_whatever_happens(scene: list[tuple[int, int | None, tuple[str, ...], bool]]) -> None:
    state, told, now = QueueState(), list[Change](), 0
    for lasts, over, closed, is_open in scene:
        now += lasts
        state, changes = step_closed_window(LIMITS, state, QueueSeen(float(now), is_open, over, closed))
        state = msgspec.json.decode(msgspec.json.encode(state), type=QueueState)
        told += changes
    _ordered(told)
