"""Facts as sums by window, by zone and by day, less what does not count.

What somebody called a false alarm, and what an upheld appeal excused, counts as attended and in time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dashboards.reports.spans import Span, overlap_s, spans_of
from dashboards.reports.weeks import local_day
from hall.clock import Instant
from hall.layout import Hall, Window, Zone
from hall.messages import Rule
from ingest.facts import Facts, SessionFact
from ingest.incidents import Incident

HOUR_S = 3600.0
_LATE_S = 60.0
"""An overtime event may be raised so long after its session ended, by the centre's order of messages."""


@dataclass(slots=True)
class WindowSums:
    """A window over some time of opening, in seconds and cases.

    Attributes:
        attended_s: known and somebody was there.
        absent_s: known and nobody was there, less `excused_s`.
        excused_s: the same, called a false alarm or excused; it is among `attended_s`.
        unknown_s: the hall was open and nobody knows.
    """

    attended_s: float = 0.0
    absent_s: float = 0.0
    excused_s: float = 0.0
    unknown_s: float = 0.0
    sessions: int = 0
    session_s: float = 0.0
    overtime: int = 0
    score: int = 0
    ratings: int = 0

    @property
    def known_s(self) -> float:
        """On duty, and known."""
        return self.attended_s + self.absent_s

    def add(self, other: WindowSums) -> None:
        """Take in the sums of other time."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class HourOfWindow:
    """A window in one hour of the roll-ups: served and on record for so long, of the time the hall was open."""

    served_s: float
    known_s: float
    unknown_s: float


@dataclass(slots=True)
class DaySums:
    """A day of the hall.

    Attributes:
        sums: of all windows together.
        waits_s: each finished wait.
        over: of these, how many over the limit of their zone.
    """

    sums: WindowSums = field(default_factory=WindowSums)
    waits_s: list[float] = field(default_factory=list)
    over: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """Facts as sums.

    Attributes:
        facts: what they are sums of.
        open_s: how long the hall was open in each hour that it was, by the start of the hour.
        windows: by id and day.
        hours: by id of the window and start of the hour, where the hall was open.
        waits: by id of the zone: each finished wait.
        days: of the hall, those on which it was open or something happened.
        counted: incidents that count, by rule; `excused` the others.
    """

    hall: Hall
    facts: Facts
    open_s: Mapping[Instant, float]
    windows: Mapping[str, Mapping[date, WindowSums]]
    hours: Mapping[str, Mapping[Instant, HourOfWindow]]
    waits: Mapping[str, Sequence[tuple[Instant, float]]]
    days: Mapping[date, DaySums]
    counted: Mapping[Rule, Sequence[Incident]]
    excused: Sequence[Incident]

    def window(self, window: str) -> WindowSums:
        """A window over all days."""
        total = WindowSums()
        for sums in self.windows[window].values():
            total.add(sums)
        return total

    def whole(self) -> WindowSums:
        """All windows over all days."""
        total = WindowSums()
        for day in self.days.values():
            total.add(day.sums)
        return total

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is on record."""
        facts = self.facts
        return not (facts.hours or facts.sessions or facts.stays or facts.incidents)


def is_excused(incident: Incident) -> bool:
    """Whether an incident does not count against anybody."""
    return incident.label == "false_alarm" or incident.appeal == "upheld"


def waiting_zones(hall: Hall) -> list[Zone]:
    """Where people wait."""
    return [zone for floor in hall.floors for zone in floor.zones if zone.kind == "waiting"]


def tally(hall: Hall, facts: Facts) -> Tally:
    """Add up what happened."""
    zone_info = hall.zone_info
    windows: dict[str, defaultdict[date, WindowSums]] = {w.id: defaultdict(WindowSums) for _, w in hall.windows()}
    open_s = _open_hours(hall, facts)
    hours = _window_hours(hall, facts, open_s, windows)
    excused = [incident for incident in facts.incidents if is_excused(incident)]
    _add_sessions(hall, facts, excused, windows)
    for rating in facts.ratings:
        if rating.window in windows:
            sums = windows[rating.window][local_day(rating.at, zone_info)]
            sums.score += rating.score
            sums.ratings += 1
    waits = _waits(hall, facts)
    counted: defaultdict[Rule, list[Incident]] = defaultdict(list)
    for incident in facts.incidents:
        if not is_excused(incident):
            counted[incident.rule].append(incident)
    days = _days(hall, windows, waits)
    return Tally(hall, facts, open_s, windows, hours, waits, days, dict(counted), excused)


def _open_hours(hall: Hall, facts: Facts) -> dict[Instant, float]:
    """Every hour in which the hall was open, whether anything is on record or not."""
    first = facts.start // HOUR_S * HOUR_S
    count = round((facts.end - first) / HOUR_S + 0.499)
    starts = [first + HOUR_S * i for i in range(count)]
    spans = {at: hall.schedule.open_seconds(max(at, facts.start), min(at + HOUR_S, facts.end)) for at in starts}
    return {at: seconds for at, seconds in spans.items() if seconds > 0}


def _window_hours(
    hall: Hall, facts: Facts, open_s: Mapping[Instant, float], windows: Mapping[str, Mapping[date, WindowSums]]
) -> dict[str, dict[Instant, HourOfWindow]]:
    """How long each window was served in each open hour; adds the time to its days."""
    told: defaultdict[tuple[str, Instant], defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for rollup in facts.hours:
        for identity, row in rollup.windows.items():
            for name, value in row.items():
                told[identity, rollup.start][name] += value
    absences = _spans_by_window([i for i in facts.incidents if i.rule == "clerk_absent" and is_excused(i)], facts.end)
    found: dict[str, dict[Instant, HourOfWindow]] = {}
    for _, window in hall.windows():
        found[window.id] = {}
        for start, seconds in open_s.items():
            row = told.get((window.id, start), {})
            excused_s = min(row.get("unstaffed_s", 0.0), overlap_s(start, start + HOUR_S, absences.get(window.id, ())))
            sums = _of_hour(window, row, seconds, excused_s)
            windows[window.id][local_day(start, hall.zone_info)].add(sums)
            known_s = min(
                seconds, sum(row.get(f"{name}_s", 0.0) for name in ("serving", "idle", "unstaffed", "closed"))
            )
            found[window.id][start] = HourOfWindow(sums.attended_s, known_s, sums.unknown_s)
    return found


def _of_hour(window: Window, row: Mapping[str, float], open_s: float, excused_s: float) -> WindowSums:
    attended_s = row.get("serving_s", 0.0) + row.get("idle_s", 0.0)
    absent_s, unknown_s = row.get("unstaffed_s", 0.0), row.get("unknown_s", 0.0)
    if not window.on_demand:
        # What no box told is not in the roll-ups, and nobody knows what was then. A window that is closed unless
        # somebody opens it is taken for closed.
        silent_s = HOUR_S - attended_s - absent_s - unknown_s - row.get("closed_s", 0.0)
        unknown_s = min(open_s, unknown_s + max(0.0, min(silent_s, open_s)))
    return WindowSums(attended_s + excused_s, max(0.0, absent_s - excused_s), excused_s, unknown_s)


def _spans_by_window(incidents: Sequence[Incident], until: Instant) -> dict[str, list[Span]]:
    by_window: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in incidents:
        by_window[identity_of(incident)].append(incident)
    return {window: spans_of(theirs, until) for window, theirs in by_window.items()}


def identity_of(incident: Incident) -> str:
    """The id of what an incident is about: `w01` of `window/w01`."""
    return incident.subject.partition("/")[2] or incident.subject


def _add_sessions(
    hall: Hall, facts: Facts, excused: Sequence[Incident], windows: Mapping[str, Mapping[date, WindowSums]]
) -> None:
    forgiven: defaultdict[str, list[Instant]] = defaultdict(list)
    for incident in excused:
        if incident.rule == "overtime_case":
            forgiven[identity_of(incident)].append(incident.raised_at)
    for session in facts.sessions:
        sums = windows[session.window][local_day(session.started_at, hall.zone_info)]
        sums.sessions += 1
        sums.session_s += session.duration_s
        sums.overtime += session.overtime and not _is_forgiven(session, forgiven.get(session.window, ()))


def _is_forgiven(session: SessionFact, moments: Sequence[Instant]) -> bool:
    return any(session.started_at <= at <= session.ended_at + _LATE_S for at in moments)


def _waits(hall: Hall, facts: Facts) -> dict[str, list[tuple[Instant, float]]]:
    """Finished waits by zone. One that was lost sight of ended nobody knows when."""
    found: dict[str, list[tuple[Instant, float]]] = {zone.id: [] for zone in waiting_zones(hall)}
    for stay in facts.stays:
        if stay.zone in found and stay.ended != "lost":
            found[stay.zone].append((stay.started_at, stay.duration_s))
    return found


def _days(
    hall: Hall,
    windows: Mapping[str, Mapping[date, WindowSums]],
    waits: Mapping[str, Sequence[tuple[Instant, float]]],
) -> dict[date, DaySums]:
    days: defaultdict[date, DaySums] = defaultdict(DaySums)
    for theirs in windows.values():
        for day, sums in theirs.items():
            days[day].sums.add(sums)
    for zone in waiting_zones(hall):
        limit_s = hall.limits_of(zone).long_wait
        for started_at, wait_s in waits[zone.id]:
            one = days[local_day(started_at, hall.zone_info)]
            one.waits_s.append(wait_s)
            one.over += wait_s > limit_s
    return dict(sorted(days.items()))
