from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.errors import InputError
from ingest import audit
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.login import COOKIE
from ingest.records import Records
from ingest.service import Centre
from ingest.users import Users
from tests.support.asking import PASSWORD, ask, key_of
from tests.support.centre import T0
from tests.support.servers import free_port

_QUICK = Passwords(time_cost=1, memory_kib=8)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre([], parse_broker(f"mqtt://127.0.0.1:{free_port()}"), records=f"sqlite:///{tmp_path}/records.db")
    yield made
    made.stop()


@pytest.fixture
def users(centre: Centre) -> Users:
    return Users(centre.records, ManualClock(T0), _QUICK)


@pytest.fixture
def app(centre: Centre, users: Users) -> FastAPI:
    return create_app(centre, users)


@pytest.fixture
def boss(app: FastAPI, users: Users) -> Callable[..., httpx.Response]:
    key = key_of(users, "boss", "admin", None)
    return lambda method, path, **more: ask(app, method, path, key, **more)


def _told(centre: Centre) -> list[str]:
    with centre.records.reading() as connection:
        return [f"{row.actor} {row.action} {row.subject}" for row in audit.rows(connection)][::-1]


def test_an_admin_adds_changes_resets_and_removes(
    app: FastAPI, centre: Centre, users: Users, boss: Callable[..., httpx.Response]
) -> None:
    before = len(_told(centre))
    added = boss("POST", "/api/users", json={"name": "li", "role": "manager", "halls": ["a"]})
    assert (added.status_code, added.json()["name"]) == (201, "li")
    assert ask(app, "POST", "/api/login", json=added.json()).json()["must_change"] is True
    assert boss("POST", "/api/users", json={"name": "li"}).status_code == 409
    assert boss("GET", "/api/users/li").json()["halls"] == ["a"]
    assert boss("PATCH", "/api/users/li", json={"role": "viewer"}).json()["halls"] == ["a"]
    changed = boss("PATCH", "/api/users/li", json={"halls": None})
    assert (changed.json()["role"], changed.json()["halls"]) == ("viewer", None)
    assert boss("PATCH", "/api/users/li", json={}).json() == changed.json()
    again = boss("POST", "/api/users/li/reset").json()
    assert again["password"] != added.json()["password"]
    assert [one["name"] for one in boss("GET", "/api/users").json()["items"]] == ["boss", "li"]
    assert boss("GET", "/api/users?limit=1").json()["more"] is True
    assert boss("GET", "/api/users?after=x").status_code == 404
    assert boss("DELETE", "/api/users/li").status_code == 204
    assert [boss(method, "/api/users/li").status_code for method in ("GET", "DELETE")] == [404, 404]
    assert boss("DELETE", "/api/users/boss").status_code == 409  # the last admin
    assert boss("PATCH", "/api/users/boss", json={"enabled": False}).status_code == 409
    assert _told(centre)[before:] == [
        "boss user.add user/li",
        "li login user/li",
        "boss user.change user/li",
        "boss user.change user/li",
        "boss user.reset user/li",
        "boss user.remove user/li",
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/users", {"name": "Li"}),
        ("POST", "/api/users", {"name": "li\n"}),
        ("POST", "/api/users", {"name": "li", "role": "boss"}),
        ("POST", "/api/users", {"name": "li", "halls": ["a b"]}),
        ("POST", "/api/users", {"name": "li", "password": "mine"}),
        ("PATCH", "/api/users/boss", {"enabled": 1}),
        ("GET", "/api/users/no%00body", None),
        ("GET", "/api/users?limit=0", None),
        ("GET", "/api/audit?actor=%00", None),
        ("GET", "/api/audit/verify?expected=1", None),
    ],
)
def test_what_is_wrong_is_said(boss: Callable[..., httpx.Response], method: str, path: str, body: Any) -> None:
    answer = boss(method, path, json=body) if body is not None else boss(method, path)
    assert (answer.status_code, list(answer.json())) == (422, ["detail"])


def test_tokens_are_of_oneself_and_made_after_a_login_only(app: FastAPI, users: Users) -> None:
    key = key_of(users, "li", "viewer", None)
    boss = key_of(users, "boss", "admin", None)
    session = ask(app, "POST", "/api/login", json={"name": "li", "password": PASSWORD}).cookies[COOKIE]
    cookie = {"Cookie": f"{COOKIE}={session}"}
    assert ask(app, "POST", "/api/tokens", key, json={"name": "more"}).status_code == 403
    made = ask(app, "POST", "/api/tokens", headers=cookie, json={"name": "report", "days": 2})
    assert (made.status_code, made.json()["token"]["expires_at"]) == (201, T0 + 2 * 86_400)
    assert ask(app, "GET", "/api/me", made.json()["key"]).json()["name"] == "li"
    mine = ask(app, "GET", "/api/tokens", key).json()["items"]
    assert sorted(one["name"] for one in mine) == ["report", "test"]
    assert made.json()["key"] not in ask(app, "GET", "/api/tokens", key).text
    of_boss = ask(app, "GET", "/api/tokens", boss).json()["items"][0]["id"]
    assert ask(app, "DELETE", f"/api/tokens/{of_boss}", key).status_code == 404
    assert ask(app, "DELETE", f"/api/tokens/{made.json()['token']['id']}", key).status_code == 204
    assert ask(app, "GET", "/api/me", made.json()["key"]).status_code == 401
    (left,) = ask(app, "GET", "/api/users/li/tokens", boss).json()["items"]
    assert ask(app, "DELETE", f"/api/users/li/tokens/{left['id']}", boss).status_code == 204
    assert ask(app, "GET", "/api/me", key).status_code == 401


def test_an_admin_of_one_hall_makes_no_users(app: FastAPI, users: Users) -> None:
    """Nobody gives what they do not have: users may be of every hall."""
    key = key_of(users, "li", "admin", ["a"])
    for method, path in (("GET", "/api/users"), ("POST", "/api/users"), ("GET", "/api/audit")):
        assert ask(app, method, path, key, json={"name": "x"}).status_code == 403


def test_the_audit_log_is_read_and_checked(centre: Centre, users: Users, boss: Callable[..., httpx.Response]) -> None:
    users.add("boss", "li", "viewer")
    rows = boss("GET", "/api/audit?limit=2").json()
    assert rows["items"][0]["subject"] == "user/li"
    older = boss("GET", f"/api/audit?after={rows['last']}").json()
    assert [row["seq"] for row in older["items"]] == list(range(older["items"][0]["seq"], 0, -1))
    assert {row["actor"] for row in boss("GET", "/api/audit?actor=boss").json()["items"]} == {"boss"}
    assert len(boss("GET", "/api/audit?subject=user/li").json()["items"]) == 1
    verdict = boss("GET", "/api/audit/verify").json()
    assert (verdict["rows"], verdict["faults"]) == (rows["items"][0]["seq"], [])
    with centre.records.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    assert "row 2: was changed" in boss("GET", "/api/audit/verify").json()["faults"][0]
    assert boss("GET", f"/api/audit/verify?expected={verdict['end']}").json()["faults"] != []


def test_two_admins_who_remove_each_other_are_not_both_gone(database: str) -> None:
    records = Records(database)
    for _ in range(5):
        users = Users(records, ManualClock(T0), _QUICK)
        names = [name for name in ("ann", "bob") if name not in {one.name for one in users.all()}]
        for name in names:
            users.add("local", name, "admin")
        refused: list[str] = []
        ready = threading.Barrier(2)

        def remove(name: str, users: Users = users, ready: threading.Barrier = ready) -> None:
            ready.wait()
            try:
                users.remove("local", name)
            except InputError as exc:
                refused.append(str(exc))  # noqa: B023 - both are awaited below

        threads = [threading.Thread(target=remove, args=(name,)) for name in ("ann", "bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(users.all()), len(refused)) == (1, 1)
    records.close()
