"""Incidents over HTTP: who may read and act, and what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.layout import Hall
from hall.topics import Address
from ingest.api import create_app
from ingest.casebook import Casebook
from ingest.labels import Labels
from ingest.login import Guard
from ingest.service import Centre
from ingest.users import Account
from tests.support.centre import T0, Numbered, an_event
from tests.support.servers import free_port

EVENT = an_event("raised").event_id
ELSEWHERE = an_event("raised", subject="window/w09").event_id
BASE = f"/api/incidents/{EVENT}"


class Desk:
    """Asks as one account or another."""

    def __init__(self, app: FastAPI) -> None:
        self.account = Account("li", "manager", ("demo",))
        self._app = app

    async def _as_account(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("state", {})["account"] = self.account
        await self._app(scope, receive, send)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """An answer."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._as_account)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
                return await client.request(method, path, json=body, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def centre(tmp_path: Path, hall: Hall) -> Iterator[Centre]:
    made = Centre([hall], parse_broker(f"mqtt://127.0.0.1:{free_port()}"), records=f"sqlite:///{tmp_path}/records.db")
    other = Numbered(Address("other", "f1", "edge-f1"))
    told = [
        Numbered().message(T0 + 300, an_event("raised")),
        other.message(T0 + 300, an_event("raised", subject="window/w09")),
    ]
    made.records.write(lambda connection: Casebook(Labels(hall)).take(connection, told, T0 + 300))
    yield made
    made.stop()


@pytest.fixture
def desk(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> Desk:
    async def let_through(_self: Guard, _scope: Any) -> None:
        return None

    monkeypatch.setattr(Guard, "_refusal", let_through)  # who asks is said by the test
    return Desk(create_app(centre))


def test_a_manager_deals_with_an_incident(desk: Desk) -> None:
    for act, body in (
        ("acknowledge", {}),
        ("assign", {"to": "王芳", "note": "please"}),
        ("note", {"note": "on her way"}),
        ("false-alarm", {}),
        ("unlabel", {"note": "the wrong row"}),
        ("appeal", {"note": "I was there", "on_behalf_of": "赵"}),
    ):
        answer = desk.ask("POST", f"{BASE}/{act}", body)
        assert answer.status_code == 200, answer.text
    decision = {"verdict": "upheld", "note": "the picture shows her"}
    refused = desk.ask("POST", f"{BASE}/decide", decision)
    assert (refused.status_code, refused.json()) == (409, {"detail": "li appealed; expected somebody else to decide"})
    desk.account = Account("chen", "manager", ("demo",))
    answer = desk.ask("POST", f"{BASE}/decide", decision)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["status"], shown["label"], shown["appeal"]) == ("closed", "false_alarm", "upheld")
    told = desk.ask("GET", BASE).json()
    assert told["incident"] == shown
    assert [(step["kind"], step["actor"], step["note"]) for step in told["history"]] == [
        ("opened", "", ""),
        ("acknowledged", "li", ""),
        ("assigned", "li", "please"),
        ("noted", "li", "on her way"),
        ("false_alarm", "li", ""),
        ("unlabelled", "li", "the wrong row"),
        ("appealed", "li", "I was there"),
        ("decided", "chen", "the picture shows her"),
    ]
    assert told["history"][2]["detail"] == {"to": "王芳"}
    assert told["history"][6]["detail"] == {"to": "赵"}
    assert desk.ask("GET", "/api/incidents?status=ongoing").json()["items"] == []
    assert [i["event_id"] for i in desk.ask("GET", "/api/incidents?status=closed").json()["items"]] == [EVENT]


def test_a_viewer_reads_and_does_nothing(desk: Desk) -> None:
    desk.account = Account("zhao", "viewer", ("demo",))
    assert desk.ask("GET", BASE).status_code == 200
    for act, body in (
        ("acknowledge", {}),
        ("assign", {"to": "me"}),
        ("note", {"note": "x"}),
        ("false-alarm", {}),
        ("unlabel", {}),
        ("appeal", {"note": "x"}),
        ("decide", {"verdict": "upheld", "note": "x"}),
        ("close", {"note": "x"}),
    ):
        assert desk.ask("POST", f"{BASE}/{act}", body).status_code == 403
    assert len(desk.ask("GET", BASE).json()["history"]) == 1


def test_a_manager_of_one_hall_sees_nothing_of_another(desk: Desk) -> None:
    path = f"/api/incidents/{ELSEWHERE}"
    assert desk.ask("GET", path).status_code == 404
    assert desk.ask("POST", f"{path}/acknowledge", {}).status_code == 404
    desk.account = Account("boss", "manager", None)
    assert desk.ask("GET", path).json()["incident"]["acknowledged_by"] is None


def test_a_request_that_comes_twice_is_done_once(desk: Desk) -> None:
    for _ in range(2):
        assert desk.ask("POST", f"{BASE}/note", {"note": "once"}, **{"Idempotency-Key": "a-1"}).status_code == 200
    assert desk.ask("POST", f"{BASE}/note", {"note": "other"}, **{"Idempotency-Key": "a-2"}).status_code == 200
    notes = [step["note"] for step in desk.ask("GET", BASE).json()["history"][1:]]
    assert notes == ["once", "other"]


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("close", {}, 409),
        ("decide", {"verdict": "upheld", "note": "x"}, 409),
        ("decide", {"verdict": "maybe", "note": "x"}, 422),
        ("note", {"note": ""}, 422),
        ("note", {"note": "\0"}, 422),
        ("note", {"note": "x" * 2001}, 422),
        ("assign", {}, 422),
        ("acknowledge", {"by": "somebody else"}, 422),
    ],
)
def test_what_is_wrong_is_said(desk: Desk, act: str, body: dict[str, str], status: int) -> None:
    answer = desk.ask("POST", f"{BASE}/{act}", body)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_an_incident_that_is_not_there(desk: Desk) -> None:
    assert desk.ask("GET", "/api/incidents/none").status_code == 404
    assert desk.ask("POST", "/api/incidents/none/acknowledge", {}).status_code == 404
    assert desk.ask("GET", f"/api/incidents/{'x' * 65}").status_code == 422
