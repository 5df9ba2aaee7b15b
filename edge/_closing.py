"""Events of windows and zones that the hall file no longer has, or has under another camera: somebody must end them."""

from __future__ import annotations

from edge.bodies import EventNames
from edge.rules import AbsenceState, Episode, OvertimeState, cleared
from edge.saved import Saved
from edge.watch import SavedWindow
from hall.clock import Instant
from hall.layout import CameraPolygon, Floor, Limits, Window, Zone
from hall.messages import EventBody, Rule


def cameras_of(item: Window | Zone) -> set[str]:
    """The cameras that look at a window or zone."""
    if isinstance(item, Zone):
        return {area.camera for area in item.areas if area.camera}
    return _cameras(item, item.clerk_area) | _cameras(item, item.customer_area)


def essence(item: Window | Zone) -> Window | Zone:
    """What of a window or zone its watch depends on, besides presence and session."""
    return item.model_copy(update={"limits": None, "presence": None, "session": None, "label": "", "service": ""})


def close_unwatched(saved: Saved, floor: Floor, mine: set[str], limits: Limits, names: EventNames) -> list[EventBody]:
    """End the events that nobody will watch any more, and forget their rules.

    The clock of an absence is that of its area in each camera, so it ends also where another camera is to watch it.

    Args:
        saved: changed in place.
        floor: as it is from now on.
        mine: the cameras that this box runs.
        limits: of the hall, for the messages.
        names: of the events.

    Returns:
        Their ends, with reason `reconfigured`.
    """
    windows = {w.id: w for w in floor.windows}
    told = []
    for name, rules in saved.window_rules.items():
        window, known = windows.get(name), saved.windows.get(name, SavedWindow())
        clerk = _cameras(window, window.clerk_area) if window is not None and window.staffed else set()
        if not clerk or not clerk <= known.clerk.keys() or not clerk & mine:
            told += ended(names, f"window/{name}", "clerk_absent", rules.absence.episode, limits.clerk_absent)
            rules.absence = AbsenceState()
        if window is None or not mine & cameras_of(window):
            told += ended(names, f"window/{name}", "overtime_case", rules.overtime.episode, limits.overtime_case)
            rules.overtime = OvertimeState()
    zones = {z.id for z in floor.zones if z.kind == "waiting" and mine & cameras_of(z)}
    for name in [name for name in saved.zone_rules if name not in zones]:
        wait = saved.zone_rules.pop(name)
        told += ended(names, f"zone/{name}", "long_wait", wait.episode, limits.long_wait, wait.over_at)
    for name in [name for name in saved.cameras if name not in mine]:
        fault = saved.cameras.pop(name)
        told += ended(names, f"camera/{name}", "camera_fault", fault.episode, limits.camera_fault, fault.well_since)
    return told


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
