"""Which messages were counted, so that (hall, floor, node, boot, seq) counts once.

A node's messages come in order, with gaps where it thinned telemetry and with repeats after a lost
connection; only a retained message may come ahead of older ones. So the numbers are a few ranges per boot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from hall.clock import Instant
from ingest.schema import seen

MAX_RANGES = 500
MAX_BOOTS = 64
"""Per node. An older boot cannot come again: a box sends its outbox in order."""

BootKey = tuple[str, str, str, str]
"""Hall, floor, node and boot."""

_decoder = msgspec.json.Decoder(list[tuple[int, int]])


class SeenRanges:
    """A bounded set of whole numbers as ranges that do not touch.

    Past `MAX_RANGES` the oldest gap is closed: what it lacks would have come long ago.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = sorted(ranges)

    @classmethod
    def from_json(cls, text: str) -> SeenRanges:
        """The inverse of `to_json`."""
        return cls(_decoder.decode(text))

    def to_json(self) -> str:
        """The ranges as `[[first, last], ...]`."""
        return msgspec.json.encode(self._ranges).decode()

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """First and last number of each range, ascending."""
        return tuple(self._ranges)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._ranges, (number, float("inf"))) - 1
        return at >= 0 and number <= self._ranges[at][1]

    def add(self, number: int) -> bool:
        """Count a number; False where it was counted before."""
        if number in self:
            return False
        at = bisect_right(self._ranges, (number, float("inf")))
        first, last = number, number
        if at < len(self._ranges) and self._ranges[at][0] == number + 1:
            last = self._ranges.pop(at)[1]
        if at > 0 and self._ranges[at - 1][1] == number - 1:
            first = self._ranges.pop(at - 1)[0]
            at -= 1
        self._ranges.insert(at, (first, last))
        if len(self._ranges) > MAX_RANGES:
            (start, _), (_, end) = self._ranges[:2]
            self._ranges[:2] = [(start, end)]
        return True


class SeenBook:
    """The ranges of every boot that one transaction touches: read on first use, written by `save`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._boots: dict[BootKey, SeenRanges] = {}
        self._changed: dict[BootKey, None] = {}

    def add(self, boot: BootKey, seq: int) -> bool:
        """Count a message; False where it was counted before."""
        if boot not in self._boots:
            self._boots[boot] = self._load(boot)
        fresh = self._boots[boot].add(seq)
        if fresh:
            self._changed[boot] = None
        return fresh

    def save(self, now: Instant) -> None:
        """Write what changed."""
        for boot in self._changed:
            ranges = self._boots[boot].to_json()
            values = dict(zip(("hall", "floor", "node", "boot"), boot, strict=True))
            statement = insert(seen).values(**values, ranges=ranges, updated_at=now)
            self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(seen.primary_key), set_={"ranges": ranges, "updated_at": now}
                )
            )
        for node in {boot[:3] for boot in self._changed}:
            self._forget_old_boots(node)

    def _load(self, boot: BootKey) -> SeenRanges:
        row = self._connection.scalar(
            select(seen.c.ranges).where(
                seen.c.hall == boot[0],
                seen.c.floor == boot[1],
                seen.c.node == boot[2],
                seen.c.boot == boot[3],
            )
        )
        return SeenRanges() if row is None else SeenRanges.from_json(row)

    def _forget_old_boots(self, node: tuple[str, ...]) -> None:
        mine = (seen.c.hall == node[0]) & (seen.c.floor == node[1]) & (seen.c.node == node[2])
        old = select(seen.c.boot).where(mine).order_by(seen.c.updated_at.desc()).offset(MAX_BOOTS)
        self._connection.execute(delete(seen).where(mine, seen.c.boot.in_(old)))
