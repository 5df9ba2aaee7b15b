"""camera_fault: a camera that gives no picture, or one that cannot be believed, is an event of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from edge.rules import Change, Episode
from hall.clock import Instant
from hall.layout import Limits
from hall.messages import CameraFault, ClearReason, Severity
from vision.picture import Look

Connection = Literal["live", "connecting", "lost", "ended"]


class CameraFaultState(msgspec.Struct, frozen=True):
    """Memory of camera_fault.

    `fault` is what was told last, `well_since` when a good picture came after it, `quiet_at` when a fault that is none
    while the hall is closed was passed over last, `at` the last step.
    """

    episode: Episode | None = None
    fault: CameraFault | None = None
    well_since: Instant | None = None
    quiet_at: Instant | None = None
    at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraObservation:
    """A camera at a moment.

    Attributes:
        duty: whether the hall is open.
        fault: what is wrong, None where nothing is known to be.
        since: since when, dated back to its first sign.
        well: whether its last picture is believed; neither well nor at fault is in doubt.
        away_s: so much of the time since the last step the box was off.
        detail: how far it moved, for the event.
    """

    at: Instant
    duty: bool
    fault: CameraFault | None
    since: Instant | None
    well: bool
    away_s: float = 0.0
    detail: dict[str, float | str] = field(default_factory=dict)


def step_camera_fault(
    limits: Limits, state: CameraFaultState, seen: CameraObservation
) -> tuple[CameraFaultState, list[Change]]:
    """camera_fault: no picture that can be believed for the limit.

    Starts with the first sign of the fault; becomes critical after `camera_lost`, when what was raised at its windows
    has cleared; is updated when another fault takes over. Clears after `clear_hold` of good pictures, dated back to
    the first of them. It needs no duty, but for one: while the hall is closed its lamps may be off, so a dark picture
    raises nothing then and clears with `off_duty`. Time in which the box was off is unknown.
    """
    state = msgspec.structs.replace(state, at=seen.at)
    if state.episode is not None and seen.away_s > 0:
        away = msgspec.structs.replace(state.episode, unknown_s=state.episode.unknown_s + seen.away_s)
        state = msgspec.structs.replace(state, episode=away)
    if seen.fault == "dark" and not seen.duty:
        quiet = CameraFaultState(quiet_at=seen.at, at=seen.at)
        return quiet, [_over(limits, state, seen.at, "off_duty")] if state.episode is not None else []
    if seen.fault is not None:
        return _still_at_fault(limits, state, seen, seen.fault)
    if state.episode is None:
        return state, []
    well_since = (state.well_since or seen.at) if seen.well else None
    if well_since is not None and seen.at - well_since >= limits.clear_hold:
        return CameraFaultState(at=seen.at), [_over(limits, state, well_since, "resolved")]
    return msgspec.structs.replace(state, well_since=well_since), []


def _still_at_fault(
    limits: Limits, state: CameraFaultState, seen: CameraObservation, fault: CameraFault
) -> tuple[CameraFaultState, list[Change]]:
    before = state.episode
    since = max(seen.since if seen.since is not None else seen.at, state.quiet_at or 0.0)
    started_at = since if before is None else before.started_at
    unknown_s = 0.0 if before is None else before.unknown_s
    elapsed_s = max(0.0, seen.at - started_at - unknown_s)
    if elapsed_s < limits.camera_fault - 1e-6:
        return msgspec.structs.replace(state, well_since=None), []
    severity: Severity = "critical" if elapsed_s >= limits.camera_lost else "warning"
    if before is not None and before.severity == "critical":
        severity = "critical"
    episode = Episode(started_at, severity, elapsed_s, unknown_s)
    after = msgspec.structs.replace(state, episode=episode, fault=fault, well_since=None, quiet_at=None)
    if before is not None and (severity, fault) == (before.severity, state.fault):
        return after, []
    detail = {"fault": fault, **seen.detail}
    phase: Literal["raised", "updated"] = "raised" if before is None else "updated"
    limit_s = limits.camera_fault
    return after, [Change("camera_fault", phase, severity, started_at, elapsed_s, unknown_s, limit_s, detail=detail)]


def _over(limits: Limits, state: CameraFaultState, at: Instant, reason: ClearReason) -> Change:
    """The end of the event of a state."""
    episode = state.episode
    assert episode is not None
    end = max(at, episode.started_at)
    elapsed_s = max(0.0, end - episode.started_at - episode.unknown_s)
    detail = {} if state.fault is None else {"fault": state.fault}
    return Change(
        "camera_fault",
        "cleared",
        episode.severity,
        episode.started_at,
        elapsed_s,
        episode.unknown_s,
        limits.camera_fault,
        end,
        reason,
        detail,
    )


class CameraWatch:
    """What is known of one camera: its frames, its connection, and the rule over both.

    A camera of which nothing was ever heard is not judged: where a recording is replayed, others may have none.
    """

    def __init__(self, limits: Limits, saved: CameraFaultState | None = None) -> None:
        self.state = saved or CameraFaultState()
        self._limits = limits
        self._look: Look | None = None
        self._width_px = 0
        self._seen_at: Instant | None = None
        self._connection: Connection | None = None
        self._error: str | None = None
        self._stalled = False
        self._arrived_at: Instant | None = None
        self._resumed = saved is not None and saved.at is not None

    def frame(self, at: Instant, look: Look, width_px: int) -> None:
        """A frame was looked at, and this is what may be believed of it."""
        if self._seen_at is None or at > self._seen_at:
            self._seen_at, self._look, self._width_px = at, look, width_px

    def connected(
        self,
        now: Instant,
        connection: Connection,
        *,
        arrived_at: Instant | None = None,
        stalled: bool = False,
        error: str | None = None,
    ) -> None:
        """How its connection does, from who holds it.

        Args:
            now: wall clock; the first time is when waiting for a picture began.
            connection: of a live camera.
            arrived_at: capture time of the last frame that arrived, looked at or not.
            stalled: it was lost because no picture came on a connection that stood.
            error: what is wrong with it, without passwords.
        """
        if self._seen_at is None:
            self._seen_at = now
        self._connection, self._arrived_at, self._error = connection, arrived_at, error
        self._stalled = stalled

    def step(self, now: Instant, *, on_duty: bool) -> list[Change]:
        """Bring the rule up to a moment."""
        if self._seen_at is None or (self.state.episode is None and self._is_well(now)):
            return []
        away_s = 0.0
        if self._resumed and self.state.at is not None:
            away_s = max(0.0, now - self.state.at)
        self._resumed = False
        self.state, changes = step_camera_fault(self._limits, self.state, self._observe(now, away_s, on_duty=on_duty))
        return changes

    def _is_well(self, now: Instant) -> bool:
        """As nearly always: a picture that is believed, not long ago."""
        believed = self._look is not None and self._look.shows
        return believed and self._seen_at is not None and now - self._seen_at < self._limits.camera_fault - 1e-6

    def _observe(self, now: Instant, away_s: float, *, on_duty: bool) -> CameraObservation:
        look, seen_at = self._look, self._seen_at
        fault: CameraFault | None = None
        since: Instant | None = None
        detail: dict[str, float | str] = {}
        if self._connection == "ended" or seen_at is None:
            pass
        elif now - seen_at >= self._limits.camera_fault - 1e-6:
            fault, since = self._silence(now), seen_at
            detail = {"error": self._error} if fault == "offline" and self._error else {}
        elif look is not None and look.kind is not None:
            fault, since = look.kind, look.since
            if look.shift is not None:
                detail = {"moved_px": round(look.shift * self._width_px, 1), "width_px": self._width_px}
        well = fault is None and look is not None and look.shows
        return CameraObservation(
            at=now, duty=on_duty, fault=fault, since=since, well=well, away_s=away_s, detail=detail
        )

    def _silence(self, now: Instant) -> CameraFault:
        """Why no picture was looked at for long."""
        if self._connection in {"lost", "connecting"} and not self._stalled:
            return "offline"
        arrived_at = self._arrived_at
        comes = arrived_at is not None and now - arrived_at < self._limits.camera_fault
        return "unwatched" if comes else "stalled"
