"""Which messages were counted, so that (hall, floor, node, boot, seq) counts once.

A node's messages come in order, with gaps where it thinned telemetry and with repeats after a lost
connection; only a retained message may come ahead of older ones. So the numbers are a few ranges per boot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, select, tuple_

from hall.clock import Instant
from ingest._sql import upsert
from ingest.records import Records
from ingest.schema import seen

MAX_RANGES = 4_000
"""Of a boot: twice what may be on its way to a second process, which makes a gap of every message here."""

MAX_BOOTS = 64
"""Per node. An older boot cannot come again: a box sends its outbox in order."""

_KEPT_BOOTS = 20_000
"""In memory, far more than a few batches can name; what is older is read again from the records."""

_ROWS_AT_ONCE = 200

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

    def covers(self, first: int, last: int) -> bool:
        """Whether all numbers from the first to the last are counted; so they are where there are none."""
        at = bisect_right(self._ranges, (first, float("inf"))) - 1
        return first > last or (at >= 0 and last <= self._ranges[at][1])

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
        self._close_gaps()
        return True

    def update(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Count what others counted."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self._ranges, *ranges]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(merged[-1][1], last)
            else:
                merged.append((first, last))
        self._ranges = merged
        self._close_gaps()

    def _close_gaps(self) -> None:
        if (over := len(self._ranges) - MAX_RANGES) > 0:
            self._ranges[: over + 1] = [(self._ranges[0][0], self._ranges[over][1])]


class SeenBook:
    """The ranges of the boots that are heard now, as they will be when all that was counted is on record.

    A boot is read from the records when it is first heard. `take_changes` says what a batch has changed; the caller
    writes that in the transaction of the batch, with `save_seen`, in the order of the batches.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._boots: OrderedDict[BootKey, SeenRanges] = OrderedDict()
        self._changed: dict[BootKey, None] = {}

    def load(self, boots: Iterable[BootKey]) -> None:
        """Read what is on record of boots that were not heard lately.

        Raises:
            RecordsError: the records cannot be read.
        """
        wanted = [boot for boot in boots if boot not in self._boots]
        for some in (wanted[i : i + _ROWS_AT_ONCE] for i in range(0, len(wanted), _ROWS_AT_ONCE)):
            with self._records.reading() as connection:
                rows = connection.execute(select(seen).where(tuple_(*seen.primary_key).in_(some)))
                known = {(row.hall, row.floor, row.node, row.boot): row.ranges for row in rows}
            for boot in some:
                self._boots[boot] = SeenRanges.from_json(known[boot]) if boot in known else SeenRanges()
        while len(self._boots) > _KEPT_BOOTS:
            self._boots.popitem(last=False)

    def add(self, boot: BootKey, seq: int) -> bool:
        """Count a message of a boot that was loaded; False where it was counted before."""
        fresh = self._boots[boot].add(seq)
        if fresh:
            self._changed[boot] = None
        return fresh

    def take_changes(self) -> list[Seen]:
        """The boots that changed since the last call, with all that was counted of them."""
        changed = [Seen(*boot, self._boots[boot].to_json()) for boot in self._changed]
        self._changed.clear()
        return changed

    def learn(self, changed: Iterable[Seen]) -> None:
        """Take over what is on record, of boots that are heard now."""
        for one in changed:
            if (mine := self._boots.get(one[:4])) is not None:
                mine.update(SeenRanges.from_json(one.ranges).ranges)


class Seen(NamedTuple):
    """What was counted of a boot."""

    hall: str
    floor: str
    node: str
    boot: str
    ranges: str


def lock_seen(connection: Connection, changed: Sequence[Seen]) -> dict[BootKey, SeenRanges]:
    """What is on record of boots, by this process or others; it stays so until the transaction ends."""
    if not changed:
        return {}
    mine = tuple_(*seen.primary_key).in_([boot[:4] for boot in changed])
    rows = connection.execute(select(seen).where(mine).order_by(*seen.primary_key).with_for_update())
    return {(row.hall, row.floor, row.node, row.boot): SeenRanges.from_json(row.ranges) for row in rows}


def merge_seen(changed: Sequence[Seen], known: Mapping[BootKey, SeenRanges]) -> list[Seen]:
    """What was counted, with what is on record."""
    merged = []
    for one in changed:
        ranges = SeenRanges.from_json(one.ranges)
        if (theirs := known.get(one[:4])) is not None:
            ranges.update(theirs.ranges)
        merged.append(one._replace(ranges=ranges.to_json()))
    return merged


def save_seen(connection: Connection, changed: Sequence[Seen], now: Instant) -> None:
    """Write what was counted, and forget the oldest boots of nodes that have a new one."""
    if not changed:
        return
    known = connection.execute(
        select(*seen.primary_key).where(tuple_(*seen.primary_key).in_([boot[:4] for boot in changed]))
    )
    news = {boot[:3] for boot in changed} if len(known.all()) < len(changed) else set()
    upsert(connection, seen, [{**boot._asdict(), "updated_at": now} for boot in changed])
    for node in news:
        _forget_old_boots(connection, node)


def _forget_old_boots(connection: Connection, node: tuple[str, ...]) -> None:
    mine = (seen.c.hall == node[0]) & (seen.c.floor == node[1]) & (seen.c.node == node[2])
    old = select(seen.c.boot).where(mine).order_by(seen.c.updated_at.desc()).offset(MAX_BOOTS)
    connection.execute(delete(seen).where(mine, seen.c.boot.in_(old)))
