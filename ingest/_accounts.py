"""Accounts and tokens as they are, and as rows; `ingest.users` works with them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import Connection, RowMapping, Select, select

from hall.clock import Instant
from hall.errors import InputError
from ingest._tables_users import keys, users

Role = Literal["viewer", "manager", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""Of a user."""
HALL = r"^[A-Za-z0-9_-]{1,64}$"
"""Id of a hall."""
MIN_LENGTH, MAX_LENGTH = 10, 256
"""Of a password."""
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of passwords made here; without those that are taken for each other on paper: l and 1, o and 0."""


class UnknownError(InputError):
    """There is no such user or token."""


class TakenError(InputError):
    """There is such a user already, it would leave no admin, or there are too many tokens."""


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


def check(role: str, halls: Sequence[str] | None) -> None:
    if role not in ROLES:
        raise InputError(f"role {role[:64]!r}: expected one of {', '.join(ROLES)}")
    for hall in halls or ():
        if not re.fullmatch(HALL, hall):
            raise InputError(f"hall {hall[:64]!r}: expected the id of a hall")


def row_of(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(users).where(users.c.name == name)).mappings().one_or_none()


def existing(connection: Connection, name: str) -> RowMapping:
    if (row := row_of(connection, name)) is None:
        raise UnknownError(f"user {name[:64]}: there is none; expected one that `users list` shows")
    return row


def keep_an_admin(connection: Connection) -> None:
    # Locked, so that two admins who remove each other at the same time are not both gone.
    admins = select(users.c.name).where(users.c.role == "admin", users.c.enabled, users.c.halls.is_(None))
    if not connection.scalars(admins.with_for_update()).all():
        raise TakenError("that would leave no admin of every hall; expected another one to be made first")


def account_from(row: RowMapping) -> Account:
    halls = None if row["halls"] is None else tuple(json.loads(row["halls"]))
    return Account(row["name"], row["role"], halls, row["must_change"], row["enabled"])


def tokens_of(name: str | None, now: Instant) -> Select[Any]:
    """The tokens of a user, or of all, that have not expired; in no order."""
    wanted = select(keys).where(keys.c.kind == "token", keys.c.expires_at > now)
    return wanted if name is None else wanted.where(keys.c.user == name)


def key_view(row: RowMapping) -> KeyView:
    """A token from its row."""
    return KeyView(row["id"], row["user"], row["name"], row["created_at"], row["expires_at"])


def digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def made_password() -> str:
    """A random password of 80 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
