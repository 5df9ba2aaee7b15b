"""Which incident is the cause of which: a group shows as one incident, and is told once. Pure.

| cause | its consequences |
|---|---|
| node_offline | everything of the box |
| overload | cameras of the box that are not looked at |
| camera_fault | what its camera sees, if it was raised since the fault began |
| the first of several cameras of a box from which nothing comes since the same minute | the others |

It follows from when incidents were raised and ended, not from when the centre heard of them: in whatever order their
messages come, the groups are the same. An incident that goes on has a cause only while the cause goes on, too: it is on
its own when the camera is back and the seat still empty. What has a cause that has a cause belongs to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from hall.layout import Hall, Window, Zone
from ingest.incidents import Incident

NEAR_S = 60.0
"""Cameras behind one cable fail within their watchdogs; a camera that is knocked is noticed within this."""

_RANK = {"node_offline": 0, "overload": 1, "camera_fault": 2}
CAUSES = frozenset(_RANK)
"""Rules whose incidents may be the cause of others."""

_NO_PICTURE = frozenset({"offline", "stalled"})

Sees = Callable[[str, str], Collection[str]]
"""Subjects such as `window/w01` of a hall that a camera sees; ids of cameras are unique in a hall."""


def sees_of(*halls: Hall) -> Sees:
    """What each camera sees; without a hall file nobody knows."""
    seen: dict[tuple[str, str], set[str]] = {}
    for hall in halls:
        for floor in hall.floors:
            items: list[Window | Zone] = [*floor.windows, *floor.zones]
            for item in items:
                kind = "window" if isinstance(item, Window) else "zone"
                for camera in _cameras(item):
                    seen.setdefault((hall.hall.id, camera), set()).add(f"{kind}/{item.id}")
    return lambda hall_id, camera: seen.get((hall_id, camera), set())


def _cameras(item: Window | Zone) -> set[str]:
    if isinstance(item, Zone):
        return {area.camera for area in item.areas if area.camera}
    areas = [*(item.clerk_area or ()), *(item.customer_area or ())]
    return {area.camera or item.camera for area in areas}


def heads(incidents: Collection[Incident], sees: Sees) -> Mapping[str, str | None]:
    """The cause of each incident; None where it is on its own.

    Args:
        incidents: all of one box that may have to do with each other.
        sees: what its cameras see.
    """
    ordered = sorted(incidents, key=lambda i: (_RANK.get(i.rule, 9), i.started_at, i.event_id))
    firsts = _firsts(ordered)
    causes = [incident for incident in ordered if incident.rule in _RANK and incident.label is None]
    found: dict[str, str | None] = {}
    for incident in ordered:
        direct = next((c for c in causes if _is_cause(c, incident, sees, firsts)), None)
        # Causes stand before what follows from them, so theirs is known.
        found[incident.event_id] = None if direct is None else found[direct.event_id] or direct.event_id
    return found


def _is_cause(cause: Incident, incident: Incident, sees: Sees, firsts: Mapping[str, str]) -> bool:
    if cause.event_id == incident.event_id or not _meet(cause, incident):
        return False
    if cause.rule == "node_offline":
        return incident.rule != "node_offline"
    if cause.rule == "overload":
        return incident.rule == "camera_fault" and incident.detail.get("fault") == "unwatched"
    if incident.rule == "camera_fault":
        return firsts.get(incident.event_id) == cause.event_id
    camera = cause.subject.removeprefix("camera/")
    return incident.subject in sees(cause.hall, camera) and incident.last_raised_at >= cause.started_at - NEAR_S


def _meet(cause: Incident, incident: Incident) -> bool:
    """Whether both went on at one time; where one still does, the cause does, too."""
    if incident.holds and not cause.holds:
        return False
    return _start(incident) <= _end(cause) and _start(cause) <= _end(incident)


def _start(incident: Incident) -> float:
    """Its newest beginning. A cause is there from its first sign, what follows from when it was raised."""
    return incident.started_at if incident.rule in _RANK else incident.last_raised_at


def _end(incident: Incident) -> float:
    return math.inf if incident.holds or incident.last_cleared_at is None else incident.last_cleared_at


def _firsts(ordered: Sequence[Incident]) -> dict[str, str]:
    """For each camera without a picture the first of those that began within a minute of it."""
    found: dict[str, str] = {}
    first: Incident | None = None
    for incident in ordered:
        if incident.rule != "camera_fault" or incident.detail.get("fault") not in _NO_PICTURE:
            continue
        if first is None or incident.started_at > first.started_at + NEAR_S or not _meet(first, incident):
            first = incident
        else:
            found[incident.event_id] = first.event_id
    return found
