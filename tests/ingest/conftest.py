from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from hall.layout import Hall
from hall.load import parse_hall
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import HALL_TEXT
from tests.support.servers import Server, postgresql, running, wait_until
from tests.support.webhook import Webhook


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as hook:
        yield hook


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(f"sqlite:///{tmp_path}/records.db")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL for all tests."""
    # Not in pytest's folder: that one is closed to the user of the server.
    with (
        tempfile.TemporaryDirectory(prefix="hallwatch-postgres-", ignore_cleanup_errors=True) as folder,
        running(postgresql(Path(folder))) as server,
    ):
        yield server


@pytest.fixture
def database(postgres: Server) -> str:
    """The address of a database of its own."""
    server = f"postgresql+psycopg://postgres:hush@127.0.0.1:{postgres.port}"
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    wait_until(lambda: _runs(engine, "SELECT 1"), "PostgreSQL takes statements")
    assert _runs(engine, f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def _runs(engine: Engine, statement: str) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    except OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def hall() -> Hall:
    return parse_hall(HALL_TEXT)
