"""Roll-ups of several processes: what they take in, summed in the order in which the boxes said it.

The messages of a box alternate between the processes, and one of these may be behind, or gone for a while. A state
holds until the next one, so that order matters: a message waits on record until all numbers before it are counted,
by whomever, but for `WAIT_S` at most. A box that thinned its telemetry leaves numbers out for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import Column, Connection, Table, delete, select, tuple_

from hall.clock import Instant
from hall.messages import Message, decode, encode
from ingest._sql import insert_ignore
from ingest.live import Live, NodeKey, lock_live
from ingest.records import Records
from ingest.rollups import RollupBook, RollupChanges, save_rollups
from ingest.schema import rollup_open, rollup_waiting, seen
from ingest.seen import BootKey, SeenRanges

WAIT_S = 120.0
"""Longer than it takes until another process takes over what one that is gone had before it."""

_NODES_AT_ONCE = 100
Told = tuple[Message, Instant]
"""A message, and when it came."""


def sum_up(
    connection: Connection,
    records: Records,
    fresh: Sequence[Told],
    counted: Mapping[BootKey, SeenRanges],
    live: Mapping[NodeKey, Live],
    now: Instant,
) -> RollupChanges:
    """What is next to be summed of these messages and of those that waited; what is not yet, waits on record.

    Args:
        connection: a write transaction that has locked the nodes.
        records: where it is.
        fresh: new messages, and when they came.
        counted: of each boot of theirs, all numbers that are counted, these among them.
        live: the nodes as they will be on record.
        now: the time.
    """
    keys = sorted({_boot(message)[:3] for message, _ in fresh})
    return _sum_up(connection, records, keys, fresh, counted, live, now) if keys else RollupChanges([], [])


def sum_up_overdue(records: Records, now: Instant) -> None:
    """Sum up what has waited long enough, of boxes of which nothing more comes.

    Raises:
        RecordsError: the records cannot be written.
    """
    overdue = rollup_waiting.c.received_at <= now - WAIT_S
    with records.reading() as connection:
        rows = connection.execute(select(*_place(rollup_waiting)).where(overdue).distinct()).all()
    keys: list[NodeKey] = [(row.hall, row.floor, row.node) for row in rows]
    for some in (keys[i : i + _NODES_AT_ONCE] for i in range(0, len(keys), _NODES_AT_ONCE)):
        records.write(partial(_sum_up_waiting, records=records, keys=some, now=now))


def _sum_up_waiting(connection: Connection, *, records: Records, keys: Sequence[NodeKey], now: Instant) -> None:
    live = lock_live(connection, keys)
    save_rollups(connection, _sum_up(connection, records, keys, [], {}, live, now))


def _sum_up(
    connection: Connection,
    records: Records,
    keys: Sequence[NodeKey],
    fresh: Sequence[Told],
    counted: Mapping[BootKey, SeenRanges],
    live: Mapping[NodeKey, Live],
    now: Instant,
) -> RollupChanges:
    waited = _waiting(connection, keys)
    ranges = {**_counted(connection, {_boot(message) for message, _ in waited} - counted.keys()), **counted}
    by_node: dict[NodeKey, list[Told]] = {key: [] for key in keys}
    for told in (*waited, *fresh):
        by_node[_boot(told[0])[:3]].append(told)
    book, done = RollupBook.of(records, connection, keys), _done(connection, keys)
    held: list[Told] = []
    for key, mine in by_node.items():
        ready, rest = _in_order(mine, done.get(key, ("", 0)), ranges, now)
        for message, received_at in ready:
            book.add(message, received_at)
            done[key] = message.boot, message.seq
        if rest:
            book.touch(key)
        held += rest
    _keep(connection, waited, held)
    changes = book.take_changes(live)
    return changes._replace(open=[row._replace(seq=done[row.node][1]) for row in changes.open])


def _in_order(
    told: Sequence[Told], done: tuple[str, int], ranges: Mapping[BootKey, SeenRanges], now: Instant
) -> tuple[list[Told], list[Told]]:
    """What of a node comes next, in order, and what must wait.

    Args:
        told: what there is of it.
        done: boot and number of what was summed last.
        ranges: what is counted of its boots.
        now: the time.
    """
    boots: dict[str, list[Told]] = {}
    for one in sorted(told, key=lambda one: (one[0].boot != done[0], one[0].captured_at)):
        boots.setdefault(one[0].boot, []).append(one)
    ready: list[Told] = []
    rest: list[Told] = []
    for boot, theirs in boots.items():
        last = done[1] if boot == done[0] else 0
        for one in sorted(theirs, key=lambda one: one[0].seq):
            seq = one[0].seq
            if rest or not (ranges[_boot(one[0])].covers(last + 1, seq - 1) or now - one[1] >= WAIT_S):
                rest.append(one)
            else:
                ready.append(one)
                last = max(last, seq)
    return ready, rest


def _waiting(connection: Connection, keys: Sequence[NodeKey]) -> list[Told]:
    rows = connection.execute(select(rollup_waiting).where(tuple_(*_place(rollup_waiting)).in_(keys)))
    return [(decode(row.message, row.kind), row.received_at) for row in rows]


def _keep(connection: Connection, waited: Sequence[Told], held: Sequence[Told]) -> None:
    """Put on record what waits from now on, and take out what does not any more."""
    before = {(*_boot(message), message.seq) for message, _ in waited}
    after = {(*_boot(message), message.seq): (message, received_at) for message, received_at in held}
    if gone := before - after.keys():
        connection.execute(delete(rollup_waiting).where(tuple_(*rollup_waiting.primary_key).in_(sorted(gone))))
    names = [column.name for column in rollup_waiting.primary_key]
    rows = [
        {**dict(zip(names, key, strict=True)), "kind": m.kind, "received_at": at, "message": encode(m)}
        for key, (m, at) in after.items()
        if key not in before
    ]
    insert_ignore(connection, rollup_waiting, rows)


def _counted(connection: Connection, boots: Collection[BootKey]) -> dict[BootKey, SeenRanges]:
    rows = connection.execute(select(seen).where(tuple_(*seen.primary_key).in_(sorted(boots)))) if boots else ()
    found = {(row.hall, row.floor, row.node, row.boot): SeenRanges.from_json(row.ranges) for row in rows}
    return {boot: found.get(boot, SeenRanges()) for boot in boots}


def _done(connection: Connection, keys: Sequence[NodeKey]) -> dict[NodeKey, tuple[str, int]]:
    rows = connection.execute(select(rollup_open).where(tuple_(*_place(rollup_open)).in_(keys)))
    return {(row.hall, row.floor, row.node): (row.boot, row.seq) for row in rows}


def _place(table: Table) -> tuple[Column[str], ...]:
    return table.c.hall, table.c.floor, table.c.node


def _boot(message: Message) -> BootKey:
    return message.hall, message.floor, message.node, message.boot
