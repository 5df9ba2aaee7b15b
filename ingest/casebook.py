"""From event messages to incidents, with all that follows: history, alerts and escalation.

Whoever knows of events brings them here, in a write transaction of its own: the intake those of boxes, others what the
centre finds out itself. What people do is `ingest.desk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from hall.clock import Instant
from hall.layout import Hall
from hall.messages import EventBody, Message
from ingest import audit, schema
from ingest._alert_text import AlertPhase, alert_text
from ingest._groups import Moves, regroup
from ingest.alerts import queue_alert
from ingest.changes import Subject
from ingest.escalation import Chain, Outcome, Standing, chain_for, step
from ingest.grouping import sees_of
from ingest.history import add_steps, step_row
from ingest.incidents import Incident, changed, load_incidents, merge, save_incidents
from ingest.labels import Labels
from ingest.recipients import Recipient, Roster, holds

CENTRE = "centre"
"""Who escalates, in the audit log."""

MACHINES = frozenset({"camera_fault", "overload"})
TOGETHER_S = 10.0
"""Alerts about machines wait so long: often several of them have one cause, which is told instead."""


@dataclass(frozen=True, slots=True)
class _Told:
    """An alert to be queued."""

    incident: Incident
    phase: AlertPhase
    late: bool = False
    recipients: tuple[Recipient, ...] = ()
    level: str = ""


@dataclass(slots=True)
class Turn:
    """What some messages, or the time, change."""

    incidents: dict[str, Incident]
    touched: set[str] = field(default_factory=set)
    alerts: list[_Told] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    news: list[tuple[Incident, AlertPhase, bool]] = field(default_factory=list)
    """What opened, became worse (`escalated`) or cleared, in order, and whether that is history."""

    @property
    def subjects(self) -> list[Subject]:
        """What changed, for `changes.note`, which whoever calls does last."""
        return [Subject("incident", event_id, self.incidents[event_id].hall) for event_id in sorted(self.touched)]

    def put(self, incident: Incident) -> None:
        """An incident is another one now."""
        self.incidents[incident.event_id] = incident
        self.touched.add(incident.event_id)


class Casebook:
    """Runs events as incidents.

    Args:
        labels: what people call the parts of the hall.
        roster: who may be told.
        chains: who is told when, the first that fits.
        halls: say what each camera sees.
    """

    def __init__(
        self, labels: Labels, roster: Roster | None = None, chains: Sequence[Chain] = (), *, halls: Sequence[Hall] = ()
    ) -> None:
        self._labels = labels
        self._sees = sees_of(*halls)
        self._roster = roster or Roster()
        self._chains = {chain.name: chain for chain in chains}

    def take(self, connection: Connection, messages: Iterable[Message], now: Instant) -> Turn:
        """Put events on record, with all that follows.

        Args:
            connection: a write transaction.
            messages: events, in any order and any number of times; others are left out.
            now: the time.
        """
        told = [(message, message.body) for message in messages if isinstance(message.body, EventBody)]
        turn = Turn(load_incidents(connection, sorted({body.event_id for _, body in told}), lock=True))
        for message, body in told:
            _count(turn, message, body.event_id, now)
        moves = regroup(connection, turn.incidents, turn.touched, self._sees)
        self._move(turn, moves, now)
        self._tell(turn, moves, now)
        self._write(connection, turn, now)
        return turn

    def escalate(self, connection: Connection, event_ids: Iterable[str], now: Instant) -> Turn:
        """Take the steps of chains that are due, each once.

        Args:
            connection: a write transaction.
            event_ids: the incidents.
            now: the time.
        """
        turn = Turn(load_incidents(connection, sorted(event_ids), lock=True))
        for incident in list(turn.incidents.values()):
            if incident.next_at is not None and incident.next_at <= now:
                self._climb(turn, incident, now)
        self._write(connection, turn, now)
        return turn

    def refresh(self, connection: Connection, now: Instant) -> Turn:
        """Go by the chains as they are now, after a start with others: when is the next step of what goes on due?"""
        going = schema.incidents.c.status.in_(["open", "acknowledged", "escalated"])
        event_ids = list(connection.scalars(select(schema.incidents.c.event_id).where(going)))
        turn = Turn(load_incidents(connection, sorted(event_ids), lock=True))
        for incident in list(turn.incidents.values()):
            chain = chain_for(list(self._chains.values()), incident)
            level = incident.level if chain is not None and chain.name == incident.chain else 0
            next_at = None
            if chain is not None and incident.opened_at is not None and level < len(chain.steps):
                next_at = incident.opened_at + chain.steps[level].after_s
            after = changed(incident, chain=None if chain is None else chain.name, level=level, next_at=next_at)
            if after != incident:
                turn.put(after)
        self._write(connection, turn, now)
        return turn

    def _move(self, turn: Turn, moves: Moves, now: Instant) -> None:
        """Put down what belongs to what now; what is on its own again is told, if it never was."""
        for incident in moves.joined:
            turn.put(changed(incident, next_at=None))
            turn.steps.append(step_row(incident, "grouped", now, detail={"head": incident.head}))
        for incident in moves.left:
            turn.put(incident)
            turn.steps.append(step_row(incident, "ungrouped", now))
            if not incident.holds or incident.closed_at is not None:
                continue
            if incident.event_id in moves.told:
                turn.put(changed(incident, next_at=now if incident.chain else None))
            else:
                fresh = changed(incident, opened_at=now)
                turn.put(fresh)
                turn.alerts.append(_Told(fresh, "raised", recipients=tuple(self._roster.always)))
                self._join(turn, fresh, now)

    def _tell(self, turn: Turn, moves: Moves, now: Instant) -> None:
        """Tell the news, but for what is a consequence of something else, or nothing."""
        everybody = tuple(self._roster.always)
        for then, phase, late in turn.news:
            latest = turn.incidents[then.event_id]
            silent = latest.head is not None and (phase != "cleared" or then.event_id not in moves.told)
            if latest.label is not None or silent:
                continue
            if phase != "escalated":
                turn.alerts.append(_Told(then, phase, late, everybody))
            is_newest = (then.openings, then.severity) == (latest.openings, latest.severity)
            if phase != "cleared" and is_newest and latest.holds and latest.closed_at is None:
                self._join(turn, latest, now)

    def _join(self, turn: Turn, incident: Incident, now: Instant) -> None:
        """Let an incident that opened, or became worse, go by the chain that fits."""
        chain = chain_for(list(self._chains.values()), incident)
        if chain is None or (chain.name == incident.chain and incident.level):
            return
        self._climb(turn, changed(incident, chain=chain.name, level=0), now)

    def _climb(self, turn: Turn, incident: Incident, now: Instant) -> None:
        """Take the steps that are due."""
        chain = self._chains.get(incident.chain or "")
        if chain is None:
            turn.put(changed(incident, next_at=None))
            return
        since = now if incident.opened_at is None else incident.opened_at
        over = not incident.holds or incident.closed_at is not None
        outcome = step(chain, Standing(incident.level, since, incident.acknowledged_at is not None, over), now)
        after = changed(incident, level=outcome.level, next_at=outcome.next_at)
        recipients = tuple(self._roster.called(name for one in outcome.taken for name in one.tell))
        if any(one.after_s > 0 for one in outcome.taken):
            after = self._escalated(turn, after, outcome, recipients, now)
        elif outcome.taken:
            turn.alerts.append(_Told(after, "raised", recipients=recipients))
        turn.put(after)

    @staticmethod
    def _escalated(
        turn: Turn, incident: Incident, outcome: Outcome, recipients: tuple[Recipient, ...], now: Instant
    ) -> Incident:
        level = f"{incident.severity[0]}{outcome.level}"
        turn.alerts.append(_Told(incident, "escalated", recipients=recipients, level=level))
        after = changed(incident, escalated_at=now, acknowledged_by=None, acknowledged_at=None)
        told = sorted({name for one in outcome.taken for name in one.tell})
        turn.steps.append(step_row(after, "escalated", now, detail={"level": outcome.level, "told": told}))
        return after

    def _write(self, connection: Connection, turn: Turn, now: Instant) -> None:
        save_incidents(connection, [turn.incidents[event_id] for event_id in sorted(turn.touched)])
        add_steps(connection, turn.steps)
        for told in turn.alerts:
            recipients: Sequence[Recipient] = told.recipients
            if told.phase == "cleared":
                recipients = [*recipients, *self._others_told(connection, told.incident)]
            queue_alert(
                connection,
                recipients,
                told.incident,
                told.phase,
                self._labels,
                now,
                late=told.late,
                level=told.level,
                wait_s=TOGETHER_S if told.phase == "raised" and told.incident.rule in MACHINES else 0.0,
            )
        for row in (row for row in turn.steps if row["kind"] == "escalated"):
            after = turn.incidents[row["event_id"]]
            said = {"level": after.level, "chain": after.chain}
            audit.append(connection, CENTRE, "incident.escalate", f"incident/{after.event_id}", said, now)
        self._let_go(connection, [row["event_id"] for row in turn.steps if row["kind"] == "worsened"], turn, now)

    def _others_told(self, connection: Connection, incident: Incident) -> list[Recipient]:
        """Those whom its chain told of it; they hear that it is over, too."""
        chain = self._chains.get(incident.chain or "")
        if chain is None:
            return []
        mine = (schema.alerts.c.event_id == incident.event_id) & (schema.alerts.c.opening == incident.openings)
        told = set(connection.scalars(select(schema.alerts.c.channel).where(mine)))
        called = self._roster.called(name for one in chain.steps[: incident.level] for name in one.tell)
        return [recipient for recipient in called if recipient.channel.id in told]

    def _let_go(self, connection: Connection, event_ids: Sequence[str], turn: Turn, now: Instant) -> None:
        """What waits for the end of quiet hours, of an incident that became so bad that it need not wait any more."""
        everybody = [*self._roster.always, *self._roster.called(self._roster.named)]
        for event_id in event_ids:
            incident = turn.incidents[event_id]
            free = {i: channel for i, (channel, at) in holds(everybody, incident.severity, now).items() if at <= now}
            mine = (schema.alerts.c.event_id == event_id) & (schema.alerts.c.status == "waiting")
            mine &= schema.alerts.c.held_until.is_not(None) & schema.alerts.c.channel.in_(list(free))
            for row in connection.execute(select(schema.alerts.c.id, schema.alerts.c.channel).where(mine)).all():
                text = alert_text(incident, "raised", free[row.channel].language, self._labels, late=False)
                values = {"title": text.title, "body": text.body, "next_at": now, "held_until": None}
                connection.execute(update(schema.alerts).where(schema.alerts.c.id == row.id).values(**values))


def _count(turn: Turn, message: Message, event_id: str, now: Instant) -> None:
    """One message more."""
    before = turn.incidents.get(event_id)
    after = merge(before, message)
    at, late = message.captured_at.timestamp(), message.late
    opened = before is None or after.openings > before.openings
    if opened:
        after = changed(after, opened_at=now)
        told = {"severity": after.severity, **({"late": True} if late else {})}
        turn.steps.append(step_row(after, "opened", at, detail=told))
        turn.news.append((after, "raised", late))
    elif before is not None and after.severity != before.severity:
        turn.steps.append(step_row(after, "worsened", at, detail={"severity": after.severity}))
        turn.news.append((after, "escalated", late))
    if not after.holds and (before is None or before.holds):
        after = changed(after, next_at=None)
        turn.steps.append(step_row(after, "cleared", at, detail={"reason": after.reason}))
        turn.news.append((after, "cleared", late))
    turn.put(after)
