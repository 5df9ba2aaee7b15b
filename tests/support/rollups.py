"""What the records have of roll-ups."""

from __future__ import annotations

from sqlalchemy import Connection, select

from hall.clock import Instant
from ingest.rollups import Period, Rollup, rollup_of
from ingest.schema import rollups


def read_rollups(connection: Connection, period: Period, start: Instant, end: Instant) -> list[Rollup]:
    """The roll-ups that begin from `start` to before `end`, oldest first."""
    mine = (rollups.c.period == period) & (rollups.c.start >= start) & (rollups.c.start < end)
    order = (rollups.c.start, rollups.c.hall, rollups.c.floor, rollups.c.node)
    return [rollup_of(row) for row in connection.execute(select(rollups).where(mine).order_by(*order)).mappings()]
