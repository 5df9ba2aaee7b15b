"""Where people were, in the records: person-seconds per square metre of each floor plan and ten minutes.

A heat message counts in the ten minutes in which the middle of its interval lies. Each node has a row of its own, which
is locked with the node: so several processes may add to it. Cells in pictures of cameras that are not calibrated are
not kept: they have no place on the plan.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, select, tuple_

from hall.clock import Instant
from hall.messages import HeatBody, Message
from ingest._sql import upsert
from ingest.live import NodeKey
from ingest.schema import heat

SLOT_S = 600
MOST_CELLS = 2_000
"""Of one node in one slot. A floor of more square metres in which people stand is none; a faulty box may send more."""
_FARTHEST = 1_000
"""Cells further from the corner of the plan than this are not on it, in metres."""

Cell = tuple[int, int]
_Key = tuple[NodeKey, int]
_Body = tuple[float, list[tuple[int, int, float]]]
_decoder = msgspec.json.Decoder(_Body)


class HeatSums:
    """Person-seconds by cell, and over how many seconds they were summed."""

    def __init__(self, seconds: float = 0.0, cells: Mapping[Cell, float] | None = None) -> None:
        self.seconds = seconds
        self.cells: Counter[Cell] = Counter()
        for cell, person_s in (cells or {}).items():
            self._add_cell(cell, person_s)

    def add(self, body: HeatBody) -> None:
        """One more interval."""
        self.seconds += max(0.0, body.interval_s)
        for cell in body.cells:
            if cell.person_s > 0 and -_FARTHEST <= cell.x <= _FARTHEST and -_FARTHEST <= cell.y <= _FARTHEST:
                self._add_cell((cell.x, cell.y), cell.person_s)

    def encode(self) -> bytes:
        """As they are kept: the cells in which most time was spent, were there too many of them."""
        cells = sorted((x, y, round(person_s, 2)) for (x, y), person_s in self.cells.most_common(MOST_CELLS))
        return msgspec.json.encode((round(self.seconds, 3), cells))

    @classmethod
    def decode(cls, body: bytes) -> HeatSums:
        """The inverse of `encode`."""
        seconds, cells = _decoder.decode(body)
        return cls(seconds, {(x, y): person_s for x, y, person_s in cells})

    def _add_cell(self, cell: Cell, person_s: float) -> None:
        self.cells[cell] += person_s  # type: ignore[assignment]  # a Counter of seconds


def save_heat(connection: Connection, messages: Sequence[Message]) -> None:
    """Add the heat messages among these to what is on record.

    Args:
        connection: a write transaction that has locked their nodes.
        messages: each of them new.
    """
    told: defaultdict[_Key, list[HeatBody]] = defaultdict(list)
    for message in messages:
        if isinstance(message.body, HeatBody) and message.body.camera is None:
            middle = message.captured_at.timestamp() - message.body.interval_s / 2
            told[(message.hall, message.floor, message.node), int(middle // SLOT_S) * SLOT_S].append(message.body)
    if not told:
        return
    keys = [(*node, start) for node, start in told]
    rows = connection.execute(select(heat).where(tuple_(*heat.primary_key).in_(keys)))
    known = {((row.hall, row.floor, row.node), row.start): HeatSums.decode(row.body) for row in rows}
    written = []
    for (node, start), bodies in told.items():
        sums = known.get((node, start)) or HeatSums()
        for body in bodies:
            sums.add(body)
        written.append({"hall": node[0], "floor": node[1], "node": node[2], "start": start, "body": sums.encode()})
    upsert(connection, heat, written)


def read_heat(connection: Connection, hall: str, floor: str, start: Instant, end: Instant) -> dict[Cell, float]:
    """How many people were in each square metre on average, from the slot of `start` to before `end`.

    Each node's cells are divided by the time that it has summed: what nobody watched lowers nothing. Where several
    nodes watch one place, what each of them saw there is added.
    """
    mine = (heat.c.hall == hall) & (heat.c.floor == floor)
    during = (heat.c.start >= int(start // SLOT_S) * SLOT_S) & (heat.c.start < end)
    nodes: defaultdict[str, list[HeatSums]] = defaultdict(list)
    for row in connection.execute(select(heat.c.node, heat.c.body).where(mine, during)):
        nodes[row.node].append(HeatSums.decode(row.body))
    people: defaultdict[Cell, float] = defaultdict(float)
    for slots in nodes.values():
        seconds = sum(slot.seconds for slot in slots)
        for slot in slots:
            for cell, person_s in slot.cells.items():
                people[cell] += person_s / seconds if seconds > 0 else 0.0
    return dict(people)
