"""What changed, in the order in which it was committed: every change of an incident or of a node has a number.

The number comes from one row, which a transaction takes as the last of what it locks and holds until it has committed.
So a change with a smaller number is on record before one with a larger one is, whoever writes: who has read up to
some number has missed nothing before it. Of each incident and node only its newest change is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection, delete, select

from ingest import schema
from ingest._sql import count_up, upsert
from ingest._tables_changes import change_counter, changes
from ingest.live import NodeKey

ChangeKind = Literal["incident", "node"]


class Subject(NamedTuple):
    """What changed."""

    kind: ChangeKind
    key: str
    """`event_id`, or `hall/floor/node`."""
    hall: str


class Change(NamedTuple):
    """The newest change of something."""

    number: int
    subject: Subject


def node_subject(node: NodeKey) -> Subject:
    """A node as what changed."""
    return Subject("node", "/".join(node), node[0])


def node_key(subject: Subject) -> NodeKey:
    """The node that is meant by `node_subject`."""
    hall, floor, node = subject.key.split("/")
    return hall, floor, node


def note(connection: Connection, subjects: Collection[Subject]) -> int:
    """Number what a transaction changes. Call it last: others wait for each other from here to the commit.

    Args:
        connection: in a write transaction.
        subjects: what changes, each once.

    Returns:
        The number of the newest change.
    """
    if not subjects:
        return latest(connection)
    number = count_up(connection, change_counter, {"id": 1}, "number", len(subjects))
    first = number - len(subjects) + 1
    rows = [{**subject._asdict(), "number": first + i} for i, subject in enumerate(subjects)]
    upsert(connection, changes, rows)
    return number


def note_incidents(connection: Connection, event_ids: Collection[str]) -> int:
    """Number changes of incidents that people made; see `note`."""
    wanted = schema.incidents.c.event_id.in_(event_ids)
    rows = connection.execute(select(schema.incidents.c.event_id, schema.incidents.c.hall).where(wanted))
    return note(connection, [Subject("incident", event_id, hall) for event_id, hall in rows])


def latest(connection: Connection) -> int:
    """The number of the newest change; 0 where there was none."""
    return connection.scalar(select(change_counter.c.number)) or 0


def since(
    connection: Connection,
    number: int,
    *,
    limit: int,
    halls: Collection[str] | None = None,
    kind: ChangeKind | None = None,
) -> Sequence[Change]:
    """The changes after a number, the oldest first; of these halls and this kind only, where they are named."""
    statement = select(changes).where(changes.c.number > number).order_by(changes.c.number).limit(limit)
    if halls is not None:
        statement = statement.where(changes.c.hall.in_(halls))
    if kind is not None:
        statement = statement.where(changes.c.kind == kind)
    return [Change(row.number, Subject(row.kind, row.key, row.hall)) for row in connection.execute(statement)]


def forget_gone(connection: Connection) -> None:
    """Forget changes of incidents that are not on record any more."""
    there = select(schema.incidents.c.event_id)
    connection.execute(delete(changes).where(changes.c.kind == "incident", changes.c.key.not_in(there)))
