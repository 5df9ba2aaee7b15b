"""overload: a box that cannot look at the frames that it should is an event of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from edge.rules import Change, Episode
from hall.clock import Instant
from hall.messages import ClearReason, Severity


class OverloadState(msgspec.Struct, frozen=True):
    """Memory of overload: since when the box is overloaded, or since when no more; `at` is the last step."""

    episode: Episode | None = None
    since: Instant | None = None
    lost_since: Instant | None = None
    well_since: Instant | None = None
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxLoad:
    """How a box keeps up.

    Attributes:
        overloaded: it looks at fewer frames than it should.
        lost: frames are left out or late though it asks for as few as it may.
        detail: figures, for the event.
    """

    overloaded: bool
    lost: bool = False
    detail: dict[str, Any] = field(default_factory=dict)


def step_overload(
    limit_s: float, state: OverloadState, at: Instant, load: BoxLoad, away_s: float = 0.0
) -> tuple[OverloadState, list[Change]]:
    """overload: fewer frames looked at than there should be, for the limit.

    Becomes critical when they were lost for so long though the box asked for as few as it may. Clears after it kept up
    for the limit, dated back: a box that is a little too weak tries now and then whether there is room. Time in which
    the box was off (`away_s`) is unknown.
    """
    before = state.episode
    if before is not None and away_s > 0:
        before = msgspec.structs.replace(before, unknown_s=before.unknown_s + away_s)
    if not load.overloaded:
        well_since = at if state.well_since is None else state.well_since
        if before is None:
            return OverloadState(), []
        if at - well_since >= limit_s - 1e-6:
            return OverloadState(), [_over(limit_s, before, well_since)]
        return OverloadState(before, state.since, None, well_since, at), []
    since = at if state.since is None or (away_s > 0 and before is None) else state.since
    lost_since = None if not load.lost else at if state.lost_since is None or away_s > 0 else state.lost_since
    unknown_s = 0.0 if before is None else before.unknown_s
    elapsed_s = max(0.0, at - since - unknown_s)
    if before is None and elapsed_s < limit_s - 1e-6:
        return OverloadState(None, since, lost_since, None, at), []
    lost = lost_since is not None and at - lost_since >= limit_s - 1e-6
    severity: Severity = "critical" if lost or (before and before.severity == "critical") else "warning"
    after = OverloadState(Episode(since, severity, elapsed_s, unknown_s), since, lost_since, None, at)
    if before is not None and before.severity == severity:
        return after, []
    phase: Literal["raised", "updated"] = "raised" if before is None else "updated"
    return after, [Change("overload", phase, severity, since, elapsed_s, unknown_s, limit_s, detail=load.detail)]


def _over(limit_s: float, episode: Episode, at: Instant, reason: ClearReason = "resolved") -> Change:
    end = max(at, episode.started_at)
    elapsed_s = max(0.0, end - episode.started_at - episode.unknown_s)
    start = episode.started_at
    return Change("overload", "cleared", episode.severity, start, elapsed_s, episode.unknown_s, limit_s, end, reason)


class OverloadWatch:
    """The rule over what a box says of its load; where nothing is said, as in a replay, nothing is judged."""

    def __init__(self, limit_s: float, saved: OverloadState | None = None) -> None:
        self.state = saved or OverloadState()
        self._limit_s = limit_s
        self._load: BoxLoad | None = None
        self._resumed = self.state.at is not None

    def told(self, load: BoxLoad) -> None:
        """How the box keeps up now."""
        self._load = load

    def step(self, now: Instant) -> list[Change]:
        """Bring the rule up to a moment."""
        if self._load is None or (self.state == OverloadState() and not self._load.overloaded):
            return []
        away_s = max(0.0, now - self.state.at) if self._resumed and self.state.at is not None else 0.0
        self._resumed = False
        self.state, changes = step_overload(self._limit_s, self.state, now, self._load, away_s)
        return changes
