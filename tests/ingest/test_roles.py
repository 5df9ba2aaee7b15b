"""Who may what, on every route that the OpenAPI has: a new one without a check fails here.

A route that is not told of below fails as well, and says what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.load import parse_hall
from hall.messages import encode
from hall.topics import Address
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.service import Centre
from ingest.users import Users
from tests.support.asking import PASSWORD, ask, key_of
from tests.support.boxes import WillingBoxes
from tests.support.centre import HALL_TEXT, T0, Numbered, a_session, a_state, an_event
from tests.support.servers import free_port

_B = "bbb"
"""The other hall: whatever is of it says so."""

_OPEN = {"GET /healthz", "POST /api/login", "POST /api/password"}
"""Asks for no login: health, and what a login is for."""
_OWN = {"POST /api/logout", "POST /api/tokens", "DELETE /api/tokens/{identity}"}
"""What everybody does with what is their own."""
_OF_NO_HALL = {"GET /api/me", "GET /api/tokens", "GET /api/users/{name}/tokens", "GET /api/audit/verify"}
"""Has nothing of a hall to show."""
_STREAM = "GET /api/events"
"""Has no end; `test_streams` asks it."""

_QUERIES = dict.fromkeys(("GET /api/rollups", "GET /api/ticket-rollups"), f"?period=minute&start=0&end={T0 + 3600}")
_BODIES: Mapping[str, Any] = {
    "POST /api/incidents/{event_id}/assign": {"to": "li"},
    "POST /api/incidents/{event_id}/note": {"note": "x"},
    "POST /api/incidents/{event_id}/appeal": {"note": "x"},
    "POST /api/incidents/{event_id}/decide": {"note": "x", "verdict": "upheld"},
    "POST /api/halls/{hall}/duty": {"key": "k", "window": "w01", "duty": "paused"},
    "POST /api/halls/{hall}/tickets": {"key": "k", "ticket": "A1", "event": "taken"},
    "POST /api/halls/{hall}/ratings": {"key": "r", "window": "w01", "score": 5},
    "POST /api/halls/{hall}/floors/{floor}/config": {"hall_yaml": HALL_TEXT.replace("id: demo", f"id: {_B}")},
    "POST /api/users": {"name": "new"},
    "PATCH /api/users/{name}": {"role": "viewer"},
    "POST /api/tokens": {"name": "x"},
    "POST /api/login": {"name": "x", "password": "x"},
    "POST /api/password": {"name": "x", "password": "x", "new": "x"},
}
"""Of what needs more than `{}`."""


class _Route(NamedTuple):
    method: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class _House:
    """A centre of two halls and somebody of each kind."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock(T0)
        broker = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
        halls = [parse_hall(HALL_TEXT.replace("id: demo", f"id: {name}")) for name in ("aaa", _B)]
        self.centre = Centre(halls, broker, records=f"sqlite:///{folder}/records.db", clock=clock)
        self.users = Users(self.centre.records, clock, Passwords(time_cost=1, memory_kib=8))
        self.app: FastAPI = create_app(self.centre, self.users)
        self.keys = {
            "admin": key_of(self.users, "boss", "admin", None),
            "viewer": key_of(self.users, "wang", "viewer", None),
            "manager of A": key_of(self.users, "li", "manager", ["aaa"]),
            "admin of A": key_of(self.users, "zhao", "admin", ["aaa"]),
        }
        self.users.add("boss", "zhou", "viewer", [_B])
        raised = an_event("raised", started_at=T0 - 90, snapshot="x.jpg")
        self.centre.boxes = WillingBoxes()
        self._parameters = {"event_id": raised.event_id, "hall": _B, "name": "zhou", "identity": "0" * 12}
        self._parameters |= {"floor": "f1", "camera": "c1"}
        node = Numbered(Address(_B, "f1", "edge-f1"))
        said = [node.message(T0 - 200 + at, a_state(2)) for at in range(0, 200, 10)]
        said += [node.message(T0, raised), node.message(T0, a_session(0))]
        intake = Intake(self.centre.records, None, self.centre.metrics, clock, halls=halls)
        intake.take([Arrival.of(m.topic, encode(m), T0) for m in said])
        self.centre.reader.changed()
        for path in ("duty", "tickets", "ratings"):
            answer = self.ask(_Route("POST", f"/api/halls/{{hall}}/{path}"), "admin")
            assert answer.status_code == 200, answer.text

    def routes(self) -> list[_Route]:
        paths = self.app.openapi()["paths"]
        return [_Route(method.upper(), path) for path, methods in paths.items() for method in methods]

    def ask(self, route: _Route, who: str) -> httpx.Response:
        """A right question about what is of the other hall."""
        try:
            path = route.path.format(**self._parameters)
        except KeyError as exc:
            raise AssertionError(f"{route.name}: say in this test what {exc} of the other hall is") from exc
        body = {} if route.method in {"GET", "DELETE"} else {"json": _BODIES.get(route.name, {})}
        return ask(self.app, route.method, path + _QUERIES.get(route.name, ""), self.keys.get(who), **body)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_House]:
    made = _House(tmp_path_factory.mktemp("house"))
    yield made
    made.centre.stop()


def _asked(house: _House) -> list[_Route]:
    routes = [route for route in house.routes() if route.name not in _OPEN and route.name != _STREAM]
    assert len(routes) > 25
    return routes


def test_nobody_gets_an_answer(house: _House) -> None:
    for route in _asked(house):
        assert house.ask(route, "nobody").status_code == 401, route.name


def test_a_viewer_changes_nothing(house: _House) -> None:
    """So a viewer cannot acknowledge."""
    writes = [route for route in _asked(house) if route.method != "GET" and route.name not in _OWN]
    for route in writes:
        answer = house.ask(route, "viewer")
        assert answer.status_code == 403, f"{route.name}: {answer.status_code} {answer.text}"
    assert _Route("POST", "/api/incidents/{event_id}/acknowledge") in writes


@pytest.mark.parametrize("who", ["manager of A", "admin of A"])
def test_somebody_of_one_hall_reads_nothing_of_another(house: _House, who: str) -> None:
    for route in _asked(house):
        if route.method != "GET":
            continue
        if route.name not in _OF_NO_HALL:
            seen = house.ask(route, "admin")
            found = seen.status_code == 200 and _B in seen.text
            assert found, f"{route.name}: shows an admin nothing of {_B}, so that this proves nothing: {seen.text}"
        answer = house.ask(route, who)
        assert answer.status_code in {200, 403, 404}, f"{route.name}: {answer.text}"
        assert answer.status_code != 200 or _B not in answer.text, route.name


@pytest.mark.parametrize("who", ["manager of A", "admin of A"])
def test_somebody_of_one_hall_changes_nothing_of_another(house: _House, who: str) -> None:
    for route in _asked(house):
        if route.method != "GET" and route.name not in _OWN:
            answer = house.ask(route, who)
            assert answer.status_code in {403, 404}, f"{route.name}: {answer.status_code} {answer.text}"


def test_an_admin_may_do_all_of_it(house: _House) -> None:
    """So that what is refused above is refused for who asks, and for nothing else."""
    refused = {}
    for route in _asked(house):
        if route.name in _OWN or route.method == "DELETE":
            continue
        answer = house.ask(route, "admin")
        if answer.status_code not in {200, 201, 409}:
            refused[route.name] = answer.text
    assert refused == {}


def test_every_error_is_a_problem(house: _House) -> None:
    for route in _asked(house):
        answer = house.ask(route, "nobody")
        assert list(answer.json()) == ["detail"], route.name
    said = json.dumps(house.app.openapi())
    assert "HTTPValidationError" not in said
    login = ask(house.app, "POST", "/api/login", json={"name": "li", "password": PASSWORD})
    assert login.status_code == 200
