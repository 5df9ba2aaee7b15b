"""What the records forget, and when. The time-series store has a retention of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, tuple_

from hall.clock import Instant
from hall.views import ONGOING
from ingest import _tables_inputs, changes, schema
from ingest.records import Records
from ingest.rollups import Period, close_hours

DAY_S = 86_400.0
_ROWS_AT_ONCE = 5_000
"""Deleted in one transaction: the centre, which may run meanwhile, waits for no longer than that takes."""


@dataclass(frozen=True)
class Kind:
    """Rows that are forgotten together, `days` after they were done with where nobody says otherwise.

    `with_them` go the rows of other tables that have the same `event_id`.
    """

    name: str
    meaning: str
    days: int
    table: Table
    old: Callable[[Instant], ColumnElement[bool]]
    with_them: tuple[Table, ...] = ()


def _old_duty(before: Instant) -> ColumnElement[bool]:
    """Commands that are over. The newest of a window holds until the next, and the number of the table never falls."""
    duty = _tables_inputs.duty
    newest = select(duty.c.hall, duty.c.window, func.max(duty.c.since)).group_by(duty.c.hall, duty.c.window)
    last = select(func.max(duty.c.id)).group_by(duty.c.hall, duty.c.floor)
    kept = or_(tuple_(duty.c.hall, duty.c.window, duty.c.since).in_(newest), duty.c.id.in_(last))
    return (duty.c.since < before) & ~kept


def _old_ticket_rollups(period: Period, before: Instant) -> ColumnElement[bool]:
    table = _tables_inputs.ticket_rollups
    return (table.c.period == period) & (table.c.start < before)


KINDS = (
    Kind(
        "minutes",
        "minute roll-ups; those of an hour stay in its own",
        7,
        schema.rollups,
        lambda before: (schema.rollups.c.period == "minute") & (schema.rollups.c.start < _hour(before)),
    ),
    Kind(
        "ticket_minutes",
        "minute roll-ups of tickets",
        7,
        _tables_inputs.ticket_rollups,
        lambda before: _old_ticket_rollups("minute", before),
    ),
    Kind(
        "ticket_hours",
        "hour roll-ups of tickets",
        1100,
        _tables_inputs.ticket_rollups,
        lambda before: _old_ticket_rollups("hour", before),
    ),
    Kind(
        "hours",
        "hour roll-ups",
        1100,
        schema.rollups,
        lambda before: (schema.rollups.c.period == "hour") & (schema.rollups.c.start < before),
    ),
    Kind(
        "heat",
        "where people were, in person-seconds per square metre and ten minutes",
        30,
        schema.heat,
        lambda before: schema.heat.c.start < before,
    ),
    Kind("sessions", "finished sessions", 400, schema.sessions, lambda before: schema.sessions.c.ended_at < before),
    Kind("stays", "finished stays", 400, schema.stays, lambda before: schema.stays.c.ended_at < before),
    Kind(
        "incidents",
        "incidents that are cleared or closed, with their history",
        1100,
        schema.incidents,
        lambda before: schema.incidents.c.status.not_in(sorted(ONGOING)) & (schema.incidents.c.latest_at < before),
        with_them=(schema.incident_steps,),
    ),
    Kind(
        "alerts",
        "alerts that were sent or given up",
        90,
        schema.alerts,
        lambda before: (schema.alerts.c.status != "waiting") & (schema.alerts.c.done_at < before),
    ),
    Kind(
        "used_links",
        "which links of alerts were used; they expire after a day",
        30,
        schema.used_links,
        lambda before: schema.used_links.c.used_at < before,
    ),
    Kind("tickets", "tickets", 400, _tables_inputs.tickets, lambda before: _tables_inputs.tickets.c.first_at < before),
    Kind("ratings", "ratings", 1100, _tables_inputs.ratings, lambda before: _tables_inputs.ratings.c.at < before),
    Kind("duty", "duty commands, but for the last one of each window", 400, _tables_inputs.duty, _old_duty),
    Kind(
        "requests",
        "which requests of other systems were taken",
        30,
        _tables_inputs.requests,
        lambda before: _tables_inputs.requests.c.at < before,
    ),
    Kind(
        "dead_letters",
        "what was refused",
        30,
        schema.dead_letters,
        lambda before: schema.dead_letters.c.received_at < before,
    ),
    Kind(
        "seen",
        "which messages were counted, of boots that are silent",
        60,
        schema.seen,
        lambda before: schema.seen.c.updated_at < before,
    ),
)
"""Everything that grows. What an incident is about is a window, not a person; see docs/security.md."""


def forget(records: Records, now: Instant, days: Mapping[str, float], *, try_only: bool = False) -> dict[str, int]:
    """Delete what is older than `days` of its kind, and say how many rows that were.

    Args:
        records: the records; the centre may run meanwhile.
        now: the time.
        days: by name of `KINDS`; a kind that is not named is kept.
        try_only: only count.

    Raises:
        RecordsError: the records cannot be written; what was deleted until then is.
    """
    found: dict[str, int] = {}
    for kind in KINDS:
        if kind.name in days:
            before = now - days[kind.name] * DAY_S
            found[kind.name] = _count(records, kind, before) if try_only else _delete(records, kind, before)
    return found


def _count(records: Records, kind: Kind, before: Instant) -> int:
    with records.reading() as connection:
        return connection.scalar(select(func.count()).select_from(kind.table).where(kind.old(before))) or 0


def _delete(records: Records, kind: Kind, before: Instant) -> int:
    deleted, old = 0, kind.old(before)
    key = list(kind.table.primary_key)
    some = select(*key).where(old).order_by(*key).limit(_ROWS_AT_ONCE)
    if kind.name == "minutes":
        close_hours(records, before)
    while True:
        with records.writing() as connection:
            for table in kind.with_them:
                connection.execute(delete(table).where(table.c.event_id.in_(some)))
            gone = connection.execute(delete(kind.table).where(tuple_(*key).in_(some))).rowcount
            if kind.table is schema.incidents:
                changes.forget_gone(connection)
        deleted += gone
        if gone < _ROWS_AT_ONCE:
            return deleted


def _hour(at: Instant) -> int:
    """Minutes go by whole hours, so that the sums of an hour are made of all of them."""
    return int(at // 3600) * 3600
