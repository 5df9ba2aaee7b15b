from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import NullPool, create_engine, text
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


@pytest.fixture(scope="session")
def template(postgres: Server) -> str:
    """The name of a database with all tables, which others are copied from: quicker than making them anew."""
    address = f"postgresql+psycopg://postgres:hush@127.0.0.1:{postgres.port}/postgres"
    wait_until(lambda: _runs(address, "SELECT 1"), "PostgreSQL takes statements")
    assert _runs(address, "CREATE DATABASE template_hallwatch")
    Records(_beside(address, "template_hallwatch")).close()
    return "template_hallwatch"


@pytest.fixture
def database(postgres: Server, template: str) -> str:
    """The address of a database of its own."""
    return _made(postgres, f"TEMPLATE {template}")


@pytest.fixture
def empty_database(postgres: Server) -> str:
    """The address of a database of its own, without tables."""
    return _made(postgres, "")


def _made(postgres: Server, how: str) -> str:
    address = f"postgresql+psycopg://postgres:hush@127.0.0.1:{postgres.port}/postgres"
    wait_until(lambda: _runs(address, "SELECT 1"), "PostgreSQL takes statements")
    name = f"test_{uuid.uuid4().hex[:12]}"
    assert _runs(address, f"CREATE DATABASE {name} {how}")
    return _beside(address, name)


def _beside(address: str, name: str) -> str:
    return f"{address.rpartition('/')[0]}/{name}"


def _runs(address: str, statement: str) -> bool:
    engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    except OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def hall() -> Hall:
    return parse_hall(HALL_TEXT)
