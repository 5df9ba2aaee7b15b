"""The history of each incident: what happened to it, by itself and by people. Rows are only added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, insert, select

from hall.clock import Instant
from hall.views import IncidentStep, StepKind
from ingest.incidents import Incident
from ingest.schema import incident_steps


def add_step(
    connection: Connection,
    incident: Incident,
    kind: StepKind,
    at: Instant,
    *,
    actor: str = "",
    note: str = "",
    detail: Mapping[str, object] | None = None,
    key: str | None = None,
) -> None:
    """Write a step down, in the transaction of what it tells.

    Args:
        connection: a write transaction that has locked the incident.
        incident: as it is after the step.
        kind: what happened.
        at: when.
        actor: who did it; empty for what happened by itself.
        note: what they said.
        detail: more of it.
        key: of the request.
    """
    add_steps(connection, [step_row(incident, kind, at, actor=actor, note=note, detail=detail, key=key)])


def step_row(
    incident: Incident,
    kind: StepKind,
    at: Instant,
    *,
    actor: str = "",
    note: str = "",
    detail: Mapping[str, object] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """The row of a step, for `add_steps`."""
    return {
        "event_id": incident.event_id,
        "opening": incident.openings,
        "at": at,
        "kind": kind,
        "actor": actor,
        "note": note,
        "detail": msgspec.json.encode(detail or {}),
        "key": key,
    }


def add_steps(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write steps down, in order."""
    if found := list(rows):
        connection.execute(insert(incident_steps), found)


def steps_of(connection: Connection, event_id: str) -> list[IncidentStep]:
    """The history of an incident, in the order in which the centre learned of it."""
    statement = select(incident_steps).where(incident_steps.c.event_id == event_id).order_by(incident_steps.c.id)
    return [
        IncidentStep(
            row.at, cast("StepKind", row.kind), row.opening, row.actor, row.note, msgspec.json.decode(row.detail)
        )
        for row in connection.execute(statement)
    ]
