"""What happened in a hall between two instants, as rows: what reports are reckoned from.

Each question goes by an index and by places that are named, so that a hall of a province costs no more than one alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, or_, select

from hall.clock import Instant
from hall.layout import Hall
from ingest._tables_inputs import ratings, tickets
from ingest.incidents import Incident, from_row
from ingest.records import Records
from ingest.rollups import Rollup, rollup_of
from ingest.schema import incidents, nodes, rollups, sessions, stays

LONGEST_INCIDENT_S = 7 * 86_400.0
"""An incident that was raised so long before may still reach into what is asked for."""


class SessionFact(NamedTuple):
    """A finished service session of a window."""

    window: str
    started_at: Instant
    ended_at: Instant
    duration_s: float
    overtime: bool


class StayFact(NamedTuple):
    """A finished stay in a zone; `ended` is `served`, `left` or `lost`."""

    zone: str
    started_at: Instant
    ended_at: Instant
    duration_s: float
    ended: str


class TicketFact(NamedTuple):
    """A ticket that was taken and called; the zone may not be known."""

    zone: str | None
    taken_at: Instant
    called_at: Instant


class RatingFact(NamedTuple):
    """What somebody gave a window: 1 to 5."""

    window: str
    at: Instant
    score: int


class Facts(NamedTuple):
    """All of it, from `start` to before `end`.

    Attributes:
        hours: hour roll-ups that begin in between.
        sessions: that began in between; likewise stays, tickets (taken) and ratings (given).
        incidents: whose time touches it, labelled and appealed ones too.
    """

    start: Instant
    end: Instant
    hours: Sequence[Rollup]
    sessions: Sequence[SessionFact]
    stays: Sequence[StayFact]
    tickets: Sequence[TicketFact]
    ratings: Sequence[RatingFact]
    incidents: Sequence[Incident]


LONGEST_STAY_S = 86_400.0
"""Sessions and stays are found by when they ended; one that began in time ended no later than this after it."""


def read_facts(records: Records, hall: Hall, start: Instant, end: Instant) -> Facts:
    """What happened in a hall, of the windows and zones of its hall file.

    Args:
        records: where it is.
        hall: the layout.
        start: from when, Unix seconds.
        end: to before when.

    Raises:
        RecordsError: the records cannot be read.
    """
    with records.reading() as connection:
        return Facts(
            start,
            end,
            _hours(connection, hall.hall.id, start, end),
            [
                fact
                for floor, window in hall.windows()
                for fact in _sessions(connection, hall, floor.id, window.id, start, end)
            ],
            [
                fact
                for floor in hall.floors
                for zone in floor.zones
                for fact in _stays(connection, hall, floor.id, zone.id, start, end)
            ],
            [TicketFact._make(row) for row in connection.execute(_tickets(hall, start, end))],
            [RatingFact._make(row) for row in connection.execute(_ratings(hall, start, end))],
            [from_row(row) for row in connection.execute(_incidents(hall, start, end)).mappings()],
        )


def hours_on_record(records: Records, hall: str) -> tuple[Instant, Instant] | None:
    """From when until when there are hour roll-ups of a hall; None where there is none.

    Raises:
        RecordsError: the records cannot be read.
    """
    with records.reading() as connection:
        spans = [
            (found.first, found.last)
            for key in _nodes(connection, hall)
            for found in connection.execute(
                select(func.min(rollups.c.start).label("first"), func.max(rollups.c.start).label("last")).where(
                    *_of_node(hall, *key)
                )
            )
            if found.first is not None
        ]
    return (float(min(first for first, _ in spans)), float(max(last for _, last in spans)) + 3600) if spans else None


def _hours(connection: Connection, hall: str, start: Instant, end: Instant) -> list[Rollup]:
    found: list[Rollup] = []
    for key in _nodes(connection, hall):
        between = (rollups.c.start >= start, rollups.c.start < end)
        rows: Iterable[RowMapping] = connection.execute(
            select(rollups).where(*_of_node(hall, *key), *between).order_by(rollups.c.start)
        ).mappings()
        found.extend(map(rollup_of, rows))
    return found


def _nodes(connection: Connection, hall: str) -> list[tuple[str, str]]:
    found = select(nodes.c.floor, nodes.c.node).where(nodes.c.hall == hall).order_by(nodes.c.floor, nodes.c.node)
    return [(row.floor, row.node) for row in connection.execute(found)]


def _of_node(hall: str, floor: str, node: str) -> tuple[ColumnElement[bool], ...]:
    return (
        rollups.c.hall == hall,
        rollups.c.floor == floor,
        rollups.c.node == node,
        rollups.c.period == "hour",
    )


def _sessions(
    connection: Connection, hall: Hall, floor: str, window: str, start: Instant, end: Instant
) -> list[SessionFact]:
    c = sessions.c
    found = (
        select(c.window, c.started_at, c.ended_at, c.duration_s, c.overtime)
        .where(c.hall == hall.hall.id, c.floor == floor, c.window == window)
        .where(c.ended_at >= start, c.ended_at < end + LONGEST_STAY_S, c.started_at >= start, c.started_at < end)
        .order_by(c.started_at, c.session_id)
    )
    return [SessionFact(*row) for row in connection.execute(found)]


def _stays(connection: Connection, hall: Hall, floor: str, zone: str, start: Instant, end: Instant) -> list[StayFact]:
    c = stays.c
    found = (
        select(c.zone, c.started_at, c.ended_at, c.duration_s, c.ended)
        .where(c.hall == hall.hall.id, c.floor == floor, c.zone == zone)
        .where(c.ended_at >= start, c.ended_at < end + LONGEST_STAY_S, c.started_at >= start, c.started_at < end)
        .order_by(c.started_at, c.stay_id)
    )
    return [StayFact(*row) for row in connection.execute(found)]


def _tickets(hall: Hall, start: Instant, end: Instant) -> Select[tuple[str | None, float, float]]:
    c = tickets.c
    # By `first_at`, which has an index and is no later than when it was taken.
    return (
        select(c.zone, c.taken_at, c.called_at)
        .where(c.hall == hall.hall.id, c.first_at >= start - LONGEST_STAY_S, c.first_at < end)
        .where(c.taken_at >= start, c.taken_at < end, c.called_at >= c.taken_at)
        .order_by(c.taken_at, c.ticket)
    )


def _ratings(hall: Hall, start: Instant, end: Instant) -> Select[tuple[str, float, int]]:
    c = ratings.c
    between = (c.hall == hall.hall.id, c.at >= start, c.at < end)
    return select(c.window, c.at, c.score).where(*between).order_by(c.at, c.key)


def _incidents(hall: Hall, start: Instant, end: Instant) -> Select[tuple[object, ...]]:
    c = incidents.c
    return (
        select(incidents)
        .where(c.hall == hall.hall.id, c.raised_at >= start - LONGEST_INCIDENT_S, c.raised_at < end)
        .where(or_(c.ended_at.is_(None), c.ended_at > start))
        .order_by(c.started_at, c.event_id)
    )
