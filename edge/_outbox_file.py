"""The SQL of the outbox. No lock, no policy: every method may raise `sqlite3.Error`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hall.clock import Instant
from hall.errors import RecordsError

SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  topic TEXT NOT NULL,
  payload BLOB NOT NULL,
  captured_at REAL NOT NULL,
  retained INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_by_kind ON messages (kind);
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL);
"""
_WAL_LIMIT_BYTES = 16 * 2**20
_PRIMARY_CODE = 0xFF
"""SQLite's extended result codes carry the plain code in their lowest byte."""


class DamagedError(sqlite3.DatabaseError):
    """The file is damaged, though SQLite reads it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


@dataclass(frozen=True, slots=True)
class Row:
    """A message that waits. Ids only grow, also after rows have left; `captured_at` is Unix seconds, UTC."""

    id: int
    kind: str
    topic: str
    payload: bytes
    captured_at: Instant
    retained: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and how many payload bytes they have."""

    rows: int = 0
    size_bytes: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, self.size_bytes + other.size_bytes)

    def __sub__(self, other: Tally) -> Tally:
        return Tally(self.rows - other.rows, self.size_bytes - other.size_bytes)


class OutboxFile:
    """One SQLite file in WAL mode, held by this process alone.

    `synchronous=NORMAL` keeps every commit through a `kill -9`; a power cut may take the last ones, each
    with its state, never a part of one. `fsync` (`synchronous=FULL`) keeps those too, for a disk flush per
    commit.

    Args:
        path: the file.
        fsync: flush the disk at every commit.
        lock_wait_s: how long another process that still holds the file may take to let go.

    Raises:
        RecordsError: a newer hallwatch wrote the file.
    """

    def __init__(self, path: Path, *, fsync: bool, lock_wait_s: float) -> None:
        self._path = path
        self._db = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=lock_wait_s, cached_statements=32
        )
        try:
            self._prepare("FULL" if fsync else "NORMAL")
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, synchronous: str) -> None:
        # Two boxes on one outbox would send everything twice. Set before the first access, it also spares
        # the shared memory file.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(f"PRAGMA synchronous={synchronous}")
        self._db.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
        schema = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if schema > SCHEMA:
            raise RecordsError(
                f"outbox {self._path}: layout {schema}; expected {SCHEMA} at most (a newer hallwatch wrote it)"
            )
        # A file that lost its end opens without a word, and reads as if rows were empty.
        if schema:
            self._check()
        if schema == 0:
            with self.transaction():
                for statement in _TABLES.split(";\n"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def _check(self) -> None:
        page_bytes, size_bytes = self._number("PRAGMA page_size"), self._path.stat().st_size
        if size_bytes % page_bytes:
            raise DamagedError(f"{size_bytes} bytes, which are no whole pages of {page_bytes}")
        found = str(self._db.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise DamagedError(found)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of a block or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def tallies(self) -> dict[str, Tally]:
        """What waits, by kind. Reads the whole table: for the start only."""
        query = "SELECT kind, COUNT(*), SUM(LENGTH(payload)) FROM messages GROUP BY kind"
        return {kind: Tally(rows, size) for kind, rows, size in self._db.execute(query)}

    def last_id(self) -> int:
        """The highest id ever stored, or 0."""
        return self._number("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")

    def newest(self, kind: str) -> int:
        """The highest id of a kind that still waits, or 0."""
        return self._number("SELECT MAX(id) FROM messages WHERE kind = ?", kind)

    def _number(self, query: str, *values: str) -> int:
        found = self._db.execute(query, values).fetchone()
        return 0 if found is None or found[0] is None else int(found[0])

    def append(self, rows: Iterable[Row]) -> None:
        """Add messages."""
        self._db.executemany(
            "INSERT INTO messages (id, kind, topic, payload, captured_at, retained) VALUES (?, ?, ?, ?, ?, ?)",
            ((r.id, r.kind, r.topic, r.payload, r.captured_at, r.retained) for r in rows),
        )

    def read(self, limit: int, after: int) -> list[Row]:
        """The oldest `limit` messages with an id above `after`."""
        query = "SELECT id, kind, topic, payload, captured_at, retained FROM messages WHERE id > ? ORDER BY id LIMIT ?"
        return [
            Row(id_, kind, topic, payload, captured_at, bool(retained))
            for id_, kind, topic, payload, captured_at, retained in self._db.execute(query, (after, limit))
        ]

    def delete(self, ids: Sequence[int]) -> dict[str, Tally]:
        """Remove messages; what was really there, by kind."""
        query = "DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?)) RETURNING kind, LENGTH(payload)"
        gone: dict[str, Tally] = {}
        with closing(self._db.execute(query, (json.dumps(list(ids)),))) as rows:
            for kind, size in rows:
                gone[kind] = gone.get(kind, Tally()) + Tally(1, size)
        return gone

    def halve(self, kind: str) -> Tally:
        """Remove every second message of a kind, never the newest; what was removed."""
        query = (
            "DELETE FROM messages WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER"
            " (ORDER BY id DESC) AS age FROM messages WHERE kind = ?) WHERE age % 2 = 0)"
            " RETURNING LENGTH(payload)"
        )
        with closing(self._db.execute(query, (kind,))) as rows:
            sizes = [size for (size,) in rows]
        return Tally(len(sizes), sum(sizes))

    def put_state(self, body: bytes) -> None:
        """Replace the saved state."""
        self._db.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (body,))

    def state(self) -> bytes | None:
        """The saved state."""
        found = self._db.execute("SELECT body FROM state").fetchone()
        return None if found is None else bytes(found[0])

    def checkpoint(self) -> None:
        """Empty the write-ahead log, so that its space on the disk serves again; a full disk may forbid it."""
        with suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether an error says that the file itself is damaged."""
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_full(error: sqlite3.Error) -> bool:
    """Whether an error says that the disk, or the file's own bound, is full."""
    return _code(error) == sqlite3.SQLITE_FULL


def is_busy(error: sqlite3.Error) -> bool:
    """Whether an error says that another process holds the file."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY_CODE


def set_aside(path: Path) -> Path:
    """Move a damaged file and its journal out of the way, to `NAME.corrupt-1`, `-2`, ...

    Raises:
        OSError: it cannot be moved.
    """
    number = 1
    while (target := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    path.rename(target)
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(target.with_name(target.name + suffix))
    return target
