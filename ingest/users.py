"""Users of the centre: roles, scope by hall, sessions and API tokens. Every change stands in the audit log.

A key is what a browser (session) or a program (token) shows; the records hold its SHA-256 only.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from hall.clock import Clock, Instant
from hall.errors import InputError
from ingest import audit
from ingest._tables_users import keys, users
from ingest.records import Records
from ingest.throttle import Throttle

if TYPE_CHECKING:
    from ingest._passwords import Passwords

Role = Literal["viewer", "manager", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
FIRST_USER = "admin"
SESSION_S = 12 * 3600.0
MOST_TOKENS = 50
"""Of one user."""
_AT_ONCE = 500
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of passwords made here; without those that are taken for each other on paper: l and 1, o and 0."""
_HALL = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Account(msgspec.Struct, frozen=True):
    """Who is there, and what they may do."""

    name: str
    role: Role
    halls: tuple[str, ...] | None
    """Ids; None: every hall."""
    must_change: bool = False
    enabled: bool = True

    def may(self, role: Role, hall: str | None = None) -> bool:
        """Whether this is at least `role`, in `hall` where one is named."""
        in_scope = hall is None or self.halls is None or hall in self.halls
        return in_scope and ROLES.index(self.role) >= ROLES.index(role)


class KeyView(msgspec.Struct, frozen=True):
    """A token without what makes it one."""

    id: str
    user: str
    name: str
    created_at: Instant
    expires_at: Instant


@dataclass(frozen=True)
class Refused:
    """A login that was not taken; `wait_s` is over 0 where it came too often."""

    wait_s: float


class Users:
    """Everybody who may look at this centre.

    Args:
        records: where they stand.
        clock: tells what has expired.
        passwords: how passwords are kept.
    """

    def __init__(self, records: Records, clock: Clock, passwords: Passwords | None = None) -> None:
        self._records, self._clock = records, clock
        if passwords is None:
            from ingest._passwords import Passwords  # noqa: PLC0415 - a centre without users needs no argon2

            passwords = Passwords()
        self._passwords = passwords
        self._throttle = Throttle(clock)

    def start(self) -> str | None:
        """Make the first user, `admin`, where there is none, and return its one-time password."""
        password = _made()
        kept = self._passwords.hash(password)
        with self._records.writing() as connection:
            if connection.scalar(select(func.count()).select_from(users)):
                return None
            self._insert(connection, "local", FIRST_USER, "admin", None, kept)
        return password

    def all(self) -> Sequence[Account]:
        """Every user by name."""
        with self._records.reading() as connection:
            return [_account(row) for row in connection.execute(select(users).order_by(users.c.name))]

    def add(self, actor: str, name: str, role: Role, halls: Sequence[str] | None = None) -> str:
        """Add a user; returns the password for the first login, which must be changed then.

        Raises:
            InputError: the name is taken or none, or a hall is none.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"user {name!r}: expected small letters, digits, dot, dash or underscore, 64 at most")
        _check(role, halls)
        password = _made()
        kept = self._passwords.hash(password)
        with self._records.writing() as connection:
            if _row(connection, name) is not None:
                raise InputError(f"user {name}: is there already; expected another name")
            self._insert(connection, actor, name, role, halls, kept)
        return password

    def change(
        self,
        actor: str,
        name: str,
        *,
        role: Role | None = None,
        halls: Sequence[str] | Literal["all"] | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Change what a user may do; None leaves it. Whoever is disabled loses every session and token.

        Raises:
            InputError: there is no such user, or it would leave no admin.
        """
        _check(role or "viewer", None if halls == "all" else halls)
        values: dict[str, Any] = {} if role is None else {"role": role}
        if halls is not None:
            values["halls"] = None if halls == "all" else json.dumps(sorted(set(halls)))
        if enabled is not None:
            values["enabled"] = enabled
        if not values:
            raise InputError(f"user {name}: nothing to change; expected a role, halls or whether it is enabled")
        with self._records.writing() as connection:
            _there(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(**values))
            _keep_an_admin(connection)
            if enabled is False:
                connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, "user.change", f"user/{name}", values)

    def remove(self, actor: str, name: str) -> None:
        """Remove a user with all sessions and tokens. The audit log keeps the name.

        Raises:
            InputError: there is no such user, or it is the last admin.
        """
        with self._records.writing() as connection:
            _there(connection, name)
            connection.execute(delete(users).where(users.c.name == name))
            _keep_an_admin(connection)
            connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, "user.remove", f"user/{name}", {})

    def reset(self, actor: str, name: str) -> str:
        """A new one-time password for who forgot theirs; every session and token ends.

        Raises:
            InputError: there is no such user.
        """
        password = _made()
        self._set(actor, name, "user.reset", self._passwords.hash(password), must_change=True)
        return password

    def set_password(self, name: str, old: str, new: str, address: str) -> Refused | None:
        """A user's own change of password. Every session and token ends; None where it was taken.

        Raises:
            InputError: the new one is too short, too long or the old one.
        """
        found = self._known(name, old, address)
        if isinstance(found, Refused):
            return found
        if new == old:
            raise InputError("password: the same as before; expected another")
        self._set(name, name, "user.password", self._passwords.hash(new), must_change=False)
        return None

    def login(self, name: str, password: str, address: str) -> tuple[str, Account] | Refused:
        """A session for a user with the right password: its key, which is said only here."""
        found = self._known(name, password, address)
        if isinstance(found, Refused):
            return found
        with self._records.writing() as connection:
            key = self._new_key(connection, name, "session", address[:64], SESSION_S)
            self._note(connection, name, "login", f"user/{name}", {"address": address[:64]})
        return key, found

    def who(self, key: str) -> Account | None:
        """Whose key it is; None where it is none, has expired or its user is disabled."""
        with self._records.reading() as connection:
            row = connection.execute(self._valid(users).where(keys.c.digest == _digest(key))).one_or_none()
        return None if row is None else _account(row)

    def who_each(self, keys_: Collection[str]) -> dict[str, Account]:
        """Whose keys they are; without those that `who` knows nobody of."""
        by_digest = {_digest(key): key for key in keys_}
        found: dict[str, Account] = {}
        digests = list(by_digest)
        with self._records.reading() as connection:
            for i in range(0, len(digests), _AT_ONCE):
                mine = keys.c.digest.in_(digests[i : i + _AT_ONCE])
                rows = connection.execute(self._valid(keys.c.digest, users).where(mine))
                found |= {by_digest[row.digest]: _account(row) for row in rows}
        return found

    def logout(self, key: str) -> None:
        """End the session with this key, where it is one."""
        with self._records.writing() as connection:
            mine = (keys.c.digest == _digest(key)) & (keys.c.kind == "session")
            row = connection.execute(select(keys.c.user).where(mine)).one_or_none()
            if row is not None:
                connection.execute(delete(keys).where(mine))
                self._note(connection, row.user, "logout", f"user/{row.user}", {})

    def new_token(self, actor: str, name: str, title: str, days: float) -> tuple[str, KeyView]:
        """A token of a user for a program: its key, which is said only here.

        Raises:
            InputError: no such user, no title, too many tokens or a term over ten years.
        """
        if not 1 <= len(title) <= 64 or not 0 < days <= 3660:
            raise InputError(
                f"token {title[:64]!r}, {days:g} days: expected a name of 1 to 64 characters, 3660 days at most"
            )
        with self._records.writing() as connection:
            _there(connection, name)
            if len(_tokens(connection, name, self._clock.now())) >= MOST_TOKENS:
                raise InputError(f"user {name}: {MOST_TOKENS} tokens; expected one to be revoked first")
            key = self._new_key(connection, name, "token", title, days * 86_400.0)
            row = connection.execute(select(keys).where(keys.c.digest == _digest(key))).one()
            self._note(connection, actor, "token.add", f"token/{row.id}", {"user": name, "name": title, "days": days})
        return key, _view(row)

    def tokens(self, name: str | None = None) -> Sequence[KeyView]:
        """The tokens of a user, or of all, that have not expired; the oldest first."""
        with self._records.reading() as connection:
            return _tokens(connection, name, self._clock.now())

    def revoke(self, actor: str, identity: str, *, of: str | None = None) -> None:
        """End a token, `of` a user where only theirs is meant.

        Raises:
            InputError: there is no such token.
        """
        mine = (keys.c.id == identity) & (keys.c.kind == "token")
        if of is not None:
            mine &= keys.c.user == of
        with self._records.writing() as connection:
            if not connection.execute(delete(keys).where(mine)).rowcount:
                raise InputError(f"token {identity[:16]}: there is none; expected an id that `users tokens` shows")
            self._note(connection, actor, "token.revoke", f"token/{identity}", {})

    def _valid(self, *columns: Any) -> Select[Any]:
        statement = select(*columns).join_from(keys, users, keys.c.user == users.c.name)
        return statement.where(keys.c.expires_at > self._clock.now(), users.c.enabled)

    def _known(self, name: str, password: str, address: str) -> Account | Refused:
        """The user, where the password fits; else who asks waits longer and longer."""
        wait_s = self._throttle.wait_s(name, address)
        if wait_s > 0:
            return Refused(wait_s)
        with self._records.reading() as connection:
            row = _row(connection, name)
        usable = row is not None and row.enabled
        if not self._passwords.fits(row.password if row is not None and usable else None, password) or row is None:
            self._throttle.failed(name, address)
            with self._records.writing() as connection:
                self._note(connection, "nobody", "login.failed", f"user/{name[:64]}", {"address": address[:64]})
            return Refused(0.0)
        self._throttle.passed(name, address)
        return _account(row)

    def _insert(
        self, connection: Connection, actor: str, name: str, role: Role, halls: Sequence[str] | None, kept: str
    ) -> None:
        scope = None if halls is None else json.dumps(sorted(set(halls)))
        row = {"name": name, "role": role, "halls": scope, "password": kept, "must_change": True, "enabled": True}
        connection.execute(insert(users).values(**row, created_at=self._clock.now()))
        self._note(connection, actor, "user.add", f"user/{name}", {"role": role, "halls": scope})

    def _set(self, actor: str, name: str, action: str, kept: str, *, must_change: bool) -> None:
        with self._records.writing() as connection:
            _there(connection, name)
            changed = update(users).where(users.c.name == name).values(password=kept, must_change=must_change)
            connection.execute(changed)
            connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, action, f"user/{name}", {})

    def _new_key(self, connection: Connection, user: str, kind: str, name: str, lasts_s: float) -> str:
        key, now = secrets.token_urlsafe(32), self._clock.now()
        connection.execute(delete(keys).where(keys.c.expires_at <= now))
        row = {"digest": _digest(key), "id": secrets.token_hex(6), "user": user, "kind": kind, "name": name}
        connection.execute(insert(keys).values(**row, created_at=now, expires_at=now + lasts_s))
        return key

    def _note(self, connection: Connection, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        audit.append(connection, actor, action, subject, detail, self._clock.now())


def any_users(records: Records) -> bool:
    """Whether there are users, so that a login is needed."""
    with records.reading() as connection:
        return bool(connection.scalar(select(func.count()).select_from(users)))


def _check(role: str, halls: Sequence[str] | None) -> None:
    if role not in ROLES:
        raise InputError(f"role {role[:64]!r}: expected one of {', '.join(ROLES)}")
    for hall in halls or ():
        if not _HALL.fullmatch(hall):
            raise InputError(f"hall {hall[:64]!r}: expected the id of a hall")


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(users).where(users.c.name == name)).one_or_none()


def _there(connection: Connection, name: str) -> None:
    if _row(connection, name) is None:
        raise InputError(f"user {name[:64]}: there is none; expected one that `users list` shows")


def _keep_an_admin(connection: Connection) -> None:
    left = (
        select(func.count()).select_from(users).where(users.c.role == "admin", users.c.enabled, users.c.halls.is_(None))
    )
    if not connection.scalar(left):
        raise InputError("that would leave no admin of every hall; expected another one to be made first")


def _account(row: Row[Any]) -> Account:
    halls = None if row.halls is None else tuple(json.loads(row.halls))
    return Account(row.name, row.role, halls, row.must_change, row.enabled)


def _tokens(connection: Connection, name: str | None, now: Instant) -> list[KeyView]:
    wanted = (
        select(keys).where(keys.c.kind == "token", keys.c.expires_at > now).order_by(keys.c.created_at, keys.c.name)
    )
    if name is not None:
        wanted = wanted.where(keys.c.user == name)
    return [_view(row) for row in connection.execute(wanted)]


def _view(row: Row[Any]) -> KeyView:
    return KeyView(row.id, row.user, row.name, row.created_at, row.expires_at)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _made() -> str:
    """A random password of 80 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
