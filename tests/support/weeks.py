"""Weeks of a hall on record, written as the centre keeps them: hour roll-ups, sessions, stays, incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert

from hall.clock import Instant
from hall.layout import Hall
from hall.messages import Rule
from ingest._tables_inputs import ratings, tickets
from ingest.records import Records
from ingest.rollups import WINDOW_SUMS, ZONE_SUMS, Sums
from ingest.schema import incidents, nodes, rollups, sessions, stays

SQUARE = "[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3], [0.1, 0.3]]"


def hall_text(windows: int = 3, *, timezone: str = "Asia/Shanghai", labels: Mapping[str, str] | None = None) -> str:
    """A hall file: some windows that one waiting zone leads to; open 9 to 12 and 13:30 to 17:30 on workdays."""
    named = labels or {}
    lines = [
        f"hall: {{id: demo, name: 滨江区政务服务中心, timezone: {timezone}}}",
        'hours: {mon-fri: ["09:00-12:00", "13:30-17:30"]}',
        "limits: {clerk_absent: 5min, long_wait: 30min, overtime_case: 20min}",
        "floors:",
        "  - id: f1",
        "    cameras: [{id: c1, source: a.mp4}]",
        "    windows:",
    ]
    for number in range(1, windows + 1):
        window = f"w{number:02}"
        label = named.get(window, f"{number}号窗口").replace("'", "''")
        service = ("社保", "医保", "户籍")[number % 3]
        lines.append(
            f"      - {{id: {window}, label: '{label}', service: {service}, camera: c1, clerk_area: {SQUARE}}}"
        )
    zone = named.get("hall", "中央等候区").replace("'", "''")
    lines += [
        "    zones:",
        f"      - {{id: hall, label: '{zone}', areas: [{{camera: c1, polygon: {SQUARE}}}]}}",
    ]
    return "\n".join(lines)


class Weeks:
    """Rows for the records of a hall; `write` puts down all that were told.

    Args:
        records: where to.
        hall: whose; its first floor and that floor's first node tell everything.
    """

    def __init__(self, records: Records, hall: Hall) -> None:
        self._records = records
        floor = hall.floors[0]
        self._place = {"hall": hall.hall.id, "floor": floor.id, "node": floor.nodes[0]}
        self._sums: dict[int, Sums] = {}
        self._rows: dict[Any, list[dict[str, Any]]] = {t: [] for t in (sessions, stays, incidents, ratings, tickets)}

    def window(self, at: Instant, window: str, **sums: float) -> None:
        """What a window was in the hour that begins at `at`: `serving_s=3000, unknown_s=600`."""
        kept = self._sums.setdefault(int(at), Sums())
        row = kept.windows.setdefault(window, [0.0] * len(WINDOW_SUMS))
        for name, value in sums.items():
            row[WINDOW_SUMS.index(name)] += value

    def zone(self, at: Instant, zone: str, **sums: float) -> None:
        """The same of a zone."""
        kept = self._sums.setdefault(int(at), Sums())
        row = kept.zones.setdefault(zone, [0.0] * len(ZONE_SUMS))
        for name, value in sums.items():
            row[ZONE_SUMS.index(name)] += value

    def session(self, window: str, at: Instant, duration_s: float, *, overtime: bool = False) -> None:
        """A session that began at `at`."""
        rows = self._rows[sessions]
        rows.append(
            {
                **self._place,
                "session_id": f"s{len(rows)}",
                "window": window,
                "started_at": at,
                "ended_at": at + duration_s,
                "duration_s": duration_s,
                "unknown_s": 0.0,
                "overtime": overtime,
            }
        )

    def stay(self, zone: str, at: Instant, duration_s: float, ended: str = "served") -> None:
        """A wait that began at `at`."""
        rows = self._rows[stays]
        rows.append(
            {
                **self._place,
                "stay_id": f"t{len(rows)}",
                "zone": zone,
                "started_at": at,
                "ended_at": at + duration_s,
                "duration_s": duration_s,
                "unknown_s": 0.0,
                "ended": ended,
            }
        )

    def incident(self, rule: Rule, subject: str, start: Instant, end: Instant | None, **more: Any) -> None:
        """An incident; `label="false_alarm"`, `appeal="upheld"`, `severity="critical"` make it another one."""
        rows = self._rows[incidents]
        row: dict[str, Any] = {
            **self._place,
            "event_id": f"e{len(rows)}",
            "rule": rule,
            "subject": subject,
            "severity": "warning",
            "status": "open" if end is None else "cleared",
            "openings": 1,
            "started_at": start,
            "raised_at": start + 60,
            "last_raised_at": start + 60,
            "last_cleared_at": end,
            "ended_at": end,
            "reason": None if end is None else "resolved",
            "latest_at": start + 60 if end is None else end,
            "latest_rank": 0 if end is None else 2,
            "elapsed_s": 60.0 if end is None else end - start,
            "unknown_s": 0.0,
            "limit_s": 60.0,
            "detail": b"{}",
            "level": 0,
            "label": None,
            "appeal": None,
        }
        rows.append(row | more)

    def rating(self, window: str, at: Instant, score: int) -> None:
        """What somebody gave a window."""
        rows = self._rows[ratings]
        hall = {"hall": self._place["hall"], "floor": self._place["floor"]}
        rows.append({**hall, "key": f"r{len(rows)}", "window": window, "score": score, "at": at})

    def ticket(self, zone: str, at: Instant, wait_s: float) -> None:
        """A ticket that was taken at `at` and called."""
        rows = self._rows[tickets]
        rows.append(
            {
                "hall": self._place["hall"],
                "floor": self._place["floor"],
                "day": "any",
                "ticket": f"A{len(rows)}",
                "zone": zone,
                "taken_at": at,
                "called_at": at + wait_s,
                "first_at": at,
            }
        )

    def write(self) -> None:
        """Put everything on record."""
        hours = [
            {**self._place, "period": "hour", "start": start, "body": sums.encode()}
            for start, sums in sorted(self._sums.items())
        ]
        node = {**self._place, "boot": "b", "status": "online", "status_at": 0.0, "version": "1", "seen_at": 0.0}
        tables: Sequence[tuple[Any, list[dict[str, Any]]]] = (
            (nodes, [node]),
            (rollups, hours),
            *self._rows.items(),
        )
        with self._records.writing() as connection:
            for table, rows in tables:
                if rows:
                    connection.execute(insert(table), rows)
