"""The records: SQL by SQLAlchemy, in one SQLite file (WAL) or on a PostgreSQL server.

On SQLite one writer works at a time and readers never wait. On PostgreSQL, which several centres may share, writers
lock the rows that they go by; what two of them cross each other in is tried again by `Records.write`.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hall.errors import RecordsError
from ingest import _tables_changes, _tables_inputs, _tables_labels, _tables_users, schema
from ingest._engines import open_engine
from ingest.migrations import KNOWN, UnknownVersionError, bring_up_to_date

T = TypeVar("T")

_MORE_TABLES = (_tables_labels.labels, _tables_changes.changes, _tables_inputs.requests, _tables_users.users)
"""Tables of other modules are made with the rest once their module is imported."""
_ATTEMPTS = 8
_CROSSED = frozenset({"40001", "40P01"})
"""What PostgreSQL says to a transaction that it ended for another one: serialization_failure, deadlock_detected."""

_SCHEMA_LOCK = 0x68616C6C01
"""PostgreSQL's advisory lock of whoever makes the tables."""


class Records:
    """The SQL records.

    Args:
        url: `sqlite:///FILE`, which is made where there is none, or `postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`.
        place: where there is no such file, what the files of this process are named after that would lie beside it.

    Raises:
        InputError: the address is none.
        RecordsError: the file or the server cannot be opened, is no database or was written by a newer version.
    """

    def __init__(self, url: str, *, place: Path = Path("hallwatch.db")) -> None:
        self._engine, path, self.name = open_engine(url)
        self.place = path or place
        """Files of this process are named after `place`; `name` says where the records are, without secrets."""
        self.is_shared = self._engine.dialect.name == "postgresql"
        """Whether other processes may write to them at the same time."""
        self._reads = self._engine
        if self.is_shared:
            self._reads = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writes = self._engine.execution_options(hallwatch_write=True)
        try:
            self.write(self._prepare)
        except BaseException:
            self.close()
            raise

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do something in one write transaction; again, where another process crossed it.

        Args:
            work: may run several times; only the last run counts.

        Raises:
            RecordsError: the records cannot be written.
        """
        attempt = 0
        while True:
            try:
                with self._writes.begin() as connection:
                    return work(connection)
            except SQLAlchemyError as exc:
                attempt += 1
                if attempt == _ATTEMPTS or not _is_crossed(exc):
                    raise RecordsError(f"{self.name}: cannot be written: {_cause(exc)}") from exc
            time.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - so that they do not meet again

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction: committed at the end of the block, rolled back by an exception.

        For what nobody else writes at the same time; `write` is for the rest.

        Raises:
            RecordsError: the records cannot be written.
        """
        try:
            with self._writes.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            raise RecordsError(f"{self.name}: cannot be written: {_cause(exc)}") from exc

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction: one consistent picture for the length of the block.

        Raises:
            RecordsError: the records cannot be read.
        """
        try:
            with self._reads.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            raise RecordsError(f"{self.name}: cannot be read: {_cause(exc)}") from exc

    def connect(self) -> Connection:
        """A connection of its own, on which each statement is a transaction; it ends with `Connection.close`.

        Raises:
            SQLAlchemyError: there is none.
        """
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()
        return connection

    def close(self) -> None:
        """Close every connection but those of `connect`."""
        self._engine.dispose()

    def _prepare(self, connection: Connection) -> None:
        if self.is_shared:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
        try:
            bring_up_to_date(connection, schema.metadata)
        except UnknownVersionError as exc:
            raise RecordsError(
                f"{self.name}: schema {exc}; expected {KNOWN[-1]} at most: a newer hallwatch wrote it"
            ) from exc


def _is_crossed(exc: SQLAlchemyError) -> bool:
    return isinstance(exc, DBAPIError) and getattr(exc.orig, "sqlstate", None) in _CROSSED


def _cause(exc: SQLAlchemyError) -> object:
    """What the database said, without the statement and our values."""
    return exc.orig if isinstance(exc, DBAPIError) else exc
