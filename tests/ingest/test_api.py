from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.layout import Hall
from ingest.api import create_app
from ingest.service import Centre
from tests.support.centre import T0, Numbered, Publisher, a_state, an_event
from tests.support.servers import Server, free_port, wait_until


class _Client:
    """Asks the app without a socket."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._get(path))

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://centre") as client:
            return await client.get(path)


@pytest.fixture
def centre(tmp_path: Path, broker: Server, hall: Hall) -> Iterator[Centre]:
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    with Centre([hall], settings, records=f"sqlite:///{tmp_path}/records.db") as running:
        assert running.wait_connected()
        yield running


def test_what_a_page_needs(centre: Centre, broker: Server) -> None:
    node = Numbered()
    with Publisher(broker.port) as publisher:
        publisher.send(
            node.message(T0, a_state(3)),
            node.message(T0 + 300, an_event("raised")),
            node.message(T0 + 301, an_event("raised", started_at=T0 + 1)),
            node.message(T0 + 400, an_event("cleared", started_at=T0 + 1)),
        )
    wait_until(lambda: len(centre.reader.incidents(status="cleared")) == 1, "the messages")
    client = _Client(create_app(centre))
    nodes = client.get("/api/nodes").json()["items"]
    assert [(n["node"], n["status"], n["state_at"]) for n in nodes] == [("edge-f1", "online", T0)]
    assert len(client.get("/api/incidents").json()["items"]) == 2
    assert [i["started_at"] for i in client.get("/api/incidents?status=open&limit=5").json()["items"]] == [T0]
    state = client.get("/api/state").json()
    assert state["windows"][0] == {
        "hall": "demo",
        "floor": "f1",
        "node": "edge-f1",
        "online": True,
        "at": T0,
        "label": "1号窗口",
        "window": "w01",
        "duty": "open",
        "clerk": "present",
        "clerk_since": "2026-01-05T01:00:00Z",
        "customers": 3,
        "session_s": None,
        "status": "idle",
    }
    assert [i["started_at"] for i in state["incidents"]] == [T0]
    assert state["version"] == centre.reader.version()
    hall = client.get("/api/halls/demo").json()
    assert client.get("/api/halls").json()["items"] == [hall]
    assert client.get("/api/halls/other").status_code == 404
    assert hall["floors"][0]["zones"] == [{"id": "waiting", "label": "等候区", "kind": "waiting", "serves": ["w01"]}]
    assert "hush" not in client.get("/api/halls").text
    health = client.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    metrics = client.get("/metrics").text
    assert 'hallwatch_messages_total{kind="event"} 3.0' in metrics
    assert "hallwatch_broker_connected 1.0" in metrics


def test_roll_ups(centre: Centre, broker: Server) -> None:
    node = Numbered()
    with Publisher(broker.port) as publisher:
        publisher.send(*(node.message(T0 + at, a_state(2)) for at in range(0, 80, 10)))
    client = _Client(create_app(centre))
    path = f"/api/rollups?period=minute&start={T0}&end={T0 + 3600}"
    wait_until(lambda: client.get(path).json()["items"], "the minute")
    (minute,) = client.get(path).json()["items"]
    assert (minute["node"], minute["start"], minute["windows"]["w01"]["customer_s"]) == ("edge-f1", T0, 120)
    assert client.get(f"/api/rollups?start={T0}&end={T0 + 3600}").json()["items"] == []
    assert client.get(f"/api/rollups?start=x&end={T0}&period=day").status_code == 422


@pytest.mark.parametrize("query", ["status=shut", "limit=0", "limit=1001", "limit=x"])
def test_a_wrong_question_is_refused(centre: Centre, query: str) -> None:
    answer = _Client(create_app(centre)).get(f"/api/incidents?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.text


def test_without_a_broker_it_is_not_well_and_answers_still(tmp_path: Path) -> None:
    settings = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    with Centre([], settings, records=f"sqlite:///{tmp_path}/records.db") as centre:
        wait_until(lambda: "not reachable" in str(centre.health()["broker"]), "it says so")
        client = _Client(create_app(centre))
        health = client.get("/healthz")
        assert (health.status_code, health.json()["records"]) == (503, "ok")
        assert "not reachable" in health.json()["broker"]
        assert client.get("/api/nodes").json()["items"] == []
        assert client.get("/api/halls").json()["items"] == []
