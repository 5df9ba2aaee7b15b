"""What is on record and what is now: names, nodes, incidents, roll-ups, and one page's worth of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, Query, Response

from hall.clock import Instant
from hall.messages import WindowState, ZoneState
from hall.views import IncidentFilter, IncidentView, NodeView
from ingest._answers import Asked, answers, reply
from ingest._paging import Page, Part
from ingest.labels import HallLabel
from ingest.login import demand, require
from ingest.rollups import Period, Rollup
from ingest.service import Centre
from ingest.users import Account

_LATEST = 253_402_300_799
"""The end of the year 9999, Unix seconds."""
_SHOWN = 100
"""Open incidents in `/api/state`."""

_Viewer = Annotated[Account, Depends(require("viewer"))]
_Time = Annotated[float, Query(ge=0, le=_LATEST, description="Unix seconds, UTC")]


class WindowNow(WindowState, frozen=True, kw_only=True):
    """A window with its place and its name; `at` is when it was so."""

    hall: str
    floor: str
    node: str
    online: bool
    at: Instant | None
    label: str


class ZoneNow(ZoneState, frozen=True, kw_only=True):
    """A zone with its place and its name; `at` is when it was so."""

    hall: str
    floor: str
    node: str
    online: bool
    at: Instant | None
    label: str


class State(msgspec.Struct, frozen=True):
    """What a page shows. `version` grows with every change of it; of incidents, the newest open ones."""

    version: int
    windows: list[WindowNow]
    zones: list[ZoneNow]
    incidents: Sequence[IncidentView]


def add_reading(app: FastAPI, centre: Centre) -> None:
    """Add the routes that only read."""
    reader = centre.reader

    @app.get("/api/hall", responses=answers(HallLabel | None))
    def hall(account: _Viewer) -> Response:
        """Names for display, null without a hall file. No camera addresses."""
        if centre.labels.hall is not None:
            demand(account, "viewer", centre.labels.hall.id)
        return reply(centre.labels.hall)

    @app.get("/api/nodes", responses=answers(Page[NodeView], 422))
    def nodes(account: _Viewer, part: Asked) -> Response:
        """Every node that was ever heard, by hall, floor and node."""
        return reply(reader.node_page(part, halls=account.halls))

    @app.get("/api/incidents", responses=answers(Page[IncidentView], 422))
    def incidents(account: _Viewer, part: Asked, status: IncidentFilter | None = None) -> Response:
        """Incidents, newest first."""
        return reply(reader.incident_page(part, halls=account.halls, status=status))

    @app.get("/api/rollups", responses=answers(Page[Rollup], 422))
    def rollups(account: _Viewer, part: Asked, start: _Time, end: _Time, period: Period = "hour") -> Response:
        """How long each window and zone was in which state, by minute or hour, of those that are over; oldest first."""
        return reply(reader.rollup_page(part, period, start, end, halls=account.halls))

    @app.get("/api/state", responses=answers(State))
    def state(account: _Viewer) -> Response:
        """What a page shows: windows and zones now, and what is open."""
        version = reader.version()
        nodes = [node for node in reader.nodes() if account.may("viewer", node.hall)]
        return reply(State(version, *_parts(nodes, centre.labels.hall), _open(centre, account)))


def _open(centre: Centre, account: Account) -> Sequence[IncidentView]:
    if account.halls is None:
        return centre.reader.incidents(limit=_SHOWN, status="ongoing")
    return centre.reader.incident_page(Part(_SHOWN), halls=account.halls, status="ongoing").items


def _parts(nodes: Sequence[NodeView], hall: HallLabel | None) -> tuple[list[WindowNow], list[ZoneNow]]:
    """Windows and zones of all nodes."""
    floors = hall.floors if hall is not None else []
    window_names = {window.id: window.label for floor in floors for window in floor.windows}
    zone_names = {zone.id: zone.label for floor in floors for zone in floor.zones}
    windows: list[WindowNow] = []
    zones: list[ZoneNow] = []
    for node in nodes:
        if node.state is None:
            continue
        place = {"hall": node.hall, "floor": node.floor, "node": node.node}
        now = place | {"online": node.status == "online", "at": node.state_at}
        for window in node.state.windows:
            label = window_names.get(window.window, window.window)
            windows.append(WindowNow(label=label, **now, **msgspec.structs.asdict(window)))  # type: ignore[arg-type]
        for zone in node.state.zones:
            label = zone_names.get(zone.zone, zone.zone)
            zones.append(ZoneNow(label=label, **now, **msgspec.structs.asdict(zone)))  # type: ignore[arg-type]
    return windows, zones
