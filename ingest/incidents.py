"""Incidents: what the messages of one event say together.

The messages may come in any order and any number of times; the incident is the same. Every figure is a
minimum, a maximum or the newest by `captured_at`, where of one instant `cleared` is the newest and `raised` the
oldest. Only `openings` counts what happened here, so that alerts know.

An incident is over unless a `raised` was captured after its newest `cleared`: a box that lost its camera
clears the event, and raises it again, under the same id, when it sees that nothing has changed. That opens the
incident anew, and what people did about it before is history. Only a false alarm stays one: it is the same event.

Its status follows from what the box says and what people did, see `status_of`; `ingest.desk` is for the latter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from hall.clock import Instant
from hall.labels import Label
from hall.messages import ClearReason, EventBody, Message, Rule, Severity
from hall.views import AppealState, IncidentStatus, IncidentView
from ingest import schema
from ingest._sql import upsert

_RANK = {"raised": 0, "updated": 1, "cleared": 2}
_SEVERITY_RANK = {"warning": 0, "critical": 1}


class Incident(msgspec.Struct, frozen=True):
    """One row of the incidents. From `snapshot` on: what no single message says.

    Attributes:
        openings: 1, and one more for each time it opened again.
        opened_at: when the centre learned that it opened, last.
        acknowledged_by: who sees to it since then; again None where it was escalated once more after that.
        chain: the escalation chain it goes by.
        level: how many steps of the chain were taken.
        next_at: when the next one is due.
        head: the incident that this one is a consequence of, see `ingest.grouping`.
    """

    event_id: str
    hall: str
    floor: str
    node: str
    rule: Rule
    subject: str
    severity: Severity
    status: IncidentStatus
    openings: int
    started_at: Instant
    raised_at: Instant
    last_raised_at: Instant
    last_cleared_at: Instant | None
    ended_at: Instant | None
    reason: ClearReason | None
    latest_at: Instant
    latest_rank: int
    elapsed_s: float
    unknown_s: float
    limit_s: float
    detail: dict[str, Any]
    snapshot: str | None = None
    opened_at: Instant | None = None
    acknowledged_by: str | None = None
    acknowledged_at: Instant | None = None
    assigned_to: str | None = None
    chain: str | None = None
    level: int = 0
    escalated_at: Instant | None = None
    next_at: Instant | None = None
    closed_by: str | None = None
    closed_at: Instant | None = None
    label: Label | None = None
    appeal: AppealState | None = None
    head: str | None = None

    @property
    def holds(self) -> bool:
        """Whether what its box said is not over."""
        return self.last_cleared_at is None or self.last_raised_at > self.last_cleared_at

    def view(self, members: Sequence[str] = ()) -> IncidentView:
        """The incident as others see it."""
        cleared = not self.holds
        return IncidentView(
            event_id=self.event_id,
            hall=self.hall,
            floor=self.floor,
            node=self.node,
            rule=self.rule,
            subject=self.subject,
            severity=self.severity,
            status=self.status,
            started_at=self.started_at,
            raised_at=self.raised_at,
            cleared_at=self.ended_at if cleared else None,
            elapsed_s=self.elapsed_s,
            unknown_s=self.unknown_s,
            limit_s=self.limit_s,
            reason=self.reason if cleared else None,
            detail=self.detail,
            acknowledged_by=self.acknowledged_by,
            acknowledged_at=self.acknowledged_at,
            assigned_to=self.assigned_to,
            level=self.level,
            escalated_at=self.escalated_at,
            closed_by=self.closed_by,
            closed_at=self.closed_at,
            label=self.label,
            appeal=self.appeal,
            snapshot=self.snapshot,
            head=self.head,
            members=list(members),
        )


_DESK = (
    *("opened_at", "acknowledged_by", "acknowledged_at", "assigned_to", "chain", "level", "escalated_at", "next_at"),
    *("closed_by", "closed_at", "label", "appeal", "head"),
)
"""What no message changes, but for a new opening."""


def status_of(incident: Incident) -> IncidentStatus:
    """What is to be done about it.

    Closed by somebody; else cleared, where its box says that it is over; else acknowledged or escalated, whichever was
    last; else open.
    """
    if incident.closed_at is not None:
        return "closed"
    if not incident.holds:
        return "cleared"
    if incident.acknowledged_at is not None:
        return "acknowledged"
    return "open" if incident.escalated_at is None else "escalated"


def changed(incident: Incident, **values: object) -> Incident:
    """The incident with other values, and the status that follows."""
    after = msgspec.structs.replace(incident, **values)
    return msgspec.structs.replace(after, status=status_of(after))


def merge(known: Incident | None, message: Message) -> Incident:
    """The incident after one more message of its event."""
    body = message.body
    assert isinstance(body, EventBody)
    one = _alone(message, body)
    return one if known is None else _merged(known, one, body)


def _alone(message: Message, body: EventBody) -> Incident:
    """What one message says on its own."""
    at = message.captured_at.timestamp()
    cleared = body.phase == "cleared"
    return Incident(
        event_id=body.event_id,
        hall=message.hall,
        floor=message.floor,
        node=message.node,
        rule=body.rule,
        subject=body.subject,
        severity=body.severity,
        status="cleared" if cleared else "open",
        openings=1,
        started_at=body.started_at.timestamp(),
        raised_at=at,
        last_raised_at=at if body.phase == "raised" else float("-inf"),
        last_cleared_at=at if cleared else None,
        ended_at=(body.ended_at.timestamp() if body.ended_at else at) if cleared else None,
        reason=body.reason if cleared else None,
        latest_at=at,
        latest_rank=_RANK[body.phase],
        elapsed_s=float(body.elapsed_s),
        unknown_s=float(body.unknown_s),
        limit_s=float(body.limit_s),
        detail=body.detail,
        snapshot=body.snapshot,
    )


def _merged(known: Incident, one: Incident, body: EventBody) -> Incident:
    newest = max(known, one, key=lambda i: (i.latest_at, i.latest_rank))
    raised_at = max(known.last_raised_at, one.last_raised_at)
    ended = max(known, one, key=lambda i: float("-inf") if i.last_cleared_at is None else i.last_cleared_at)
    after = changed(
        newest,
        severity=max(known.severity, body.severity, key=_SEVERITY_RANK.__getitem__),
        openings=known.openings,
        started_at=min(known.started_at, one.started_at),
        raised_at=min(known.raised_at, one.raised_at),
        last_raised_at=raised_at,
        last_cleared_at=ended.last_cleared_at,
        ended_at=ended.ended_at,
        reason=ended.reason,
        snapshot=known.snapshot or one.snapshot,
        **{name: getattr(known, name) for name in _DESK},
    )
    return _opened_again(after) if after.holds and not known.holds else after


def _opened_again(incident: Incident) -> Incident:
    """What was done before counts no more, but for the label of a false alarm: it is the same event."""
    again: dict[str, object] = {"openings": incident.openings + 1}
    if incident.label is None:
        again |= {"acknowledged_by": None, "acknowledged_at": None, "closed_by": None, "closed_at": None}
        again |= {"level": 0, "escalated_at": None, "next_at": None}
    return changed(incident, **again)


_ROWS_AT_ONCE = 500


def load_incidents(connection: Connection, event_ids: list[str], *, lock: bool = False) -> dict[str, Incident]:
    """The incidents on record among these; with `lock`, nobody else changes them until the transaction ends."""
    found: dict[str, Incident] = {}
    for i in range(0, len(event_ids), _ROWS_AT_ONCE):
        some = event_ids[i : i + _ROWS_AT_ONCE]
        mine = schema.incidents.c.event_id.in_(some)
        statement = select(schema.incidents).where(mine).order_by(schema.incidents.c.event_id)
        rows = connection.execute(statement.with_for_update() if lock else statement)
        found |= {row["event_id"]: from_row(row) for row in rows.mappings()}
    return found


def save_incidents(connection: Connection, incidents: list[Incident]) -> None:
    """Write incidents over what is on record."""
    upsert(connection, schema.incidents, map(_to_row, incidents))


def _to_row(incident: Incident) -> dict[str, Any]:
    return msgspec.structs.asdict(incident) | {"detail": msgspec.json.encode(incident.detail)}


def from_row(row: Mapping[Any, Any]) -> Incident:
    """An incident from its row."""
    return Incident(**{**row, "detail": msgspec.json.decode(row["detail"])})
