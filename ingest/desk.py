"""What people do with incidents: see to them, hand them on, note, call them false alarms, appeal, decide, close.

| act | where it may be | what follows |
|---|---|---|
| acknowledge | open, escalated, cleared | acknowledged, where it still is wrong |
| assign | all but closed | `assigned_to` |
| note | all | |
| false_alarm | all | the label, and closed |
| unlabel | a false alarm, but by an appeal that was upheld | no label; open again where only the label had closed it |
| appeal | all, once | the appeal is pending |
| decide | an appeal is pending, of somebody else | upheld: a false alarm; or rejected |
| close | all; with a note where it still is wrong | closed |

What is said a second time changes nothing. Each act that changes something is a step of the history and a row of the
audit log, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from hall.clock import Instant
from hall.errors import InputError
from hall.views import ONGOING, IncidentStep, IncidentView, StepKind
from ingest import audit, changes, schema
from ingest.history import add_step, steps_of
from ingest.incidents import Incident, changed, load_incidents, save_incidents

ActKind = Literal["acknowledge", "assign", "note", "false_alarm", "unlabel", "appeal", "decide", "close"]
Verdict = Literal["upheld", "rejected"]

_STEPS: dict[ActKind, StepKind] = {
    "acknowledge": "acknowledged",
    "assign": "assigned",
    "note": "noted",
    "false_alarm": "false_alarm",
    "unlabel": "unlabelled",
    "appeal": "appealed",
    "decide": "decided",
    "close": "closed",
}
_NEEDS_NOTE: frozenset[ActKind] = frozenset({"note", "appeal", "decide"})


class NoIncidentError(InputError):
    """There is no such incident."""


class ActRefusedError(InputError):
    """It cannot be done with the incident as it is; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody does.

    Attributes:
        kind: what.
        actor: who: a user, or the name that somebody gave with a link.
        note: what they say about it; `note`, `appeal` and `decide` need it.
        to: whom it is assigned to, or on whose behalf somebody appeals.
        verdict: of `decide`.
        opening: the opening of the incident that is meant; None for the one that is.
        key: of a request: one that comes again changes nothing.
        via: how they came to it, for the audit log.
    """

    kind: ActKind
    actor: str
    note: str = ""
    to: str = ""
    verdict: Verdict | None = None
    opening: int | None = None
    key: str | None = None
    via: str = ""


class Desk:
    """Acts on incidents, each in the caller's transaction.

    Args:
        on_label: told, in the same transaction, that an incident is labelled data now, or is it no more.
    """

    def __init__(self, on_label: Callable[[Connection, Incident, str, Instant], None] | None = None) -> None:
        self._on_label = on_label

    def act(self, connection: Connection, event_id: str, act: Act, now: Instant) -> Incident:
        """Do something with an incident.

        Args:
            connection: a write transaction; see `Records.write`.
            event_id: the incident.
            act: what, by whom.
            now: the time.

        Returns:
            The incident as it is then.

        Raises:
            NoIncidentError: there is none.
            ActRefusedError: it cannot be done with the incident as it is.
        """
        before = load_incidents(connection, [event_id], lock=True).get(event_id)
        if before is None:
            raise NoIncidentError(f"incident {event_id[:64]}: there is none; expected an event_id that is on record")
        if act.key is not None and _is_known(connection, event_id, act.key):
            return before
        if act.opening is not None and act.opening != before.openings:
            raise ActRefusedError("it opened again since; expected the newest message about it")
        if act.kind in _NEEDS_NOTE and not act.note:
            raise ActRefusedError(f"{act.kind} without a note; expected some words that say why")
        if act.kind == "decide" and before.appeal == "pending":
            _check_decider(act, steps_of(connection, event_id))
        after = _after(before, act, now)
        if act.kind == "unlabel" and after is not None and not _was_closed_apart(steps_of(connection, event_id)):
            due = now if after.holds and after.chain and after.head is None else None
            after = changed(after, closed_by=None, closed_at=None, next_at=due)
        if after is None:
            return before
        save_incidents(connection, [after])
        detail = {name: value for name, value in (("to", act.to), ("verdict", act.verdict)) if value}
        add_step(connection, after, _STEPS[act.kind], now, actor=act.actor, note=act.note, detail=detail, key=act.key)
        told = {"opening": after.openings, **detail, **({"note": act.note} if act.note else {})}
        told |= {"via": act.via} if act.via else {}
        audit.append(connection, act.actor, f"incident.{act.kind}", f"incident/{event_id}", told, now)
        if self._on_label is not None and after.label != before.label:
            self._on_label(connection, after, act.actor, now)
        changes.note_incidents(connection, [event_id])
        return after


def open_acts(incident: IncidentView) -> tuple[ActKind, ...]:
    """What can be done with an incident as it is and would change something, in the order of the table above."""
    is_closed = incident.closed_at is not None
    possible: dict[ActKind, bool] = {
        "acknowledge": not is_closed and incident.acknowledged_at is None,
        "assign": not is_closed,
        "note": True,
        "false_alarm": incident.label is None,
        "unlabel": incident.label is not None and incident.appeal != "upheld",
        "appeal": incident.appeal is None,
        "decide": incident.appeal == "pending",
        "close": not is_closed,
    }
    return tuple(kind for kind, is_open in possible.items() if is_open)


def needs_note(incident: IncidentView, kind: ActKind) -> bool:
    """Whether an act is refused without a note."""
    return kind in _NEEDS_NOTE or (kind == "close" and incident.status in ONGOING)


def _is_known(connection: Connection, event_id: str, key: str) -> bool:
    steps = schema.incident_steps
    mine = (steps.c.event_id == event_id) & (steps.c.key == key)
    return connection.scalar(select(steps.c.id).where(mine)) is not None


def _after(incident: Incident, act: Act, now: Instant) -> Incident | None:
    """The incident after an act; None where it is so already.

    Raises:
        ActRefusedError: it cannot be done.
    """
    match act.kind:
        case "acknowledge":
            return _acknowledged(incident, act, now)
        case "assign":
            return _assigned(incident, act)
        case "note":
            return incident
        case "false_alarm":
            return None if incident.label is not None else _labelled(incident, act, now)
        case "unlabel":
            return _unlabelled(incident)
        case "appeal":
            return _appealed(incident)
        case "decide":
            return _decided(incident, act, now)
        case "close":
            return _closed(incident, act, now)


def _acknowledged(incident: Incident, act: Act, now: Instant) -> Incident | None:
    if incident.closed_at is not None:
        raise ActRefusedError(f"closed by {incident.closed_by}; expected one that is not")
    if incident.acknowledged_at is not None:
        return None
    return changed(incident, acknowledged_by=act.actor, acknowledged_at=now)


def _assigned(incident: Incident, act: Act) -> Incident | None:
    if incident.closed_at is not None:
        raise ActRefusedError(f"closed by {incident.closed_by}; expected one that is not")
    if not act.to:
        raise ActRefusedError("assigned to nobody; expected a name")
    return None if incident.assigned_to == act.to else changed(incident, assigned_to=act.to)


def _labelled(incident: Incident, act: Act, now: Instant) -> Incident:
    closed = {} if incident.closed_at is not None else {"closed_by": act.actor, "closed_at": now, "next_at": None}
    return changed(incident, label="false_alarm", **closed)


def _unlabelled(incident: Incident) -> Incident | None:
    if incident.appeal == "upheld":
        raise ActRefusedError("the appeal was upheld; expected a false alarm that somebody called so without one")
    return None if incident.label is None else changed(incident, label=None)


def _was_closed_apart(history: Sequence[IncidentStep]) -> bool:
    """Whether somebody has closed an incident since it last opened, and not only called it a false alarm."""
    for step in reversed(history):
        if step.kind in {"closed", "opened"}:
            return step.kind == "closed"
    return False


def _check_decider(act: Act, history: Sequence[IncidentStep]) -> None:
    """Whether somebody else decides than appealed, or is appealed for.

    Raises:
        ActRefusedError: nobody else.
    """
    appeal = next(step for step in reversed(history) if step.kind == "appealed")
    if act.actor in {appeal.actor, appeal.detail.get("to")}:
        raise ActRefusedError(f"{act.actor} appealed; expected somebody else to decide")


def _appealed(incident: Incident) -> Incident | None:
    if incident.appeal == "pending":
        return None
    if incident.appeal is not None:
        raise ActRefusedError(f"an appeal was {incident.appeal}; expected one that was not decided")
    return changed(incident, appeal="pending")


def _decided(incident: Incident, act: Act, now: Instant) -> Incident | None:
    if act.verdict is None:
        raise ActRefusedError("a decision without a verdict; expected upheld or rejected")
    if incident.appeal == act.verdict:
        return None
    if incident.appeal != "pending":
        found = "nobody appealed" if incident.appeal is None else f"the appeal was {incident.appeal}"
        raise ActRefusedError(f"{found}; expected an appeal that is pending")
    after = incident if act.verdict == "rejected" or incident.label is not None else _labelled(incident, act, now)
    return changed(after, appeal=act.verdict)


def _closed(incident: Incident, act: Act, now: Instant) -> Incident | None:
    if incident.closed_at is not None:
        return None
    if incident.holds and not act.note:
        raise ActRefusedError("it still is wrong; expected a note that says why it is closed, or a false alarm")
    return changed(incident, closed_by=act.actor, closed_at=now, next_at=None)
