"""What the centre shows to whoever asks: plain values that the API, the console and reports share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from hall.clock import Instant
from hall.messages import HealthBody, Rule, Severity, StateBody

IncidentStatus = Literal["open", "cleared"]


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

    `acknowledged_by` said first, at `acknowledged_at`, that they see to it, since it last opened.
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


class ReadModel(Protocol):
    """The read side of the centre. Safe to call from any thread; never touches the network."""

    def nodes(self) -> Sequence[NodeView]:
        """Every node that was ever heard, by hall, floor and node."""
        ...

    def incidents(self, *, limit: int = 100, status: IncidentStatus | None = None) -> Sequence[IncidentView]:
        """Incidents, newest first by `raised_at`."""
        ...

    def version(self) -> int:
        """Grows with every change of what the other methods return, so that pages need not compare."""
        ...
