"""Tickets that were missed, and what happened to tickets by minute and hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_SUMS = ("taken", "called", "missed", "done", "waits")


def upgrade() -> None:
    """From 0010. The tickets that are there are counted."""
    missed = sa.Column("missed_at", sa.Float(53), nullable=True, comment="last: nobody came to its call")
    op.add_column("tickets", missed)
    table = op.create_table(
        "ticket_rollups",
        sa.Column("hall", sa.String(64), primary_key=True),
        sa.Column("floor", sa.String(64), primary_key=True, comment="empty where it is not known"),
        sa.Column("zone", sa.String(64), primary_key=True, comment="likewise"),
        sa.Column("period", sa.String(8), primary_key=True, comment="minute or hour"),
        sa.Column("start", sa.Integer, primary_key=True),
        sa.Column("taken", sa.Integer, nullable=False),
        sa.Column("called", sa.Integer, nullable=False, comment="for the first time"),
        sa.Column("missed", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("waits", sa.Integer, nullable=False, comment="how many waits are in wait_s"),
        sa.Column("wait_s", sa.Float(53), nullable=False),
        comment="What happened to tickets, by minute and hour",
    )
    op.create_index("ticket_rollups_by_time", "ticket_rollups", ["period", "start"])
    tickets = sa.table("tickets", *map(sa.column, ("hall", "floor", "zone", "taken_at", "called_at", "done_at")))
    if rows := _counted(op.get_bind().execute(sa.select(tickets)).mappings()):
        op.bulk_insert(table, rows)


def _counted(tickets: Iterable[Any]) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for ticket in tickets:
        place = {"hall": ticket["hall"], "floor": ticket["floor"] or "", "zone": ticket["zone"] or ""}
        for name in ("taken", "called", "done"):
            if (at := ticket[f"{name}_at"]) is None:
                continue
            for period, seconds in (("minute", 60), ("hour", 3600)):
                key = {**place, "period": period, "start": int(at // seconds) * seconds}
                row = found.setdefault(tuple(key.values()), key | dict.fromkeys(_SUMS, 0) | {"wait_s": 0.0})
                row[name] += 1
                if name == "called" and ticket["taken_at"] is not None:
                    row["waits"] += 1
                    row["wait_s"] += max(0.0, at - ticket["taken_at"])
    return list(found.values())
