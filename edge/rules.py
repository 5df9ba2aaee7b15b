"""The rules: pure functions (limits, state, what is observed) -> (state, changes).

A rule's state is small and survives a restart. Each rule raises once, updates when it gets worse, clears once, and
says what it does with unknown time, off-duty time and a restart. No function here reads a clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.sessions import FinishedSession
from hall.clock import Instant
from hall.layout import Limits
from hall.messages import ClearReason, Phase, Rule, Seen, Severity

OpenSeconds = Callable[[Instant, Instant], float]
"""On-duty seconds between two instants."""

CRITICAL_AT = 3.0
"""An absence of so many times its limit is critical even with nobody waiting."""

LONG_STEP_S = 60.0
"""Between two steps so far apart the hall may have closed unnoticed: the box was off."""


MANY_OVER = 5
"""So many people over the limit of a waiting zone at once are critical."""


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
    """A raised event, as far as its rule must remember it; `start_clock_s` is the area's clock at its start."""

    started_at: Instant
    severity: Severity
    elapsed_s: float
    unknown_s: float
    start_clock_s: float = 0.0


class AbsenceState(msgspec.Struct, frozen=True):
    """Memory of clerk_absent.

    Counting starts anew at `base_at` (an opening of the hall, or the end of an off-duty or blind stretch that
    cleared an event); `base_clock_s` is the area's clock at that moment. `resumed_at` is when the last break
    ended, `at` the last step.
    """

    episode: Episode | None = None
    working_day: Instant | None = None
    base_at: Instant | None = None
    base_clock_s: float = 0.0
    rebase: bool = False
    duty: bool = True
    resumed_at: Instant | None = None
    at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ClerkObservation:
    """A clerk area at a moment.

    Attributes:
        duty: whether the window is on duty.
        working_day: first opening of the working day that goes on, or None while the hall is closed.
        off_reason: why it is off duty, where it is.
        seen, since: presence and since when, dated back.
        clock_s, since_clock_s: known on-duty time now and at `since`.
        observed_at: the last time the area was looked at.
        citizens: people in the customer area.
        waiting_over: whether the waiting zone of the window is over its limit.
        doubtful: whether somebody was seen there just now, who may be the clerk coming back.
    """

    at: Instant
    duty: bool
    working_day: Instant | None
    seen: Seen
    since: Instant | None
    clock_s: float
    since_clock_s: float
    observed_at: Instant | None
    citizens: int
    waiting_over: bool
    doubtful: bool = False
    off_reason: ClearReason = "off_duty"


def step_clerk_absent(
    limits: Limits,
    state: AbsenceState,
    seen: ClerkObservation,
    open_seconds: OpenSeconds,
) -> tuple[AbsenceState, list[Change]]:
    """clerk_absent (离岗): the clerk area of a window on duty was absent for the limit.

    Counted is known time on duty since the clerk was last seen, within one working day; an absence that began
    in a break starts with the end of the break. *Unknown* pauses, and clears with `camera_lost` after that limit;
    going off duty clears with `off_duty`, also where the box was off when the hall closed; by command, with `paused`.

    Args:
        limits: those of the window.
        state: memory of the rule.
        seen: the clerk area now.
        open_seconds: on-duty seconds between two instants.
    """
    missed = _closed_unnoticed(limits, state, seen, open_seconds)
    if missed:
        state = msgspec.structs.replace(state, episode=None, rebase=True)
    state = _rebased(state, seen)
    if state.episode is not None and (cleared := _absence_over(limits, state.episode, seen, open_seconds)):
        return msgspec.structs.replace(state, episode=None, rebase=cleared.reason != "resolved"), [cleared]
    if not seen.duty or seen.seen != "absent" or seen.since is None:
        return state, missed
    state, changes = _still_absent(limits.clerk_absent, state, seen, open_seconds)
    return state, missed + changes


def absence_is_quiet(
    limits: Limits,
    state: AbsenceState,
    *,
    duty: bool,
    working_day: Instant | None,
    seen: Seen,
    absent_s: tuple[float, float],
) -> bool:
    """Whether a step has nothing to say and nothing to remember, which is so with nearly every frame.

    Args:
        limits: as for the step.
        state: likewise.
        duty: as in `ClerkObservation`.
        working_day: likewise.
        seen: likewise.
        absent_s: known time on duty now, and at the beginning of the absence.
    """
    if state.episode is not None or state.rebase or state.duty != duty:
        return False
    if working_day is not None and working_day != state.working_day:
        return False
    clock_s, since_clock_s = absent_s
    short = clock_s - max(since_clock_s, state.base_clock_s) < limits.clerk_absent - 1e-6
    return not duty or seen != "absent" or short


def _still_absent(
    limit_s: float, state: AbsenceState, seen: ClerkObservation, open_seconds: OpenSeconds
) -> tuple[AbsenceState, list[Change]]:
    episode = state.episode
    start_clock_s = max(seen.since_clock_s, state.base_clock_s) if episode is None else episode.start_clock_s
    elapsed_s = seen.clock_s - start_clock_s
    if elapsed_s < limit_s - 1e-6 or (episode is None and seen.doubtful):
        return state, []
    started_at = _absent_from(state, seen, open_seconds) if episode is None else episode.started_at
    unknown_s = max(0.0, open_seconds(started_at, seen.at) - elapsed_s)
    severity = _absence_severity(seen, elapsed_s, limit_s)
    worse = episode is not None and severity == "critical" and episode.severity == "warning"
    kept = severity if episode is None or worse else episode.severity
    state = msgspec.structs.replace(state, episode=Episode(started_at, kept, elapsed_s, unknown_s, start_clock_s))
    if episode is not None and not worse:
        return state, []
    detail = {"citizens": seen.citizens, "waiting_over_limit": seen.waiting_over}
    phase: Phase = "updated" if worse else "raised"
    change = Change("clerk_absent", phase, kept, started_at, elapsed_s, unknown_s, limit_s, detail=detail)
    return state, [change]


def _absent_from(state: AbsenceState, seen: ClerkObservation, open_seconds: OpenSeconds) -> Instant:
    """Since when the clerk is absent, on duty: not before the hall opened, nor within a break."""
    assert seen.since is not None
    start = seen.since if state.base_at is None else max(seen.since, state.base_at)
    if state.resumed_at is not None and start < state.resumed_at and open_seconds(start, state.resumed_at) <= 0:
        return state.resumed_at
    return start


def _closed_unnoticed(
    limits: Limits, state: AbsenceState, seen: ClerkObservation, open_seconds: OpenSeconds
) -> list[Change]:
    """The end of an event from before the hall closed while the box was off: nobody told it to clear."""
    if state.episode is None or state.at is None or seen.at - state.at < LONG_STEP_S or not seen.duty:
        return []
    if open_seconds(state.at, seen.at) > seen.at - state.at - 1.0:
        return []
    return [cleared("clerk_absent", state.episode, limits.clerk_absent, "off_duty", state.at)]


def _absence_over(limits: Limits, episode: Episode, seen: ClerkObservation, open_seconds: OpenSeconds) -> Change | None:
    """The change that ends a raised absence, if something does."""
    limit_s = limits.clerk_absent
    if not seen.duty:
        return cleared("clerk_absent", episode, limit_s, seen.off_reason, seen.at)
    if seen.seen == "present":
        end = max(seen.since if seen.since is not None else seen.at, episode.started_at)
        elapsed_s = max(0.0, seen.since_clock_s - episode.start_clock_s)
        unknown_s = max(0.0, open_seconds(episode.started_at, end) - elapsed_s)
        episode = msgspec.structs.replace(episode, elapsed_s=elapsed_s, unknown_s=unknown_s)
        return cleared("clerk_absent", episode, limit_s, "resolved", end)
    blind_s = seen.at - (seen.observed_at if seen.observed_at is not None else episode.started_at)
    if seen.seen == "unknown" and blind_s >= limits.camera_lost:
        if seen.observed_at is not None:
            unknown_s = max(0.0, open_seconds(episode.started_at, seen.observed_at) - episode.elapsed_s)
            episode = msgspec.structs.replace(episode, unknown_s=unknown_s)
        return cleared("clerk_absent", episode, limit_s, "camera_lost", seen.observed_at)
    return None


def _rebased(state: AbsenceState, seen: ClerkObservation) -> AbsenceState:
    """A new working day, or duty after a cleared event, starts the count anew."""
    resumed_at = seen.at if seen.duty and not state.duty else state.resumed_at
    state = msgspec.structs.replace(state, at=seen.at, duty=seen.duty, resumed_at=resumed_at)
    if seen.working_day is not None and seen.working_day != state.working_day:
        return msgspec.structs.replace(
            state, working_day=seen.working_day, base_at=seen.working_day, base_clock_s=seen.clock_s, rebase=False
        )
    if state.rebase and seen.duty and seen.seen != "unknown":
        return msgspec.structs.replace(state, base_at=seen.at, base_clock_s=seen.clock_s, rebase=False)
    return state


def _absence_severity(seen: ClerkObservation, elapsed_s: float, limit_s: float) -> Severity:
    matters = seen.citizens > 0 or seen.waiting_over or elapsed_s >= CRITICAL_AT * limit_s
    return "critical" if matters else "warning"


def cleared(rule: Rule, episode: Episode, limit_s: float, reason: ClearReason, ended_at: Instant | None) -> Change:
    """The end of an episode, dated back to when it was true."""
    end = max(ended_at, episode.started_at) if ended_at is not None else episode.started_at
    return Change(
        rule,
        "cleared",
        episode.severity,
        episode.started_at,
        episode.elapsed_s,
        episode.unknown_s,
        limit_s,
        end,
        reason,
    )


class WaitState(msgspec.Struct, frozen=True):
    """Memory of long_wait; `over_at` is when somebody was last over the limit."""

    episode: Episode | None = None
    over_at: Instant | None = None
    over_limit: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """One stay in a waiting zone, up to the last time the person was seen there."""

    started_at: Instant
    until: Instant
    duration_s: float
    unknown_s: float


@dataclass(frozen=True, slots=True)
class WaitObservation:
    """A waiting zone at a moment.

    Attributes:
        duty: whether the hall is open.
        waits: the stays of the zone.
        expected_over_since: since when somebody who comes has to expect a wait over the limit; None where nobody has,
            or nothing is known.
        known: whether every part of the zone is being seen.
        observed_at: when the zone was last looked at.
        detail: longest wait, p50, p90 and count, for the event.
    """

    at: Instant
    duty: bool
    waits: tuple[Wait, ...]
    expected_over_since: Instant | None
    known: bool
    observed_at: Instant | None
    detail: dict[str, Any]


def step_long_wait(limits: Limits, state: WaitState, seen: WaitObservation) -> tuple[WaitState, list[Change]]:
    """long_wait: a stay in a waiting zone older than the limit, or an expected wait over it; one event per zone.

    Starts with the stay that has waited longest, or when the wait to expect went over the limit. Clears when nobody
    has been over the limit for `clear_hold`, dated back to the last moment somebody was. *Unknown* pauses and clears
    with `camera_lost` after that limit; a closed hall raises nothing and clears with `off_duty`.
    """
    limit_s, episode = limits.long_wait, state.episode
    if episode is not None and not seen.duty:
        return WaitState(), [cleared("long_wait", episode, limit_s, "off_duty", seen.at)]
    if not seen.known:
        blind_s = seen.at - seen.observed_at if seen.observed_at is not None else 0.0
        if episode is not None and blind_s >= limits.camera_lost:
            return WaitState(), [cleared("long_wait", episode, limit_s, "camera_lost", seen.observed_at)]
        return state, []
    over = [wait for wait in seen.waits if wait.duration_s >= limit_s - 1e-6]
    if over or (seen.expected_over_since is not None and seen.waits):
        if not seen.duty:
            return state, []
        return _still_waiting(limits, state, seen, over)
    if episode is not None and (state.over_at is None or seen.at - state.over_at >= limits.clear_hold):
        return WaitState(over_at=state.over_at), [cleared("long_wait", episode, limit_s, "resolved", state.over_at)]
    return state, []


def _still_waiting(
    limits: Limits, state: WaitState, seen: WaitObservation, over: list[Wait]
) -> tuple[WaitState, list[Change]]:
    # Dated back into an event that was cleared meanwhile, it would be the same time twice.
    since = max(seen.expected_over_since or seen.at, state.over_at or 0.0)
    longest = max(over, key=lambda wait: wait.duration_s) if over else Wait(since, seen.at, 0.0, 0.0)
    started_at = longest.started_at if state.episode is None else state.episode.started_at
    elapsed_s, unknown_s = longest.duration_s, longest.unknown_s
    over_at = max((wait.until for wait in over), default=seen.at)
    was_critical = state.episode is not None and state.episode.severity == "critical"
    severity: Severity = "critical" if was_critical or len(over) >= MANY_OVER else "warning"
    episode = Episode(started_at, severity, elapsed_s, unknown_s)
    after = WaitState(episode, over_at, max(len(over), state.over_limit))
    if state.episode is not None and after.over_limit == state.over_limit:
        return after, []
    phase: Phase = "raised" if state.episode is None else "updated"
    detail = seen.detail | {"over_limit": len(over)}
    change = Change("long_wait", phase, severity, started_at, elapsed_s, unknown_s, limits.long_wait, detail=detail)
    return after, [change]


class OvertimeState(msgspec.Struct, frozen=True):
    """Memory of overtime_case."""

    episode: Episode | None = None


@dataclass(frozen=True, slots=True)
class SessionObservation:
    """The session at a window at a moment; None for `started_at` while there is none."""

    at: Instant
    started_at: Instant | None
    elapsed_s: float
    unknown_s: float
    known: bool
    observed_at: Instant | None
    ended: FinishedSession | None = None


def step_overtime_case(
    limits: Limits, state: OvertimeState, seen: SessionObservation
) -> tuple[OvertimeState, list[Change]]:
    """overtime_case: a session longer than the limit of its window; clears when that session ends.

    A case that is served on into the break goes on being served, so duty plays no part. *Unknown* pauses and
    clears with `camera_lost` after that limit.
    """
    limit_s, episode = limits.overtime_case, state.episode
    changes: list[Change] = []
    if episode is not None and seen.started_at != episode.started_at:
        end = seen.at
        if seen.ended is not None:
            end = seen.ended.ended_at
            episode = msgspec.structs.replace(episode, elapsed_s=seen.ended.duration_s, unknown_s=seen.ended.unknown_s)
        changes.append(cleared("overtime_case", episode, limit_s, "resolved", end))
        episode = None
    if not seen.known:
        blind_s = seen.at - seen.observed_at if seen.observed_at is not None else 0.0
        if episode is not None and blind_s >= limits.camera_lost:
            changes.append(cleared("overtime_case", episode, limit_s, "camera_lost", seen.observed_at))
            episode = None
        return OvertimeState(episode), changes
    if seen.started_at is not None and seen.elapsed_s >= limit_s - 1e-6:
        raised = episode is None
        episode = Episode(seen.started_at, "warning", seen.elapsed_s, seen.unknown_s)
        if raised:
            changes.append(
                Change("overtime_case", "raised", "warning", seen.started_at, seen.elapsed_s, seen.unknown_s, limit_s)
            )
    return OvertimeState(episode), changes
