"""What browsers fetch for the plan: its picture, and how it was at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import FastAPI, HTTPException, Query, Request, Response

from dashboards.plan.feed import PlanFeed
from dashboards.plan.past import DAY_S, past_view
from dashboards.site import Site
from dashboards.texts import parse_lang
from hall.errors import RecordsError
from ingest.login import LOCAL, demand
from ingest.users import Account

_SLACK_S = 3600.0


def add_routes(site: Site, feeds: Mapping[str, PlanFeed]) -> None:
    """Serve them at `/plan/{floor}/past` and `/plan/{floor}/picture`."""
    app: FastAPI = site.app
    floors = {floor.id: floor for floor in site.hall.floors}

    @app.get("/plan/{floor}/past", include_in_schema=False)
    def past(request: Request, floor: str, at: Annotated[float, Query(ge=0, le=1e11)], lang: str = "") -> Response:
        demand(_account(request), "viewer", site.hall.hall.id)
        if floor not in floors or site.records is None:
            raise HTTPException(404, f"no floor {floor} on record")
        now = site.clock.now()
        if not now - DAY_S - _SLACK_S <= at <= now + _SLACK_S:
            raise HTTPException(422, f"at {at:.0f}: expected a time of the last day")
        try:
            with site.records.reading() as connection:
                view = past_view(connection, site.hall, floors[floor], at, parse_lang(lang))
        except RecordsError as exc:
            raise HTTPException(503, str(exc)) from exc
        return Response(msgspec.json.encode(view), media_type="application/json", headers={"Cache-Control": "no-store"})

    @app.get("/plan/{floor}/picture", include_in_schema=False)
    def picture(request: Request, floor: str) -> Response:
        demand(_account(request), "viewer", site.hall.hall.id)
        feed = feeds.get(floor)
        if feed is None or feed.picture is None:
            raise HTTPException(404, f"no picture of floor {floor}")
        kind, data = feed.picture
        # An SVG may hold scripts: opened by itself it must not run them with the reader's session.
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
        headers |= {"Cache-Control": "private, max-age=300", "X-Content-Type-Options": "nosniff"}
        return Response(data, media_type=kind, headers=headers)


def _account(request: Request) -> Account:
    """Who asks; a console without a login asks nobody."""
    found = getattr(request.state, "account", LOCAL)
    assert isinstance(found, Account)
    return found
