"""Fixtures of every room. Real clips stay outside the repository: `data` tests run where HALLWATCH_DATA is set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.detections import RememberingDetector
from tests.support.servers import Server, influxdb1, mosquitto, running, victoria_metrics

# A busy machine is slow, which says nothing about the code; the same examples in every run.
settings.register_profile("hallwatch", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hallwatch")

pytest_plugins = ["tests.support.mqtt"]

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the development data its tests are not part of the suite; with it, a missing file fails."""
    if "HALLWATCH_DATA" in os.environ:
        return
    data = [item for item in items if item.get_closest_marker("data")]
    config.hook.pytest_deselected(items=data)
    items[:] = [item for item in items if item not in data]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The development data."""
    folder = Path(os.environ["HALLWATCH_DATA"]).resolve()
    assert folder.is_dir(), f"HALLWATCH_DATA={folder} is no folder"
    return folder


@pytest.fixture(scope="session")
def clips() -> Path:
    """The rendered clips with their truth."""
    return ROOT / "twin" / "assets" / "clips"


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RememberingDetector]:
    """The default detector; looks at no picture twice, whichever tests show it, in whichever process."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with closing(RememberingDetector(folder / "detections.sqlite")) as detector:
        yield detector


@pytest.fixture
def replay_remembers(detector: RememberingDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hallwatch replay` in this process takes that detector."""
    monkeypatch.setattr("cli.replay.open_detector", lambda *_: detector)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    """A mosquitto of its own; a test may kill and restart it."""
    with running(mosquitto(tmp_path)) as server:
        yield server


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Server]:
    """A VictoriaMetrics of its own."""
    with running(victoria_metrics(tmp_path)) as server:
        yield server


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Server]:
    """An InfluxDB 1.6 of its own."""
    with running(influxdb1(tmp_path)) as server:
        yield server
