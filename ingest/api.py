"""The read API. Instants are Unix seconds, UTC; the bodies of nodes keep their ISO times.

| path | answers |
|---|---|
| `/api/hall` | names of floors, windows and zones; null without a hall file |
| `/api/nodes` | every node: status, state, health |
| `/api/incidents?status=open&limit=100` | incidents, newest first |
| `/api/rollups?period=hour&start=...&end=...&limit=100` | sums by minute or hour, oldest first; see docs/store.md |
| `/api/state` | version, windows and zones with their names, open incidents: one page's worth |
| `/a/...` | the page of a link in an alert, where alerts have links; asks for no login |
| `/api/me` | who asks |
| `/api/login`, `/api/logout`, `/api/password` | see `ingest.login`; only where the centre asks for a login |
| `/healthz` | 200 while broker and records are there, else 503 and which is not; never asks for a login |
| `/metrics` | for Prometheus; for users of every hall |

Where the centre asks for a login, everybody sees their own halls only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from hall.errors import RecordsError
from hall.views import IncidentStatus, IncidentView, NodeView
from ingest.labels import HallLabel
from ingest.link_page import add_link_page
from ingest.login import add_login, demand, require
from ingest.reader import MAX_INCIDENTS, MAX_ROLLUPS
from ingest.rollups import Period
from ingest.service import Centre
from ingest.users import Account, Users

_LATEST = 253_402_300_799
"""The end of the year 9999, Unix seconds."""

_Viewer = Annotated[Account, Depends(require("viewer"))]

_NEEDED = ("broker", "records")
"""A store that is away is no reason to restart: points wait, everything else works."""


def create_app(centre: Centre, users: Users | None = None) -> FastAPI:
    """The HTTP side of a centre. The caller starts and stops the centre itself.

    NiceGUI pages may be mounted on what this returns; they need the login too.

    Args:
        centre: what is shown.
        users: who may see it; None asks nobody, for loopback only.
    """
    app = FastAPI(title="hallwatch", docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None)
    add_login(app, users, None if centre.labels.hall is None else centre.labels.hall.id)

    @app.exception_handler(RecordsError)
    def _records_away(_request: Request, exc: RecordsError) -> Response:
        return _json({"detail": str(exc)}, 503)

    @app.get("/api/hall")
    def hall(account: _Viewer) -> Response:
        """Names for display. No camera addresses."""
        if centre.labels.hall is not None:
            demand(account, "viewer", centre.labels.hall.id)
        return _json(centre.labels.hall)

    @app.get("/api/nodes")
    def nodes(account: _Viewer) -> Response:
        """Every node that was ever heard."""
        return _json(_nodes(centre, account))

    @app.get("/api/incidents")
    def incidents(
        account: _Viewer,
        status: IncidentStatus | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_INCIDENTS)] = 100,
    ) -> Response:
        """Incidents, newest first."""
        return _json(_incidents(centre, account, limit=limit, status=status))

    @app.get("/api/rollups")
    def rollups(
        account: _Viewer,
        start: Annotated[float, Query(ge=0, le=_LATEST)],
        end: Annotated[float, Query(ge=0, le=_LATEST)],
        period: Period = "hour",
        limit: Annotated[int, Query(ge=1, le=MAX_ROLLUPS)] = 100,
    ) -> Response:
        """How long each window and zone was in which state, by minute or hour, of those that are over."""
        return _json(centre.reader.rollups(period, start, end, limit=limit, halls=account.halls))

    @app.get("/api/state")
    def state(account: _Viewer) -> Response:
        """What a page shows: windows and zones now, and what is open."""
        version = centre.reader.version()
        windows, zones = _parts(_nodes(centre, account), centre.labels.hall)
        return _json(
            {
                "version": version,
                "windows": windows,
                "zones": zones,
                "incidents": _incidents(centre, account, status="open"),
            }
        )

    _add_probes(app, centre)
    if centre.links is not None:
        add_link_page(app, centre.links, centre.labels, centre.reader.changed)
    return app


def _add_probes(app: FastAPI, centre: Centre) -> None:
    """What machines ask."""

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether messages come in and can be written down."""
        parts = centre.health()
        well = all(parts[name] is None for name in _NEEDED)
        said = {name: trouble or "ok" for name, trouble in parts.items()}
        return _json({"status": "ok" if well else "failing", **said}, 200 if well else 503)

    @app.get("/metrics")
    def metrics(account: _Viewer) -> Response:
        """Counters and gauges in Prometheus' text format."""
        if account.halls is not None:
            raise HTTPException(403, f"{account.name} may not see every hall")
        return Response(generate_latest(centre.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _nodes(centre: Centre, account: Account) -> Sequence[NodeView]:
    return [node for node in centre.reader.nodes() if account.may("viewer", node.hall)]


def _incidents(
    centre: Centre, account: Account, *, limit: int = 100, status: IncidentStatus | None = None
) -> Sequence[IncidentView]:
    if account.halls is None:
        return centre.reader.incidents(limit=limit, status=status)
    return centre.reader.incidents_of(account.halls, limit=limit, status=status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def _parts(nodes: Sequence[NodeView], hall: HallLabel | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Windows and zones of all nodes, each with its place, its name and the time it was captured."""
    floors = hall.floors if hall is not None else []
    window_names = {window.id: window.label for floor in floors for window in floor.windows}
    zone_names = {zone.id: zone.label for floor in floors for zone in floor.zones}
    windows: list[dict[str, Any]] = []
    zones: list[dict[str, Any]] = []
    for node in nodes:
        if node.state is None:
            continue
        place = _place(node)
        for window in node.state.windows:
            label = window_names.get(window.window, window.window)
            windows.append({**place, "label": label, **msgspec.to_builtins(window)})
        for zone in node.state.zones:
            label = zone_names.get(zone.zone, zone.zone)
            zones.append({**place, "label": label, **msgspec.to_builtins(zone)})
    return windows, zones


def _place(node: NodeView) -> dict[str, Any]:
    return {
        "hall": node.hall,
        "floor": node.floor,
        "node": node.node,
        "online": node.status == "online",
        "at": node.state_at,
    }
