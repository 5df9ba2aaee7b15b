"""Rules as tables: every row is a scene of a day in a hall."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.rules import (
    AbsenceState,
    Change,
    ClerkObservation,
    OvertimeState,
    SessionObservation,
    Wait,
    WaitObservation,
    WaitState,
    absence_is_quiet,
    step_clerk_absent,
    step_long_wait,
    step_overtime_case,
)
from edge.sessions import FinishedSession
from hall.layout import Limits, Presence
from hall.messages import Seen
from hall.schedule import Schedule, parse_span
from vision.presence import PresenceMachine, PresenceState

SHANGHAI = "Asia/Shanghai"
OFFICE = [parse_span("09:00-12:00"), parse_span("13:30-17:30")]
NIGHT = [parse_span("20:00-04:00")]
LIMITS = Limits(clerk_absent=300.0, long_wait=600.0, overtime_case=600.0, clear_hold=5.0, camera_lost=300.0)
PRESENCE = Presence(window=10.0)
STEP_S = 1.0


def at(text: str, zone: str = SHANGHAI) -> float:
    """A wall-clock time of the hall; Monday 2026-01-05 unless a day is named."""
    day = "" if " " in text else "2026-01-05 "
    return datetime.fromisoformat(day + text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def shown(change: Change, zone: str = SHANGHAI) -> tuple[object, ...]:
    """A change as the tables have it: whole seconds, wall-clock times."""

    def clock(instant: float | None) -> str | None:
        return None if instant is None else datetime.fromtimestamp(round(instant), ZoneInfo(zone)).strftime("%H:%M:%S")

    what = change.phase if change.reason is None else change.reason
    times = clock(change.started_at), clock(change.ended_at)
    return what, change.severity, *times, round(change.elapsed_s), round(change.unknown_s)


@dataclass
class Desk:
    """A clerk area judged once a second: presence machine, schedule and rule, without pictures."""

    schedule: Schedule
    limits: Limits = LIMITS
    machine: PresenceMachine = field(default_factory=lambda: PresenceMachine(PRESENCE))
    state: AbsenceState = field(default_factory=AbsenceState)
    changes: list[Change] = field(default_factory=list)

    def play(self, script: list[tuple[str, str]], zone: str = SHANGHAI) -> list[Change]:
        """Each entry holds from its time to the next one; the last one only says when to stop."""
        for (start, what), (end, _) in pairwise(script):
            begin, count = at(start, zone), round((at(end, zone) - at(start, zone)) / STEP_S)
            if what == "restart":
                self._restart()
                continue
            for i in range(count):
                self._second(begin + i * STEP_S, set(what.split()))
        return self.changes

    def _second(self, now: float, what: set[str]) -> None:
        duty = self.schedule.is_open(now)
        if "off" in what:
            return
        if "blind" not in what:
            self.machine.observe(now, hit="in" in what, on_duty=duty)
        memory = self.machine.state
        seen = ClerkObservation(
            at=now,
            duty=duty,
            working_day=self.schedule.working_day(now),
            seen=self.machine.seen(now),
            since=memory.since,
            clock_s=memory.clock_s,
            since_clock_s=memory.since_clock_s,
            observed_at=memory.at,
            citizens=int("citizen" in what),
            waiting_over="queue" in what,
            doubtful=self.machine.doubtful(now),
        )
        self.state, changes = step_clerk_absent(self.limits, self.state, seen, self.schedule.open_seconds)
        self.changes += changes

    def _restart(self) -> None:
        saved = msgspec.json.encode((self.machine.state, self.state))
        presence, self.state = msgspec.json.decode(saved, type=tuple[PresenceState, AbsenceState])
        self.machine = PresenceMachine(PRESENCE, presence)


ALWAYS = Schedule(None, SHANGHAI)
HOURS = Schedule(
    dict.fromkeys(range(5), OFFICE), SHANGHAI, country="CN", closed=[date(2026, 3, 5)], extra_open=[date(2026, 3, 7)]
)
NIGHTS = Schedule(dict.fromkeys(range(7), NIGHT), SHANGHAI)
MADRID = Schedule(dict.fromkeys(range(5), OFFICE), "Europe/Madrid")

ABSENCES = [
    pytest.param(
        # Five minutes from when she was last seen; cleared from when she was first seen again.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:07:00", "in"), ("10:08:00", "")],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("resolved", "warning", "10:00:59", "10:07:00", 361, 0),
        ],
        id="away for six minutes",
    ),
    pytest.param(
        # One second short of the limit.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:05:59", "in"), ("10:08:00", "")],
        [],
        id="back in time",
    ),
    pytest.param(
        # A cleaner crosses the area for two seconds, twice: neither clears the event nor starts the count anew.
        [
            ("10:00:00", "in"),
            ("10:01:00", "out"),
            ("10:03:00", "in"),
            ("10:03:02", "out"),
            ("10:08:00", "in"),
            ("10:08:02", "out"),
            ("10:10:00", "in"),
            ("10:11:00", ""),
        ],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("resolved", "warning", "10:00:59", "10:10:00", 541, 0),
        ],
        id="a cleaner clears nothing",
    ),
    pytest.param(
        # Somebody stands at the window when the limit passes.
        [("10:00:00", "in"), ("10:01:00", "out citizen"), ("10:06:30", "")],
        [("raised", "critical", "10:00:59", None, 300, 0)],
        id="critical with a citizen",
    ),
    pytest.param(
        # A citizen comes when the event is up already, and goes: worse once, never milder.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:07:00", "out citizen"), ("10:08:00", "out"), ("10:09:00", "")],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("updated", "critical", "10:00:59", None, 361, 0),
        ],
        id="a citizen comes",
    ),
    pytest.param(
        # People of this window wait too long.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:07:00", "out queue"), ("10:08:00", "")],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("updated", "critical", "10:00:59", None, 361, 0),
        ],
        id="critical with a queue over its limit",
    ),
    pytest.param(
        # Nobody waits, but fifteen minutes are three times the limit.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:17:00", "")],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("updated", "critical", "10:00:59", None, 900, 0),
        ],
        id="critical at three times the limit",
    ),
    pytest.param(
        # Two minutes before lunch and three after it make five; lunch counts nothing, nor is it unknown.
        [("11:50:00", "in"), ("11:58:00", "out"), ("13:35:00", "in"), ("13:36:00", "")],
        [
            ("raised", "warning", "11:57:59", None, 300, 0),
            ("resolved", "warning", "11:57:59", "13:35:00", 421, 0),
        ],
        id="lunch inside an absence",
    ),
    pytest.param(
        # An event of the morning ends with the morning. After lunch the count starts anew.
        [("11:40:00", "in"), ("11:50:00", "out"), ("13:36:00", "in"), ("13:37:00", "")],
        [
            ("raised", "warning", "11:49:59", None, 300, 0),
            ("off_duty", "warning", "11:49:59", "12:00:00", 600, 0),
            ("raised", "warning", "13:30:00", None, 300, 0),
            ("resolved", "warning", "13:30:00", "13:36:00", 360, 0),
        ],
        id="raised before lunch",
    ),
    pytest.param(
        # He works into the break, goes to eat at ten past and is not back at half past one.
        [("11:50:00", "in"), ("12:10:00", "out"), ("13:37:00", "in"), ("13:38:00", "")],
        [
            ("raised", "warning", "13:30:00", None, 300, 0),
            ("resolved", "warning", "13:30:00", "13:37:00", 420, 0),
        ],
        id="late from lunch",
    ),
    pytest.param(
        # At lunch nobody has to be there.
        [("11:50:00", "in"), ("12:00:30", "out"), ("13:29:00", "in"), ("13:40:00", "")],
        [],
        id="back from lunch in time",
    ),
    pytest.param(
        # Nobody since yesterday evening: counted from nine o'clock.
        [("2026-01-05 17:20", "in"), ("2026-01-05 17:29", "out"), ("2026-01-06 09:06", "in"), ("2026-01-06 09:07", "")],
        [
            ("raised", "warning", "09:00:00", None, 300, 0),
            ("resolved", "warning", "09:00:00", "09:06:00", 360, 0),
        ],
        id="the first opening of the day",
    ),
    pytest.param(
        # New Year's Day is a holiday; a Saturday is no working day.
        [("2026-01-01 09:00", "in"), ("2026-01-01 09:01", "out"), ("2026-01-01 11:00", "")],
        [],
        id="holiday",
    ),
    pytest.param(
        # China works on the Sunday before the long holiday; the hall is open like on a Monday.
        [("2026-01-04 09:00", "in"), ("2026-01-04 09:01", "out"), ("2026-01-04 09:07", "")],
        [("raised", "warning", "09:00:59", None, 300, 0)],
        id="a Sunday that is a working day",
    ),
    pytest.param(
        # The hall closes on this day, whatever the weekday says.
        [("2026-03-05 10:00", "in"), ("2026-03-05 10:01", "out"), ("2026-03-05 10:30", "")],
        [],
        id="a day that hall.yaml closes",
    ),
    pytest.param(
        # The camera is gone for a minute inside an absence: not absence, but accounted for.
        [
            ("10:00:00", "in"),
            ("10:01:00", "out"),
            ("10:03:00", "blind"),
            ("10:04:00", "out"),
            ("10:08:00", "in"),
            ("10:09:00", ""),
        ],
        [
            ("raised", "warning", "10:00:59", None, 300, 61),
            ("resolved", "warning", "10:00:59", "10:08:00", 360, 61),
        ],
        id="unknown pauses",
    ),
    pytest.param(
        # The camera goes while an event is up: it clears after five minutes, dated to the last look, and counting
        # starts anew when there is something to see again.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:08:00", "blind"), ("10:20:00", "out"), ("10:26:00", "")],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("camera_lost", "warning", "10:00:59", "10:07:59", 420, 0),
            ("raised", "warning", "10:20:09", None, 300, 0),
        ],
        id="camera lost",
    ),
    pytest.param(
        # Nothing was ever seen of the desk: nothing is claimed.
        [("10:00:00", "blind"), ("11:00:00", "")],
        [],
        id="blind from the start",
    ),
    pytest.param(
        # The box starts in front of an empty desk: counted from its first look.
        [("10:00:00", "out"), ("10:06:00", "")],
        [("raised", "warning", "10:00:00", None, 300, 0)],
        id="empty from the start",
    ),
    pytest.param(
        # Killed in the middle of an absence that was raised, back after a minute: the same event goes on.
        [
            ("10:00:00", "in"),
            ("10:01:00", "out"),
            ("10:07:00", "restart"),
            ("10:08:00", "out"),
            ("10:10:00", "in"),
            ("10:11:00", ""),
        ],
        [
            ("raised", "warning", "10:00:59", None, 300, 0),
            ("resolved", "warning", "10:00:59", "10:10:00", 480, 61),
        ],
        id="restart inside an event",
    ),
    pytest.param(
        # Killed before the limit: the outage adds nothing to the absence.
        [("10:00:00", "in"), ("10:01:00", "out"), ("10:03:00", "restart"), ("10:30:00", "out"), ("10:34:00", "")],
        [("raised", "warning", "10:00:59", None, 300, 1621)],
        id="restart before the limit",
    ),
    pytest.param(
        # The box was off when the hall closed: yesterday's event ends with what was last known of it.
        [
            ("2026-01-05 17:00", "in"),
            ("2026-01-05 17:10", "out"),
            ("2026-01-05 17:20", "restart"),
            ("2026-01-06 09:02", "out"),
            ("2026-01-06 09:07:01", ""),
        ],
        [
            ("raised", "warning", "17:09:59", None, 300, 0),
            ("off_duty", "warning", "17:09:59", "17:19:59", 600, 0),
            ("raised", "warning", "09:00:00", None, 300, 120),
        ],
        id="off over night inside an event",
    ),
]


@pytest.mark.parametrize(("script", "expected"), ABSENCES)
def test_clerk_absent(script: list[tuple[str, str]], expected: list[tuple[object, ...]]) -> None:
    assert [shown(change) for change in Desk(HOURS).play(script)] == expected


def test_an_event_says_who_waits() -> None:
    """What makes it critical stands in the detail."""
    found = Desk(ALWAYS).play([("10:00:00", "in"), ("10:01:00", "out citizen"), ("10:07:00", "")])
    assert [c.detail for c in found] == [{"citizens": 1, "waiting_over_limit": False}]


def test_hall_across_midnight() -> None:
    """A night shift: midnight is no opening, so an absence runs on over it."""
    desk = Desk(NIGHTS)
    found = desk.play([("2026-01-05 23:50:00", "in"), ("2026-01-05 23:58:00", "out"), ("2026-01-06 00:05:00", "")])
    assert [shown(c) for c in found] == [("raised", "warning", "23:57:59", None, 300, 0)]


def test_hall_that_never_closes() -> None:
    """Without hours the hall is always open."""
    found = Desk(ALWAYS).play([("2026-01-03 23:50:00", "in"), ("2026-01-03 23:58:00", "out"), ("2026-01-04 00:05", "")])
    assert [shown(c) for c in found] == [("raised", "warning", "23:57:59", None, 300, 0)]


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Kiritimati"])
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
def test_clock_of_the_box_in_another_zone() -> None:
    """Hours are those of the hall, wherever the box believes to be."""
    script = [("08:50:00", "in"), ("08:58:00", "out"), ("09:05:30", "")]
    for schedule, zone in ((HOURS, SHANGHAI), (MADRID, "Europe/Madrid")):
        found = Desk(schedule).play(script, zone)
        assert [shown(c, zone) for c in found] == [("raised", "warning", "09:00:00", None, 300, 0)]


def test_event_goes_on_over_any_number_of_restarts() -> None:
    """Every ten seconds a restart: nothing raised twice, and only known time is counted."""
    desk = Desk(ALWAYS)
    desk.play([("10:00:00", "in"), ("10:01:00", "out"), ("10:06:30", "")])
    for minute in range(7, 20):
        desk.play([(f"10:{minute:02}:00", "restart"), (f"10:{minute:02}:30", "out"), (f"10:{minute:02}:50", "")])
    assert [c.phase for c in desk.changes] == ["raised"]
    assert desk.state.episode is not None
    assert round(desk.state.episode.elapsed_s) == 330 + 13 * 19


# -- long_wait -------------------------------------------------------------------------------------------------


def wait(minutes: float, *, until: float = 1000.0, unknown_s: float = 0.0) -> Wait:
    """A stay that has lasted so many minutes, seen last at `until`."""
    return Wait(until - minutes * 60 - unknown_s, until, minutes * 60, unknown_s)


def zone_seen(
    now: float,
    *waits: Wait,
    duty: bool = True,
    known: bool = True,
    observed_at: float | None = None,
    expected_over_since: float | None = None,
) -> WaitObservation:
    return WaitObservation(
        at=now,
        duty=duty,
        waits=waits,
        expected_over_since=expected_over_since,
        known=known,
        observed_at=now if observed_at is None else observed_at,
        detail={"count": len(waits)},
    )


def judge(*observations: WaitObservation) -> Sequence[tuple[str, Change]]:
    """Phase, or reason, of each change in turn."""
    state, found = WaitState(), []
    for seen in observations:
        state, changes = step_long_wait(LIMITS, state, seen)
        found += [(change.reason or change.phase, change) for change in changes]
    return found


def test_long_wait_is_one_event_for_the_zone() -> None:
    """Two over the limit, then a third: one event that gets worse, of the one who waited longest."""
    found = judge(
        zone_seen(990, wait(9.9, until=990)),
        zone_seen(1000, wait(11), wait(10), wait(2)),
        zone_seen(1001, wait(11, until=1001), wait(10, until=1001)),
        zone_seen(1010, wait(11, until=1010), wait(10.1, until=1010), wait(10, until=1010)),
    )
    assert [what for what, _ in found] == ["raised", "updated"]
    raised, updated = (change for _, change in found)
    assert raised.started_at == updated.started_at == 1000 - 11 * 60
    assert (raised.severity, raised.elapsed_s, raised.detail) == ("warning", 660.0, {"count": 3, "over_limit": 2})
    assert updated.detail == {"count": 3, "over_limit": 3}


def test_long_wait_of_five_people_is_critical_and_stays_so() -> None:
    five = [wait(11)] * 5
    found = judge(zone_seen(1000, *five), zone_seen(1001, *five[:2]), zone_seen(1030))
    assert [(what, change.severity) for what, change in found] == [("raised", "critical"), ("resolved", "critical")]


def test_long_wait_holds_before_it_clears() -> None:
    """The one who waited is out of sight for four seconds, then gone for good: dated to the last sight."""
    found = judge(
        zone_seen(1000, wait(11)),
        zone_seen(1004),
        zone_seen(1005, wait(11.1, until=1005)),
        zone_seen(1009),
        zone_seen(1010),
    )
    assert [what for what, _ in found] == ["raised", "resolved"]
    assert found[-1][1].ended_at == 1005


def test_long_wait_that_nobody_can_see_stands_still() -> None:
    """A blind camera raises nothing and clears nothing, until it counts as lost."""
    blind = {"known": False, "observed_at": 1000.0}
    assert judge(zone_seen(1100, wait(11), **blind)) == []  # type: ignore[arg-type]
    found = judge(
        zone_seen(1000, wait(11)),
        zone_seen(1299, **blind),  # type: ignore[arg-type]
        zone_seen(1300, **blind),  # type: ignore[arg-type]
    )
    assert [what for what, _ in found] == ["raised", "camera_lost"]
    assert found[-1][1].ended_at == 1000


def test_long_wait_leaves_unknown_time_out() -> None:
    """Nine minutes seen and five unseen are no ten minutes; they are told with the event."""
    assert judge(zone_seen(1000, wait(9, unknown_s=300))) == []
    ((_, change),) = judge(zone_seen(1000, wait(10, unknown_s=300)))
    assert (change.elapsed_s, change.unknown_s, change.started_at) == (600, 300, 100)


def test_long_wait_off_duty() -> None:
    """A closed hall raises nothing; closing ends the event."""
    assert judge(zone_seen(1000, wait(30), duty=False)) == []
    found = judge(zone_seen(1000, wait(11)), zone_seen(1001, wait(11), duty=False), zone_seen(1002, duty=False))
    assert [(what, change.ended_at) for what, change in found] == [("raised", None), ("off_duty", 1001)]


def test_expected_wait_over_the_limit() -> None:
    """Nobody has waited long yet, but who comes now will; without anybody there is nothing to expect."""
    assert judge(zone_seen(1000, expected_over_since=1000)) == []
    found = judge(
        zone_seen(1000, wait(1), expected_over_since=991),
        zone_seen(1002, wait(1), expected_over_since=1001),
        zone_seen(1007, wait(1)),
        zone_seen(1008, wait(1), expected_over_since=999),
    )
    assert [(what, change.started_at, change.ended_at) for what, change in found] == [
        ("raised", 991, None),
        ("resolved", 991, 1002),
        ("raised", 1002, None),  # not back into the one that was over
    ]


# -- overtime_case ---------------------------------------------------------------------------------------------


def session_seen(
    now: float,
    started_at: float | None,
    *,
    elapsed_s: float | None = None,
    unknown_s: float = 0.0,
    known: bool = True,
    observed_at: float | None = None,
    ended: FinishedSession | None = None,
) -> SessionObservation:
    if elapsed_s is None:
        elapsed_s = 0.0 if started_at is None else now - started_at - unknown_s
    seen_at = now if observed_at is None else observed_at
    return SessionObservation(now, started_at, elapsed_s, unknown_s, known, seen_at, ended)


def follow(*observations: SessionObservation) -> Sequence[tuple[str, Change]]:
    state, found = OvertimeState(), []
    for seen in observations:
        state, changes = step_overtime_case(LIMITS, state, seen)
        found += [(change.reason or change.phase, change) for change in changes]
    return found


def test_overtime_case_lasts_as_long_as_its_session() -> None:
    found = follow(
        session_seen(599, 0.0),
        session_seen(600, 0.0),
        session_seen(700, 0.0),
        session_seen(715, None, ended=FinishedSession(0.0, 700.0, 20.0)),
        session_seen(716, None),
    )
    assert [(what, c.started_at, c.ended_at, c.elapsed_s, c.unknown_s) for what, c in found] == [
        ("raised", 0.0, None, 600.0, 0.0),
        ("resolved", 0.0, 700.0, 680.0, 20.0),
    ]


def test_overtime_case_ends_when_another_takes_the_place() -> None:
    """The next session has begun: the old event ends, and the new one waits for its own limit."""
    found = follow(
        session_seen(700, 0.0),
        session_seen(720, 710.0, ended=FinishedSession(0.0, 705.0, 0.0)),
        session_seen(1309, 710.0),
        session_seen(1310, 710.0),
    )
    assert [(what, c.started_at, c.ended_at) for what, c in found] == [
        ("raised", 0.0, None),
        ("resolved", 0.0, 705.0),
        ("raised", 710.0, None),
    ]


def test_overtime_case_pauses_and_ends_without_a_camera() -> None:
    assert follow(session_seen(660, 0.0, unknown_s=61.0)) == []
    assert follow(session_seen(700, 0.0, known=False, observed_at=500.0)) == []
    found = follow(
        session_seen(600, 0.0),
        session_seen(899, 0.0, known=False, observed_at=600.0),
        session_seen(900, 0.0, known=False, observed_at=600.0),
    )
    assert [(what, c.ended_at) for what, c in found] == [("raised", None), ("camera_lost", 600.0)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.5, 30.0, 200.0]), st.booleans(), st.sampled_from(["present", "absent", "unknown"])
        ),
        min_size=1,
        max_size=40,
    )
)
def test_a_quiet_moment_may_be_passed_over(moments: list[tuple[float, bool, Seen]]) -> None:
    """A box that steps the rule only where it is not quiet says the same as one that steps it always."""
    always = quietly = AbsenceState()
    at = clock_s = since_clock_s = 0.0
    since, before = 0.0, "unknown"
    for step_s, duty, seen in moments:
        at, clock_s = at + step_s, clock_s + step_s * duty
        if seen != before:
            since, since_clock_s, before = at, clock_s, seen
        observed = ClerkObservation(
            at, duty, 0.0 if duty else None, seen, since, clock_s, since_clock_s, at, citizens=0, waiting_over=False
        )
        always, said = step_clerk_absent(LIMITS, always, observed, lambda a, b: b - a)
        if not absence_is_quiet(
            LIMITS,
            quietly,
            duty=duty,
            working_day=observed.working_day,
            seen=seen,
            absent_s=(clock_s, since_clock_s),
        ):
            quietly, heard = step_clerk_absent(LIMITS, quietly, observed, lambda a, b: b - a)
            assert heard == said
        else:
            assert said == []
