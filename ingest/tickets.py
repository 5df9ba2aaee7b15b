"""Tickets on record, and how long people with tickets wait, beside what the cameras say.

The messages of one ticket may come in any order and any number of times; the row is the same: of taking, calling and
the end the earliest, earliest and latest, and the window of the newest call. A ticket is missed (过号) while nothing
came after that: it may be called again, or done after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, or_, select

from hall.clock import Instant
from hall.figures import percentile
from hall.messages import ZoneState
from ingest._sql import insert_ignore, upsert
from ingest._tables_inputs import tickets
from ingest.inputs import TicketRequest
from ingest.places import HallPlaces
from ingest.ticket_sums import count_ticket, is_missed, wait_s

RECENT_S = 3600.0
"""Waits that ended so long ago count in the figures of now."""

FORGOTTEN_S = 8 * 3600.0
"""Who took a ticket longer ago, and was not called, went home."""


class TicketView(msgspec.Struct, frozen=True):
    """A ticket. `wait_s` is from taking it to its first call; null while one of them is not known."""

    hall: str
    day: str
    ticket: str
    floor: str | None
    zone: str | None
    service: str | None
    window: str | None
    taken_at: Instant | None
    called_at: Instant | None
    last_called_at: Instant | None
    missed_at: Instant | None
    done_at: Instant | None
    wait_s: float | None


class TicketWaits(msgspec.Struct, frozen=True):
    """How long people with tickets wait: now, and as it was for those who were called within the last hour.

    `missed` of those who were called did not come: nobody knows how long they waited.
    """

    waiting: int
    longest_now_s: float | None
    called: int
    wait_p50_s: float | None
    wait_p90_s: float | None
    missed: int = 0


class ZoneWaits(msgspec.Struct, frozen=True):
    """A zone by its tickets and by its cameras. `zone` null: tickets of which nobody knows where their holders wait.

    `camera` is null where no box has said anything of the zone, `camera_at` when it was so.
    """

    hall: str
    floor: str | None
    zone: str | None
    tickets: TicketWaits
    camera: ZoneState | None
    camera_at: Instant | None


def put_ticket(connection: Connection, hall: str, request: TicketRequest, at: Instant, places: HallPlaces) -> None:
    """Write down what happened to a ticket.

    Args:
        connection: in a write transaction.
        hall: where.
        request: what.
        at: when.
        places: tells zone and day where the request does not.
    """
    day = places.day_of(at) if request.day is None else request.day.isoformat()
    key = {"hall": hall, "day": day, "ticket": request.ticket}
    empty = {column.name: None for column in tickets.c} | key | {"first_at": at}
    insert_ignore(connection, tickets, [empty])
    mine = [tickets.c[name] == value for name, value in key.items()]
    row = dict(connection.execute(select(tickets).where(*mine).with_for_update()).mappings().one())
    after = merged(row, request, at, places)
    upsert(connection, tickets, [after])
    count_ticket(connection, row, after)


def merged(row: dict[str, Any], request: TicketRequest, at: Instant, places: HallPlaces) -> dict[str, Any]:
    """The row of a ticket after one more message of it."""
    after = row | {"first_at": min(row["first_at"], at)}
    match request.event:
        case "taken":
            after["taken_at"] = _least(row["taken_at"], at)
        case "called":
            after["called_at"] = _least(row["called_at"], at)
            if row["last_called_at"] is None or (at, request.window) >= (row["last_called_at"], row["window"] or ""):
                after |= {"last_called_at": at, "window": request.window}
        case "missed":
            after["missed_at"] = at if row["missed_at"] is None else max(row["missed_at"], at)
        case "done":
            after["done_at"] = at if row["done_at"] is None else max(row["done_at"], at)
    # What is said by several messages in several ways must not depend on which came last.
    after["service"] = max(filter(None, (row["service"], request.service)), default=None)
    said = max(filter(None, (row["zone"], request.zone)), default=None)
    after["zone"] = said or places.zone_of(None, after["service"]) or places.zone_of(after["window"], None)
    after["floor"] = places.floor_of_zone(after["zone"]) if after["zone"] else None
    return after


def _least(known: Instant | None, at: Instant) -> Instant:
    return at if known is None else min(known, at)


def ticket_view(row: RowMapping) -> TicketView:
    """A ticket from its row."""
    values = dict(row)
    del values["first_at"]
    return TicketView(**values, wait_s=wait_s(row))


def ticket_waits(
    connection: Connection, now: Instant, halls: Collection[str] | None = None
) -> dict[tuple[str, str | None, str | None], TicketWaits]:
    """How long people wait, by hall, floor and zone, where there are tickets of late.

    Args:
        connection: a transaction.
        now: the time.
        halls: of these only.
    """
    statement = select(tickets).where(
        tickets.c.first_at > now - FORGOTTEN_S - RECENT_S,
        or_(tickets.c.called_at.is_(None), tickets.c.called_at > now - RECENT_S),
    )
    if halls is not None:
        statement = statement.where(tickets.c.hall.in_(halls))
    by_zone: defaultdict[tuple[str, str | None, str | None], list[RowMapping]] = defaultdict(list)
    for row in connection.execute(statement).mappings():
        by_zone[row["hall"], row["floor"], row["zone"]].append(row)
    return {key: _figures(rows, now) for key, rows in by_zone.items()}


def _figures(rows: Sequence[RowMapping], now: Instant) -> TicketWaits:
    waiting = [
        max(0.0, now - row["taken_at"])
        for row in rows
        if row["taken_at"] is not None
        and row["called_at"] is None
        and row["done_at"] is None
        and row["missed_at"] is None
        and now - row["taken_at"] < FORGOTTEN_S
    ]
    called = [(wait, is_missed(row)) for row in rows if (wait := wait_s(row)) is not None]
    ended = [wait for wait, missed in called if not missed]
    p50, p90 = _rounded(percentile(ended, 50)), _rounded(percentile(ended, 90))
    longest = _rounded(max(waiting, default=None))
    return TicketWaits(len(waiting), longest, len(called), p50, p90, len(called) - len(ended))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
