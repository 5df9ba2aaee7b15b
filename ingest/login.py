"""The login: who asks is known before anything is answered, pages and web sockets of the console included.

A browser shows its session as a cookie, a program its token as `Authorization: Bearer TOKEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from hall.errors import RecordsError
from ingest._accounts import MAX_LENGTH, MIN_LENGTH
from ingest._answers import methods_of, problems
from ingest.users import HALL, SESSION_S, Account, Refused, Role, Users

COOKIE = "hallwatch_session"
MAX_BODY_BYTES = 65_536
"""Of a request, where its route says nothing else; see `allow_body`."""
LOCAL = Account("local", "admin", None)
"""Who asks a centre without a login."""
_OPEN = frozenset({"/healthz", "/login", "/api/login", "/api/password"})
_LINKS = "/a/"
"""Links in alerts bring a right of their own and use no cookie; see `ingest.link_page`."""
_OWN = frozenset({"/api/logout", "/api/me"})
"""What somebody may ask whose password must be changed first."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PAGE = Path(__file__).parent / "static" / "login.html"


class Guard:
    """Lets through who may; the account stands in the request's state then.

    Args:
        app: what is guarded.
        users: who there is; None asks nobody.
        hall: the hall that the console shows; None where there is none.
    """

    def __init__(self, app: ASGIApp, users: Users | None, hall: str | None) -> None:
        self._app, self._users, self._hall = app, users, hall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        path, headers = scope["path"], Headers(scope=scope)
        scope.setdefault("state", {})["account"] = LOCAL
        if path.startswith(_LINKS):
            return None
        if (refused := _bad_request(scope, headers)) is not None:
            return refused
        if self._users is None or path in _OPEN or _is_open(scope):
            return None
        key = key_of(HTTPConnection(scope))
        try:
            account = None if key is None else await run_in_threadpool(self._users.who, key)
        except RecordsError as exc:
            return _says(503, str(exc))
        program = path.startswith("/api/") or path == "/metrics"
        if account is None:
            return _stranger(scope) if program else _to_login(path)
        if account.must_change and path not in _OWN:
            return _says(403, "change the password first") if program else _to_login(path)
        if not program and not account.may("viewer", self._hall):
            return _says(403, f"{account.name} may not see this hall")
        scope["state"]["account"] = account
        return None


def allow_body(app: FastAPI, path: str, most_bytes: int) -> None:
    """Let a route take larger bodies than others, or smaller ones only.

    Args:
        app: the application.
        path: of the route; it has no parameters.
        most_bytes: of a body.
    """
    app.state.bodies = {**getattr(app.state, "bodies", {}), path: most_bytes}


def open_to_all(app: FastAPI, path: str) -> None:
    """Let whoever asks read a page and what lies below it, such as that of the guide display.

    Args:
        app: the application.
        path: of the page.
    """
    app.state.open = (*getattr(app.state, "open", ()), path)


def account_of(request: Request) -> Account:
    """Who asks."""
    found = request.state.account
    assert isinstance(found, Account)
    return found


def require(role: Role) -> Callable[[Request], Account]:
    """A dependency for routes: who asks is at least `role`, in the hall of the path where it has `{hall}`.

    Where the hall is known only later, as that of an incident, call `demand` with it.
    """

    def allowed(request: Request) -> Account:
        account = account_of(request)
        demand(account, role, request.path_params.get("hall"))
        return account

    return allowed


def require_everywhere(role: Role) -> Callable[[Request], Account]:
    """A dependency for routes: who asks is at least `role`, and of every hall."""

    def allowed(request: Request) -> Account:
        account = account_of(request)
        demand(account, role, None)
        if account.halls is not None:
            raise HTTPException(403, f"{account.name} is no {role} of every hall")
        return account

    return allowed


def stays_in(users: Users, hall: str | None) -> Callable[[HTTPConnection], bool]:
    """Says of the request by which a page was opened whether who asked may still see it. While nobody knows: yes."""

    def may_stay(request: HTTPConnection) -> bool:
        key = key_of(request)
        try:
            account = None if key is None else users.who(key)
        except RecordsError:
            return True
        return account is not None and not account.must_change and account.may("viewer", hall)

    return may_stay


def halls_asked(
    request: Request, hall: Annotated[str | None, Query(pattern=HALL, description="only of this one")] = None
) -> Collection[str] | None:
    """The halls that a list is of: the one that is asked for, or all that who asks may see; None for every hall."""
    account = account_of(request)
    demand(account, "viewer", hall)
    return account.halls if hall is None else (hall,)


HallsAsked = Annotated[Collection[str] | None, Depends(halls_asked)]
"""The parameter of a route that lists what is of halls: `hall` of its query. Who asks is a viewer there."""


def demand(account: Account, role: Role, hall: str | None) -> None:
    """Answer 403 unless the account is at least `role` in this hall."""
    if not account.may(role, hall):
        where = "" if hall is None else f" of hall {hall}"
        raise HTTPException(403, f"{account.name} is no {role}{where}")


def key_of(connection: HTTPConnection) -> str | None:
    """The token or the session that the request shows."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return connection.cookies.get(COOKIE)


class _Login(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    password: str = Field(max_length=256)


class _NewPassword(_Login):
    new: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)


class LoggedIn(BaseModel):
    """Who is logged in. `halls` null: every hall."""

    name: str
    role: Role
    halls: list[str] | None
    must_change: bool


def add_login(app: FastAPI, users: Users | None, hall: str | None) -> None:
    """Guard an application, and add the routes and the page of the login to it."""
    app.add_middleware(Guard, users=users, hall=hall)

    @app.get("/api/me")
    def me(request: Request) -> LoggedIn:
        """Who asks."""
        return _shown(account_of(request))

    if users is None:
        return

    @app.post("/api/login", responses=problems(429))
    def login(body: _Login, request: Request, response: Response) -> LoggedIn:
        """Begin a session: the answer sets the cookie."""
        found = users.login(body.name, body.password, _address(request))
        if isinstance(found, Refused):
            raise _refused(found)
        key, account = found
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, key, max_age=int(SESSION_S), httponly=True, samesite="lax", secure=secure)
        return _shown(account)

    @app.post("/api/logout", status_code=204)
    def logout(request: Request, response: Response) -> None:
        """End the session."""
        users.logout(key_of(request) or "")
        response.delete_cookie(COOKIE)

    @app.post("/api/password", status_code=204, responses=problems(429))
    def password(body: _NewPassword, request: Request) -> None:
        """Change one's own password; every session and token of it ends."""
        found = users.set_password(body.name, body.password, body.new, _address(request))
        if found is not None:
            raise _refused(found)

    @app.get("/login", include_in_schema=False)
    def page() -> HTMLResponse:
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
        headers = {"Content-Security-Policy": policy + "; frame-ancestors 'none'", "Cache-Control": "no-store"}
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers=headers)


def _shown(account: Account) -> LoggedIn:
    halls = None if account.halls is None else list(account.halls)
    return LoggedIn(name=account.name, role=account.role, halls=halls, must_change=account.must_change)


def _refused(found: Refused) -> HTTPException:
    if found.wait_s > 0:
        wait = str(int(found.wait_s) + 1)
        return HTTPException(429, f"too many attempts; try again in {wait} s", headers={"Retry-After": wait})
    return HTTPException(401, "wrong name or password")


def _address(request: Request) -> str:
    return "unknown" if request.client is None else request.client.host


def _is_open(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] not in _SAFE:
        return False
    path: str = scope["path"]
    return any(path == page or path.startswith(f"{page}/") for page in getattr(scope["app"].state, "open", ()))


def _bad_request(scope: Scope, headers: Headers) -> Response | None:
    """A page elsewhere that uses the reader's cookie, or a body that is too large to be read at all."""
    changes = scope["type"] == "websocket" or scope["method"] not in _SAFE
    origin = headers.get("origin")
    if changes and origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return _says(403, "from another site")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers:
        return _says(411, "a length is needed")
    most = getattr(scope["app"].state, "bodies", {}).get(scope["path"], MAX_BODY_BYTES)
    if not length.isdecimal() or int(length) > most:
        return _says(413, f"body of {length[:20]} bytes; expected {most} at most")
    return None


def _stranger(scope: Scope) -> Response:
    methods = [] if scope["type"] != "http" else methods_of(scope)
    if not methods or scope["method"] in methods:
        return _says(401, "log in first")
    answer = _says(405, "Method Not Allowed")
    answer.headers["Allow"] = ", ".join(methods)
    return answer


def _says(status: int, detail: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(msgspec.json.encode({"detail": detail}), status, headers, media_type="application/json")


def _to_login(path: str) -> Response:
    return Response(status_code=303, headers={"Location": f"/login?next={quote(path)}"})
