"""Roll-ups of tickets: how many were taken, called, missed and done in a zone, and how long they had waited.

They are kept by what a message changes of its ticket: what the ticket counted for before is taken off, what it counts
for now is put on. So they are the sums over all tickets, in whatever order the messages came and through whichever
process, and stay when the tickets themselves are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping

from hall.clock import Instant
from ingest._sql import add_up
from ingest._tables_inputs import ticket_rollups
from ingest.rollups import PERIOD_S

SUMS = ("taken", "called", "missed", "done", "waits", "wait_s")
"""What is kept of a zone and a period."""


class TicketRollup(msgspec.Struct, frozen=True):
    """What happened to the tickets of a zone in a period; null: nobody knows where their holders wait.

    `called` counts first calls. Of `waits` of them it is known how long they had waited, `wait_s` together: who
    did not come (`missed`) is not among them.
    """

    hall: str
    floor: str | None
    zone: str | None
    start: Instant
    taken: int
    called: int
    missed: int
    done: int
    waits: int
    wait_s: float


def ticket_rollup(row: RowMapping) -> TicketRollup:
    """A roll-up from its row."""
    sums = {name: row[name] for name in SUMS[:-1]}
    return TicketRollup(
        row["hall"], row["floor"] or None, row["zone"] or None, row["start"], **sums, wait_s=round(row["wait_s"], 3)
    )


def wait_s(ticket: Mapping[Any, Any]) -> float | None:
    """From taking a ticket to its first call; None while one of them is not known."""
    if ticket["taken_at"] is None or ticket["called_at"] is None:
        return None
    return max(0.0, float(ticket["called_at"] - ticket["taken_at"]))


def is_missed(ticket: Mapping[Any, Any]) -> bool:
    """Whether nobody came to its call, as far as is known: it was neither called again nor is it done."""
    missed_at, last_called_at = ticket["missed_at"], ticket["last_called_at"]
    return (
        missed_at is not None and ticket["done_at"] is None and (last_called_at is None or missed_at >= last_called_at)
    )


def count_ticket(connection: Connection, before: Mapping[Any, Any], after: Mapping[str, Any]) -> None:
    """Take what a ticket counted for out of the sums, and put in what it counts for now.

    Args:
        connection: a write transaction that has locked the ticket.
        before: its row as it was; one without any time counted for nothing.
        after: its row as it is.
    """
    sums: dict[tuple[Any, ...], dict[str, float]] = {}
    for ticket, sign in ((before, -1), (after, 1)):
        for at, name, value in _parts(ticket):
            for period, seconds in PERIOD_S.items():
                key = ticket["hall"], ticket["floor"] or "", ticket["zone"] or "", period, int(at // seconds) * seconds
                row = sums.setdefault(key, dict.fromkeys(SUMS, 0))
                row[name] += sign * value
    names = [column.name for column in ticket_rollups.primary_key]
    rows = [dict(zip(names, key, strict=True)) | row for key, row in sums.items() if any(row.values())]
    add_up(connection, ticket_rollups, rows)


def _parts(ticket: Mapping[Any, Any]) -> Iterator[tuple[Instant, str, float]]:
    """What a ticket counts for: when, in which sum, and how much."""
    missed = is_missed(ticket)
    for name, at in (("taken", ticket["taken_at"]), ("called", ticket["called_at"]), ("done", ticket["done_at"])):
        if at is not None:
            yield at, name, 1
    if missed:
        yield ticket["missed_at"], "missed", 1
    elif (waited_s := wait_s(ticket)) is not None:
        yield ticket["called_at"], "waits", 1
        yield ticket["called_at"], "wait_s", waited_s
