"""What is on record and what is now: names, nodes, incidents, roll-ups, and one page's worth of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Response

from hall.clock import Instant
from hall.messages import WindowState, ZoneState
from hall.views import IncidentFilter, IncidentView, NodeView
from ingest._answers import Asked, answers, reply
from ingest._paging import Page, part_of
from ingest.labels import HallLabel, Labels
from ingest.login import HallsAsked, require
from ingest.rollups import Period, Rollup
from ingest.service import Centre
from ingest.ticket_sums import TicketRollup
from ingest.users import HALL, Account

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

    @app.get("/api/halls", responses=answers(Page[HallLabel], 422))
    def halls(account: _Viewer, part: Asked) -> Response:
        """Names for display of the halls whose files the centre has, by id. No camera addresses."""
        mine = {name: label for name, label in centre.labels.halls.items() if account.may("viewer", name)}
        return reply(part_of(mine, part))

    @app.get("/api/halls/{hall}", responses=answers(HallLabel, 404, 422))
    def one_hall(_account: _Viewer, hall: Annotated[str, Path(pattern=HALL)]) -> Response:
        """Names for display of a hall."""
        if hall not in centre.labels.halls:
            raise HTTPException(404, f"hall {hall}: there is no file of it")
        return reply(centre.labels.halls[hall])

    @app.get("/api/nodes", responses=answers(Page[NodeView], 422))
    def nodes(halls: HallsAsked, part: Asked) -> Response:
        """Every node that was ever heard, by hall, floor and node."""
        return reply(reader.node_page(part, halls=halls))

    @app.get("/api/incidents", responses=answers(Page[IncidentView], 422))
    def incidents(halls: HallsAsked, part: Asked, status: IncidentFilter | None = None) -> Response:
        """Incidents, newest first."""
        return reply(reader.incident_page(part, halls=halls, status=status))

    @app.get("/api/rollups", responses=answers(Page[Rollup], 422))
    def rollups(halls: HallsAsked, part: Asked, start: _Time, end: _Time, period: Period = "hour") -> Response:
        """How long each window and zone was in which state, by minute or hour, of those that are over; oldest first."""
        return reply(reader.rollup_page(part, period, start, end, halls=halls))

    @app.get("/api/ticket-rollups", responses=answers(Page[TicketRollup], 422))
    def ticket_rollups(halls: HallsAsked, part: Asked, start: _Time, end: _Time, period: Period = "hour") -> Response:
        """What happened to tickets, by zone and by minute or hour, the one that is not over included; oldest first."""
        return reply(reader.ticket_rollup_page(part, period, start, end, halls=halls))

    @app.get("/api/state", responses=answers(State, 422))
    def state(halls: HallsAsked) -> Response:
        """What a page shows: windows and zones now, and what is open."""
        version = reader.version()
        nodes = [node for node in reader.nodes() if halls is None or node.hall in halls]
        going_on = reader.incidents(limit=_SHOWN, status="ongoing", halls=halls)
        return reply(State(version, *_parts(nodes, centre.labels), going_on))


def _parts(nodes: Sequence[NodeView], labels: Labels) -> tuple[list[WindowNow], list[ZoneNow]]:
    """Windows and zones of all nodes."""
    windows: list[WindowNow] = []
    zones: list[ZoneNow] = []
    for node in nodes:
        if node.state is None:
            continue
        place = {"hall": node.hall, "floor": node.floor, "node": node.node}
        now = place | {"online": node.status == "online", "at": node.state_at}
        for window in node.state.windows:
            label = labels.subject(node.hall, node.floor, f"window/{window.window}")
            windows.append(WindowNow(label=label, **now, **msgspec.structs.asdict(window)))  # type: ignore[arg-type]
        for zone in node.state.zones:
            label = labels.subject(node.hall, node.floor, f"zone/{zone.zone}")
            zones.append(ZoneNow(label=label, **now, **msgspec.structs.asdict(zone)))  # type: ignore[arg-type]
    return windows, zones
