"""From what is observed to the bodies of messages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from edge.rules import Change
from edge.sessions import FinishedSession
from edge.watch import WindowWatch, ZoneWatch
from hall.clock import Instant, to_datetime, to_iso
from hall.figures import percentile
from hall.messages import EventBody, SessionBody, StayBody, WindowDuty, WindowState, WindowStatus, ZoneState, event_id
from vision.stays import FinishedStay


class EventNames:
    """Names events, sessions and stays of a hall so that a restart or a replay gives them the same ids."""

    def __init__(self, hall_id: str) -> None:
        self._hall_id = hall_id

    def event(self, subject: str, change: Change) -> EventBody:
        """The body of an event of a subject such as `window/w01`."""
        return EventBody(
            event_id=event_id(self._hall_id, subject, change.rule, change.started_at),
            rule=change.rule,
            subject=subject,
            phase=change.phase,
            severity=change.severity,
            started_at=to_datetime(change.started_at),
            elapsed_s=round(change.elapsed_s, 3),
            unknown_s=round(change.unknown_s, 3),
            limit_s=change.limit_s,
            ended_at=None if change.ended_at is None else to_datetime(change.ended_at),
            reason=change.reason,
            detail=change.detail,
        )

    def identity(self, subject: str, kind: str, *parts: object) -> str:
        """An id that depends only on what it names."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, "|".join([self._hall_id, subject, kind, *map(str, parts)])))


def session_body(names: EventNames, window: str, ended: FinishedSession, *, overtime: bool) -> SessionBody:
    """The body of a finished session."""
    return SessionBody(
        session_id=names.identity(f"window/{window}", "session", to_iso(ended.started_at)),
        window=window,
        started_at=to_datetime(ended.started_at),
        ended_at=to_datetime(ended.ended_at),
        duration_s=round(ended.duration_s, 3),
        overtime=overtime,
        unknown_s=round(ended.unknown_s, 3),
    )


def stay_body(names: EventNames, zone: str, finished: FinishedStay) -> StayBody:
    """The body of a finished stay; the place tells apart people who sat down at the same moment."""
    stay = finished.stay
    place = (round(stay.x, 1), round(stay.y, 1), to_iso(stay.until))
    return StayBody(
        stay_id=names.identity(f"zone/{zone}", "stay", to_iso(stay.started_at), *place),
        zone=zone,
        started_at=to_datetime(stay.started_at),
        ended_at=to_datetime(stay.until),
        duration_s=round(stay.duration_s, 3),
        ended=finished.ended,
        unknown_s=round(stay.unknown_s, 3),
    )


def window_state(now: Instant, watch: WindowWatch, duty: WindowDuty) -> WindowState:
    """One window as it stands in a state message."""
    window, clerk = watch.window, watch.clerk(now)
    customers = len(watch.customers.stays)
    running = watch.sessions.running
    session_s = None
    if running is not None and running.started_at is not None:
        known_at = now if watch.customers.known(now) else watch.customers.observed_at or now
        session_s = round(max(0.0, known_at - running.started_at - running.unknown_s), 1)
    return WindowState(
        window=window.id,
        duty=duty,
        clerk=clerk.seen,
        clerk_since=None if clerk.since is None or clerk.seen == "unknown" else to_datetime(clerk.since),
        customers=customers,
        session_s=session_s,
        status=_status(now, watch, duty),
    )


def _status(now: Instant, watch: WindowWatch, duty: WindowDuty) -> WindowStatus:
    if duty != "open":
        return "closed"
    staffed, clerk = watch.window.staffed, watch.clerk(now).seen
    if clerk == "unknown" if staffed else not watch.customers.known(now):
        return "unknown"
    if staffed and clerk == "absent":
        return "unstaffed"
    return "serving" if watch.sessions.running is not None or watch.customers.stays else "idle"


def window_gist(now: Instant, watch: WindowWatch, duty: WindowDuty) -> tuple[object, ...]:
    """What of the state of a window does not follow from an earlier one and the time."""
    running = watch.sessions.running
    in_session = running is not None and running.started_at is not None
    customers = len(watch.customers.stays)
    return _status(now, watch, duty), watch.clerk(now).seen, duty, customers, in_session


def zone_gist(now: Instant, watch: ZoneWatch, *, limit_s: float) -> tuple[object, ...]:
    """What of the state of a zone does not follow from an earlier one and the time."""
    count = watch.area.count if watch.area.known(now) else None
    return count, _over_limit(watch, limit_s)


def _over_limit(watch: ZoneWatch, limit_s: float) -> int:
    return sum(stay.duration_s >= limit_s for stay in watch.area.stays) if watch.zone.kind == "waiting" else 0


def zone_state(now: Instant, watch: ZoneWatch, *, limit_s: float, expected_wait_s: float | None) -> ZoneState:
    """One zone as it stands in a state message."""
    known = watch.area.known(now)
    waits = [wait.duration_s for wait in watch.area.stays]
    waiting = watch.zone.kind == "waiting"
    return ZoneState(
        zone=watch.zone.id,
        count=watch.area.count if known else None,
        longest_wait_s=_round(max(waits, default=0.0)) if known and waiting else None,
        wait_p50_s=_round(percentile(waits, 50)) if known and waiting else None,
        wait_p90_s=_round(percentile(waits, 90)) if known and waiting else None,
        expected_wait_s=_round(expected_wait_s) if known and waiting else None,
        over_limit=_over_limit(watch, limit_s),
    )


def wait_detail(lengths_s: Sequence[float]) -> dict[str, float]:
    """How long people wait in a zone, for an event of it."""
    return {
        "count": len(lengths_s),
        "longest_s": round(max(lengths_s, default=0.0), 1),
        "p50_s": round(percentile(lengths_s, 50) or 0.0, 1),
        "p90_s": round(percentile(lengths_s, 90) or 0.0, 1),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
