"""What the centre shows to whoever asks: plain values that the API, the console and reports share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from hall.clock import Instant
from hall.labels import Label
from hall.messages import HealthBody, Rule, Severity, StateBody

IncidentStatus = Literal["open", "acknowledged", "escalated", "cleared", "closed"]
"""`open`: nobody sees to it yet. `acknowledged`: somebody does. `escalated`: more people were told, since nobody did
or since it goes on. `cleared`: what was wrong is over. `closed`: somebody has dealt with it."""

ONGOING: frozenset[IncidentStatus] = frozenset({"open", "acknowledged", "escalated"})
"""What is wrong still is, as far as anybody knows."""

IncidentFilter = Literal["ongoing", "open", "acknowledged", "escalated", "cleared", "closed"]
AppealState = Literal["pending", "upheld", "rejected"]

StepKind = Literal[
    "opened",
    "worsened",
    "cleared",
    "escalated",
    "grouped",
    "ungrouped",
    "acknowledged",
    "assigned",
    "noted",
    "false_alarm",
    "unlabelled",
    "appealed",
    "decided",
    "closed",
]
"""What happens to an incident: the first six by itself, the others by people."""


class NodeView(msgspec.Struct, frozen=True):
    """A node as the centre knows it now. `online` follows its status messages and last will."""

    hall: str
    floor: str
    node: str
    status: Literal["online", "stopped", "offline"]
    version: str
    seen_at: Instant
    state_at: Instant | None
    state: StateBody | None
    health: HealthBody | None


class IncidentView(msgspec.Struct, frozen=True):
    """An incident: one event until somebody has dealt with it.

    Attributes:
        acknowledged_by: said first, at `acknowledged_at`, that they see to it, since it last opened or was escalated.
        level: how many steps of its escalation chain were taken, the last at `escalated_at`.
        label: `false_alarm` where somebody said that there was nothing.
        appeal: whether somebody disagrees with it, and what became of that.
        snapshot: the picture of it, a file of its box.
        head: the incident that it is a consequence of; `members` are those that it has itself.
    """

    event_id: str
    hall: str
    floor: str
    node: str
    rule: Rule
    subject: str
    severity: Severity
    status: IncidentStatus
    started_at: Instant
    raised_at: Instant
    cleared_at: Instant | None
    elapsed_s: float
    unknown_s: float
    limit_s: float
    reason: str | None
    detail: dict[str, object]
    acknowledged_by: str | None = None
    acknowledged_at: Instant | None = None
    assigned_to: str | None = None
    level: int = 0
    escalated_at: Instant | None = None
    closed_by: str | None = None
    closed_at: Instant | None = None
    label: Label | None = None
    appeal: AppealState | None = None
    snapshot: str | None = None
    head: str | None = None
    members: list[str] = []


class IncidentStep(msgspec.Struct, frozen=True):
    """One step of the history of an incident.

    Attributes:
        at: when: by the box that saw it, or when somebody did it.
        opening: which opening of the incident it belongs to.
        actor: a user; empty for what happened by itself.
        note: what they wrote.
        detail: more of it, such as `to` of an assignment.
    """

    at: Instant
    kind: StepKind
    opening: int
    actor: str
    note: str
    detail: dict[str, object]


class ReadModel(Protocol):
    """The read side of the centre. Safe to call from any thread; never touches the network."""

    def nodes(self) -> Sequence[NodeView]:
        """Every node that was ever heard, by hall, floor and node."""
        ...

    def incidents(self, *, limit: int = 100, status: IncidentFilter | None = None) -> Sequence[IncidentView]:
        """Incidents, newest first by `raised_at`; `ongoing` are those of `ONGOING`."""
        ...

    def version(self) -> int:
        """Grows with every change of what the other methods return, so that pages need not compare."""
        ...
