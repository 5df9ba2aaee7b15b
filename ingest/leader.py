"""Which process runs the timers: of all that share their records, one.

On PostgreSQL that is an advisory lock, held on a connection that does nothing else: the server takes it back the
moment that connection is gone, whatever became of the process, and the next one that asks has it. In SQLite's one
file there is no other process.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from hall.clock import Clock
from ingest.metrics import Metrics
from ingest.records import Records
from ingest.schema import workers

_log = logging.getLogger(__name__)

_LEADER_LOCK = 0x68616C6C02
"""PostgreSQL's advisory lock of the leader; locks are told apart by database, so each has its own."""

_RUNNING_LOCK = 0x68616C6C
"""The same of who runs under a name; its second key is the hash of the name."""

_RETRY_S = 1.0
"""A server that is away is asked again after so long: what asks here should not wait for it each time."""


class Leader:
    """Says whether this process is the one that runs what must run once. Any thread may ask.

    A connection may be lost at any time, and another process is the leader then, while this one is still at what it
    began. So what runs under it may run twice at once, and must be able to.

    Args:
        records: what the processes share.
        metrics: shows it as `hallwatch_leader`.
        clock: for how long to leave a server alone that is away.
        name: of this process, the same after a restart; while it runs it holds a lock of this name, too, by which
            others know.
    """

    def __init__(self, records: Records, metrics: Metrics, clock: Clock, *, name: str = "") -> None:
        self.name = name
        self._records = records
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._holds = False
        self._is_known = False
        self._not_before_s = float("-inf")
        self._is_closed = False
        metrics.leader.set_function(self.held)

    def held(self) -> bool:
        """Whether it is this process, now; becomes it where nobody else is. Never raises."""
        if not self._records.is_shared:
            return True
        with self._lock:
            if self._is_closed or self._clock.monotonic() < self._not_before_s:
                return False
            try:
                return self._ask()
            except SQLAlchemyError as exc:
                self._let_go()
                self._not_before_s = self._clock.monotonic() + _RETRY_S
                _log.warning("%s: nobody is known to run the timers: %s", self._records.name, exc.__cause__)
                return False

    def close(self) -> None:
        """Let another process be it."""
        with self._lock:
            self._is_closed = True
            if self._connection is not None:
                with contextlib.suppress(SQLAlchemyError):
                    self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
            self._let_go()

    def _ask(self) -> bool:
        if self._connection is None:
            self._connection = self._records.connect()
        if self.name and not self._is_known:
            self._is_known = self._say_that_we_run(self._connection)
        if self._holds:
            self._connection.execute(text("SELECT 1"))  # the lock goes with the connection, and only with it
        elif self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LEADER_LOCK}):
            _log.info("%s: this process runs the timers now", self._records.name)
            self._holds = True
        return self._holds

    def _say_that_we_run(self, connection: Connection) -> bool:
        key = {"key": _RUNNING_LOCK, "name": self.name}
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key, hashtext(:name))"), key):
            return True
        _log.warning("a process named %s is there, maybe that before a restart; each needs its own name", self.name)
        return False

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._holds, self._is_known = None, False, False


def who_runs_not(connection: Connection, share: str) -> list[str]:
    """The processes of a group that have been there and are not now."""
    gone = text(
        "NOT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database() AND granted"
        " AND classid = :key AND objid = hashtext(workers.name)::oid AND objsubid = 2)"
    ).bindparams(key=_RUNNING_LOCK)
    statement = select(workers.c.name).where(workers.c.share == share, gone).order_by(workers.c.name)
    return list(connection.scalars(statement))
