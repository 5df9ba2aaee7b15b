"""Hours with too few windows: the load that people bring, and the windows that it needs.

The load of an hour is the arrivals per second times the mean seconds of a case: as many windows as it says would be
busy all the time (Erlangs). Needed are the fewest windows of which Erlang's delay formula (M/M/c) says that at most one
in ten waits past the limit of the zone:

    P(wait > t) = C(c, a) exp(-(c - a) t / h), at most 0.1

with load a, windows c, mean handling time h. Source: A. K. Erlang, 1917; N. Gans, G. Koole, A. Mandelbaum, Telephone
Call Centers: Tutorial, Review, and Research Prospects, Manufacturing & Service Operations Management 5(2), 2003.
Too few were served where that many is more than half a window above the mean number that was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite

from dashboards.reports.tally import HOUR_S, HourOfWindow, Tally, waiting_zones
from hall.clock import Instant
from hall.layout import Hall, Window, Zone

LATE_SHARE = 0.1
"""One in so many may wait past the limit."""
SHORT_BY = 0.5
"""Windows: less is within what a mean over an hour says."""
MOST_UNKNOWN = 0.2
"""Of the time of an hour: where more is unknown, nothing is said of it."""
_LEAST_CASES = 10
_LEAST_OPEN_S = 900.0
_MOST_WINDOWS = 500


@dataclass(frozen=True, slots=True)
class Queue:
    """Zones and the windows that serve them: those that share a window are one queue."""

    zones: tuple[Zone, ...]
    windows: tuple[Window, ...]
    limit_s: float


@dataclass(frozen=True, slots=True)
class QueueHour:
    """A queue in an hour.

    Attributes:
        arrivals: cases that people came with.
        load: in windows; None where nobody knows.
        open: windows that were served, mean over the time the hall was open.
        needed: windows; None where nobody knows.
        over: waits that began in it and passed the limit.
    """

    start: Instant
    arrivals: float
    load: float | None
    open: float | None
    needed: int | None
    over: int

    @property
    def short(self) -> float:
        """By how many windows there were too few; 0 where there were enough, or nobody knows."""
        if self.needed is None or self.open is None or self.needed - self.open < SHORT_BY:
            return 0.0
        return self.needed - self.open


@dataclass(frozen=True, slots=True)
class QueueWeek:
    """A queue over a week; `handling_s` and `hours` say nothing where there were too few cases."""

    queue: Queue
    by_ticket: bool
    cases_per_arrival: float
    handling_s: float | None
    hours: Sequence[QueueHour]

    @property
    def short_hours(self) -> list[QueueHour]:
        """Hours with too few windows, the worst first."""
        return sorted((h for h in self.hours if h.short), key=lambda h: (-h.short, h.start))


def delay(load: float, windows: int) -> float:
    """Erlang's C: the share of people who wait at all, where `windows` are more than `load`."""
    if load <= 0:
        return 0.0
    blocked = 1.0  # Erlang's B for no window, then for one more each time
    for c in range(1, windows + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked / (1 - load / windows * (1 - blocked))


def needed_windows(load: float, handling_s: float, limit_s: float) -> int:
    """The fewest windows with which at most one in ten waits past a limit."""
    windows = max(1, int(load) + 1)
    while windows < _MOST_WINDOWS and delay(load, windows) * exp((load - windows) * limit_s / handling_s) > LATE_SHARE:
        windows += 1
    return windows


def queues(hall: Hall) -> list[Queue]:
    """The queues of a hall. A zone that names no window is served by all of its floor that are staffed."""
    found: list[tuple[set[str], set[str]]] = []
    by_id = {window.id: window for _, window in hall.windows()}
    for floor in hall.floors:
        staffed = [window.id for window in floor.windows if window.staffed]
        for zone in floor.zones:
            if zone.kind != "waiting":
                continue
            served = {w for w in zone.serves if by_id[w].staffed} or set(staffed)
            joined = [one for one in found if one[1] & served]
            found = [one for one in found if one not in joined]
            zones = {zone.id}.union(*(one[0] for one in joined))
            found.append((zones, served.union(*(one[1] for one in joined))))
    return [_queue(hall, zones, served) for zones, served in found if served]


def _queue(hall: Hall, zones: Iterable[str], served: Iterable[str]) -> Queue:
    zones, served = set(zones), set(served)
    theirs = tuple(zone for zone in waiting_zones(hall) if zone.id in zones)
    return Queue(
        theirs,
        tuple(window for _, window in hall.windows() if window.id in served),
        min(hall.limits_of(zone).long_wait for zone in theirs),
    )


def staffing(tally: Tally) -> list[QueueWeek]:
    """Load and windows of each queue, hour by hour."""
    return [_queue_week(tally, queue) for queue in queues(tally.hall)]


def _queue_week(tally: Tally, queue: Queue) -> QueueWeek:
    windows = {window.id for window in queue.windows}
    sessions = [session for session in tally.facts.sessions if session.window in windows]
    came, by_ticket = _arrivals(tally, queue, len(sessions))
    # A family that waits on four seats is one case; a ticket is one.
    share = 1.0 if by_ticket or not came else min(1.0, len(sessions) / len(came))
    if len(sessions) < _LEAST_CASES:
        return QueueWeek(queue, by_ticket, share, None, [])
    handling_s = sum(session.duration_s for session in sessions) / len(sessions)
    per_hour = _by_open_hour(tally, came)
    over = _by_hour(at for zone in queue.zones for at, wait_s in tally.waits[zone.id] if wait_s > queue.limit_s)
    unknown = _unknown_zone_hours(tally, queue)
    hours = []
    for start, open_s in tally.open_s.items():
        arrivals = per_hour.get(start, 0) * share
        served = None if start in unknown and not by_ticket else _served(queue, tally.hours, start, open_s)
        # A few minutes of opening say nothing of an hour.
        if served is None or open_s < _LEAST_OPEN_S:
            hours.append(QueueHour(start, arrivals, None, None, None, over.get(start, 0)))
            continue
        load = arrivals * handling_s / open_s
        needed = needed_windows(load, handling_s, queue.limit_s) if load > 0 else 0
        hours.append(QueueHour(start, arrivals, load, served, needed, over.get(start, 0)))
    return QueueWeek(queue, by_ticket, share, handling_s, hours)


def _arrivals(tally: Tally, queue: Queue, sessions: int) -> tuple[list[Instant], bool]:
    """When people came: by ticket where most cases have one, else as the cameras saw them sit down or stand."""
    zones = {zone.id for zone in queue.zones}
    taken = [ticket.taken_at for ticket in tally.facts.tickets if ticket.zone in zones]
    if sessions and len(taken) >= sessions / 2:
        return taken, True
    seen = [at for zone in queue.zones for at, _ in tally.waits[zone.id]]
    if seen:
        return seen, False
    windows = {window.id for window in queue.windows}
    return [session.started_at for session in tally.facts.sessions if session.window in windows], False


def _by_hour(moments: Iterable[Instant]) -> dict[Instant, int]:
    found: defaultdict[Instant, int] = defaultdict(int)
    for at in moments:
        found[at // HOUR_S * HOUR_S] += 1
    return dict(found)


def _by_open_hour(tally: Tally, moments: Iterable[Instant]) -> dict[Instant, int]:
    """Arrivals by hour; who comes within the hour before it opens, comes when it does."""
    found: defaultdict[Instant, int] = defaultdict(int)
    for start, count in _by_hour(moments).items():
        found[start if start in tally.open_s else start + HOUR_S] += count
    return dict(found)


def _served(
    queue: Queue, hours: Mapping[str, Mapping[Instant, HourOfWindow]], start: Instant, open_s: float
) -> float | None:
    """Windows that were served in an hour, mean over the open time; None where too little is known of them."""
    theirs = [hours[window.id][start] for window in queue.windows]
    unknown_s = sum(one.unknown_s for one in theirs)
    if unknown_s > MOST_UNKNOWN * open_s * len(theirs):
        return None
    known = sum(1 - min(1.0, one.unknown_s / open_s) for one in theirs)
    if known <= 0:
        return None
    found = sum(min(1.0, one.served_s / open_s) for one in theirs) * len(theirs) / known
    return found if isfinite(found) else None


def _unknown_zone_hours(tally: Tally, queue: Queue) -> set[Instant]:
    """Hours in which the zones were not seen for much of the time."""
    zones = {zone.id for zone in queue.zones}
    known: defaultdict[Instant, float] = defaultdict(float)
    for rollup in tally.facts.hours:
        for identity, row in rollup.zones.items():
            if identity in zones:
                known[rollup.start] += row["known_s"]
    return {
        start
        for start, open_s in tally.open_s.items()
        if known.get(start, 0.0) < (1 - MOST_UNKNOWN) * open_s * len(zones)
    }
