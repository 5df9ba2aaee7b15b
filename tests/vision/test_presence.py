"""Presence of an area: thresholds, dating back, gaps; and what no order of looks can bring about."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.layout import Presence
from hall.messages import Seen
from vision.presence import PresenceMachine, PresenceState

EPS = 1e-6


def watch(machine: PresenceMachine, start: float, marks: str, step_s: float = 1.0) -> float:
    """Look every `step_s`: `x` somebody, `.` nobody, a blank no look. Returns the time after the last mark."""
    for i, mark in enumerate(marks):
        if mark != " ":
            machine.observe(start + i * step_s, hit=mark == "x")
    return start + len(marks) * step_s


SCENES = [
    # Five hits of ten seconds are enough, and date back to the first one.
    ("xxxxxx", "present", 0),
    # Four are not.
    ("xxxxx", "unknown", None),
    # An empty area from the start: absent from the first look, once nine seconds are known.
    ("..........", "absent", 0),
    (".........", "unknown", None),
    # Somebody was there for long and left after second 11: absent from the last sight.
    ("xxxxxxxxxxxx..........", "absent", 11),
    # A colleague walks through just after: absent since the clerk left, not since the colleague passed.
    ("xxxxxxxxxxxx....xx...........", "absent", 11),
    # Somebody who came back for longer than one passes did not pass.
    ("xxxxxxxxxxxx....xxxx..........", "absent", 19),
    # A badly seen clerk is gone since the last sight: looking back has its bounds.
    ("xxxxxxxxxx" + "...x" * 4 + "..........", "absent", 25),
    # Still within the hold.
    ("xxxxxxxxxxxx........", "present", 0),
    # A cleaner for two seconds turns nothing.
    ("..........xx........", "absent", 0),
    # The clerk comes back: present from the first second of the run, not from the cleaner's.
    ("..........x...xxxxx", "present", 14),
    # A detector that finds a bent clerk in one frame of three: still there, since one in ten is enough to stay.
    ("xxxxxxxxxx" + "..x" * 10, "present", 0),
]


@pytest.mark.parametrize(("marks", "seen", "since"), SCENES)
def test_scenes(marks: str, seen: Seen, since: float | None) -> None:
    machine = PresenceMachine(Presence(window=10.0))
    end = watch(machine, 1000.0, marks)
    assert machine.seen(end - 1.0) == seen
    assert machine.state.since == (None if since is None else 1000.0 + since)


def test_analysis_rate_changes_nothing() -> None:
    """Ten seconds are ten seconds at 1, 2, 5 or 25 looks a second."""
    for step_s in (1.0, 0.5, 0.2, 0.04):
        machine = PresenceMachine(Presence(window=10.0))
        n = round(20 / step_s)
        watch(machine, 0.0, "x" * n + "." * n, step_s)
        assert machine.state.seen == "absent"
        assert machine.state.since == pytest.approx(20.0 - step_s)


def test_unknown_when_nobody_looks() -> None:
    machine = PresenceMachine(Presence(window=4.0, stale=10.0))
    end = watch(machine, 0.0, "x" * 20) - 1.0
    assert machine.seen(end + 10.0) == "present"
    assert machine.seen(end + 10.1) == "unknown"


def test_short_stall_keeps_the_evidence_and_adds_no_time() -> None:
    """Twelve seconds without a look, shorter than the window: not seen, not counted, not forgotten."""
    machine = PresenceMachine(Presence(window=20.0, stale=10.0))
    watch(machine, 0.0, "." * 30)
    clock_s = machine.state.clock_s
    machine.observe(41.0, hit=False)
    assert machine.state.clock_s == clock_s
    assert machine.seen(41.0) == "absent"


def test_a_gap_forgets_what_was_seen_before_it() -> None:
    """Present before a long gap; after it the area is empty: absent from the first look after the gap."""
    machine = PresenceMachine(Presence(window=10.0, stale=10.0))
    watch(machine, 0.0, "x" * 20)
    assert machine.seen(100.0) == "unknown"
    watch(machine, 100.0, ".....")
    assert machine.seen(104.0) == "unknown"
    watch(machine, 105.0, ".....")
    assert (machine.seen(109.0), machine.state.since) == ("absent", 100.0)


def test_one_look_after_a_pause_never_turns() -> None:
    """At one look in nine seconds each look weighs a fifth of the window at most."""
    machine = PresenceMachine(Presence(window=10.0, stale=10.0))
    watch(machine, 0.0, "." * 20)
    for i in range(2):
        machine.observe(28.0 + 9 * i, hit=True)
        assert machine.state.seen == "absent"
    machine.observe(46.0, hit=True)
    assert (machine.state.seen, machine.state.clock_s) == ("present", 46.0)


def test_old_looks_change_nothing() -> None:
    machine = PresenceMachine(Presence(window=4.0))
    watch(machine, 0.0, "xxxxxx")
    before = msgspec.json.encode(machine.state)
    for at in (5.0, 3.0):
        machine.observe(at, hit=False)
    assert msgspec.json.encode(machine.state) == before


def test_off_duty_time_is_not_counted() -> None:
    """Three seconds on duty, three off, three on: what counts is how each second began."""
    machine = PresenceMachine(Presence(window=4.0))
    for i, duty in enumerate([True] * 3 + [False] * 3 + [True] * 4):
        machine.observe(float(i), hit=False, on_duty=duty)
    assert machine.state.clock_s == 6.0


def test_doubt_while_somebody_may_be_back() -> None:
    """Doubt starts with the first sight, ends a quarter of a window after the last, and lasts a window at most."""
    machine = PresenceMachine(Presence(window=8.0))
    end = watch(machine, 0.0, "x" * 10 + "." * 20)
    assert not machine.doubtful(end)
    machine.observe(end, hit=True)
    assert machine.doubtful(end)
    watch(machine, end + 1, "..")
    assert machine.doubtful(end + 2)
    watch(machine, end + 3, ".")
    assert not machine.doubtful(end + 3)
    again = end + 4
    watch(machine, again, "x..." * 5, 0.5)
    assert machine.state.seen == "absent"  # a quarter of hits turns nothing,
    assert machine.doubtful(again + 8.0)
    assert not machine.doubtful(again + 8.5)  # and nobody waits for it for ever


@dataclass(frozen=True)
class Look:
    """One step of a random story."""

    after_s: float
    hit: bool
    duty: bool
    restart: bool


looks = st.lists(
    st.builds(
        Look,
        after_s=st.one_of(
            st.sampled_from([0.04, 0.2, 0.5, 1.0]), st.floats(0.01, 9.9), st.sampled_from([10.0, 10.1, 25.0, 4000.0])
        ),
        hit=st.booleans(),
        duty=st.booleans(),
        restart=st.sampled_from([False] * 9 + [True]),
    ),
    min_size=1,
    max_size=150,
)
# Runs of equal looks, since random hits alone seldom fill a window.
stories = st.lists(st.tuples(looks, st.integers(1, 12)), min_size=1, max_size=4).map(
    lambda parts: [look for part, times in parts for look in part[:20] for _ in range(times)]
)
settings_of = st.builds(
    Presence,
    window=st.sampled_from([2.0, 4.0, 10.0, 30.0]),
    on=st.sampled_from([0.4, 0.5, 1.0]),
    off=st.sampled_from([0.0, 0.1, 0.3]),
    stale=st.just(10.0),
)


@dataclass(frozen=True)
class Moment:
    """The machine after one look, beside what is known of the time by counting it here."""

    at: float
    known_s: float
    duty_s: float
    state: PresenceState


def told(settings: Presence, story: list[Look]) -> list[Moment]:
    machine, at, known_s, duty_s = PresenceMachine(settings), 1000.0, 0.0, 0.0
    moments: list[Moment] = []
    was_on_duty, fresh = False, True
    for look in story:
        if look.restart:
            saved = msgspec.json.decode(msgspec.json.encode(machine.state), type=PresenceState)
            machine, fresh = PresenceMachine(settings, saved), True
        at += look.after_s
        if not fresh and look.after_s <= settings.stale:
            known_s += look.after_s
            duty_s += look.after_s * was_on_duty
        machine.observe(at, hit=look.hit, on_duty=look.duty)
        was_on_duty, fresh = look.duty, False
        moments.append(Moment(at, known_s, duty_s, msgspec.structs.replace(machine.state)))
    return moments


@given(settings_of, stories)
def test_unknown_time_is_never_counted(settings: Presence, story: list[Look]) -> None:
    """The clock holds exactly the known time on duty: no gap and no restart adds to an absence."""
    for moment in told(settings, story):
        assert moment.state.clock_s == pytest.approx(moment.duty_s, abs=EPS)


@given(settings_of, stories)
def test_never_turns_faster_than_its_hold(settings: Presence, story: list[Look]) -> None:
    """From one turn to the opposite one at least (on - off) x window of known time pass."""
    turns = [
        (after.known_s, after.state.seen)
        for before, after in itertools.pairwise(told(settings, story))
        if before.state.seen != after.state.seen
    ]
    hold_s = (settings.on - settings.off) * settings.window
    for (first_s, first), (second_s, second) in itertools.pairwise(turns):
        assert first != second
        assert second_s - first_s >= hold_s - EPS


@given(settings_of, stories)
def test_since_is_past_and_stands(settings: Presence, story: list[Look]) -> None:
    """`since` is never in the future, stands while the decision stands, and moves forward with each turn."""
    since, seen = None, "unknown"
    for moment in told(settings, story):
        state = moment.state
        if state.seen == "unknown":
            assert state.since is None
            continue
        assert state.since is not None
        assert state.since <= moment.at
        assert state.since_clock_s <= state.clock_s + EPS
        if state.seen == seen:
            assert state.since == since
        elif since is not None:
            assert state.since > since
        since, seen = state.since, state.seen


LOSSES = [
    # Before and after the picture was at fault (60 s); what is known after each look that follows, and since when.
    # He sat there and sits there: three looks are enough, since the decision only has to stand.
    ("x" * 12, "xxx", "unknown", 1000),
    ("x" * 12, "xxxx", "present", 1000),
    # A missed look among them proves neither, so it takes the window.
    ("x" * 12, "x.xxx", "unknown", 1000),
    # Gone while nobody could see: known a window later, since the picture is back.
    ("x" * 12, "." * 9, "unknown", 1000),
    ("x" * 12, "." * 10, "absent", 1072),
    # Gone 4 s before: since then.
    ("x" * 12 + "....", "." * 10, "absent", 1011),
    # A missed look or two before it say nothing.
    ("x" * 12 + "..", "." * 10, "absent", 1074),
    # Back 4 s before, and there: since then.
    ("." * 12 + "xxxx", "x" * 6, "present", 1012),
    # Back before and gone again: still absent since the first.
    ("." * 12 + "xxxx", "." * 4, "absent", 1000),
]


@pytest.mark.parametrize(("before", "after", "seen", "since"), LOSSES)
def test_a_picture_at_fault(before: str, after: str, seen: Seen, since: float) -> None:
    machine = PresenceMachine(Presence(window=10.0))
    lost_at = watch(machine, 1000.0, before)
    known_s = machine.state.clock_s
    machine.lose_sight()
    assert machine.seen(lost_at) == "unknown"
    end = watch(machine, lost_at + 60.0, after)
    assert machine.seen(end - 1.0) == seen
    if seen != "unknown":
        assert machine.state.since == since
    assert machine.state.clock_s - known_s == pytest.approx(len(after) - 1)


def test_a_fault_of_a_moment_is_unknown_too() -> None:
    """Three seconds, which without a fault would pass for known."""
    machine = PresenceMachine(Presence(window=10.0))
    watch(machine, 1000.0, "." * 12)
    machine.lose_sight()
    machine.observe(1014.0, hit=False)
    assert machine.state.clock_s == pytest.approx(11.0)
