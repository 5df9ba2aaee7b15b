"""Why: what falls together with absences, long waits, overtime and unknown time, as far as the records show.

Falling together is no proof; the report says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboards.reports.spans import Span, apart, incident_span, overlap_s, spans_of, touches
from dashboards.reports.staffing import QueueWeek
from dashboards.reports.tally import HOUR_S, Tally, identity_of, waiting_zones
from hall.layout import Zone
from hall.messages import Rule
from ingest.incidents import Incident

NEAR_S = 1800.0
"""So near to the begin or the end of opening hours, an absence is near a break."""
NOON = (11.5, 13.5)
"""Hours of the day that are lunch time in a hall that stays open."""
_SILENT: tuple[Rule, ...] = ("node_offline", "camera_fault", "overload")


@dataclass(frozen=True, slots=True)
class AbsenceCauses:
    """Of the absences that count.

    Attributes:
        count: incidents.
        total_s: how long they were.
        near_s: of that, near breaks and closing; `near_open_s` and `open_s`: opening time near them, and in all.
        before_people: incidents while people were at the window or waited past the limit (critical).
        called: incidents during which a ticket was called to the window and nobody came.
    """

    count: int
    total_s: float
    near_s: float
    near_open_s: float
    open_s: float
    before_people: int
    called: int

    @property
    def near_share(self) -> float:
        """Share of the time of absence that lies near breaks."""
        return self.near_s / self.total_s if self.total_s else 0.0

    @property
    def near_open_share(self) -> float:
        """Share of the opening time that does."""
        return self.near_open_s / self.open_s if self.open_s else 0.0

    @property
    def is_near_breaks(self) -> bool:
        """Whether absences gather there: half as much again as they would anywhere."""
        return self.count >= 3 and self.near_share >= 1.5 * self.near_open_share > 0


@dataclass(frozen=True, slots=True)
class WaitCauses:
    """Of the long waits that count: how many fell together with what; one may with several."""

    count: int
    absent: int
    closed: int
    short: int
    alone: int


@dataclass(frozen=True, slots=True)
class ServiceOvertime:
    """Cases of one service."""

    service: str
    overtime: int
    sessions: int


@dataclass(frozen=True, slots=True)
class Causes:
    """All of them; `unknown` is seconds of windows by what was wrong then, `None` for what nothing says."""

    absence: AbsenceCauses
    waits: WaitCauses
    overtime: Sequence[ServiceOvertime]
    unknown: Mapping[Rule | None, float]


def find_causes(tally: Tally, staffed: Sequence[QueueWeek]) -> Causes:
    """Look at what falls together."""
    return Causes(_absence(tally), _waits(tally, staffed), _overtime(tally), _unknown(tally))


def _clipped(tally: Tally, incident: Incident) -> Span:
    start, end = incident_span(incident, tally.facts.end)
    return max(start, tally.facts.start), max(end, tally.facts.start)


def _of(tally: Tally, rule: Rule) -> Sequence[Incident]:
    """Incidents of a rule that count, but for those that were over before."""
    return [i for i in tally.counted.get(rule, ()) if i.raised_at >= tally.facts.start]


def _absence(tally: Tally) -> AbsenceCauses:
    absences = _of(tally, "clerk_absent")
    opens = open_spans(tally)
    near = _near_breaks(tally, opens)
    called = _spans_by_subject(tally, "called_but_no_clerk")
    spans = [_clipped(tally, incident) for incident in absences]
    open_parts = [[(max(a, s), min(b, e)) for s, e in opens if s < b and a < e] for a, b in spans]
    return AbsenceCauses(
        len(absences),
        sum(b - a for parts in open_parts for a, b in parts),
        sum(overlap_s(a, b, near) for parts in open_parts for a, b in parts),
        sum(b - a for a, b in near),
        sum(b - a for a, b in opens),
        sum(incident.severity == "critical" for incident in absences),
        sum(touches(span, called.get(i.subject, ())) for i, span in zip(absences, spans, strict=True)),
    )


def open_spans(tally: Tally) -> list[Span]:
    """When the hall was open."""
    schedule, end = tally.hall.schedule, tally.facts.end
    found: list[Span] = []
    for hour in sorted(tally.open_s):
        start = max(hour, tally.facts.start)
        step_s = 300.0
        while start < min(hour + HOUR_S, end):
            stop = min(start + step_s, hour + HOUR_S, end)
            if schedule.open_seconds(start, stop) > 0:
                found.append((start, stop))
            start = stop
    return apart(found)


def _near_breaks(tally: Tally, opens: Sequence[Span]) -> list[Span]:
    """Opening time near its edges; in a hall that is open at noon, lunch time too."""
    found = [edge for a, b in opens for edge in ((a, min(b, a + NEAR_S)), (max(a, b - NEAR_S), b))]
    for a, b in opens:
        hour = a
        while hour < b:
            local = datetime.fromtimestamp(hour, tz=tally.hall.zone_info)
            if NOON[0] <= local.hour + local.minute / 60 < NOON[1]:
                found.append((hour, min(b, hour + 300.0)))
            hour += 300.0
    return apart(found)


def _spans_by_subject(tally: Tally, rule: Rule) -> dict[str, list[Span]]:
    found: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in tally.counted.get(rule, ()):
        found[incident.subject].append(incident)
    return {subject: spans_of(theirs, tally.facts.end) for subject, theirs in found.items()}


def _waits(tally: Tally, staffed: Sequence[QueueWeek]) -> WaitCauses:
    absences = _spans_by_subject(tally, "clerk_absent")
    closed = _spans_by_subject(tally, "closed_window_with_queue")
    zones = {zone.id: zone for zone in waiting_zones(tally.hall)}
    windows = {zone.id: {w.id for w in q.queue.windows} for q in staffed for zone in q.queue.zones}
    short = {zone.id: [(h.start, h.start + HOUR_S) for h in q.short_hours] for q in staffed for zone in q.queue.zones}
    waits = [i for i in _of(tally, "long_wait") if identity_of(i) in zones]
    seen = {"absent": 0, "closed": 0, "short": 0, "alone": 0}
    for incident in waits:
        zone, span = zones[identity_of(incident)], _clipped(tally, incident)
        what = {
            "absent": any(touches(span, absences.get(f"window/{w}", ())) for w in _serving(zone, windows)),
            "closed": touches(span, closed.get(incident.subject, ())),
            "short": touches(span, short.get(zone.id, ())),
        }
        what["alone"] = not any(what.values())
        for name, found in what.items():
            seen[name] += found
    return WaitCauses(len(waits), **seen)


def _serving(zone: Zone, windows: Mapping[str, set[str]]) -> Iterable[str]:
    return zone.serves or windows.get(zone.id, ())


def _overtime(tally: Tally) -> list[ServiceOvertime]:
    by_service: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for _, window in tally.hall.windows():
        sums = tally.window(window.id)
        by_service[window.service][0] += sums.overtime
        by_service[window.service][1] += sums.sessions
    found = [ServiceOvertime(service, *sums) for service, sums in by_service.items() if sums[1]]
    return sorted(found, key=lambda one: (-one.overtime / one.sessions, one.service))


def _unknown(tally: Tally) -> dict[Rule | None, float]:
    """Unknown time of windows, each hour put down to what was wrong then: box, camera, load, in this order."""
    found: defaultdict[Rule | None, float] = defaultdict(float)
    spans: dict[tuple[Rule, str], list[Span]] = {}
    by_place: defaultdict[tuple[Rule, str], list[Incident]] = defaultdict(list)
    # What a box said of itself is no matter of who is to blame: labelled ones count as well.
    for incident in tally.facts.incidents:
        if incident.rule in _SILENT:
            by_place[incident.rule, identity_of(incident)].append(incident)
    for key, theirs in by_place.items():
        spans[key] = spans_of(theirs, tally.facts.end)
    for floor, window in tally.hall.windows():
        node = floor.node_of(window.camera)
        places: dict[Rule, str] = {"node_offline": node, "overload": node, "camera_fault": window.camera}
        for start, hour in tally.hours[window.id].items():
            left_s = hour.unknown_s
            for rule in _SILENT:
                part_s = min(left_s, overlap_s(start, start + HOUR_S, spans.get((rule, places[rule]), ())))
                found[rule] += part_s
                left_s -= part_s
            found[None] += left_s
    return {rule: seconds for rule, seconds in found.items() if seconds > 0}
