"""Figures of windows: of today, of a day, of thirty days. Pure but for the reads at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

from dashboards.reports.weeks import local_day, midnight
from hall.clock import Instant
from hall.figures import percentile
from hall.layout import Floor, Hall, Window
from hall.messages import WindowStatus
from ingest.day_sums import minutes_between, sums_between
from ingest.facts import Facts, SessionFact, read_facts
from ingest.incidents import Incident
from ingest.records import Records
from ingest.rollups import WINDOW_SUMS, Rollup

DAYS = 30
STATES = WINDOW_SUMS[:5]


@dataclass(frozen=True, slots=True)
class WindowDay:
    """A window over a day, or some days; None where nothing is on record to tell it from."""

    window: Window
    floor: str
    presence: float | None
    absences: int
    sessions: int
    median_s: float | None
    p90_s: float | None
    overtime: int
    unknown_s: float


@dataclass(frozen=True, slots=True)
class Span:
    """A window was in one state from a moment to another."""

    start: Instant
    end: Instant
    status: WindowStatus


@dataclass(frozen=True, slots=True)
class WindowPast:
    """A window over one day, and over thirty days that end with today."""

    window: Window
    floor: str
    day: date
    start: Instant
    end: Instant
    spans: tuple[Span, ...]
    cases: tuple[SessionFact, ...]
    incidents: tuple[Incident, ...]
    durations_s: tuple[float, ...]
    days: tuple[tuple[date, WindowDay, int, float | None], ...]
    limit_s: float


def window_day(
    window: Window,
    floor: str,
    sums: Mapping[str, float],
    sessions: Sequence[SessionFact],
    incidents: Iterable[Incident],
) -> WindowDay:
    """The figures of a window.

    Args:
        window: which.
        floor: of it.
        sums: seconds by `WINDOW_SUMS`; empty where there are none.
        sessions: that began in the time.
        incidents: that began in it; those that were called false alarms do not count.
    """
    there = sums.get("serving_s", 0.0) + sums.get("idle_s", 0.0)
    known = there + sums.get("unstaffed_s", 0.0)
    lasted = [session.duration_s for session in sessions]
    return WindowDay(
        window=window,
        floor=floor,
        presence=there / known if known > 0 and window.staffed else None,
        absences=sum(i.rule == "clerk_absent" and i.label != "false_alarm" for i in incidents),
        sessions=len(sessions),
        median_s=percentile(lasted, 50),
        p90_s=percentile(lasted, 90),
        overtime=sum(session.overtime for session in sessions),
        unknown_s=sums.get("unknown_s", 0.0),
    )


def spans_of(minutes: Iterable[Rollup], window: str) -> tuple[Span, ...]:
    """The states of a window, each minute the one that lasted longest in it; equal neighbours are one."""
    spans: list[Span] = []
    for minute in minutes:
        sums = minute.windows.get(window)
        if sums is None or not any(sums[state] for state in STATES):
            continue
        status = cast("WindowStatus", max(STATES, key=lambda state, s=sums: s[state]).removesuffix("_s"))  # type: ignore[misc]
        start, end = minute.start, minute.start + 60
        if spans and spans[-1].status == status and spans[-1].end == start:
            spans[-1] = Span(spans[-1].start, end, status)
        else:
            spans.append(Span(start, end, status))
    return tuple(spans)


def read_today(records: Records, hall: Hall, now: Instant) -> list[WindowDay]:
    """All windows of a hall since midnight.

    Raises:
        RecordsError: the records cannot be read.
    """
    start = midnight(local_day(now, hall.zone_info), hall.zone_info)
    facts = read_facts(records, hall, start, now)
    with records.reading() as connection:
        nodes = sums_between(connection, hall.hall.id, start, now)
    sums = {
        (floor, name): dict(zip(WINDOW_SUMS, row, strict=True))
        for (_, floor, _), found in nodes.items()
        for name, row in found.windows.items()
    }
    return [
        window_day(
            window,
            floor.id,
            sums.get((floor.id, window.id), {}),
            [session for session in facts.sessions if session.window == window.id],
            _of(facts, floor, window, start, now),
        )
        for floor, window in hall.windows()
    ]


def read_past(records: Records, hall: Hall, floor: Floor, window: Window, day: date, now: Instant) -> WindowPast:
    """A window over a day, and over the thirty days that end with today.

    Raises:
        RecordsError: the records cannot be read.
    """
    zone = hall.zone_info
    today = local_day(now, zone)
    days = [today - timedelta(days=ago) for ago in range(DAYS)]
    first = min(day, days[-1])
    alone = hall.model_copy(
        update={"floors": [floor.model_copy(update={"windows": [window], "zones": []})]},
    )
    facts = read_facts(records, alone, midnight(first, zone), now)
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    with records.reading() as connection:
        minutes = minutes_between(connection, hall.hall.id, floor.id, start, min(end, now))
        sums = {}
        for one in days:
            found = sums_between(connection, hall.hall.id, midnight(one, zone), midnight(one + timedelta(1), zone))
            rows = [
                s.windows[window.id] for (_, at, _), s in found.items() if at == floor.id and window.id in s.windows
            ]
            sums[one] = dict(zip(WINDOW_SUMS, map(sum, zip(*rows, strict=True)), strict=True)) if rows else {}
    month = []
    for one in days:
        a, b = midnight(one, zone), midnight(one + timedelta(days=1), zone)
        cases = [session for session in facts.sessions if a <= session.started_at < b]
        scores = [rating.score for rating in facts.ratings if rating.window == window.id and a <= rating.at < b]
        figures = window_day(window, floor.id, sums[one], cases, _of(facts, floor, window, a, b))
        month.append((one, figures, len(scores), satisfied(scores)))
    return WindowPast(
        window=window,
        floor=floor.id,
        day=day,
        start=start,
        end=end,
        spans=spans_of(minutes, window.id),
        cases=tuple(session for session in facts.sessions if start <= session.started_at < end),
        incidents=tuple(_of(facts, floor, window, start, end)),
        durations_s=tuple(s.duration_s for s in facts.sessions if s.started_at >= midnight(days[-1], zone)),
        days=tuple(month),
        limit_s=hall.limits_of(window).overtime_case,
    )


SATISFIED = 3
"""基本满意 and better are satisfied, 不满意 and 非常不满意 are 差评 (国办发〔2019〕51号)."""


def satisfied(scores: Sequence[int]) -> float | None:
    """Share of ratings that are no 差评; None of none."""
    return sum(score >= SATISFIED for score in scores) / len(scores) if scores else None


def _of(facts: Facts, floor: Floor, window: Window, start: Instant, end: Instant) -> list[Incident]:
    subject = f"window/{window.id}"
    return [i for i in facts.incidents if (i.floor, i.subject) == (floor.id, subject) and start <= i.started_at < end]
