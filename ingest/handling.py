"""How incidents are dealt with: how soon somebody sees to them, and how many were none."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, RowMapping, or_, select

from hall.clock import Instant
from hall.figures import percentile
from ingest._own_points import HandlingPoint
from ingest.schema import incidents

RECENT_S = 86_400.0
"""Incidents that were raised so long ago count."""

_UNATTENDED = ("open", "escalated")


def handling(connection: Connection, now: Instant) -> dict[tuple[str, str], list[HandlingPoint]]:
    """A figure for each rule, by hall and floor: of those raised within a day, and of all that nobody sees to."""
    c = incidents.c
    known = [c.hall, c.floor, c.rule, c.status, c.raised_at, c.opened_at, c.acknowledged_at, c.label]
    concerned = or_(c.raised_at >= now - RECENT_S, c.status.in_(_UNATTENDED))
    by_rule: dict[tuple[str, str, str], list[RowMapping]] = defaultdict(list)
    for row in connection.execute(select(*known).where(concerned)).mappings():
        by_rule[row["hall"], row["floor"], row["rule"]].append(row)
    found: dict[tuple[str, str], list[HandlingPoint]] = defaultdict(list)
    for (hall, floor, rule), rows in sorted(by_rule.items()):
        found[hall, floor].append(_point(rule, rows, now))
    return dict(found)


def _point(rule: str, rows: list[RowMapping], now: Instant) -> HandlingPoint:
    recent = [row for row in rows if row["raised_at"] >= now - RECENT_S]
    waits_s = [
        row["acknowledged_at"] - row["opened_at"]
        for row in recent
        if row["acknowledged_at"] is not None and row["opened_at"] is not None
    ]
    false_alarms = sum(row["label"] == "false_alarm" for row in recent)
    return HandlingPoint(
        rule,
        sum(row["status"] in _UNATTENDED for row in rows),
        len(recent),
        sum(row["acknowledged_at"] is not None for row in recent),
        percentile(waits_s, 50),
        percentile(waits_s, 90),
        false_alarms,
        false_alarms / len(recent) if recent else None,
    )
