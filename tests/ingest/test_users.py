from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cli.main import app
from hall.clock import ManualClock
from hall.errors import InputError
from ingest import audit
from ingest._passwords import Passwords
from ingest.records import Records
from ingest.throttle import FREE, FREE_ADDRESS, MOST_S, Throttle
from ingest.users import SESSION_S, Account, Refused, Users, any_users
from tests.support.centre import T0

HERE = "10.0.0.5"
NEW = "a long enough one"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


@pytest.fixture
def users(records: Records, clock: ManualClock) -> Users:
    return Users(records, clock, Passwords(time_cost=1, memory_kib=8))


def _actions(records: Records) -> list[str]:
    with records.reading() as connection:
        assert audit.verify(connection).faults == []
        return [f"{row.actor} {row.action} {row.subject}" for row in reversed(audit.rows(connection))]


def _key(users: Users, name: str, password: str) -> str:
    found = users.login(name, password, HERE)
    assert not isinstance(found, Refused)
    return found[0]


def test_the_first_user_is_made_once_and_must_change_its_password(users: Users, records: Records) -> None:
    assert not any_users(records)
    password = users.start()
    assert password is not None
    assert users.start() is None
    assert any_users(records)
    key = _key(users, "admin", password)
    assert users.who(key) == Account("admin", "admin", None, must_change=True)
    assert users.set_password("admin", password, NEW, HERE) is None
    assert users.who(key) is None  # sessions of the old password end
    assert users.login("admin", password, HERE) == Refused(0.0)
    assert users.who(_key(users, "admin", NEW)) == Account("admin", "admin", None)
    assert _actions(records)[:3] == [
        "local user.add user/admin",
        "admin login user/admin",
        "admin user.password user/admin",
    ]


@pytest.mark.parametrize("new", ["short", "x" * 300])
def test_a_password_of_a_wrong_length_is_refused(users: Users, new: str) -> None:
    old = users.start() or ""
    with pytest.raises(InputError, match="expected 10 to 256"):
        users.set_password("admin", old, new, HERE)
    with pytest.raises(InputError, match="the same"):
        users.set_password("admin", old, old, HERE)


@pytest.mark.parametrize(
    ("account", "role", "hall", "may"),
    [
        (Account("v", "viewer", None), "viewer", "a", True),
        (Account("v", "viewer", None), "manager", "a", False),  # a viewer cannot acknowledge
        (Account("m", "manager", ("a",)), "manager", "a", True),
        (Account("m", "manager", ("a",)), "viewer", "b", False),  # a manager of hall A cannot read hall B
        (Account("m", "manager", ()), "viewer", "a", False),
        (Account("m", "manager", ("a",)), "admin", None, False),
        (Account("a", "admin", None), "manager", "b", True),
    ],
)
def test_roles_and_scope(account: Account, role: str, hall: str | None, may: bool) -> None:
    assert account.may(role, hall) is may  # type: ignore[arg-type]


def test_sessions_and_tokens_end(users: Users, clock: ManualClock, records: Records) -> None:
    password = users.add("local", "li", "manager", ["a"])
    session = _key(users, "li", password)
    token, view = users.new_token("li", "li", "report", 30)
    other, _ = users.new_token("li", "li", "wall", 30)
    assert users.who(token) == users.who(session) == Account("li", "manager", ("a",), must_change=True)
    assert [t.name for t in users.tokens("li")] == ["report", "wall"]
    users.revoke("li", view.id)
    assert users.who(token) is None
    with pytest.raises(InputError, match="there is none"):
        users.revoke("li", view.id)
    clock.advance(SESSION_S)
    assert users.who(session) is None
    assert users.who(other) is not None
    clock.advance(30 * 86_400)
    assert users.who(other) is None
    assert users.tokens() == []
    assert users.who("") is None
    assert "li token.revoke token/" + view.id in _actions(records)


def test_logout_ends_one_session(users: Users) -> None:
    password = users.start() or ""
    one, two = _key(users, "admin", password), _key(users, "admin", password)
    users.logout(one)
    users.logout("no key")
    assert users.who(one) is None
    assert users.who(two) is not None


def test_nothing_in_the_records_opens_a_door(users: Users, records: Records, tmp_path: Path) -> None:
    password = users.start() or ""
    session = _key(users, "admin", password)
    token, _ = users.new_token("admin", "admin", "report", 1)
    records.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("records.db*"))
    assert b"$argon2id$" in kept
    assert not [secret for secret in (password, session, token) if secret.encode() in kept]


def test_who_is_disabled_or_removed_is_out_at_once(users: Users) -> None:
    users.start()
    keys = {name: _key(users, name, users.add("admin", name, "viewer")) for name in ("li", "wang")}
    users.change("admin", "li", enabled=False)
    users.remove("admin", "wang")
    assert [users.who(key) for key in keys.values()] == [None, None]
    users.change("admin", "li", enabled=True)
    assert users.who(keys["li"]) is None
    again = users.reset("admin", "li")
    assert not isinstance(users.login("li", again, HERE), Refused)


def test_the_last_admin_stays(users: Users) -> None:
    users.start()
    acts: list[Callable[[], None]] = [
        lambda: users.remove("admin", "admin"),
        lambda: users.change("admin", "admin", role="viewer"),
        lambda: users.change("admin", "admin", enabled=False),
        lambda: users.change("admin", "admin", halls=["a"]),
    ]
    for act in acts:
        with pytest.raises(InputError, match="no admin"):
            act()
    assert users.all() == [Account("admin", "admin", None, must_change=True)]


@pytest.mark.parametrize(
    ("name", "role", "halls", "says"),
    [
        ("Li", "viewer", None, "small letters"),
        ("", "viewer", None, "small letters"),
        ("li", "boss", None, "viewer, manager, admin"),
        ("li", "viewer", ["a/b"], "id of a hall"),
        ("admin", "viewer", None, "there already"),
    ],
)
def test_a_wrong_user_is_refused(users: Users, name: str, role: str, halls: list[str] | None, says: str) -> None:
    users.start()
    with pytest.raises(InputError, match=says):
        users.add("local", name, role, halls)  # type: ignore[arg-type]


def test_guessing_gets_slower(users: Users, clock: ManualClock) -> None:
    password = users.start() or ""
    for _ in range(FREE):
        assert users.login("admin", "wrong", HERE) == Refused(0.0)
    assert users.login("admin", password, HERE) == Refused(2.0)
    assert users.login("admin", password, "10.0.0.9") == Refused(2.0)  # the account, from anywhere
    clock.advance(2)
    assert users.login("admin", "wrong", HERE) == Refused(0.0)
    assert users.login("admin", password, HERE) == Refused(4.0)
    clock.advance(4)
    assert not isinstance(users.login("admin", password, HERE), Refused)


def test_an_address_that_tries_many_accounts_waits_for_all(clock: ManualClock) -> None:
    throttle = Throttle(clock)
    for n in range(FREE_ADDRESS):
        throttle.failed(f"user{n}", HERE)
    assert throttle.wait_s("somebody", HERE) == 2.0
    assert throttle.wait_s("somebody", "10.0.0.9") == 0.0
    for _ in range(50):
        throttle.failed("somebody", HERE)
    assert throttle.wait_s("somebody", HERE) == MOST_S
    clock.advance(1000)
    assert throttle.wait_s("somebody", HERE) == 0.0


def test_the_commands(records: Records, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["users", *words, "--records", f"sqlite:///{tmp_path}/records.db"])
        assert done.exit_code == 0, done.exception
        return str(done.output)

    first, added = run("add", "li", "--role", "manager", "--hall", "demo").splitlines()
    assert first.startswith("admin: ")
    assert added.startswith("li: ")
    run("change", "li", "--hall", "all", "--disable")
    assert run("list").splitlines()[1].split() == ["li", "manager", "every", "hall", "disabled"]
    key = run("token", "admin", "report").strip()
    assert key not in run("tokens")
    run("revoke", run("tokens").split()[0])
    assert run("tokens") == ""
    assert len(run("reset", "li").strip()) == 19
    run("remove", "li")
    with records.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM users")) == 1


def test_of_two_processes_that_start_at_once_one_makes_the_first_user(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, put = threading.Barrier(2), Users._insert

    def together(self: Users, *what: Any) -> bool:
        both.wait(30)  # each has seen that there is nobody
        return put(self, *what)

    monkeypatch.setattr(Users, "_insert", together)
    opened = [Records(database) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        starts = [
            pool.submit(Users(records, ManualClock(T0), Passwords(time_cost=1, memory_kib=8)).start)
            for records in opened
        ]
        passwords = [start.result(60) for start in starts]
    assert passwords.count(None) == 1
    assert [
        account.name for account in Users(opened[0], ManualClock(T0), Passwords(time_cost=1, memory_kib=8)).all()
    ] == ["admin"]
    with opened[0].reading() as connection:
        assert audit.verify(connection).faults == []
        assert [row.action for row in audit.rows(connection)] == ["user.add"]
    for records in opened:
        records.close()
