"""Sums of windows and zones over hours that are over and minutes that are, so also of a day that goes on."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from hall.clock import Instant
from ingest.live import NodeKey
from ingest.rollups import Rollup, Sums, rollup_of
from ingest.schema import rollups


def sums_between(
    connection: Connection, hall: str, start: Instant, end: Instant, *, floor: str | None = None
) -> Mapping[NodeKey, Sums]:
    """What each node of a hall summed from `start` to before `end`; whole hours where they are on record.

    Args:
        connection: to read with.
        hall: its id.
        start: the beginning of an hour.
        end: to before when.
        floor: of this one only.
    """
    mine = rollups.c.hall == hall if floor is None else (rollups.c.hall == hall) & (rollups.c.floor == floor)
    during = (rollups.c.start >= start) & (rollups.c.start < end)
    found: dict[NodeKey, Sums] = {}
    hours: set[tuple[NodeKey, int]] = set()
    # "hour" comes before "minute".
    rows = connection.execute(select(rollups).where(mine, during).order_by(rollups.c.period, rollups.c.start))
    for row in rows:
        key = (row.hall, row.floor, row.node)
        if row.period == "hour":
            hours.add((key, row.start))
        elif (key, row.start // 3600 * 3600) in hours:
            continue
        found.setdefault(key, Sums()).add(Sums.decode(row.body))
    return found


def minutes_between(connection: Connection, hall: str, floor: str, start: Instant, end: Instant) -> list[Rollup]:
    """The minutes of the nodes of a floor that begin from `start` to before `end`, in order."""
    mine = (rollups.c.hall == hall) & (rollups.c.floor == floor) & (rollups.c.period == "minute")
    during = (rollups.c.start >= start) & (rollups.c.start < end)
    rows = connection.execute(select(rollups).where(mine, during).order_by(rollups.c.start)).mappings()
    return [rollup_of(row) for row in rows]
