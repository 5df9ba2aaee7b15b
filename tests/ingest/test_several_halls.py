"""One centre for several halls: names, time zones, days and nodes are those of the hall that a message is of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from cli.ingest import _load
from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.errors import InputError
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import encode
from hall.topics import Address
from ingest._alert_text import alert_text
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.incidents import from_row
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.reader import HallReader
from ingest.schema import incidents
from ingest.service import Centre
from tests.support.asking import ask
from tests.support.centre import HALL_TEXT, T0, Numbered, a_state, an_event
from tests.support.servers import free_port

_OTHER = HALL_TEXT.replace("id: demo, name: 演示政务服务中心", "id: west, name: 西区")
_OTHER = _OTHER.replace("Asia/Shanghai", "Asia/Urumqi").replace("1号窗口", "甲窗口")


@pytest.fixture
def halls(hall: Hall) -> list[Hall]:
    return [hall, parse_hall(_OTHER)]


@pytest.fixture
def centre(halls: list[Hall], tmp_path: Path) -> Iterator[Centre]:
    settings = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    made = Centre(halls, settings, records=f"sqlite:///{tmp_path}/records.db", clock=ManualClock(T0))
    nodes = [Numbered(Address(hall, "f1", "edge-f1")) for hall in ("demo", "west", "east")]
    said = [node.message(T0, a_state(n)) for n, node in enumerate(nodes)]
    said += [node.message(T0, an_event("raised", started_at=T0 - n)) for n, node in enumerate(nodes)]
    metrics = Metrics(CollectorRegistry())
    intake = Intake(made.records, None, metrics, made.clock, halls=halls, on_change=made.reader.changed)
    intake.take([Arrival.of(m.topic, encode(m), T0) for m in said])
    assert metrics.dead_letters.labels("node")._value.get() == 2  # of east, which has no file
    yield made
    made.stop()


def test_windows_have_the_names_of_their_hall(centre: Centre) -> None:
    app = create_app(centre)
    names = [hall["name"] for hall in ask(app, "GET", "/api/halls").json()["items"]]
    assert names == ["演示政务服务中心", "西区"]
    page = ask(app, "GET", "/api/halls?limit=1").json()
    assert (page["items"][0]["id"], page["more"]) == ("demo", True)
    page = ask(app, "GET", f"/api/halls?after={page['last']}").json()
    assert ([one["id"] for one in page["items"]], page["more"]) == (["west"], False)
    page = ask(app, "GET", f"/api/halls?before={page['first']}").json()
    assert [one["id"] for one in page["items"]] == ["demo"]
    windows = ask(app, "GET", "/api/state").json()["windows"]
    assert [(one["hall"], one["label"]) for one in windows] == [("demo", "1号窗口"), ("west", "甲窗口")]


@pytest.mark.parametrize("path", ["/api/nodes", "/api/incidents", "/api/state"])
def test_a_list_may_be_of_one_hall(centre: Centre, path: str) -> None:
    app = create_app(centre)
    everything = ask(app, "GET", path).text
    assert '"demo"' in everything
    assert '"west"' in everything
    west = ask(app, "GET", f"{path}?hall=west").text
    assert '"demo"' not in west
    assert '"west"' in west
    assert ask(app, "GET", f"{path}?hall=a%00b").status_code == 422


def test_the_console_reads_of_its_own_hall(centre: Centre) -> None:
    reads = HallReader(centre.reader, "west")
    assert [node.hall for node in reads.nodes()] == ["west"]
    assert [incident.hall for incident in reads.incidents(status="ongoing")] == ["west"]
    assert reads.version() == centre.reader.version()


def test_alerts_tell_the_time_of_their_hall(centre: Centre) -> None:
    with centre.records.reading() as connection:
        rows = connection.execute(select(incidents).order_by(incidents.c.hall)).mappings().all()
    demo, west = (alert_text(from_row(row), "raised", "zh", centre.labels, late=False).body for row in rows)
    assert "演示政务服务中心 f1" in demo
    assert "2026-01-05 09:00:00" in demo
    assert "西区 f1" in west
    assert "2026-01-05 06:59:59" in west


def test_the_day_is_that_of_the_hall(halls: list[Hall]) -> None:
    places = Places(*halls)
    assert places.halls == ["demo", "west"]
    late = T0 + 16 * 3600  # one in the morning in Shanghai, eleven in the evening in Urumqi
    assert [places.of(hall).day_of(late) for hall in ("demo", "west")] == ["2026-01-06", "2026-01-05"]
    assert Places().halls is None


def test_each_hall_has_one_file(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")]
    for file, text in zip(files, (HALL_TEXT, _OTHER, HALL_TEXT), strict=True):
        file.write_text(text, encoding="utf-8")
    assert [hall.hall.id for hall in _load(files[:2])] == ["demo", "west"]
    with pytest.raises(InputError, match=r"c.yaml: hall demo, as in .*a.yaml; expected each hall once"):
        _load(files)
