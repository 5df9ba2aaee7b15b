"""The two databases that the records may be in: one SQLite file, or a PostgreSQL server that several centres share."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from hall.errors import InputError

BUSY_TIMEOUT_S = 30.0
"""How long a writer waits for another one."""

_CONNECT_TIMEOUT_S = 5
_SILENCE_S = 10
"""Of a server that has vanished from the network, until its connection counts as lost."""

_POOL = {"pool_size": 8, "max_overflow": 8}
FORMS = (
    "sqlite:///FILE (sqlite:////var/lib/hallwatch/records.db for an absolute path) "
    "or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
)


def open_engine(address: str) -> tuple[Engine, Path | None, str]:
    """The engine of an address of records.

    Returns:
        The engine, its file where it has one, and a name for it that holds no secret.

    Raises:
        InputError: the address is none.
    """
    scheme = address.partition(":")[0]
    if scheme == "sqlite":
        path = _path_of(address)
        return _sqlite(path), path, f"records {path}"
    if scheme in {"postgresql", "postgresql+psycopg"}:
        url = _server_of(address)
        return _postgresql(url), None, f"records {_shown(url)}"
    raise InputError(f"records address with scheme {scheme[:20]!r}: expected {FORMS}")


def _path_of(address: str) -> Path:
    _, _, rest = address.partition(":///")
    if not rest or rest == ":memory:":
        raise InputError(f"records address {address}: expected {FORMS}")
    path = Path(rest)
    if not path.parent.is_dir():
        raise InputError(f"records address {address}: no folder {path.parent}; expected {FORMS}")
    return path


def _server_of(address: str) -> URL:
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):  # either would show the password
        raise InputError(f"records address that begins with postgresql: expected {FORMS}") from None
    if not url.host or not url.database:
        raise InputError(f"records address {_shown(url)}: no host or no database; expected {FORMS}")
    return url


def _shown(url: URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    return f"postgresql://{url.host or ''}{port}/{url.database or ''}"


def _sqlite(path: Path) -> Engine:
    """Writers take the file's one write lock at BEGIN, so a transaction never fails half way for having read first."""
    engine = create_engine(f"sqlite:///{path}", **_POOL)

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


def _postgresql(url: URL) -> Engine:
    """Writers lock the rows that they read, see `ingest.live.lock_live`; a lost connection is made anew when asked."""
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "keepalives_idle": _SILENCE_S,
            "tcp_user_timeout": _SILENCE_S * 1000,
            "application_name": "hallwatch",
            "options": f"-c lock_timeout={BUSY_TIMEOUT_S * 1000:.0f}"
            f" -c idle_in_transaction_session_timeout={2 * BUSY_TIMEOUT_S * 1000:.0f}"
            # The server, too, is to notice that we have vanished: until then it keeps our locks.
            f" -c tcp_keepalives_idle={_SILENCE_S} -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
        },
        **_POOL,
    )
