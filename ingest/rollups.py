"""Minute and hour roll-ups: how long each window and zone was in which state, in the records.

A state holds until the next one of its node, in capture time: what is summed are seconds, so it does not matter how
often a box says how it is. A gap of more than `LONGEST_HOLD_S` counts for nothing. Sessions and stays count in the
minute in which they were published. All windows and zones of a node are one row a minute: sixty rows would cost more
than everything else that the centre does with a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, RowMapping, and_, select, tuple_

from hall.clock import Instant
from hall.messages import Message, SessionBody, StateBody, StayBody
from ingest._sql import upsert
from ingest.live import CLOCK_AHEAD_S, Live, NodeKey, lock_live
from ingest.records import Records
from ingest.schema import nodes, rollup_open, rollups

Period = Literal["minute", "hour"]
PERIOD_S: dict[Period, int] = {"minute": 60, "hour": 3600}
LONGEST_HOLD_S = 30.0
"""A box says every ten seconds how it is; what it is not heard for is not known."""

WINDOW_SUMS = (
    *("serving_s", "idle_s", "unstaffed_s", "closed_s", "unknown_s", "customer_s", "customers_most"),
    *("sessions", "session_s", "overtime"),
)
ZONE_SUMS = (
    *("known_s", "unknown_s", "person_s", "count_most", "longest_wait_most_s", "wait_p90_most_s", "over_limit_most"),
    *("stays", "stay_s"),
)
"""What is kept of a window and of a zone. `customer_s` and `person_s` are person-seconds: over the seconds that are
known they give the mean. What has `most` in its name is the most of its period, all else a sum."""

_STATUS = {"serving": 0, "idle": 1, "unstaffed": 2, "closed": 3, "unknown": 4}
_KEPT_NODES = 20_000
_ROWS_AT_ONCE = 200
_HOURS_AT_ONCE = 20
"""In one transaction: everything else that writes waits for so long."""

_BODY_DECODER = msgspec.json.Decoder(tuple[dict[str, list[float]], dict[str, list[float]]])
_STATE_DECODER = msgspec.json.Decoder(StateBody)


class Sums:
    """Sums of the windows and zones of one node over one period."""

    def __init__(
        self, windows: dict[str, list[float]] | None = None, zones: dict[str, list[float]] | None = None
    ) -> None:
        self.windows = windows or {}
        self.zones = zones or {}

    def anew(self) -> Sums:
        """Zero for the same windows and zones."""
        return Sums(
            {identity: [0] * len(WINDOW_SUMS) for identity in self.windows},
            {identity: [0] * len(ZONE_SUMS) for identity in self.zones},
        )

    @classmethod
    def decode(cls, body: bytes) -> Sums:
        """The inverse of `encode`."""
        return cls(*_BODY_DECODER.decode(body))

    def __bool__(self) -> bool:
        return any(any(row) for row in (*self.windows.values(), *self.zones.values()))

    def encode(self) -> bytes:
        """As they are kept: numbers in the order of `WINDOW_SUMS` and `ZONE_SUMS`, by id."""
        return msgspec.json.encode((self.windows, self.zones))

    def hold(self, state: StateBody, seconds: float) -> None:
        """A state lasted so long."""
        # Runs for every window of every message: no calls where a comparison does.
        rows, status = self.windows, _STATUS
        for window in state.windows:
            row = rows.get(window.window) or self._window(window.window)
            row[status[window.status]] += seconds
            if customers := window.customers:
                row[5] += customers * seconds
                if customers > row[6]:  # noqa: PLR1730 - see above
                    row[6] = customers
        for zone in state.zones:
            row = self.zones.get(zone.zone) or self._zone(zone.zone)
            if (count := zone.count) is None:
                row[1] += seconds
                continue
            row[0] += seconds
            row[2] += count * seconds
            most = count, zone.longest_wait_s, zone.wait_p90_s, zone.over_limit
            for place, value in enumerate(most, 3):
                if value is not None and value > row[place]:
                    row[place] = value

    def finish(self, body: SessionBody | StayBody) -> None:
        """A session or a stay is over."""
        if isinstance(body, SessionBody):
            row = self._window(body.window)
            row[7:] = [row[7] + 1, row[8] + body.duration_s, row[9] + body.overtime]
        else:
            row = self._zone(body.zone)
            row[7:] = [row[7] + 1, row[8] + body.duration_s]

    def add(self, other: Sums) -> None:
        """Take in the sums of another part of the period."""
        for mine, others, names in (
            (self.windows, other.windows, WINDOW_SUMS),
            (self.zones, other.zones, ZONE_SUMS),
        ):
            for identity, row in others.items():
                known = mine.get(identity)
                mine[identity] = list(row) if known is None else _added(known, row, names)

    def _window(self, identity: str) -> list[float]:
        return self.windows.setdefault(identity, [0] * len(WINDOW_SUMS))

    def _zone(self, identity: str) -> list[float]:
        return self.zones.setdefault(identity, [0] * len(ZONE_SUMS))


def _added(a: Sequence[float], b: Sequence[float], names: Sequence[str]) -> list[float]:
    return [max(x, y) if "most" in name else x + y for x, y, name in zip(a, b, names, strict=True)]


class _Open:
    """The minute of a node that is not over, and the state that holds."""

    def __init__(
        self, boot: str, at: Instant, start: int, sums: Sums, held: StateBody | None, held_at: Instant | None
    ) -> None:
        self.boot = boot
        self.at = at
        self.start = start
        self.sums = sums
        self.held = held
        self.held_at = held_at


class Closed(NamedTuple):
    """A minute that is over."""

    node: NodeKey
    start: int
    body: bytes


class OpenRow(NamedTuple):
    """A minute that is not, as it goes on record."""

    node: NodeKey
    boot: str
    at: Instant
    held_at: Instant | None
    start: int
    body: bytes
    held: bytes | None = None
    seq: int = 0

    def row(self) -> dict[str, Any]:
        """Its row."""
        row = self._asdict()
        return row | _names(row.pop("node"))


class RollupChanges(NamedTuple):
    """What a batch changes; `save_rollups` writes it."""

    closed: list[Closed]
    open: list[OpenRow]


class RollupBook:
    """The open minutes of the nodes, as they will be when all that was added is on record. See `SeenBook`."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._open: dict[NodeKey, _Open | None] = {}
        self._closed: list[Closed] = []
        self._changed: dict[NodeKey, None] = {}

    @classmethod
    def of(cls, records: Records, connection: Connection, keys: Sequence[NodeKey]) -> RollupBook:
        """Of nodes, what is on record in a transaction that has locked them."""
        book = cls(records)
        known = _load_open(connection, keys)
        book._open = {key: known.get(key) for key in keys}
        return book

    def load(self, keys: Iterable[NodeKey]) -> None:
        """Read what is on record of nodes that were not heard lately.

        Raises:
            RecordsError: the records cannot be read.
        """
        wanted = [key for key in keys if key not in self._open]
        while len(self._open) > _KEPT_NODES:
            self._open.pop(next(iter(self._open)))
        for some in (wanted[i : i + _ROWS_AT_ONCE] for i in range(0, len(wanted), _ROWS_AT_ONCE)):
            with self._records.reading() as connection:
                known = _load_open(connection, some)
            self._open |= {key: known.get(key) for key in some}

    def add(self, message: Message, received_at: Instant) -> None:
        """Take a message of a node that was loaded into account."""
        body = message.body
        if not isinstance(body, StateBody | SessionBody | StayBody):
            return
        key = (message.hall, message.floor, message.node)
        at = message.captured_at.timestamp()
        known = self._open[key]
        if known is None or _steps_back(known, message.boot, at, received_at):
            if known is not None:
                self._close(key, known)
            known = self._open[key] = _Open(message.boot, at, _minute(at), Sums(), None, None)
        if at >= known.at:
            self._advance(key, known, at)
            known.boot = message.boot
            if isinstance(body, StateBody):
                known.held, known.held_at = body, at
        if not isinstance(body, StateBody):
            known.sums.finish(body)
        self._changed[key] = None

    def touch(self, key: NodeKey) -> None:
        """Put a node that was loaded on record anew, for what holds is not its live state any more."""
        self._changed[key] = None

    def take_changes(self, live: Mapping[NodeKey, Live] | None = None) -> RollupChanges:
        """What changed since the last call.

        Args:
            live: the nodes as they will be on record, so that a state that holds and is not theirs is kept, too;
                who goes on with the book does not need it.
        """
        rows = [(key, opened) for key in self._changed if (opened := self._open[key]) is not None]
        held = {key: _kept(opened, live[key]) for key, opened in rows} if live is not None else {}
        changed = [OpenRow(key, o.boot, o.at, o.held_at, o.start, o.sums.encode(), held.get(key)) for key, o in rows]
        changes = RollupChanges(self._closed, changed)
        self._closed = []
        self._changed.clear()
        return changes

    def _advance(self, key: NodeKey, known: _Open, at: Instant) -> None:
        """Let the held state last until `at`, which may be in the next minute."""
        holds = known.held if at - known.at <= LONGEST_HOLD_S else None
        if (ends := known.start + 60) <= at:
            if holds is not None:
                known.sums.hold(holds, ends - known.at)
            self._close(key, known)
            known.start, known.sums, known.at = _minute(at), known.sums.anew(), max(known.at, ends)
        if holds is not None:
            known.sums.hold(holds, at - known.at)
        known.at = at

    def _close(self, key: NodeKey, known: _Open) -> None:
        if known.sums:
            self._closed.append(Closed(key, known.start, known.sums.encode()))


def _kept(opened: _Open, live: Live) -> bytes | None:
    """The state that holds, where it is not that of the node."""
    return None if opened.held is None or live.state_at == opened.held_at else msgspec.json.encode(opened.held)


def _minute(at: Instant) -> int:
    return int(at // 60) * 60


def _steps_back(known: _Open, boot: str, at: Instant, received_at: Instant) -> bool:
    """Whether the clock of a box was set back; otherwise an older message is one that came late."""
    return at < known.at and (boot != known.boot or known.at > received_at + CLOCK_AHEAD_S)


def _load_open(connection: Connection, keys: Sequence[NodeKey]) -> dict[NodeKey, _Open]:
    same = and_(*(nodes.c[name] == rollup_open.c[name] for name in ("hall", "floor", "node")))
    statement = (
        select(rollup_open, nodes.c.state, nodes.c.state_at)
        .outerjoin(nodes, same)
        .where(tuple_(rollup_open.c.hall, rollup_open.c.floor, rollup_open.c.node).in_(keys))
    )
    found: dict[NodeKey, _Open] = {}
    for row in connection.execute(statement):
        # What holds is mostly the live state.
        body = row.state if row.held is None and row.state_at == row.held_at else row.held
        held = None if body is None else _STATE_DECODER.decode(body)
        found[row.hall, row.floor, row.node] = _Open(
            row.boot, row.at, row.start, Sums.decode(row.body), held, row.held_at
        )
    return found


def save_rollups(connection: Connection, changes: RollupChanges) -> None:
    """Write minutes that are over, and those that are not. Hours are made of them later, by `close_hours`."""
    if changes.closed:
        _save_minutes(connection, changes.closed)
        _add_to_hours(connection, changes.closed)
    upsert(connection, rollup_open, [opened.row() for opened in changes.open])


def close_hours(records: Records, before: Instant) -> int:
    """Write the hours that ended before an instant and are not on record; how many that were.

    Minutes that come later, from the outbox of a box, are added to their hour.

    Raises:
        RecordsError: the records cannot be written; some hours may be.
    """
    closed = 0
    while True:
        count = records.write(lambda connection: _close_some_hours(connection, before))
        closed += count
        if count < _HOURS_AT_ONCE:
            return closed


def _close_some_hours(connection: Connection, before: Instant) -> int:
    saved = rollups.alias()
    hour = rollups.c.start - rollups.c.start % 3600
    place = (rollups.c.hall, rollups.c.floor, rollups.c.node)
    known = select(saved.c.start).where(
        *(saved.c[column.name] == column for column in place), saved.c.period == "hour", saved.c.start == hour
    )
    ended = (rollups.c.period == "minute") & (rollups.c.start < int(before // 3600) * 3600)
    missing = connection.execute(
        select(*place, hour.label("start")).where(ended, ~known.exists()).distinct().limit(_HOURS_AT_ONCE)
    ).all()
    lock_live(connection, {(row.hall, row.floor, row.node) for row in missing})
    for hall, floor, node, start in missing:
        mine = (rollups.c.hall == hall) & (rollups.c.floor == floor) & (rollups.c.node == node)
        minutes = select(rollups.c.body).where(
            mine, rollups.c.period == "minute", rollups.c.start.between(start, start + 3599)
        )
        sums = Sums()
        for body in connection.scalars(minutes):
            sums.add(Sums.decode(body))
        _write(connection, "hour", [((hall, floor, node), start, sums.encode())])
    return len(missing)


def _save_minutes(connection: Connection, closed: Sequence[Closed]) -> None:
    """Write minutes; what is on record of them, from before a clock was set back, is added."""
    bodies: dict[tuple[NodeKey, int], bytes] = {}
    for one in closed:
        key = (one.node, one.start)
        bodies[key] = _added_body(bodies[key], one.body) if key in bodies else one.body
    for key, body in list(_find(connection, "minute", bodies)):
        bodies[key] = _added_body(body, bodies[key])
    _write(connection, "minute", [(node, start, body) for (node, start), body in bodies.items()])


def _add_to_hours(connection: Connection, closed: Sequence[Closed]) -> None:
    """Add minutes to those of their hours that are on record."""
    hours: dict[tuple[NodeKey, int], list[Closed]] = {}
    for one in closed:
        hours.setdefault((one.node, one.start // 3600 * 3600), []).append(one)
    for key, body in list(_find(connection, "hour", hours)):
        for one in hours[key]:
            body = _added_body(body, one.body)  # noqa: PLW2901 - it grows
        _write(connection, "hour", [(*key, body)])


def _added_body(a: bytes, b: bytes) -> bytes:
    sums = Sums.decode(a)
    sums.add(Sums.decode(b))
    return sums.encode()


def _find(
    connection: Connection, period: Period, keys: Iterable[tuple[NodeKey, int]]
) -> Iterator[tuple[tuple[NodeKey, int], bytes]]:
    wanted = [(*node, period, start) for node, start in keys]
    for some in (wanted[i : i + _ROWS_AT_ONCE] for i in range(0, len(wanted), _ROWS_AT_ONCE)):
        for row in connection.execute(select(rollups).where(tuple_(*rollups.primary_key).in_(some))).all():
            yield ((row.hall, row.floor, row.node), row.start), row.body


def _write(connection: Connection, period: Period, parts: Sequence[tuple[NodeKey, int, bytes]]) -> None:
    rows = [{**_names(node), "period": period, "start": start, "body": body} for node, start, body in parts]
    upsert(connection, rollups, rows)


def _names(node: NodeKey) -> dict[str, str]:
    return dict(zip(("hall", "floor", "node"), node, strict=True))


class Rollup(msgspec.Struct, frozen=True):
    """One node over one period that is over, by window and zone; see `WINDOW_SUMS` and `ZONE_SUMS`."""

    hall: str
    floor: str
    node: str
    start: Instant
    windows: Mapping[str, Mapping[str, float]]
    zones: Mapping[str, Mapping[str, float]]


def rollup_of(row: RowMapping) -> Rollup:
    """A roll-up from its row."""
    sums = Sums.decode(row["body"])
    windows = {name: dict(zip(WINDOW_SUMS, one, strict=True)) for name, one in sums.windows.items()}
    zones = {name: dict(zip(ZONE_SUMS, one, strict=True)) for name, one in sums.zones.items()}
    return Rollup(row["hall"], row["floor"], row["node"], row["start"], windows, zones)
