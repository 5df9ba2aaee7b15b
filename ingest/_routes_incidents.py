"""One incident with its history, and what people do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from hall.views import IncidentStep, IncidentView
from ingest._answers import Problem, answers, reply
from ingest.desk import Act, ActKind, ActRefusedError, NoIncidentError, Verdict
from ingest.login import demand, require
from ingest.service import Centre
from ingest.users import Account

_TEXT = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL."""

_Viewer = Annotated[Account, Depends(require("viewer"))]
_Manager = Annotated[Account, Depends(require("manager"))]
_EventId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="`event_id` of the incident")]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,64}$",
        description="of this request: when it comes again, nothing more happens",
    ),
]
_Note = Annotated[str, Field(max_length=2_000, pattern=_TEXT)]
_Reason = Annotated[str, Field(min_length=1, max_length=2_000, pattern=_TEXT)]
_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=_TEXT)]


class IncidentFile(msgspec.Struct, frozen=True):
    """All about an incident: what happened to it, oldest first, and the incidents that it is the cause of."""

    incident: IncidentView
    history: list[IncidentStep]
    members: Sequence[IncidentView]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Said(_Body):
    note: _Note = ""


class _Explained(_Body):
    note: _Reason


class _Assignment(_Said):
    to: _Name


class _Appeal(_Explained):
    on_behalf_of: Annotated[str, Field(max_length=64, pattern=_TEXT)] = ""


class _Decision(_Explained):
    verdict: Verdict


_ANSWERS = answers(IncidentView, 404, 409, 422)


def add_incidents(app: FastAPI, centre: Centre) -> None:
    """Add the routes of single incidents."""

    @app.exception_handler(NoIncidentError)
    def _missing(_request: object, exc: NoIncidentError) -> Response:
        return reply(Problem(str(exc)), 404)

    @app.exception_handler(ActRefusedError)
    def _refused(_request: object, exc: ActRefusedError) -> Response:
        return reply(Problem(str(exc)), 409)

    @app.get("/api/incidents/{event_id}", responses=answers(IncidentFile, 404, 422))
    def incident(account: _Viewer, event_id: _EventId) -> Response:
        """An incident with its history."""
        return reply(_file(centre, account, event_id))

    _add_acts(app, centre)


def _add_acts(app: FastAPI, centre: Centre) -> None:
    @app.post("/api/incidents/{event_id}/acknowledge", responses=_ANSWERS)
    def acknowledge(account: _Manager, event_id: _EventId, body: _Said, key: _Key = None) -> Response:
        """Say that one sees to it. The first who does counts."""
        return _act(centre, account, event_id, "acknowledge", note=body.note, key=key)

    @app.post("/api/incidents/{event_id}/assign", responses=_ANSWERS)
    def assign(account: _Manager, event_id: _EventId, body: _Assignment, key: _Key = None) -> Response:
        """Say who is to see to it."""
        return _act(centre, account, event_id, "assign", note=body.note, to=body.to, key=key)

    @app.post("/api/incidents/{event_id}/note", responses=_ANSWERS)
    def note(account: _Manager, event_id: _EventId, body: _Explained, key: _Key = None) -> Response:
        """Write something into its history."""
        return _act(centre, account, event_id, "note", note=body.note, key=key)

    @app.post("/api/incidents/{event_id}/false-alarm", responses=_ANSWERS)
    def false_alarm(account: _Manager, event_id: _EventId, body: _Said, key: _Key = None) -> Response:
        """Say that there was nothing: it is closed, and its picture is kept as labelled data."""
        return _act(centre, account, event_id, "false_alarm", note=body.note, key=key)

    @app.post("/api/incidents/{event_id}/unlabel", responses=_ANSWERS)
    def unlabel(account: _Manager, event_id: _EventId, body: _Said, key: _Key = None) -> Response:
        """Take back that it was a false alarm: its picture goes in time; what that alone had closed is open again."""
        return _act(centre, account, event_id, "unlabel", note=body.note, key=key)

    @app.post("/api/incidents/{event_id}/appeal", responses=_ANSWERS)
    def appeal(account: _Manager, event_id: _EventId, body: _Appeal, key: _Key = None) -> Response:
        """Write down that somebody disagrees with it, and why."""
        return _act(centre, account, event_id, "appeal", note=body.note, to=body.on_behalf_of, key=key)

    @app.post("/api/incidents/{event_id}/decide", responses=_ANSWERS)
    def decide(account: _Manager, event_id: _EventId, body: _Decision, key: _Key = None) -> Response:
        """Decide an appeal of somebody else, and why. `upheld` makes it a false alarm."""
        return _act(centre, account, event_id, "decide", note=body.note, verdict=body.verdict, key=key)

    @app.post("/api/incidents/{event_id}/close", responses=_ANSWERS)
    def close(account: _Manager, event_id: _EventId, body: _Said, key: _Key = None) -> Response:
        """Say that it is dealt with. What still is wrong needs a note."""
        return _act(centre, account, event_id, "close", note=body.note, key=key)


def _file(centre: Centre, account: Account, event_id: str) -> IncidentFile:
    found = centre.reader.incident(event_id)
    if found is None or not account.may("viewer", found[0].hall):
        raise HTTPException(404, f"incident {event_id}: there is none")
    return IncidentFile(*found)


def _act(
    centre: Centre,
    account: Account,
    event_id: str,
    kind: ActKind,
    *,
    note: str,
    key: str | None,
    to: str = "",
    verdict: Verdict | None = None,
) -> Response:
    demand(account, "manager", _file(centre, account, event_id).incident.hall)
    act = Act(kind=kind, actor=account.name, note=note.strip(), to=to.strip(), verdict=verdict, key=key)
    now = centre.clock.now()
    centre.records.write(lambda connection: centre.desk.act(connection, event_id, act, now))
    centre.reader.changed()
    return reply(_file(centre, account, event_id).incident)
