"""The spill: a bounded file of points that the time-series store could not take.

It is a SQLite file of its own beside the records. What is put into it is on disk when `put` returns.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hall.errors import RecordsError
from ingest.metrics import Metrics
from ingest.points import Points

MAX_BYTES = 512_000_000
_BUSY_TIMEOUT_S = 30.0
_LEVEL = 1
"""Lines shrink to about an eighth at once; more effort gains little."""


@dataclass(frozen=True, slots=True)
class Spilled:
    """Points of several messages in the spill, oldest first."""

    number: int
    lines: bytes


class Spill:
    """Points on disk, bounded. Any thread may use it.

    Args:
        path: the file; it is made where there is none.
        max_bytes: past it the oldest telemetry is dropped and counted; events and sessions only when there is
            nothing else.

    Raises:
        RecordsError: the file cannot be opened.
    """

    def __init__(self, path: Path, metrics: Metrics, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        with self._failing():
            self._file = sqlite3.connect(path, _BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            # FULL: a message is acknowledged after this, so it must survive a power cut.
            for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL"):
                self._file.execute(f"PRAGMA {pragma}")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS spill (number INTEGER PRIMARY KEY AUTOINCREMENT,"
                " telemetry INTEGER NOT NULL, size_bytes INTEGER NOT NULL, lines BLOB NOT NULL)"
            )
            (size,) = self._file.execute("SELECT coalesce(sum(size_bytes), 0) FROM spill").fetchone()
        self._bytes = int(size)
        metrics.spill_bytes.set(self._bytes)

    @property
    def size_bytes(self) -> int:
        """What it holds, as it lies on disk."""
        return self._bytes

    def put(self, points: Sequence[Points]) -> None:
        """Put points in, and drop the oldest where it is too much.

        Raises:
            RecordsError: they are not on disk.
        """
        rows = []
        for telemetry in (True, False):
            lines = [p.lines for p in points if p.telemetry == telemetry]
            if lines:
                packed = zlib.compress(b"\n".join(lines), _LEVEL)
                rows.append((telemetry, len(packed), packed))
        if not rows:
            return
        with self._writing() as cursor:
            cursor.executemany("INSERT INTO spill (telemetry, size_bytes, lines) VALUES (?, ?, ?)", rows)
            self._bytes += sum(size for _, size, _ in rows)
            for telemetry in (True, False):
                self._drop(cursor, telemetry=telemetry)

    def oldest(self) -> Spilled | None:
        """What has waited longest.

        Raises:
            RecordsError: it cannot be read.
        """
        with self._lock, self._failing():
            row = self._file.execute("SELECT number, lines FROM spill ORDER BY number LIMIT 1").fetchone()
        return None if row is None else Spilled(row[0], zlib.decompress(row[1]))

    def remove(self, spilled: Spilled) -> None:
        """Take out what the store has now.

        Raises:
            RecordsError: it is still there.
        """
        with self._writing() as cursor:
            found = cursor.execute("DELETE FROM spill WHERE number = ? RETURNING size_bytes", (spilled.number,))
            self._bytes -= sum(size for (size,) in found.fetchall())
        if self._bytes == 0:
            with self._lock, self._failing():
                self._file.executescript("PRAGMA incremental_vacuum")  # a step a page: `execute` takes but one

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _drop(self, cursor: sqlite3.Cursor, *, telemetry: bool) -> None:
        """Delete the oldest rows of one class until the rest fits, or there are none."""
        dropped = 0
        while self._bytes > self._max_bytes:
            row = cursor.execute(
                "DELETE FROM spill WHERE number = (SELECT min(number) FROM spill WHERE telemetry = ?)"
                " RETURNING size_bytes",
                (telemetry,),
            ).fetchall()
            if not row:
                break
            dropped += row[0][0]
            self._bytes -= row[0][0]
        if dropped:
            self._metrics.spill_dropped.labels(str(telemetry).lower()).inc(dropped)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """A transaction; what was counted in it is taken back where it fails."""
        with self._lock, self._failing():
            before = self._bytes
            cursor = self._file.cursor()
            try:
                cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                self._bytes = before
                with contextlib.suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise
            finally:
                cursor.close()
                self._metrics.spill_bytes.set(self._bytes)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise RecordsError(f"spill {self._path}: {exc}") from exc
