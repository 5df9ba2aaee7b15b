from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from hall.layout import Hall
from hall.load import parse_hall
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import HALL_TEXT
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
def hall() -> Hall:
    return parse_hall(HALL_TEXT)
