"""Duty commands on record, and the table of them that each box is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from hall.clock import Instant, to_datetime
from hall.duty import MOST_COMMANDS, DutyCommand, DutyPlan, DutyTable
from hall.messages import DutyOrder
from ingest._tables_inputs import duty

KEPT_S = 48 * 3600.0
"""A box reckons back over commands as far as an absence may reach: a working day."""

_MOST_OF_A_WINDOW = 50


class DutyView(msgspec.Struct, frozen=True):
    """A duty command. Of one window the one with the latest `since` that has come counts."""

    id: int
    hall: str
    floor: str
    window: str
    duty: DutyOrder
    since: Instant
    until: Instant | None
    by: str
    received_at: Instant


def duty_view(row: RowMapping) -> DutyView:
    """A command from its row."""
    return DutyView(**row)


def in_force(connection: Connection, hall: str, now: Instant) -> Mapping[str, DutyView]:
    """The command that counts for each window of a hall that has one, by the window.

    Args:
        connection: a transaction.
        hall: its id.
        now: the time.
    """
    mine = (duty.c.hall == hall) & (duty.c.since <= now)
    newest = select(duty.c.window, func.max(duty.c.since).label("since")).where(mine).group_by(duty.c.window).subquery()
    of_each = (duty.c.window == newest.c.window) & (duty.c.since == newest.c.since)
    rows = connection.execute(select(duty).join(newest, of_each).where(duty.c.hall == hall).order_by(duty.c.id))
    last = {row["window"]: duty_view(row) for row in rows.mappings()}
    return {window: view for window, view in last.items() if view.until is None or view.until > now}


def duty_tables(connection: Connection, now: Instant) -> Mapping[tuple[str, str], DutyTable]:
    """What the boxes of each floor (hall, floor) should go by: the commands of two days, and what held before.

    Args:
        connection: a transaction.
        now: the time.
    """
    before = now - KEPT_S
    newest = (
        select(duty.c.hall, duty.c.window, func.max(duty.c.since).label("since"))
        .where(duty.c.since < before)
        .group_by(duty.c.hall, duty.c.window)
        .subquery()
    )
    old = select(duty).join(
        newest,
        (duty.c.hall == newest.c.hall) & (duty.c.window == newest.c.window) & (duty.c.since == newest.c.since),
    )
    new = select(duty).where(duty.c.since >= before)
    rows = [row for statement in (old, new) for row in connection.execute(statement).mappings()]
    by_floor: defaultdict[tuple[str, str], list[DutyView]] = defaultdict(list)
    for row in rows:
        by_floor[row["hall"], row["floor"]].append(duty_view(row))
    last = select(duty.c.hall, duty.c.floor, func.max(duty.c.id)).group_by(duty.c.hall, duty.c.floor)
    return {
        (hall, floor): _table(by_floor.get((hall, floor), []), revision)
        for hall, floor, revision in connection.execute(last)
    }


def _table(commands: Sequence[DutyView], revision: int) -> DutyTable:
    by_window: defaultdict[str, list[DutyView]] = defaultdict(list)
    for command in sorted(commands, key=lambda command: (command.since, command.id)):
        by_window[command.window].append(command)
    kept = [command for theirs in by_window.values() for command in theirs[-_MOST_OF_A_WINDOW:]]
    kept = sorted(kept, key=lambda command: (command.since, command.id))[-MOST_COMMANDS:]
    return DutyTable(revision, [_command(command) for command in kept])


def _command(view: DutyView) -> DutyCommand:
    until = None if view.until is None else to_datetime(view.until)
    return DutyCommand(view.window, view.duty, to_datetime(view.since), until)


def plans(
    connection: Connection, now: Instant, on_demand: Mapping[str, Collection[str]]
) -> Mapping[tuple[str, str], DutyPlan]:
    """What the commands mean, by hall and floor; a floor that has none is not there.

    Args:
        connection: a transaction.
        now: the time.
        on_demand: the windows of each hall that are closed until a command opens them.
    """
    tables = duty_tables(connection, now).items()
    return {key: DutyPlan(table.commands, on_demand.get(key[0], ())) for key, table in tables}
