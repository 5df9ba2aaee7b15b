"""Messages that wait for the broker, and the rule state they came from, in one SQLite file.

A box loses nothing while the broker is away: a message leaves the outbox when the broker has acknowledged
it. The saved rule state is replaced in the same transaction that stores the messages it led to, so after a
`kill -9` neither stands there without the other.

When payloads pass the quota, telemetry is thinned: every second message of `heat` goes, then of `health`,
then of `state`, round after round until the outbox is a tenth under its quota, so what stays covers the
whole outage, ever more coarsely towards its beginning. Only when these are down to their newest message each,
`crossing` and then `stay` follow, because they are counted. Events and sessions are never dropped.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from edge._outbox_file import OutboxFile, Row, Tally, is_busy, is_corrupt, is_full, set_aside
from hall.errors import RecordsError
from hall.messages import Message, encode
from hall.topics import RETAINED

__all__ = ["Outbox", "Row"]

log = logging.getLogger(__name__)

QUOTA_BYTES = 256 * 2**20
HELD_BYTES = 32 * 2**20
"""How much waits in memory while the disk refuses, before telemetry is thinned there too."""

_ROUNDS = (("heat", "health", "state"), ("crossing",), ("stay",))
"""What may be thinned, in this order; a group is used up before the next one is touched."""

_LOW_WATER = 0.9
"""Thinning goes on to this share of the quota, so that not every commit has to thin."""


class Outbox:
    """The outbox of one box. Every method may be called from any thread.

    Trouble with the disk after the start never raises: messages wait in memory (and are sent from there),
    `error` says why, and each commit tries again. A file that turns out to be damaged is set aside as
    `NAME.corrupt-1` and a new one begun.

    Args:
        path: the SQLite file; its folder is made where missing.
        quota_bytes: payload bytes that may wait; events and sessions alone may pass it.
        fsync: flush the disk at every commit; without, a power cut (not a crash) may take the last commits.
        lock_wait_s: how long another process that still holds the file may take to let go.

    Raises:
        RecordsError: the file cannot be opened or made, another process holds it, or a newer hallwatch wrote it.
    """

    def __init__(
        self,
        path: Path,
        *,
        quota_bytes: int = QUOTA_BYTES,
        fsync: bool = False,
        lock_wait_s: float = 5.0,
    ) -> None:
        if quota_bytes <= 0:
            raise ValueError(f"quota_bytes {quota_bytes}; expected more than 0")
        self._path = path
        self._quota_bytes = quota_bytes
        self._fsync = fsync
        self._lock_wait_s = lock_wait_s
        self._lock = threading.Lock()
        self._held: list[Row] = []
        self._held_state: bytes | None = None
        self._acknowledged: set[int] = set()
        self._thinned: dict[str, int] = {}
        self._last_id = self._newest_state_id = 0
        self._error: str | None = None
        self._was_over = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open_or_replace()
        except (sqlite3.Error, OSError) as exc:
            raise _unusable(path, exc) from exc

    # --- what the pipeline does

    def commit(self, messages: Sequence[Message], state: bytes | None = None) -> None:
        """Store messages and replace the saved rule state (unless None), all in one transaction."""
        payloads = [encode(message) for message in messages]
        with self._lock:
            for message, payload in zip(messages, payloads, strict=True):
                self._take(message, payload)
            if state is not None:
                self._held_state = state
            self._try_flush()

    def load_state(self) -> bytes | None:
        """The rule state of the last commit that had one."""
        with self._lock:
            return self._saved_state if self._held_state is None else self._held_state

    # --- what the publisher does

    def next_batch(self, limit: int, *, after: int = 0) -> list[Row]:
        """The oldest messages with an id above `after`, in order of commit; `limit` at most."""
        with self._lock:
            gone = self._acknowledged  # a disk that refuses has these still
            try:
                rows = self._file.read(limit + len(gone), after)
            except sqlite3.Error as exc:
                self._rescue(exc)
                rows = []
            rows += (row for row in self._held if row.id > after)
            return [row for row in rows if row.id not in gone][:limit]

    def acknowledge(self, ids: Sequence[int]) -> None:
        """Let messages go; ids that have left already are no error."""
        with self._lock:
            self._acknowledged.update(ids)
            self._held = [row for row in self._held if row.id not in self._acknowledged]
            self._try_flush()

    # --- how it does

    @property
    def depth(self) -> int:
        """Messages that wait, those held in memory among them."""
        with self._lock:
            return sum(tally.rows for tally in self._waiting.values()) + len(self._held)

    @property
    def size_bytes(self) -> int:
        """Payload bytes that wait, those held in memory among them."""
        with self._lock:
            return self._stored_bytes() + sum(len(row.payload) for row in self._held)

    @property
    def held(self) -> int:
        """Messages that wait in memory because the disk refused them; a crash would take these."""
        with self._lock:
            return len(self._held)

    @property
    def thinned(self) -> int:
        """Messages that were thinned away since the start."""
        with self._lock:
            return sum(self._thinned.values())

    @property
    def thinned_by_kind(self) -> dict[str, int]:
        """The same by kind."""
        with self._lock:
            return dict(self._thinned)

    @property
    def over_quota(self) -> bool:
        """Whether more waits than the quota allows, because what may be thinned is used up."""
        with self._lock:
            return self._stored_bytes() > self._quota_bytes

    @property
    def error(self) -> str | None:
        """What is wrong with the disk now; None while commits go through."""
        with self._lock:
            return self._error

    @property
    def last_id(self) -> int:
        """The id of the newest message; grows with every commit of messages."""
        with self._lock:
            return self._last_id

    @property
    def newest_state_id(self) -> int:
        """The id of the newest `state` message ever seen here, or 0."""
        with self._lock:
            return self._newest_state_id

    def close(self) -> None:
        """Try once more to store what is held in memory, then let go of the file."""
        with self._lock:
            self._try_flush()
            if self._held:
                log.error("outbox %s: %d messages could not be stored and are lost", self._path, len(self._held))
            self._file.close()

    # --- inside, with the lock held

    def _take(self, message: Message, payload: bytes) -> None:
        self._last_id += 1
        if message.kind == "state":
            self._newest_state_id = self._last_id
        self._held.append(
            Row(
                id=self._last_id,
                kind=message.kind,
                topic=message.topic,
                payload=payload,
                captured_at=message.captured_at.timestamp(),
                retained=message.kind in RETAINED,
            )
        )

    def _open_or_replace(self) -> None:
        try:
            self._open()
        except sqlite3.Error as exc:
            if not is_corrupt(exc):
                raise
            self._set_aside(exc)
            self._open()

    def _open(self) -> None:
        file = OutboxFile(self._path, fsync=self._fsync, lock_wait_s=self._lock_wait_s)
        try:
            self._waiting = file.tallies()
            # Ids go on where a damaged file was, so that no publisher takes a new row for an old one.
            self._last_id = max(self._last_id, file.last_id())
            self._newest_state_id = max(self._newest_state_id, file.newest("state"))
            self._saved_state = file.state()
        except BaseException:
            file.close()
            raise
        self._file = file

    def _set_aside(self, error: sqlite3.Error) -> None:
        aside = set_aside(self._path)
        log.error("outbox %s is damaged (%s): moved to %s, a new one begins", self._path, error, aside)

    def _try_flush(self) -> None:
        error = self._flush_error()
        if error is not None:
            self._rescue(error)

    def _flush_error(self) -> sqlite3.Error | None:
        try:
            self._flush()
        except sqlite3.Error as exc:
            return exc
        return None

    def _flush(self) -> None:
        """Everything that waits in memory goes to the file in one transaction."""
        waiting, thinned = dict(self._waiting), dict(self._thinned)
        with self._file.transaction():
            if self._acknowledged:
                for kind, gone in self._file.delete(sorted(self._acknowledged)).items():
                    waiting[kind] = waiting.get(kind, Tally()) - gone
            if self._held:
                self._file.append(self._held)
                for row in self._held:
                    waiting[row.kind] = waiting.get(row.kind, Tally()) + Tally(1, len(row.payload))
            if self._held_state is not None:
                self._file.put_state(self._held_state)
            if _bytes(waiting) > self._quota_bytes:
                self._thin(waiting, thinned, int(self._quota_bytes * _LOW_WATER))
        self._waiting, self._thinned = waiting, thinned
        self._saved_state = self._saved_state if self._held_state is None else self._held_state
        self._held, self._held_state, self._acknowledged = [], None, set()
        self._went_through()

    def _thin(self, waiting: dict[str, Tally], thinned: dict[str, int], goal_bytes: int) -> None:
        """Remove telemetry until `goal_bytes` are left or nothing may go any more; both tables are updated."""
        for kinds in _ROUNDS:
            while any(waiting.get(kind, Tally()).rows > 1 for kind in kinds):
                for kind in kinds:
                    if _bytes(waiting) <= goal_bytes:
                        return
                    gone = self._file.halve(kind)
                    waiting[kind] = waiting.get(kind, Tally()) - gone
                    thinned[kind] = thinned.get(kind, 0) + gone.rows

    def _rescue(self, error: sqlite3.Error) -> None:
        """After a failed statement: begin a new file or make room, and try again."""
        failure: Exception | None = error
        try:
            if is_corrupt(error):
                self._file.close()
                self._set_aside(error)
                self._open()
                failure = self._flush_error()
            while isinstance(failure, sqlite3.Error) and is_full(failure) and self._make_room():
                failure = self._flush_error()
        except (sqlite3.Error, OSError, RecordsError) as exc:
            failure = exc
        if failure is not None:
            self._hold(failure)

    def _make_room(self) -> bool:
        """Thin by a step: freed pages inside the file can take new messages. False when nothing may go."""
        self._file.checkpoint()
        before, waiting, thinned = self._waiting, dict(self._waiting), dict(self._thinned)
        with self._file.transaction():
            self._thin(waiting, thinned, int(_bytes(waiting) * _LOW_WATER))
        self._waiting, self._thinned = waiting, thinned
        return waiting != before

    def _hold(self, error: Exception) -> None:
        """Say what is wrong, once, and keep memory bounded while it lasts."""
        reason = str(error)
        if self._error != reason:
            log.error("outbox %s: %s; messages wait in memory", self._path, reason)
        self._error = reason
        if sum(len(row.payload) for row in self._held) > HELD_BYTES:
            self._thin_held()

    def _thin_held(self) -> None:
        for kinds in _ROUNDS:
            while any(sum(row.kind == kind for row in self._held) > 1 for kind in kinds):
                for kind in kinds:
                    if sum(len(row.payload) for row in self._held) <= HELD_BYTES:
                        return
                    places = [place for place, row in enumerate(self._held) if row.kind == kind]
                    gone = set(places[-2::-2])
                    self._held = [row for place, row in enumerate(self._held) if place not in gone]
                    self._thinned[kind] = self._thinned.get(kind, 0) + len(gone)

    def _went_through(self) -> None:
        if self._error is not None:
            log.warning("outbox %s: works again", self._path)
        self._error = None
        over = self._stored_bytes() > self._quota_bytes
        if over and not self._was_over:
            log.warning(
                "outbox %s: %d bytes of events and sessions pass the quota of %d bytes and are kept",
                self._path,
                self._stored_bytes(),
                self._quota_bytes,
            )
        self._was_over = over

    def _stored_bytes(self) -> int:
        return _bytes(self._waiting)


def _bytes(waiting: dict[str, Tally]) -> int:
    return sum(tally.size_bytes for tally in waiting.values())


def _unusable(path: Path, error: sqlite3.Error | OSError) -> RecordsError:
    if isinstance(error, sqlite3.Error) and is_busy(error):
        return RecordsError(f"outbox {path}: another process holds it; expected one process per outbox")
    return RecordsError(f"outbox {path}: {error}; expected a file that can be read and written")
