"""Everything that a weekly report says, as figures: pure, from the facts of the week and of those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dashboards.reports.causes import Causes, find_causes
from dashboards.reports.compare import (
    LOOK_BACK_DAYS,
    MEASURES,
    WINDOW_LEVEL,
    Change,
    Compared,
    Effect,
    FigureName,
    compare,
    effect,
    figure_value,
    told_days,
)
from dashboards.reports.spans import incident_span
from dashboards.reports.staffing import QueueWeek, staffing
from dashboards.reports.stats import Quantile, value
from dashboards.reports.tally import DaySums, Tally, WindowSums, identity_of, tally, waiting_zones
from dashboards.reports.weeks import Week, local_day, midnight
from hall.clock import Instant
from hall.errors import InputError
from hall.layout import Hall, Window, Zone
from hall.messages import Rule
from ingest.facts import Facts, read_facts
from ingest.incidents import Incident
from ingest.records import Records

MOST_UNKNOWN = 0.2
"""A window of which a larger share of the opening time is unknown is marked and not ranked."""
_LEAST_KNOWN_S = 3600.0
_LEAST_SESSIONS = 10
_WEEKS_BEFORE = 4


@dataclass(frozen=True, slots=True)
class WindowWeek:
    """A window over the week.

    Attributes:
        absences: incidents that count; `longest_s` the longest of them.
        sums: its time and cases.
        moved: absence share and overtime share against the week before.
    """

    window: Window
    sums: WindowSums
    absences: int
    longest_s: float
    moved: Mapping[FigureName, Compared]

    @property
    def unknown_share(self) -> float:
        """Share of its opening time that is unknown."""
        whole_s = self.sums.known_s + self.sums.unknown_s
        return self.sums.unknown_s / whole_s if whole_s else 0.0

    @property
    def absent_share(self) -> float | None:
        """Share of the known time in which nobody was there."""
        return self.sums.absent_s / self.sums.known_s if self.sums.known_s else None

    @property
    def overtime_share(self) -> float | None:
        """Share of its cases that took too long."""
        return self.sums.overtime / self.sums.sessions if self.sums.sessions else None

    @property
    def is_ranked(self) -> bool:
        """Whether enough of it is known to set it beside others."""
        return self.unknown_share <= MOST_UNKNOWN and self.sums.known_s >= _LEAST_KNOWN_S


@dataclass(frozen=True, slots=True)
class ZoneWeek:
    """Where people wait, over the week: finished waits, and how many passed the limit."""

    zone: Zone
    limit_s: float
    waits: int
    p50_s: float | None
    p90_s: float | None
    longest_s: float | None
    over: int
    incidents: int


@dataclass(frozen=True, slots=True)
class TicketWaits:
    """Exact waits, from taking a ticket to being called."""

    tickets: int
    p50_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says.

    Attributes:
        until: what is after it was not yet on record.
        figures: of the hall, against the week before and the mean of the weeks before.
        weeks_before: how many of these have data.
        days: of the week, in order; those of the week before in `days_before`.
        excused: incidents that do not count, false alarms and upheld appeals.
        incidents: those that count, by rule.
    """

    hall: Hall
    week: Week
    until: Instant
    is_over: bool
    is_empty: bool
    whole: WindowSums
    figures: Sequence[Compared]
    weeks_before: int
    days: Mapping[date, DaySums]
    days_before: Mapping[date, DaySums]
    windows: Sequence[WindowWeek]
    zones: Sequence[ZoneWeek]
    tickets: TicketWaits | None
    incidents: Mapping[Rule, int]
    excused: int
    causes: Causes
    queues: Sequence[QueueWeek]
    effect: Effect | None

    @property
    def unknown_share(self) -> float | None:
        """Share of the opening time of all windows that is unknown."""
        whole_s = self.whole.known_s + self.whole.unknown_s
        return self.whole.unknown_s / whole_s if whole_s else None

    def most(self, share: Callable[[WindowWeek], float | None]) -> list[WindowWeek]:
        """Windows of which enough is known, by a share that is above zero, the largest first."""
        known = [(share(window) or 0.0, window) for window in self.windows if window.is_ranked]
        return [w for found, w in sorted(known, key=lambda one: (-one[0], one[1].window.id)) if found > 0]

    @property
    def most_absent(self) -> list[WindowWeek]:
        """Windows by the share of time in which nobody was there."""
        return self.most(lambda window: window.absent_share)

    @property
    def most_overtime(self) -> list[WindowWeek]:
        """Windows by the share of cases that took too long, where they had enough cases."""
        return self.most(lambda w: w.overtime_share if w.sums.sessions >= _LEAST_SESSIONS else None)

    @property
    def not_ranked(self) -> list[WindowWeek]:
        """Windows of which too little is known."""
        return [window for window in self.windows if not window.is_ranked and window.sums.unknown_s > 0]


def make_report(records: Records, hall: Hall, week: Week, now: Instant, change: Change | None = None) -> Report:
    """Read the records and reckon the report of a week.

    Args:
        records: where everything is.
        hall: the layout.
        week: which.
        now: the time: what is later is not looked at.
        change: whose effect is looked at.

    Raises:
        InputError: the week has not begun, or the change is not before its end.
        RecordsError: the records cannot be read.
    """
    start, end = week.span(hall.zone_info)
    if start >= now:
        raise InputError(f"week {week}: has not begun yet; expected one that has")
    until = min(end, now)
    if change is not None and not change.at < until:
        raise InputError(f"--change: is not before the end of week {week}, so nothing of it shows there")
    this = tally(hall, read_facts(records, hall, start, until))
    earlier = [_tally_week(records, hall, week.earlier(i)) for i in range(1, _WEEKS_BEFORE + 1)]
    shown = None if change is None else effect(change, _around(records, hall, change, until))
    return reckon(week, this, earlier, is_over=until == end, shown=shown)


def _tally_week(records: Records, hall: Hall, week: Week) -> Tally:
    return tally(hall, read_facts(records, hall, *week.span(hall.zone_info)))


def _around(records: Records, hall: Hall, change: Change, until: Instant) -> Tally:
    """The days before and after a change, whole ones."""
    zone = hall.zone_info
    week = Week.of(local_day(change.at, zone))
    first = midnight(week.monday - timedelta(days=LOOK_BACK_DAYS), zone)
    last = midnight(week.monday + timedelta(days=LOOK_BACK_DAYS + 7), zone)
    return tally(hall, _whole_days(read_facts(records, hall, first, min(until, last)), hall))


def _whole_days(facts: Facts, hall: Hall) -> Facts:
    """Without today: a day that is not over is not like another."""
    begun = midnight(local_day(facts.end, hall.zone_info), hall.zone_info)
    if begun == facts.end:
        return facts
    return facts._replace(
        end=begun,
        hours=[hour for hour in facts.hours if hour.start < begun],
        sessions=[session for session in facts.sessions if session.started_at < begun],
        stays=[stay for stay in facts.stays if stay.started_at < begun],
        tickets=[ticket for ticket in facts.tickets if ticket.taken_at < begun],
        ratings=[rating for rating in facts.ratings if rating.at < begun],
    )


def reckon(week: Week, this: Tally, earlier: Sequence[Tally], *, is_over: bool, shown: Effect | None = None) -> Report:
    """The report of a week, from what it and the weeks before it add up to, the nearest first."""
    hall, before = this.hall, earlier[0]
    queues = staffing(this)
    now_days, before_days = told_days(this.days), told_days(before.days)
    pairs = [(day - timedelta(days=7), day) for day in now_days if day - timedelta(days=7) in before_days]
    with_data = [found for one in earlier if (found := told_days(one.days))]
    return Report(
        hall=hall,
        week=week,
        until=this.facts.end,
        is_over=is_over,
        is_empty=this.is_empty,
        whole=this.whole(),
        figures=[_with_earlier(compare(name, before_days, now_days, pairs), with_data) for name in MEASURES],
        weeks_before=len(with_data),
        days=now_days,
        days_before=before_days,
        windows=[_window_week(this, before, window) for _, window in hall.windows()],
        zones=[_zone_week(this, zone) for zone in waiting_zones(hall)],
        tickets=_tickets(this.facts),
        incidents={rule: len(_raised(this, rule)) for rule in this.counted if _raised(this, rule)},
        excused=sum(incident.raised_at >= this.facts.start for incident in this.excused),
        causes=find_causes(this, queues),
        queues=queues,
        effect=shown,
    )


def _with_earlier(compared: Compared, weeks: Sequence[Mapping[date, DaySums]]) -> Compared:
    """With the mean of the weeks before; of one alone the week before says it."""
    values = [found for days in weeks if (found := figure_value(compared.name, days)) is not None]
    mean = sum(values) / len(values) if len(values) > 1 else None
    return Compared(compared.name, compared.before, compared.now, compared.moved, mean)


def _raised(this: Tally, rule: Rule) -> list[Incident]:
    return [incident for incident in this.counted[rule] if incident.raised_at >= this.facts.start]


def _window_week(this: Tally, before: Tally, window: Window) -> WindowWeek:
    mine = [
        incident
        for incident in this.counted.get("clerk_absent", ())
        if identity_of(incident) == window.id and incident.raised_at >= this.facts.start
    ]
    spans = [incident_span(incident, this.facts.end) for incident in mine]
    now_days, before_days = _days_of(this, window), _days_of(before, window)
    pairs = [(day - timedelta(days=7), day) for day in now_days if day - timedelta(days=7) in before_days]
    names: tuple[FigureName, ...] = ("absence", "overtime")
    return WindowWeek(
        window,
        this.window(window.id),
        len(mine),
        max((b - a for a, b in spans), default=0.0),
        {name: compare(name, before_days, now_days, pairs, level=WINDOW_LEVEL) for name in names},
    )


def _days_of(one: Tally, window: Window) -> dict[date, DaySums]:
    return told_days({day: DaySums(sums) for day, sums in sorted(one.windows[window.id].items())})


def _zone_week(this: Tally, zone: Zone) -> ZoneWeek:
    waits = [wait_s for _, wait_s in this.waits[zone.id]]
    limit_s = this.hall.limits_of(zone).long_wait
    return ZoneWeek(
        zone,
        limit_s,
        len(waits),
        value(Quantile([waits], 0.5)),
        value(Quantile([waits], 0.9)),
        max(waits, default=None),
        sum(wait_s > limit_s for wait_s in waits),
        sum(
            identity_of(incident) == zone.id and incident.raised_at >= this.facts.start
            for incident in this.counted.get("long_wait", ())
        ),
    )


def _tickets(facts: Facts) -> TicketWaits | None:
    waits = [ticket.called_at - ticket.taken_at for ticket in facts.tickets]
    p50_s, p90_s = value(Quantile([waits], 0.5)), value(Quantile([waits], 0.9))
    return None if p50_s is None or p90_s is None else TicketWaits(len(waits), p50_s, p90_s)
