"""The records: SQL by SQLAlchemy, in one SQLite file (WAL) so far.

Writers take the file's one write lock at BEGIN, so a transaction never fails half way for having read first;
readers never wait.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from hall.errors import InputError, RecordsError
from ingest import _tables_users, schema

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
_MORE_TABLES = (_tables_users.users,)
"""Tables of other modules are made with the rest once their module is imported."""
_FORM = "sqlite:///FILE (sqlite:////var/lib/hallwatch/records.db for an absolute path)"


class Records:
    """The SQL records.

    Args:
        url: `sqlite:///FILE`. The file is made where there is none.

    Raises:
        InputError: the address is none.
        RecordsError: the file cannot be opened, is no database or was written by a newer version.
    """

    def __init__(self, url: str) -> None:
        path = _path_of(url)
        self.path = path
        """The file."""
        self.name = f"records {path}"
        self._engine = _engine(path)
        with self.writing() as connection:
            schema.metadata.create_all(connection)
            self._check_version(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction: committed at the end of the block, rolled back by an exception.

        Raises:
            RecordsError: the records cannot be written.
        """
        try:
            engine = self._engine.execution_options(hallwatch_write=True)
            with engine.begin() as connection:
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
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            raise RecordsError(f"{self.name}: cannot be read: {_cause(exc)}") from exc

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _check_version(self, connection: Connection) -> None:
        found = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "schema"))
        if found is None:
            connection.execute(insert(schema.meta).values(key="schema", value=str(SCHEMA_VERSION)))
        elif found != str(SCHEMA_VERSION):
            raise RecordsError(f"{self.name}: schema {found}; expected {SCHEMA_VERSION}")


def _cause(exc: SQLAlchemyError) -> object:
    """What the database said, without the statement and our values."""
    return exc.orig if isinstance(exc, DBAPIError) else exc


def _path_of(url: str) -> Path:
    scheme, _, rest = url.partition(":///")
    if scheme != "sqlite" or not rest or rest == ":memory:":
        shown = url if "@" not in url else "with a user"
        raise InputError(f"records address {shown}: expected {_FORM}")
    path = Path(rest)
    if not path.parent.is_dir():
        raise InputError(f"records address {url}: no folder {path.parent}; expected {_FORM}")
    return path


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=8)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, see below
        # FULL: a message is acknowledged after the commit, so the commit must survive a power cut.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("hallwatch_write", False)
        connection.execute(text("BEGIN IMMEDIATE" if writes else "BEGIN"))

    return engine
