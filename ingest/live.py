"""The live view: what each node said last. History never replaces it.

All of it goes by `captured_at`, so it does not matter which of several processes takes in what, and in which order. A
last will was written just before its node came, so it tells of the connection after which no other began: one that
is older than the `online` before the newest is of the past.
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
Status = Literal["online", "stopped", "offline"]
_state_decoder = msgspec.json.Decoder(StateBody)
_health_decoder = msgspec.json.Decoder(HealthBody)


class Live(msgspec.Struct, frozen=True):
    """One row of the nodes. A body is written as JSON when the row is, and read again when somebody asks."""

    hall: str
    floor: str
    node: str
    boot: str
    status: Status = "online"
    status_at: Instant = float("-inf")
    """Of the newest of any status."""
    online_at: Instant | None = None
    online_before: Instant | None = None
    """Of the newest `online` and of the one before it."""
    stopped_at: Instant | None = None
    offline_at: Instant | None = None
    version: str = ""
    seen_at: Instant = float("-inf")
    heard_at: Instant | None = None
    """When the centre heard it last, by its own clock; a last will is no word of the node."""
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
    if not live.boot:  # the row was made to be locked
        live = msgspec.structs.replace(live, boot=message.boot)
    at = message.captured_at.timestamp()
    if isinstance(message.body, StatusBody):
        return _with_status(live, message, message.body, at, now)
    live = msgspec.structs.replace(live, seen_at=max(live.seen_at, min(at, now)), heard_at=now)
    if message.late:
        return live
    if isinstance(message.body, StateBody) and _is_newer(at, live.state_at, now):
        return msgspec.structs.replace(live, state_at=at, state=message.body)
    if isinstance(message.body, HealthBody) and _is_newer(at, live.health_at, now):
        return msgspec.structs.replace(live, health_at=at, health=message.body)
    return live


def _with_status(live: Live, message: Message, body: StatusBody, at: Instant, now: Instant) -> Live:
    if message.late:
        return live
    if live.status_at > now + CLOCK_AHEAD_S:
        live = msgspec.structs.replace(live, **dict.fromkeys(_STATUS_TIMES), status_at=at)
    after = msgspec.structs.replace(live, **_status_times(live, body.status, at))
    newest = at >= live.status_at
    return msgspec.structs.replace(
        after,
        boot=message.boot if newest else live.boot,
        status=_status_of(after),
        status_at=max(at, live.status_at),
        version=body.version if newest else live.version,
        seen_at=max(live.seen_at, min(at, now)),
        heard_at=live.heard_at if body.status == "offline" else now,
    )


_STATUS_TIMES = ("online_at", "online_before", "stopped_at", "offline_at")


def _status_times(live: Live, status: Status, at: Instant) -> dict[str, Instant | None]:
    if status != "online":
        known = live.stopped_at if status == "stopped" else live.offline_at
        return {f"{status}_at": at if known is None else max(at, known)}
    # A will that came before any `online` is that of a connection which nobody heard begin.
    before = live.offline_at if live.online_at is None else live.online_before
    times = {one for one in (live.online_at, before, at) if one is not None}
    newest, *older = sorted(times, reverse=True)
    return {"online_at": newest, "online_before": older[0] if older else None}


def _status_of(live: Live) -> Status:
    never = float("-inf")
    online_at, before = live.online_at or never, live.online_before or never
    if live.offline_at is not None and live.offline_at > before:
        return "offline"
    return "stopped" if live.stopped_at is not None and live.stopped_at >= online_at else "online"


def _is_newer(at: Instant, known_at: Instant | None, now: Instant) -> bool:
    return known_at is None or at >= known_at or known_at > now + CLOCK_AHEAD_S


def load_live(
    connection: Connection, keys: Iterable[NodeKey] | None = None, *, halls: Iterable[str] | None = None
) -> dict[NodeKey, Live]:
    """The nodes on record, all of them, those named or those of some halls, by hall, floor and node."""
    statement = select(nodes).order_by(nodes.c.hall, nodes.c.floor, nodes.c.node)
    if halls is not None:
        statement = statement.where(nodes.c.hall.in_(list(halls)))
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
