"""The live view: what each node said last. History never replaces it.

State and health go by `captured_at`. Status goes by arrival: a last will was written when its node came, so its
own time says nothing about when the node went; the broker keeps the order of one topic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, select, tuple_

from hall.clock import Instant
from hall.messages import Body, HealthBody, Message, StateBody, StatusBody
from hall.views import NodeView
from ingest._sql import insert_ignore, upsert
from ingest.schema import nodes

CLOCK_AHEAD_S = 60.0
"""A view from further in the future came from a clock that was wrong; whatever comes next replaces it."""

NodeKey = tuple[str, str, str]
_state_decoder = msgspec.json.Decoder(StateBody)
_health_decoder = msgspec.json.Decoder(HealthBody)


class Live(msgspec.Struct, frozen=True):
    """One row of the nodes. A body is written as JSON when the row is, and read again when somebody asks."""

    hall: str
    floor: str
    node: str
    boot: str
    status: Literal["online", "stopped", "offline"] = "online"
    status_at: Instant = float("-inf")
    version: str = ""
    seen_at: Instant = float("-inf")
    state_at: Instant | None = None
    state: StateBody | bytes | None = None
    health_at: Instant | None = None
    health: HealthBody | bytes | None = None

    def view(self) -> NodeView:
        """The node as others see it."""
        return NodeView(
            hall=self.hall,
            floor=self.floor,
            node=self.node,
            status=self.status,
            version=self.version,
            seen_at=self.seen_at,
            state_at=self.state_at,
            state=_state_decoder.decode(self.state) if isinstance(self.state, bytes) else self.state,
            health=_health_decoder.decode(self.health) if isinstance(self.health, bytes) else self.health,
        )


def watch(known: Live | None, message: Message, now: Instant) -> Live:
    """The node after one more message."""
    live = known or Live(message.hall, message.floor, message.node, message.boot)
    at = message.captured_at.timestamp()
    if isinstance(message.body, StatusBody):
        return _with_status(live, message, message.body, at, now)
    live = msgspec.structs.replace(live, seen_at=max(live.seen_at, min(at, now)))
    if message.late:
        return live
    if isinstance(message.body, StateBody) and _is_newer(at, live.state_at, now):
        return msgspec.structs.replace(live, state_at=at, state=message.body)
    if isinstance(message.body, HealthBody) and _is_newer(at, live.health_at, now):
        return msgspec.structs.replace(live, health_at=at, health=message.body)
    return live


def _with_status(live: Live, message: Message, body: StatusBody, at: Instant, now: Instant) -> Live:
    gone = body.status == "offline"
    if message.late or (gone and message.boot != live.boot and at < live.status_at):
        return live  # the will of an earlier run, delivered after the next run said hello
    return msgspec.structs.replace(
        live,
        boot=message.boot,
        status=body.status,
        status_at=at,
        version=body.version,
        seen_at=max(live.seen_at, min(at, now)),
    )


def _is_newer(at: Instant, known_at: Instant | None, now: Instant) -> bool:
    return known_at is None or at >= known_at or known_at > now + CLOCK_AHEAD_S


def load_live(connection: Connection, keys: Iterable[NodeKey] | None = None) -> dict[NodeKey, Live]:
    """The nodes on record, all of them or those named, by hall, floor and node."""
    statement = select(nodes).order_by(nodes.c.hall, nodes.c.floor, nodes.c.node)
    if keys is not None:
        statement = statement.where(tuple_(nodes.c.hall, nodes.c.floor, nodes.c.node).in_(list(keys)))
    rows = connection.execute(statement).mappings()
    return {(row["hall"], row["floor"], row["node"]): Live(**row) for row in rows}


def lock_live(connection: Connection, keys: Iterable[NodeKey]) -> dict[NodeKey, Live]:
    """The nodes on record among these, while nobody else takes in anything of any of them until the transaction ends.

    The row of a node stands for all that is on record of it; one that has no row gets it here.
    """
    if not (wanted := sorted(keys)):
        return {}
    if connection.dialect.name == "sqlite":  # nobody else writes
        return load_live(connection, wanted)
    found = _lock(connection, wanted)
    if missing := [key for key in wanted if key not in found]:
        insert_ignore(connection, nodes, [_row(Live(*key, boot="")) for key in missing])
        found |= _lock(connection, missing)
    return found


def _lock(connection: Connection, keys: list[NodeKey]) -> dict[NodeKey, Live]:
    place = (nodes.c.hall, nodes.c.floor, nodes.c.node)
    statement = select(nodes).where(tuple_(*place).in_(keys)).order_by(*place).with_for_update()
    return {(row["hall"], row["floor"], row["node"]): Live(**row) for row in connection.execute(statement).mappings()}


def save_live(connection: Connection, changed: list[Live]) -> None:
    """Write nodes over what is on record."""
    upsert(connection, nodes, map(_row, changed))


def _row(live: Live) -> dict[str, Any]:
    row = msgspec.structs.asdict(live)
    for name in ("state", "health"):
        if isinstance(row[name], Body):
            row[name] = msgspec.json.encode(row[name])
    return row
