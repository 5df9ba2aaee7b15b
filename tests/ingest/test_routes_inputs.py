"""Duty commands, tickets and ratings by HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.clock import ManualClock, to_iso
from hall.layout import Hall
from hall.messages import StateBody, ZoneState, encode
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.service import Centre
from ingest.users import Users
from tests.support.centre import T0, Numbered
from tests.support.servers import free_port

DUTY, TICKETS, RATINGS, WAITS = (f"/api/halls/demo/{name}" for name in ("duty", "tickets", "ratings", "waits"))


class Client:
    """Asks an application as one of its users."""

    def __init__(self, centre: Centre) -> None:
        self.users = Users(centre.records, ManualClock(T0), Passwords(time_cost=1, memory_kib=8))
        self.users.start()
        self.app: FastAPI = create_app(centre, self.users)
        self._keys = {
            "manager": self._key("machine", "manager", ["demo"]),
            "viewer": self._key("viewer", "viewer", None),
            "other": self._key("other", "manager", ["b"]),
        }

    def _key(self, name: str, role: Any, halls: list[str] | None) -> str:
        first = self.users.add("admin", name, role, halls)
        assert self.users.set_password(name, first, "a password of my own", "here") is None
        return self.users.new_token(name, name, "test", 1)[0]

    def ask(self, method: str, path: str, said: object = None, who: str | None = "manager") -> httpx.Response:
        async def go() -> httpx.Response:
            headers = {} if who is None else {"Authorization": f"Bearer {self._keys[who]}"}
            content = None if said is None else json.dumps(said).encode()
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
                return await client.request(method, path, content=content, headers=headers)

        return asyncio.run(go())

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path, who="viewer")
        assert answer.status_code == 200
        return answer.json()


@pytest.fixture
def centre(tmp_path: Path, hall: Hall) -> Iterator[Centre]:
    """Never started: nothing of it needs a broker."""
    settings = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    made = Centre([hall], settings, records=f"sqlite:///{tmp_path}/records.db", clock=ManualClock(T0))
    yield made
    made.stop()


@pytest.fixture
def client(centre: Centre) -> Client:
    return Client(centre)


def test_what_was_said_is_shown(client: Client) -> None:
    leave = {"key": "d-1", "window": "w01", "duty": "leave", "until": to_iso(T0 + 600)}
    answer = client.ask("POST", DUTY, leave)
    assert (answer.status_code, answer.json()) == (
        200,
        {"request": "duty/set", "accepted": True, "key": "d-1", "error": None},
    )
    assert client.ask("POST", DUTY, leave).json() == answer.json()
    assert client.get(DUTY)["items"] == [
        {
            "id": 1,
            "hall": "demo",
            "floor": "f1",
            "window": "w01",
            "duty": "leave",
            "since": T0,
            "until": T0 + 600,
            "by": "machine",
            "received_at": T0,
        }
    ]
    assert client.ask("POST", RATINGS, {"key": "r-1", "window": "w01", "score": 4, "ticket": "A1"}).status_code == 200
    rating = {"hall": "demo", "floor": "f1", "window": "w01", "score": 4, "ticket": "A1", "at": T0}
    assert client.get(RATINGS)["items"] == [rating]


def test_lists_come_a_page_at_a_time(client: Client) -> None:
    for number in range(5):
        said = {"key": f"t-{number}", "ticket": f"A{number}", "event": "taken", "at": to_iso(T0 - number)}
        assert client.ask("POST", TICKETS, said).status_code == 200
    first = client.get(f"{TICKETS}?limit=3")
    rest = client.get(f"{TICKETS}?limit=3&after={first['last']}")
    assert [ticket["ticket"] for ticket in first["items"] + rest["items"]] == ["A0", "A1", "A2", "A3", "A4"]
    assert (first["more"], rest["more"]) == (True, False)


def test_ticket_waits_stand_beside_those_of_the_camera(centre: Centre, client: Client) -> None:
    zone = ZoneState("waiting", 3, 500.0, 200.0, 480.0, 300.0, 0)
    message = Numbered().message(T0 - 1, StateBody([], [zone]))
    Intake(centre.records, None, centre.metrics, ManualClock(T0)).take([Arrival.of(message.topic, encode(message), T0)])
    centre.reader.changed()
    for ticket, taken_s, called_s in (("A1", 900, 300), ("A2", 700, None)):
        said = {"ticket": ticket, "service": "社保"}
        client.ask("POST", TICKETS, said | {"key": f"{ticket}t", "event": "taken", "at": to_iso(T0 - taken_s)})
        if called_s is not None:
            call = {"key": f"{ticket}c", "event": "called", "window": "w01", "at": to_iso(T0 - called_s)}
            client.ask("POST", TICKETS, said | call)
    (waits,) = client.get(WAITS)
    assert waits["zone"] == "waiting"
    assert waits["tickets"] == {
        "waiting": 1,
        "longest_now_s": 700.0,
        "called": 1,
        "wait_p50_s": 600.0,
        "wait_p90_s": 600.0,
        "missed": 0,
    }
    assert (waits["camera"]["count"], waits["camera"]["longest_wait_s"], waits["camera_at"]) == (3, 500.0, T0 - 1)


@pytest.mark.parametrize("path", [DUTY, TICKETS, RATINGS])
def test_who_may(client: Client, path: str) -> None:
    said = {"key": "1", "window": "w01", "score": 5, "duty": "open", "ticket": "A1", "event": "taken"}
    wanted = {DUTY: ("key", "window", "duty"), TICKETS: ("key", "ticket", "event"), RATINGS: ("key", "window", "score")}
    body = {name: said[name] for name in wanted[path]}
    assert client.ask("POST", path, body, who=None).status_code == 401
    assert client.ask("POST", path, body, who="viewer").status_code == 403
    assert client.ask("POST", path, body, who="other").status_code == 403
    assert client.ask("GET", path, who="other").status_code == 403
    assert client.ask("GET", WAITS, who="other").status_code == 403
    assert client.get(path)["items"] == []
    assert client.ask("POST", path, body).status_code == 200


def test_a_refusal_names_every_fault(client: Client) -> None:
    answer = client.ask("POST", RATINGS, {"key": "1", "window": "w01", "score": 9, "phone": "13812345678"})
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": "rating: score: found 9; expected less than or equal to 5; "
        "phone: found a key; expected no such key; nothing about who somebody is may stand in a request"
    }
    assert client.ask("POST", RATINGS, {"key": "1", "window": "w01", "score": 5.0}).status_code == 200
    assert client.ask("POST", RATINGS, {"key": "2", "window": "w01", "score": 4.5}).status_code == 422
    assert client.ask("POST", RATINGS, {"key": "2", "window": "w99", "score": 4}).status_code == 409
    assert client.ask("POST", RATINGS, {"key": "1", "window": "w01", "score": 4}).status_code == 409
    assert client.ask("POST", DUTY, {"key": "1", "window": "w01", "duty": "open", "by": "x"}).status_code == 422
    assert client.ask("POST", DUTY, "x" * 70_000).status_code == 413


def test_the_openapi_has_the_schemas(client: Client) -> None:
    openapi = client.get("/api/openapi.json")
    asked = openapi["paths"]["/api/halls/{hall}/tickets"]["post"]["requestBody"]["content"]["application/json"]
    assert asked["schema"]["properties"]["event"]["enum"] == ["taken", "called", "missed", "done"]
    answer = openapi["paths"]["/api/halls/{hall}/waits"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["type"] == "array"
