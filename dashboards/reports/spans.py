"""Spans of time: how much of one lies in others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hall.clock import Instant
from ingest.incidents import Incident

Span = tuple[Instant, Instant]


def overlap_s(start: Instant, end: Instant, spans: Iterable[Span]) -> float:
    """How much of the time from `start` to `end` lies in spans that are apart, in seconds."""
    return sum(max(0.0, min(end, b) - max(start, a)) for a, b in spans)


def touches(span: Span, spans: Iterable[Span]) -> bool:
    """Whether a span has a moment in common with one of them."""
    return any(a < span[1] and span[0] < b for a, b in spans)


def apart(spans: Iterable[Span]) -> list[Span]:
    """The same time as spans that are in order and apart."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def incident_span(incident: Incident, until: Instant) -> Span:
    """From when until when an incident was; one that goes on, until `until`."""
    ended = until if incident.holds or incident.ended_at is None else incident.ended_at
    return incident.started_at, max(incident.started_at, min(ended, until))


def spans_of(incidents: Sequence[Incident], until: Instant) -> list[Span]:
    """The time of some incidents, as spans that are apart."""
    return apart(incident_span(incident, until) for incident in incidents)
