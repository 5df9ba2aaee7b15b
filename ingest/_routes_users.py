"""Users and tokens over HTTP: what `hallwatch users` does, by the same functions, in the name of who asks."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ingest._answers import Asked, Problem, answers, reply
from ingest._paging import Page
from ingest.login import key_of, require, require_everywhere
from ingest.users import HALL, NAME, Account, KeyView, Role, TakenError, UnknownError, Users

_Anybody = Annotated[Account, Depends(require("viewer"))]
_Admin = Annotated[Account, Depends(require_everywhere("admin"))]
_Name = Annotated[str, Path(pattern=NAME)]
_TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,16}$", description="`id` of the token")]
_Halls = Annotated[list[Annotated[str, Field(pattern=HALL)]], Field(max_length=200)]


class OneTimePassword(msgspec.Struct, frozen=True):
    """For the first login, where another one must be chosen. It is said only here."""

    name: str
    password: str


class NewKey(msgspec.Struct, frozen=True):
    """A token; `key` is what a program shows as `Authorization: Bearer KEY`. It is said only here."""

    token: KeyView
    key: str


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _NewUser(_Body):
    name: str = Field(pattern=NAME)
    role: Role = "viewer"
    halls: _Halls | None = Field(None, description="null: every hall")


class _Changes(_Body):
    role: Role | None = None
    halls: _Halls | None = Field(None, description="null: every hall; left out: as it is")
    enabled: bool | None = None


class _NewToken(_Body):
    name: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$", description="what it is for")
    days: float = Field(365, gt=0, le=3_660, allow_inf_nan=False)


def add_users(app: FastAPI, users: Users) -> None:
    """Add the routes of users, for admins of every hall, and of tokens, for everybody."""

    @app.exception_handler(UnknownError)
    def _missing(_request: Request, exc: UnknownError) -> Response:
        return reply(Problem(str(exc)), 404)

    @app.exception_handler(TakenError)
    def _taken(_request: Request, exc: TakenError) -> Response:
        return reply(Problem(str(exc)), 409)

    @app.get("/api/users", responses=answers(Page[Account], 422))
    def list_users(_account: _Admin, part: Asked) -> Response:
        """Every user by name."""
        return reply(users.page(part))

    @app.post("/api/users", responses=answers(OneTimePassword, 409, 422, status=201), status_code=201)
    def add(account: _Admin, body: _NewUser) -> Response:
        """Add a user."""
        return reply(OneTimePassword(body.name, users.add(account.name, body.name, body.role, body.halls)), 201)

    @app.get("/api/users/{name}", responses=answers(Account, 404, 422))
    def user(_account: _Admin, name: _Name) -> Response:
        """One user."""
        return reply(users.one(name))

    @app.patch("/api/users/{name}", responses=answers(Account, 404, 409, 422))
    def change(account: _Admin, name: _Name, body: _Changes) -> Response:
        """Change what a user may do. Whoever is disabled loses every session and token."""
        halls = None if "halls" not in body.model_fields_set else "all" if body.halls is None else body.halls
        if halls is not None or body.role is not None or body.enabled is not None:
            users.change(account.name, name, role=body.role, halls=halls, enabled=body.enabled)
        return reply(users.one(name))

    @app.delete("/api/users/{name}", responses=answers(None, 404, 409, 422, status=204), status_code=204)
    def remove(account: _Admin, name: _Name) -> Response:
        """Remove a user with all sessions and tokens. The audit log keeps the name."""
        users.remove(account.name, name)
        return Response(status_code=204)

    @app.post("/api/users/{name}/reset", responses=answers(OneTimePassword, 404, 422))
    def reset(account: _Admin, name: _Name) -> Response:
        """A new one-time password for who forgot theirs; every session and token ends."""
        return reply(OneTimePassword(name, users.reset(account.name, name)))

    _add_tokens(app, users)


def _add_tokens(app: FastAPI, users: Users) -> None:
    @app.get("/api/users/{name}/tokens", responses=answers(Page[KeyView], 404, 422))
    def tokens_of(_account: _Admin, name: _Name, part: Asked) -> Response:
        """The tokens of a user, the oldest first."""
        return reply(users.token_page(part, users.one(name).name))

    @app.delete("/api/users/{name}/tokens/{identity}", responses=answers(None, 404, 422, status=204), status_code=204)
    def revoke_of(account: _Admin, name: _Name, identity: _TokenId) -> Response:
        """End a token of a user."""
        users.revoke(account.name, identity, of=name)
        return Response(status_code=204)

    @app.get("/api/tokens", responses=answers(Page[KeyView], 422))
    def tokens(account: _Anybody, part: Asked) -> Response:
        """One's own tokens, the oldest first; never the keys themselves."""
        return reply(users.token_page(part, account.name))

    @app.post("/api/tokens", responses=answers(NewKey, 409, 422, status=201), status_code=201)
    def new_token(account: _Anybody, body: _NewToken, request: Request) -> Response:
        """A token for a program. Only who has logged in makes one: a token that is stolen makes no others."""
        if not users.is_session(key_of(request) or ""):
            raise HTTPException(403, "a token makes no tokens; log in with the password")
        key, view = users.new_token(account.name, account.name, body.name, body.days)
        return reply(NewKey(view, key), 201)

    @app.delete("/api/tokens/{identity}", responses=answers(None, 404, 422, status=204), status_code=204)
    def revoke(account: _Anybody, identity: _TokenId) -> Response:
        """End one of one's own tokens."""
        users.revoke(account.name, identity, of=account.name)
        return Response(status_code=204)
