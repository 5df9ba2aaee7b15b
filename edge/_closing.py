"""What is open at windows and zones that nobody watches any more, or another camera does: somebody must end it."""

from __future__ import annotations

from collections.abc import Iterator

from edge.bodies import EventNames, session_body, stay_body
from edge.rules import AbsenceState, Episode, OvertimeState, cleared
from edge.saved import Saved, WindowRules
from edge.sessions import SessionWatch
from edge.watch import SavedWindow
from hall.clock import Instant
from hall.layout import CameraPolygon, Floor, Limits, Window, Zone
from hall.messages import AnyBody, EventBody, Rule
from vision.stays import FinishedStay, LedgerSettings, StayLedger


def cameras_of(item: Window | Zone) -> set[str]:
    """The cameras that look at a window or zone."""
    if isinstance(item, Zone):
        return {area.camera for area in item.areas if area.camera}
    return _cameras(item, item.clerk_area) | _cameras(item, item.customer_area)


def essence(item: Window | Zone) -> Window | Zone:
    """What of a window or zone its watch depends on, besides presence and session."""
    return item.model_copy(update={"limits": None, "presence": None, "session": None, "label": "", "service": ""})


def close_unwatched(saved: Saved, floor: Floor, mine: set[str], limits: Limits, names: EventNames) -> list[AnyBody]:
    """End what nobody will watch any more, events, sessions and stays, and forget it.

    The clock of an absence is that of its area in each camera, so it ends also where another camera is to watch it.

    Args:
        saved: changed in place.
        floor: as it is from now on.
        mine: the cameras that this box runs.
        limits: of the hall, for the messages.
        names: of the events.

    Returns:
        Sessions and stays as far as they were seen, and the ends of events, with reason `reconfigured`.
    """
    windows = {w.id: w for w in floor.windows}
    told: list[AnyBody] = []
    for name in sorted({*saved.windows, *saved.window_rules}):
        window = windows.get(name)
        known, rules = saved.windows.get(name, SavedWindow()), saved.window_rules.get(name, WindowRules())
        if window is None or not mine & _cameras(window, window.customer_area):
            told += _close_session(names, name, known, overtime=rules.overtime.episode is not None)
            told += ended(names, f"window/{name}", "overtime_case", rules.overtime.episode, limits.overtime_case)
            rules.overtime = OvertimeState()
        clerk = _cameras(window, window.clerk_area) if window is not None and window.staffed else set()
        if not clerk or not clerk <= known.clerk.keys() or not clerk & mine:
            told += ended(names, f"window/{name}", "clerk_absent", rules.absence.episode, limits.clerk_absent)
            rules.absence = AbsenceState()
    told += _close_zones(saved, floor, mine, limits, names)
    for name in [name for name in saved.cameras if name not in mine]:
        fault = saved.cameras.pop(name)
        told += ended(names, f"camera/{name}", "camera_fault", fault.episode, limits.camera_fault, fault.well_since)
    return told


def _close_session(names: EventNames, window: str, known: SavedWindow, *, overtime: bool) -> Iterator[AnyBody]:
    session, known.session = known.session, None
    finished = None if session is None else SessionWatch.finished(session)
    if finished is not None:
        yield session_body(names, window, finished, overtime=overtime)


def _close_zones(saved: Saved, floor: Floor, mine: set[str], limits: Limits, names: EventNames) -> Iterator[AnyBody]:
    zones = {z.id: mine & cameras_of(z) for z in floor.zones}
    for name, zone in saved.zones.items():
        for camera in [camera for camera in zone.stays if camera not in zones.get(name, set())]:
            ledger = StayLedger(LedgerSettings(), zone.stays.pop(camera))
            over = [*ledger.finish(), *(FinishedStay(stay, "lost") for stay in ledger.stays)]
            yield from (stay_body(names, name, stay) for stay in over)
    waiting = {z.id for z in floor.zones if z.kind == "waiting" and zones[z.id]}
    for name in [name for name in saved.zone_rules if name not in waiting]:
        wait = saved.zone_rules.pop(name)
        yield from ended(names, f"zone/{name}", "long_wait", wait.episode, limits.long_wait, wait.over_at)


def _cameras(window: Window, areas: list[CameraPolygon] | None) -> set[str]:
    return {area.camera or window.camera for area in areas or []}


def ended(
    names: EventNames,
    subject: str,
    rule: Rule,
    episode: Episode | None,
    limit_s: float,
    ended_at: Instant | None = None,
) -> list[EventBody]:
    """The end of an event that nobody will watch any more, as far as it is known; nothing where there is none."""
    if episode is None:
        return []
    known_until = episode.started_at + episode.elapsed_s + episode.unknown_s
    end = max(known_until, ended_at or known_until)
    return [names.event(subject, cleared(rule, episode, limit_s, "reconfigured", end))]
