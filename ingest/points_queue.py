"""The queue of points before the time-series store: a table of the records.

Points enter it in the transaction that counts their message, so neither is ever there without the other. A thread
takes them to the store and deletes them when it has them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from hall.clock import Clock
from hall.errors import RecordsError, StoreError
from ingest.dead_letters import DeadLetter, save_dead_letters
from ingest.metrics import Metrics
from ingest.points import Points
from ingest.records import Records
from ingest.schema import points
from ingest.store import LinesRefusedError, Store

_log = logging.getLogger(__name__)

MAX_BYTES = 512_000_000
BATCH_BYTES = 1_000_000
BATCH_ROWS = 5_000
_GATHER_S = 0.1
"""So that a busy hall is written in few large requests, and a quiet one at once as people see it."""


class PointsQueue:
    """Points that the store has not taken yet, bounded in bytes.

    Args:
        max_bytes: past it the oldest telemetry is dropped and counted; events and sessions only when there is
            nothing else.
    """

    def __init__(self, records: Records, metrics: Metrics, *, max_bytes: int = MAX_BYTES) -> None:
        self._records = records
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._filled = threading.Event()
        with records.reading() as connection:
            total = connection.scalar(select(func.coalesce(func.sum(points.c.size_bytes), 0)))
        self._bytes = int(total or 0)
        metrics.queue_bytes.set(self._bytes)

    @property
    def size_bytes(self) -> int:
        """Bytes of line protocol in the queue."""
        return self._bytes

    def put(self, connection: Connection, batch: Sequence[Points]) -> int:
        """Add points inside a write transaction; give what it returns to `committed` afterwards."""
        rows = [{"telemetry": p.telemetry, "size_bytes": len(p.lines), "lines": p.lines} for p in batch]
        if not rows:
            return 0
        connection.execute(insert(points), rows)
        added = sum(len(p.lines) for p in batch)
        excess = self._bytes + added - self._max_bytes
        for telemetry in (True, False):
            if excess > 0:
                dropped = self._drop(connection, excess, telemetry=telemetry)
                added, excess = added - dropped, excess - dropped
        return added

    def committed(self, change_bytes: int) -> None:
        """Tell the queue that the transaction of `put` is committed."""
        with self._lock:
            self._bytes += change_bytes
            self._metrics.queue_bytes.set(self._bytes)
        self._filled.set()

    def wait(self, timeout_s: float) -> None:
        """Wait for new points."""
        if self._filled.wait(timeout_s):
            self._filled.clear()

    def wake(self) -> None:
        """End a `wait`."""
        self._filled.set()

    def oldest(self) -> list[tuple[int, bytes]]:
        """The next rows to write, oldest first: about `BATCH_BYTES` of them, at least one where there is one."""
        statement = select(points.c.id, points.c.lines, points.c.size_bytes).order_by(points.c.id).limit(BATCH_ROWS)
        rows: list[tuple[int, bytes]] = []
        total = 0
        with self._records.reading() as connection:
            for number, lines, size in connection.execute(statement):
                total += size
                if rows and total > BATCH_BYTES:
                    break
                rows.append((number, lines))
        return rows

    def remove(self, rows: Sequence[tuple[int, bytes]], letters: Sequence[DeadLetter] = ()) -> None:
        """Take rows out, and put those lines of them that were refused among the dead letters."""
        numbers = [number for number, _ in rows]
        with self._records.writing() as connection:
            gone = 0
            for i in range(0, len(numbers), 500):
                statement = delete(points).where(points.c.id.in_(numbers[i : i + 500]))
                sizes = connection.scalars(statement.returning(points.c.size_bytes))
                gone += sum(sizes)
            save_dead_letters(connection, letters)
        for letter in letters:
            self._metrics.dead_letters.labels(letter.reason).inc()
        with self._lock:
            self._bytes -= gone
            self._metrics.queue_bytes.set(self._bytes)

    def _drop(self, connection: Connection, excess: int, *, telemetry: bool) -> int:
        """Delete the oldest rows of one class until `excess` bytes are free, or there are none."""
        numbers, dropped = [], 0
        statement = (
            select(points.c.id, points.c.size_bytes).where(points.c.telemetry == telemetry).order_by(points.c.id)
        )
        for number, size in connection.execute(statement):
            if dropped >= excess:
                break
            numbers.append(number)
            dropped += size
        if numbers:
            mine = points.c.telemetry == telemetry
            connection.execute(delete(points).where(mine, points.c.id <= numbers[-1]))
            self._metrics.queue_dropped.labels(str(telemetry).lower()).inc(dropped)
        return dropped


class StoreWriter:
    """The thread that takes points to the store: batches, back-off, and bad lines set apart.

    Args:
        first_wait_s: after the first failure; it doubles up to `longest_wait_s`.
    """

    def __init__(
        self,
        queue: PointsQueue,
        store: Store,
        metrics: Metrics,
        clock: Clock,
        *,
        first_wait_s: float = 0.5,
        longest_wait_s: float = 30.0,
    ) -> None:
        self._queue = queue
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self.trouble: str | None = None
        """Why the store does not take points now; None while it does."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write once more what is there, if the store takes it, and end the thread."""
        self._stop.set()
        self._queue.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._store.close()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            if self._drain():
                wait_s = 0.0
                self._queue.wait(1.0)
                self._stop.wait(_GATHER_S)
            else:
                wait_s = min(max(wait_s * 2, self._first_wait_s), self._longest_wait_s)
        if self.trouble is None:
            self._drain()

    def _drain(self) -> bool:
        """Write until the queue is empty; False where the store or the records are in the way."""
        try:
            while rows := self._queue.oldest():
                letters = self._write(rows)
                self._queue.remove(rows, letters)
        except (StoreError, RecordsError) as exc:
            self._metrics.store_errors.inc()
            if self.trouble is None:
                _log.warning("points wait: %s", exc)
            self.trouble = str(exc)
            return False
        if self.trouble is not None:
            _log.info("points flow again to %s", self._store.name)
        self.trouble = None
        return True

    def _write(self, rows: Sequence[tuple[int, bytes]]) -> list[DeadLetter]:
        """Write rows; what the store refuses is found by halving, so that good lines are not lost with bad."""
        lines = [line for _, part in rows for line in part.split(b"\n")]
        refused = self._write_lines(lines)
        self._metrics.points.inc(len(lines) - len(refused))
        return refused

    def _write_lines(self, lines: Sequence[bytes]) -> list[DeadLetter]:
        try:
            self._store.write(b"\n".join(lines))
        except LinesRefusedError as exc:
            if len(lines) == 1:
                _log.warning("a point was refused: %s", exc)
                return [DeadLetter.of(self._clock.now(), "store", "point", str(exc), lines[0])]
            middle = len(lines) // 2
            return self._write_lines(lines[:middle]) + self._write_lines(lines[middle:])
        return []
