from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dashboards.grafana.query import Dialect
from ingest.store import open_store, parse_store
from tests.grafana import day
from tests.grafana.asking import DATABASE, Influx, Victoria
from tests.grafana.reference import Points
from tests.support.servers import influxdb1, running, victoria_metrics


@dataclass(frozen=True)
class Stores:
    """Both stores, filled with the same day."""

    influx: Influx
    victoria: Victoria
    points: Points

    def of(self, dialect: Dialect) -> Influx | Victoria:
        return self.influx if dialect == "influxql" else self.victoria


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    lines = day.lines()
    folder = tmp_path_factory.mktemp("stores")
    with running(influxdb1(folder)) as influx, running(victoria_metrics(folder)) as victoria:
        for address in (
            f"influxdb1+http://127.0.0.1:{influx.port}/{DATABASE}",
            f"victoria+http://127.0.0.1:{victoria.port}",
        ):
            settings = parse_store(address)
            assert settings is not None
            store = open_store(settings)
            rows = lines.split(b"\n")
            for first in range(0, len(rows), 5000):
                store.write(b"\n".join(rows[first : first + 5000]))
            store.close()
        asked = Victoria(victoria.port)
        asked.flush()
        yield Stores(Influx(influx.port), asked, Points(lines))
