"""Users of the centre: roles, scope by hall, sessions and API tokens. Every change stands in the audit log.

A key is what a browser (session) or a program (token) shows; the records hold its SHA-256 only.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from hall.clock import Clock
from hall.errors import InputError
from ingest import audit
from ingest._accounts import (
    HALL,
    NAME,
    ROLES,
    Account,
    KeyView,
    Role,
    TakenError,
    UnknownError,
    account_from,
    check,
    digest,
    existing,
    keep_an_admin,
    key_view,
    made_password,
    row_of,
    tokens_of,
)
from ingest._paging import Order, Page, Part
from ingest._sql import claim
from ingest._tables_users import keys, users
from ingest.records import Records
from ingest.throttle import Throttle

if TYPE_CHECKING:
    from ingest._passwords import Passwords

__all__ = [
    "FIRST_USER",
    "HALL",
    "NAME",
    "ROLES",
    "Account",
    "KeyView",
    "Refused",
    "Role",
    "TakenError",
    "UnknownError",
    "Users",
    "any_users",
]

FIRST_USER = "admin"
SESSION_S = 12 * 3600.0
MOST_TOKENS = 50
"""Of one user."""
_AT_ONCE = 500
_BY_NAME = Order((users.c.name,))
_BY_AGE = Order((keys.c.created_at, keys.c.name, keys.c.id))


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
        """Make the first user, `admin`, where there is none, and return its one-time password.

        Of several processes that start at once, one makes it.
        """
        password = made_password()
        kept = self._passwords.hash(password)
        with self._records.writing() as connection:
            if connection.scalar(select(func.count()).select_from(users)):
                return None
            is_first = self._insert(connection, "local", FIRST_USER, "admin", None, kept)
        return password if is_first else None

    def all(self) -> Sequence[Account]:
        """Every user by name."""
        with self._records.reading() as connection:
            return [account_from(row) for row in connection.execute(select(users).order_by(users.c.name)).mappings()]

    def page(self, part: Part) -> Page[Account]:
        """Part of the users, by name."""
        with self._records.reading() as connection:
            return _BY_NAME.page(connection, select(users), part, account_from)

    def one(self, name: str) -> Account:
        """A user.

        Raises:
            UnknownError: there is none of that name.
        """
        with self._records.reading() as connection:
            return account_from(existing(connection, name))

    def add(self, actor: str, name: str, role: Role, halls: Sequence[str] | None = None) -> str:
        """Add a user; returns the password for the first login, which must be changed then.

        Raises:
            TakenError: the name is taken.
            InputError: the name or a hall is none.
        """
        if not re.fullmatch(NAME, name):
            raise InputError(f"user {name!r}: expected small letters, digits, dot, dash or underscore, 64 at most")
        check(role, halls)
        password = made_password()
        kept = self._passwords.hash(password)
        with self._records.writing() as connection:
            if not self._insert(connection, actor, name, role, halls, kept):
                raise TakenError(f"user {name}: is there already; expected another name")
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
            UnknownError: there is no such user.
            TakenError: it would leave no admin.
            InputError: a hall or the role is none, or nothing changes.
        """
        check(role or "viewer", None if halls == "all" else halls)
        values: dict[str, Any] = {} if role is None else {"role": role}
        if halls is not None:
            values["halls"] = None if halls == "all" else json.dumps(sorted(set(halls)))
        if enabled is not None:
            values["enabled"] = enabled
        if not values:
            raise InputError(f"user {name}: nothing to change; expected a role, halls or whether it is enabled")

        def change(connection: Connection) -> None:
            existing(connection, name)
            connection.execute(update(users).where(users.c.name == name).values(**values))
            keep_an_admin(connection)
            if enabled is False:
                connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, "user.change", f"user/{name}", values)

        self._records.write(change)

    def remove(self, actor: str, name: str) -> None:
        """Remove a user with all sessions and tokens. The audit log keeps the name.

        Raises:
            UnknownError: there is no such user.
            TakenError: it is the last admin.
        """

        def remove(connection: Connection) -> None:
            existing(connection, name)
            connection.execute(delete(users).where(users.c.name == name))
            keep_an_admin(connection)
            connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, "user.remove", f"user/{name}", {})

        self._records.write(remove)

    def reset(self, actor: str, name: str) -> str:
        """A new one-time password for who forgot theirs; every session and token ends.

        Raises:
            UnknownError: there is no such user.
        """
        password = made_password()
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
            mine = self._valid(users).where(keys.c.digest == digest(key))
            row = connection.execute(mine).mappings().one_or_none()
        return None if row is None else account_from(row)

    def who_each(self, keys_: Collection[str]) -> dict[str, Account]:
        """Whose keys they are; without those that `who` knows nobody of."""
        by_digest = {digest(key): key for key in keys_}
        found: dict[str, Account] = {}
        digests = list(by_digest)
        with self._records.reading() as connection:
            for i in range(0, len(digests), _AT_ONCE):
                mine = keys.c.digest.in_(digests[i : i + _AT_ONCE])
                rows = connection.execute(self._valid(keys.c.digest, users).where(mine)).mappings()
                found |= {by_digest[row["digest"]]: account_from(row) for row in rows}
        return found

    def is_session(self, key: str) -> bool:
        """Whether a key came with a login, not as a token."""
        with self._records.reading() as connection:
            mine = self._valid(keys.c.kind).where(keys.c.digest == digest(key))
            return bool(connection.scalar(mine) == "session")

    def logout(self, key: str) -> None:
        """End the session with this key, where it is one."""
        with self._records.writing() as connection:
            mine = (keys.c.digest == digest(key)) & (keys.c.kind == "session")
            row = connection.execute(select(keys.c.user).where(mine)).one_or_none()
            if row is not None:
                connection.execute(delete(keys).where(mine))
                self._note(connection, row.user, "logout", f"user/{row.user}", {})

    def new_token(self, actor: str, name: str, title: str, days: float) -> tuple[str, KeyView]:
        """A token of a user for a program: its key, which is said only here.

        Raises:
            UnknownError: there is no such user.
            TakenError: there are too many tokens.
            InputError: no title, or a term over ten years.
        """
        if not 1 <= len(title) <= 64 or not 0 < days <= 3660:
            raise InputError(
                f"token {title[:64]!r}, {days:g} days: expected a name of 1 to 64 characters, 3660 days at most"
            )
        with self._records.writing() as connection:
            existing(connection, name)
            there = tokens_of(name, self._clock.now()).subquery()
            if (connection.scalar(select(func.count()).select_from(there)) or 0) >= MOST_TOKENS:
                raise TakenError(f"user {name}: {MOST_TOKENS} tokens; expected one to be revoked first")
            key = self._new_key(connection, name, "token", title, days * 86_400.0)
            row = connection.execute(select(keys).where(keys.c.digest == digest(key))).mappings().one()
            self._note(
                connection, actor, "token.add", f"token/{row['id']}", {"user": name, "name": title, "days": days}
            )
        return key, key_view(row)

    def tokens(self, name: str | None = None) -> Sequence[KeyView]:
        """The tokens of a user, or of all, that have not expired; the oldest first."""
        with self._records.reading() as connection:
            statement = tokens_of(name, self._clock.now()).order_by(*_BY_AGE.columns)
            return [key_view(row) for row in connection.execute(statement).mappings()]

    def token_page(self, part: Part, name: str) -> Page[KeyView]:
        """Part of the tokens of a user, the oldest first."""
        with self._records.reading() as connection:
            return _BY_AGE.page(connection, tokens_of(name, self._clock.now()), part, key_view)

    def revoke(self, actor: str, identity: str, *, of: str | None = None) -> None:
        """End a token, `of` a user where only theirs is meant.

        Raises:
            UnknownError: there is no such token.
        """
        mine = (keys.c.id == identity) & (keys.c.kind == "token")
        if of is not None:
            mine &= keys.c.user == of
        with self._records.writing() as connection:
            if not connection.execute(delete(keys).where(mine)).rowcount:
                raise UnknownError(f"token {identity[:16]}: there is none; expected an id that `users tokens` shows")
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
            row = row_of(connection, name)
        kept = row["password"] if row is not None and row["enabled"] else None
        if not self._passwords.fits(kept, password) or row is None:
            self._throttle.failed(name, address)
            with self._records.writing() as connection:
                self._note(connection, "nobody", "login.failed", f"user/{name[:64]}", {"address": address[:64]})
            return Refused(0.0)
        self._throttle.passed(name, address)
        return account_from(row)

    def _insert(
        self, connection: Connection, actor: str, name: str, role: Role, halls: Sequence[str] | None, kept: str
    ) -> bool:
        """Write a user down; False where the name is taken, also by a process that does so just now."""
        scope = None if halls is None else json.dumps(sorted(set(halls)))
        row = {"name": name, "role": role, "halls": scope, "password": kept, "must_change": True, "enabled": True}
        if not claim(connection, users, {**row, "created_at": self._clock.now()}):
            return False
        self._note(connection, actor, "user.add", f"user/{name}", {"role": role, "halls": scope})
        return True

    def _set(self, actor: str, name: str, action: str, kept: str, *, must_change: bool) -> None:
        with self._records.writing() as connection:
            existing(connection, name)
            changed = update(users).where(users.c.name == name).values(password=kept, must_change=must_change)
            connection.execute(changed)
            connection.execute(delete(keys).where(keys.c.user == name))
            self._note(connection, actor, action, f"user/{name}", {})

    def _new_key(self, connection: Connection, user: str, kind: str, name: str, lasts_s: float) -> str:
        key, now = secrets.token_urlsafe(32), self._clock.now()
        connection.execute(delete(keys).where(keys.c.expires_at <= now))
        row = {"digest": digest(key), "id": secrets.token_hex(6), "user": user, "kind": kind, "name": name}
        connection.execute(insert(keys).values(**row, created_at=now, expires_at=now + lasts_s))
        return key

    def _note(self, connection: Connection, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        audit.append(connection, actor, action, subject, detail, self._clock.now())


def any_users(records: Records) -> bool:
    """Whether there are users, so that a login is needed."""
    with records.reading() as connection:
        return bool(connection.scalar(select(func.count()).select_from(users)))
