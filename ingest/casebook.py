"""From event messages to incidents, with all that follows: history and alerts, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from hall.clock import Instant
from hall.messages import EventBody, Message
from ingest._alert_text import AlertPhase
from ingest.alerts import queue_alert
from ingest.changes import Subject
from ingest.channels import Channel
from ingest.history import add_steps, step_row
from ingest.incidents import Incident, changed, load_incidents, merge, save_incidents
from ingest.labels import Labels


@dataclass(slots=True)
class Turn:
    """What some messages change."""

    incidents: dict[str, Incident]
    touched: set[str] = field(default_factory=set)
    alerts: list[tuple[Incident, AlertPhase, bool]] = field(default_factory=list)
    """Incident, what it is told for, and whether that is history."""
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def subjects(self) -> list[Subject]:
        """What changed, for `changes.note`, which whoever calls `take` does last."""
        return [Subject("incident", event_id, self.incidents[event_id].hall) for event_id in sorted(self.touched)]


class Casebook:
    """Runs events as incidents, whoever tells of them: a box, or the centre itself.

    Args:
        labels: what people call the parts of the hall.
        channels: where every incident is told.
    """

    def __init__(self, labels: Labels, channels: Sequence[Channel] = ()) -> None:
        self._labels = labels
        self._channels = tuple(channels)

    def take(self, connection: Connection, messages: Sequence[Message], now: Instant) -> Turn:
        """Put events on record, with their history and their alerts.

        Args:
            connection: a write transaction.
            messages: events, in any order and any number of times; others are left out.
            now: the time.
        """
        told = [(message, message.body) for message in messages if isinstance(message.body, EventBody)]
        turn = Turn(load_incidents(connection, sorted({body.event_id for _, body in told}), lock=True))
        for message, body in told:
            _count(turn, message, body.event_id, now)
        save_incidents(connection, [turn.incidents[event_id] for event_id in turn.touched])
        add_steps(connection, turn.steps)
        for incident, phase, late in turn.alerts:
            queue_alert(connection, self._channels, incident, phase, self._labels, now, late=late)
        return turn


def _count(turn: Turn, message: Message, event_id: str, now: Instant) -> None:
    """One message more."""
    before = turn.incidents.get(event_id)
    after = merge(before, message)
    opened = before is None or after.openings > before.openings
    if opened:
        after = changed(after, opened_at=now)
    turn.incidents[event_id] = after
    turn.touched.add(event_id)
    at, late = message.captured_at.timestamp(), message.late
    is_told = after.label is None
    if opened:
        told = {"severity": after.severity, **({"late": True} if late else {})}
        turn.steps.append(step_row(after, "opened", at, detail=told))
        if is_told:
            turn.alerts.append((after, "raised", late))
    elif before is not None and after.severity != before.severity:
        turn.steps.append(step_row(after, "worsened", at, detail={"severity": after.severity}))
    if not after.holds and (before is None or before.holds):
        turn.steps.append(step_row(after, "cleared", at, detail={"reason": after.reason}))
        if is_told:
            turn.alerts.append((after, "cleared", late))
