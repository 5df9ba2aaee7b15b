"""What routes answer, said in the OpenAPI: msgspec structs, which encode fast, and one shape for every error.

A route names its answer, and the errors that it has beside those of every route:

    @app.get("/api/nodes/{node}", responses=answers(NodeView, 404))
    def node(...) -> Response:
        return reply(view)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from hall.errors import InputError, RecordsError
from ingest._paging import MOST, CursorError, Part

_COMPONENTS = "x-components"
"""Where `answers` leaves what its schema refers to, until the whole document is put together."""
_REF = "#/components/schemas/{name}"
_PROBLEM = _REF.format(name="Problem")
_WHY = {
    401: "Nobody is logged in.",
    403: "The user may not do this, or must change the password first.",
    404: "There is none, or it is in a hall that the user may not see.",
    409: "It is not in a state for that.",
    411: "The length of the body is not said.",
    413: "The body is too large.",
    422: "The question is wrong; says where, what was found and what would be right.",
    429: "Too many attempts.",
    503: "The records, or a box that is asked, are away; ask again.",
    504: "The box that was asked did not answer in time.",
}

_Cursor = Annotated[str | None, Query(max_length=1_024, description="`first` or `last` of another page")]


def _asked(limit: Annotated[int, Query(ge=1, le=MOST)] = 100, after: _Cursor = None, before: _Cursor = None) -> Part:
    return Part(limit, after, before)


Asked = Annotated[Part, Depends(_asked)]
"""The parameter of a route that answers a list: `limit`, `after` and `before` of its query."""


class Problem(msgspec.Struct, frozen=True):
    """Why there is no other answer."""

    detail: str


def reply(value: Any, status: int = 200) -> Response:
    """An answer of msgspec structs or plain values as JSON."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def answers(kind: Any, *errors: int, status: int = 200, description: str | None = None) -> dict[int | str, Any]:
    """What a route answers, for `responses=`.

    Args:
        kind: what `reply` is given: a struct, or a type of some; None for an answer without a body.
        errors: statuses of `Problem`, beside those of every route.
        status: that of the answer.
        description: of the answer; that of the status by default.
    """
    said: dict[int | str, Any] = {status: {"description": description or HTTPStatus(status).phrase}}
    if kind is not None:
        said[status] |= _content(kind)
    return said | problems(*errors)


def problems(*statuses: int) -> dict[int | str, Any]:
    """Answers that are a `Problem`."""
    return {status: {"description": _WHY[status], **_content(Problem)} for status in statuses}


def _content(kind: Any) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components((kind,), ref_template=_REF, schema_hook=_schema_of)
    return {"content": {"application/json": {"schema": schema, _COMPONENTS: components}}}


def _schema_of(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError


def speak_plainly(app: FastAPI) -> None:
    """Let an application answer every error as a `Problem`, and have an OpenAPI that knows what `answers` said."""

    @app.exception_handler(RecordsError)
    def _records_away(_request: Request, exc: RecordsError) -> Response:
        return reply(Problem(str(exc)), 503)

    @app.exception_handler(InputError)
    def _wrong(_request: Request, exc: InputError) -> Response:
        return reply(Problem(str(exc)), 422)

    @app.exception_handler(CursorError)
    def _nowhere(_request: Request, exc: CursorError) -> Response:
        return reply(Problem(str(exc)), 404)

    @app.exception_handler(RequestValidationError)
    def _invalid(_request: Request, exc: RequestValidationError) -> Response:
        return reply(Problem("; ".join(map(_said, exc.errors()))), 422)

    @app.exception_handler(HTTPException)
    def _refused(request: Request, exc: HTTPException) -> Response:
        # FastAPI says 400 of a body that is no text, of which nobody else says it.
        answer = reply(Problem(exc.detail), 422 if exc.status_code == 400 else exc.status_code)
        answer.headers.update(exc.headers or {})
        if exc.status_code == 405:
            answer.headers["Allow"] = ", ".join(methods_of(request.scope))
        return answer

    app.openapi = _openapi_of(app)  # type: ignore[method-assign]


def methods_of(scope: Scope) -> list[str]:
    """What may be done with the path of a request; each method of ours is a route of its own."""
    fits = [route for route in scope["app"].routes if route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in fits for method in getattr(route, "methods", None) or ()})


def _openapi_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = _whole(made)
        return app.openapi_schema

    return openapi


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what its answers refer to, and without FastAPI's own shape of errors, which nobody answers."""
    components = document.setdefault("components", {}).setdefault("schemas", {})
    for path in document["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    components |= content.pop(_COMPONENTS, {})
            said = operation["responses"]
            if _is_fastapis(said.get("422", {})):
                said["422"] = {
                    "description": _WHY[422],
                    "content": {"application/json": {"schema": {"$ref": _PROBLEM}}},
                }
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    return document


def _is_fastapis(answer: Mapping[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")


def _said(error: Mapping[str, Any]) -> str:
    """One fault of a request, e.g. `query limit: Input should be less than or equal to 1000; found 1001`."""
    where: Sequence[Any] = error["loc"]
    found = repr(error.get("input"))
    found = f"; found {found[:80]}" if error["type"] != "missing" else ""
    return f"{' '.join(map(str, where))}: {error['msg']}{found}"
