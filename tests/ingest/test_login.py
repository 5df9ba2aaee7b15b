from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from cli.ingest import _users
from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.errors import InputError
from hall.layout import Hall
from hall.messages import encode
from hall.topics import Address
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.login import COOKIE, MAX_BODY_BYTES, allow_body, require, stays_in
from ingest.metrics import Metrics
from ingest.service import Centre
from ingest.throttle import FREE
from ingest.users import Users
from tests.support.asking import ask, key_of
from tests.support.centre import T0, Numbered, a_state, an_event
from tests.support.servers import free_port


@pytest.fixture
def centre(tmp_path: Path, metrics: Metrics) -> Iterator[Centre]:
    """Never started: what two halls said is in its records. No hall file, so that both are taken."""
    settings = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    made = Centre([], settings, records=f"sqlite:///{tmp_path}/records.db")
    for n, hall in enumerate(("a", "b")):
        node = Numbered(Address(hall, "f1", "edge-f1"))
        said = [node.message(T0, a_state()), node.message(T0 + 1, an_event("raised", started_at=T0 - n))]
        Intake(made.records, None, metrics, ManualClock(T0)).take([Arrival.of(m.topic, encode(m), T0) for m in said])
    yield made
    made.stop()


@pytest.fixture
def users(centre: Centre) -> Users:
    made = Users(centre.records, ManualClock(T0), Passwords(time_cost=1, memory_kib=8))
    made.start()
    return made


@pytest.fixture
def app(centre: Centre, users: Users) -> FastAPI:
    made = create_app(centre, users)

    @made.post("/api/halls/{hall}/try", dependencies=[Depends(require("manager"))])
    def acknowledge(hall: str) -> str:
        return hall

    return made


PATHS = ("/api/halls", "/api/nodes", "/api/incidents", "/api/state", "/api/me", "/metrics", "/api/openapi.json")


@pytest.mark.parametrize("path", [*PATHS, "/api/rollups?start=0&end=1"])
def test_nobody_sees_anything_without_a_login(app: FastAPI, path: str) -> None:
    assert ask(app, "GET", path).status_code == 401
    assert ask(app, "GET", path, "a guess").status_code == 401


def test_pages_lead_to_the_login_and_sockets_are_closed(app: FastAPI) -> None:
    answer = ask(app, "GET", "/floor/f1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/floor/f1")
    assert "登录" in ask(app, "GET", "/login").text
    assert ask(app, "GET", "/healthz").status_code == 503  # it answers, though no broker is there
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("not read")

    scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_manager_of_one_hall_reads_no_other(app: FastAPI, users: Users) -> None:
    everything, only_a = key_of(users, "boss", "viewer", None), key_of(users, "li", "manager", ["a"])
    for path, part in (("/api/nodes", "items"), ("/api/incidents", "items"), ("/api/state", "windows")):
        seen = []
        for key in (everything, only_a):
            found = ask(app, "GET", path, key).json()
            seen.append({one["hall"] for one in (found[part])})
        assert seen == [{"a", "b"}, {"a"}], path
    assert ask(app, "GET", "/metrics", only_a).status_code == 403
    assert ask(app, "GET", "/metrics", everything).status_code == 200
    assert ask(app, "POST", "/api/halls/a/try", only_a).status_code == 200
    assert ask(app, "POST", "/api/halls/b/try", only_a).status_code == 403


def test_a_viewer_cannot_acknowledge(app: FastAPI, users: Users) -> None:
    answer = ask(app, "POST", "/api/halls/a/try", key_of(users, "wang", "viewer", None))
    assert (answer.status_code, answer.json()) == (403, {"detail": "wang is no manager of hall a"})


def test_login_and_logout(app: FastAPI, users: Users) -> None:
    first = users.add("admin", "li", "viewer", ["a"])
    known = {"name": "li", "password": first}
    answer = ask(app, "POST", "/api/login", json=known)
    assert answer.json() == {"name": "li", "role": "viewer", "halls": ["a"], "must_change": True}
    assert "httponly" in answer.headers["set-cookie"].lower()
    cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}
    assert ask(app, "GET", "/api/nodes", headers=cookie).status_code == 403  # its password first
    assert ask(app, "GET", "/", headers=cookie).headers["location"] == "/login?next=/"
    assert ask(app, "POST", "/api/password", json={**known, "new": "short"}).status_code == 422
    assert ask(app, "POST", "/api/password", json={**known, "new": "long enough now"}).status_code == 204
    assert ask(app, "GET", "/api/me", headers=cookie).status_code == 401
    again = ask(app, "POST", "/api/login", json={"name": "li", "password": "long enough now"})
    cookie = {"Cookie": f"{COOKIE}={again.cookies[COOKIE]}"}
    assert ask(app, "GET", "/api/nodes", headers=cookie).status_code == 200
    elsewhere = {**cookie, "Origin": "http://elsewhere"}
    assert ask(app, "POST", "/api/logout", headers=elsewhere).status_code == 403
    assert ask(app, "POST", "/api/logout", headers={**cookie, "Origin": "http://centre"}).status_code == 204
    assert ask(app, "GET", "/api/nodes", headers=cookie).status_code == 401


def test_methods_that_a_route_has_not_are_refused_at_once(app: FastAPI) -> None:
    answer = ask(app, "TRACE", "/api/users/li")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
    assert [ask(app, "TRACE", path).status_code for path in ("/api/none", "/api/users/li")] == [401, 405]


def test_guesses_are_told_to_wait(app: FastAPI) -> None:
    wrong = {"name": "admin", "password": "a guess"}
    found = [ask(app, "POST", "/api/login", json=wrong) for _ in range(FREE + 1)]
    assert [one.status_code for one in found] == [401] * FREE + [429]
    assert found[-1].headers["retry-after"] == "3"


def test_links_of_alerts_need_no_login(app: FastAPI) -> None:
    @app.get("/a/{token}")
    def page(token: str) -> str:
        return token

    assert ask(app, "GET", "/a/x").status_code == 200
    assert ask(app, "GET", "/a").status_code == 303


def test_a_large_body_is_not_read(app: FastAPI) -> None:
    assert ask(app, "POST", "/api/login", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    allow_body(app, "/api/large", MAX_BODY_BYTES + 1)
    allow_body(app, "/api/small", 1)
    sizes = (
        ("/api/large", MAX_BODY_BYTES + 1),
        ("/api/large", MAX_BODY_BYTES + 2),
        ("/api/small", 1),
        ("/api/small", 2),
    )
    answers = [ask(app, "POST", path, content=b"x" * size).status_code for path, size in sizes]
    assert answers == [401, 413, 401, 413]  # who asks is looked at next


def test_the_console_is_of_one_hall(centre: Centre, users: Users, hall: Hall, tmp_path: Path) -> None:
    settings = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    shown = Centre([hall], settings, records=f"sqlite:///{tmp_path}/records.db")
    app = create_app(shown, users)

    @app.get("/")
    def page() -> str:
        return "the console"

    keys = key_of(users, "li", "viewer", ["demo"]), key_of(users, "wang", "viewer", ["a"])
    for path in ("/", "/api/halls/demo"):
        assert [ask(app, "GET", path, key).status_code for key in keys] == [200, 403]
    shown.stop()


def test_without_users_nobody_is_asked_on_loopback_only(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        assert _users(centre, host, needed=None) is None
    with pytest.raises(InputError, match="expected --login"):
        _users(centre, "0.0.0.0", needed=None)
    assert _users(centre, "0.0.0.0", needed=False) is None
    assert ask(create_app(centre), "GET", "/api/nodes").status_code == 200
    assert _users(centre, "0.0.0.0", needed=True) is not None
    assert "first user: admin\none-time password, not shown again: " in capsys.readouterr().err
    assert _users(centre, "127.0.0.1", needed=None) is not None  # there are users now
    assert capsys.readouterr().err == ""


def test_an_open_page_may_stay_while_its_login_lasts(users: Users) -> None:
    may_stay = stays_in(users, "a")
    keys = {name: key_of(users, name, "viewer", halls) for name, halls in (("li", ["a"]), ("wang", ["b"]))}
    pages = {
        name: HTTPConnection({"type": "http", "headers": [(b"cookie", f"{COOKIE}={key}".encode())]})
        for name, key in (*keys.items(), ("nobody", "a guess"))
    }
    assert {name: may_stay(page) for name, page in pages.items()} == {"li": True, "wang": False, "nobody": False}
    users.reset("admin", "li")
    assert not may_stay(pages["li"])
    assert not may_stay(HTTPConnection({"type": "http", "headers": []}))
