"""Rules that need more than a box knows: pure functions (limits, state, what is seen) -> (state, changes).

A rule's state is small and stands in the records, so another process may go on with it. As on the boxes, each rule
raises once, updates when it gets worse, clears once, and says what it does with unknown time, off duty and a restart.
No function here reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from hall.clock import Instant
from hall.layout import Limits
from hall.messages import ClearReason, Phase, Rule, Seen, Severity, WindowDuty

CRITICAL_AT = 3.0
"""A call that nobody answers is critical at so many times its limit."""

MANY_OVER = 5
"""So many people over the limit of a zone, while a window is closed, are critical; as for long_wait."""

RESTART_S = 60.0
"""Between two steps so far apart nobody looked."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rule raised, updated or cleared an event."""

    rule: Rule
    phase: Phase
    severity: Severity
    started_at: Instant
    elapsed_s: float
    unknown_s: float
    limit_s: float
    ended_at: Instant | None = None
    reason: ClearReason | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Episode(msgspec.Struct, frozen=True):
    """A raised event, as far as its rule must remember it."""

    started_at: Instant
    severity: Severity
    elapsed_s: float
    unknown_s: float


class Call(msgspec.Struct, frozen=True):
    """A ticket was called to a window."""

    ticket: str
    at: Instant


class CallState(msgspec.Struct, frozen=True):
    """Memory of called_but_no_clerk at one window.

    `call` is the one that is looked at, `unknown_s` the time of it in which nobody could see, `blind_since` since when
    that is so now. A call whose event is over (`is_settled`) raises no other one.
    """

    call: Call | None = None
    episode: Episode | None = None
    unknown_s: float = 0.0
    blind_since: Instant | None = None
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A window to which a ticket was called, at a moment.

    Attributes:
        call: the newest call to it that goes on; None where none does.
        duty: whether it should be served.
        clerk: whether its clerk is there; unknown too while its box says nothing.
        since: since when.
    """

    at: Instant
    call: Call | None
    duty: WindowDuty
    clerk: Seen
    since: Instant | None


def step_called(limits: Limits, state: CallState, seen: CallSeen) -> tuple[CallState, list[Change]]:
    """called_but_no_clerk (叫号无人应): a ticket was called to a window, and its clerk was away for the limit since.

    Starts with the call, or when the clerk went after it. Clears when the clerk is there, the ticket is done or another
    one is called (`resolved`), the window goes off duty (`off_duty`, `paused`), or nobody could see for
    `camera_lost`; after that alone the same call may raise it again. *Unknown* pauses. A restart changes nothing:
    since when the clerk is away the box says.
    """
    if state.call != seen.call:
        ended = [] if state.episode is None else [_over(limits, state.episode, "resolved", seen.at)]
        after, more = step_called(limits, CallState(call=seen.call), seen)
        return after, ended + more
    if state.episode is not None and (change := _answered(limits, state, state.episode, seen)) is not None:
        return msgspec.structs.replace(state, episode=None, is_settled=change.reason != "camera_lost"), [change]
    if seen.call is None or state.is_settled or seen.duty != "open":
        return state, []
    if seen.clerk == "unknown":
        return (state if state.blind_since is not None else msgspec.structs.replace(state, blind_since=seen.at)), []
    if seen.clerk == "present" or seen.since is None:
        return msgspec.structs.replace(state, unknown_s=0.0, blind_since=None), []
    return _still_called(limits.called_but_no_clerk, state, seen, max(seen.call.at, seen.since))


def _still_called(
    limit_s: float, state: CallState, seen: CallSeen, started_at: Instant
) -> tuple[CallState, list[Change]]:
    assert seen.call is not None
    unknown_s, blind_since = state.unknown_s, state.blind_since
    if blind_since is not None:
        unknown_s += max(0.0, seen.at - max(blind_since, started_at))
    state = msgspec.structs.replace(state, unknown_s=unknown_s, blind_since=None)
    if state.episode is not None:
        started_at = state.episode.started_at
    elapsed_s = seen.at - started_at - unknown_s
    if elapsed_s < limit_s:
        return state, []
    severity: Severity = "critical" if elapsed_s >= CRITICAL_AT * limit_s else "warning"
    worse = state.episode is not None and severity != state.episode.severity
    is_new = state.episode is None
    state = msgspec.structs.replace(state, episode=Episode(started_at, severity, elapsed_s, unknown_s))
    if not is_new and not worse:
        return state, []
    phase: Phase = "raised" if is_new else "updated"
    detail = {"ticket": seen.call.ticket}
    rule: Rule = "called_but_no_clerk"
    return state, [Change(rule, phase, severity, started_at, elapsed_s, unknown_s, limit_s, detail=detail)]


def _answered(limits: Limits, state: CallState, episode: Episode, seen: CallSeen) -> Change | None:
    """The change that ends a raised event, if something does."""
    if seen.duty != "open":
        return _over(limits, episode, "off_duty" if seen.duty == "closed" else "paused", seen.at)
    if seen.clerk == "present":
        return _over(limits, episode, "resolved", seen.at if seen.since is None else seen.since)
    if seen.clerk == "unknown" and state.blind_since is not None and seen.at - state.blind_since >= limits.camera_lost:
        return _over(limits, episode, "camera_lost", state.blind_since)
    return None


def _over(limits: Limits, episode: Episode, reason: ClearReason, at: Instant) -> Change:
    ended_at = max(at, episode.started_at)
    elapsed_s = max(0.0, ended_at - episode.started_at - episode.unknown_s)
    return Change(
        "called_but_no_clerk",
        "cleared",
        episode.severity,
        episode.started_at,
        elapsed_s,
        episode.unknown_s,
        limits.called_but_no_clerk,
        ended_at,
        reason,
    )


class QueueState(msgspec.Struct, frozen=True):
    """Memory of closed_window_with_queue at one zone.

    `since` is since when a window is closed and people wait too long, `below_since` since when they do not any more,
    `blind_since` since when nobody sees them, `at` the last step.
    """

    since: Instant | None = None
    below_since: Instant | None = None
    blind_since: Instant | None = None
    unknown_s: float = 0.0
    episode: Episode | None = None
    at: Instant | None = None


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """A waiting zone and the windows that serve it, at a moment.

    Attributes:
        is_open: whether the hall is open.
        over: how many wait past the limit, or would have to, who come now; None while nobody sees.
        closed: those of its windows that are paused, on leave, or wait to be opened on demand.
        detail: figures for the event.
    """

    at: Instant
    is_open: bool
    over: int | None
    closed: tuple[str, ...]
    detail: dict[str, Any] = field(default_factory=dict)


def step_closed_window(limits: Limits, state: QueueState, seen: QueueSeen) -> tuple[QueueState, list[Change]]:
    """closed_window_with_queue (建议开窗): people wait past the limit while a window that serves them is closed.

    Raises when that was so for `closed_window_with_queue`; clears at once when no window is closed any more, and when
    nobody waited past the limit for as long again, so that it does not flap. A closed hall raises nothing and
    clears with `off_duty`. *Unknown* pauses, and clears with `camera_lost` after that limit. After a restart the hold
    begins anew; what is raised goes on.
    """
    if state.at is not None and seen.at - state.at > RESTART_S and state.episode is None:
        state = QueueState()
    state = msgspec.structs.replace(state, at=seen.at)
    if not seen.is_open:
        return QueueState(at=seen.at), _queue_over(limits, state, "off_duty", seen.at)
    if seen.over is None:
        return _unseen(limits, state, seen)
    if state.blind_since is not None:
        unknown_s = state.unknown_s + seen.at - state.blind_since
        state = msgspec.structs.replace(state, blind_since=None, unknown_s=unknown_s)
    if not seen.closed:
        return QueueState(at=seen.at), _queue_over(limits, state, "resolved", seen.at)
    if seen.over == 0:
        return _below(limits, state, seen)
    state = msgspec.structs.replace(state, since=seen.at if state.since is None else state.since, below_since=None)
    return _still_closed(limits.closed_window_with_queue, state, seen)


def _unseen(limits: Limits, state: QueueState, seen: QueueSeen) -> tuple[QueueState, list[Change]]:
    blind_since = seen.at if state.blind_since is None else state.blind_since
    if seen.at - blind_since >= limits.camera_lost:
        return QueueState(at=seen.at, blind_since=blind_since), _queue_over(limits, state, "camera_lost", blind_since)
    return msgspec.structs.replace(state, blind_since=blind_since), []


def _below(limits: Limits, state: QueueState, seen: QueueSeen) -> tuple[QueueState, list[Change]]:
    if state.episode is None:
        return QueueState(at=seen.at), []
    below_since = seen.at if state.below_since is None else state.below_since
    if seen.at - below_since >= limits.closed_window_with_queue:
        return QueueState(at=seen.at), _queue_over(limits, state, "resolved", below_since)
    return msgspec.structs.replace(state, below_since=below_since), []


def _still_closed(hold_s: float, state: QueueState, seen: QueueSeen) -> tuple[QueueState, list[Change]]:
    assert state.since is not None
    assert seen.over is not None
    elapsed_s = seen.at - state.since - state.unknown_s
    if elapsed_s < hold_s:
        return state, []
    was = state.episode
    critical = seen.over >= MANY_OVER or (was is not None and was.severity == "critical")
    severity: Severity = "critical" if critical else "warning"
    after = msgspec.structs.replace(state, episode=Episode(state.since, severity, elapsed_s, state.unknown_s))
    if was is not None and was.severity == severity:
        return after, []
    phase: Phase = "raised" if was is None else "updated"
    detail = seen.detail | {"windows": list(seen.closed), "over_limit": seen.over}
    rule: Rule = "closed_window_with_queue"
    return after, [Change(rule, phase, severity, state.since, elapsed_s, state.unknown_s, hold_s, detail=detail)]


def _queue_over(limits: Limits, state: QueueState, reason: ClearReason, at: Instant) -> list[Change]:
    if (episode := state.episode) is None:
        return []
    ended_at = max(at, episode.started_at)
    return [
        Change(
            "closed_window_with_queue",
            "cleared",
            episode.severity,
            episode.started_at,
            max(0.0, ended_at - episode.started_at - state.unknown_s),
            state.unknown_s,
            limits.closed_window_with_queue,
            ended_at,
            reason,
        )
    ]
