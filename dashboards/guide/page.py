"""`/guide/{floor}`: a plain page of our own, without login, that asks every two seconds for what it shows."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import func, select

from dashboards.guide.state import GuideState, Handling, build_state
from dashboards.site import Site
from hall.clock import Instant
from hall.errors import HallwatchError
from hall.layout import Floor
from hall.views import NodeView
from ingest.login import open_to_all
from ingest.schema import sessions
from ingest.tickets import TicketWaits, ticket_waits

_STATIC = Path(__file__).parent / "static"
_AGEING_S = 5.0
"""So often it is worded again though nothing came in: figures grow stale."""
_LEAST_S = 1.0
"""Not more often than this, however much comes in from all halls of a centre."""
_LOOKED_UP_S = 30.0
"""So often sessions and tickets are looked up."""
_HANDLING_S = 3600.0
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'self'"
)


def add(site: Site) -> None:
    """Add the page, its state and its files; all of them to whoever asks."""
    open_to_all(site.app, "/guide")
    screens = {floor.id: _Screen(site, floor) for floor in site.hall.floors}
    first = site.hall.floors[0].id
    site.lead_to("guide", f"/guide/{first}")
    _add_files(site.app)

    @site.app.get("/guide", include_in_schema=False)
    def first_floor() -> Response:
        return RedirectResponse(f"/guide/{first}")

    @site.app.get("/guide/{floor}", include_in_schema=False)
    def page(floor: str) -> Response:
        if floor not in screens:
            return Response("没有这个楼层 · no such floor", 404, media_type="text/plain; charset=utf-8")
        text = (_STATIC / "guide.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})

    @site.app.get("/guide/{floor}/state", include_in_schema=False)
    async def state(floor: str, request: Request) -> Response:
        if floor not in screens:
            return Response(status_code=404)
        told = await screens[floor].told()
        # The clock of a screen may be wrong: it is told the time, and counts on from there.
        headers = {"ETag": told.tag, "X-Now": f"{site.clock.now():.3f}", "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == told.tag:
            return Response(status_code=304, headers=headers)
        return Response(told.body, media_type="application/json", headers=headers)


def _add_files(app: FastAPI) -> None:
    @app.get("/guide/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        kind = {"guide.css": "text/css", "guide.js": "text/javascript"}.get(name)
        if kind is None:
            return Response(status_code=404)
        return Response(_file(name), media_type=f"{kind}; charset=utf-8", headers={"Cache-Control": "no-cache"})


@cache
def _file(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


class _Told(NamedTuple):
    """What a screen is told, and what it is known by."""

    body: bytes
    tag: str


class _Screen:
    """What all screens of one floor are told: made once per change, however many ask."""

    def __init__(self, site: Site, floor: Floor) -> None:
        self._site, self._floor = site, floor
        self._lock = asyncio.Lock()
        self._told: _Told | None = None
        self._at: tuple[int, int] | None = None
        self._built_at = float("-inf")
        self._nodes: list[NodeView] = []
        self._looked_up_at = float("-inf")
        self._handling: dict[str, Handling] = {}
        self._tickets: dict[str, TicketWaits] = {}

    async def told(self) -> _Told:
        """The state as of now."""
        async with self._lock:
            now = self._site.clock.now()
            at = self._site.reads.version(), int(now // _AGEING_S)
            if self._told is None or (at != self._at and not self._site.clock.monotonic() - self._built_at < _LEAST_S):
                body = msgspec.json.encode(await asyncio.to_thread(self._build, now))
                self._told = _Told(body, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
                self._at, self._built_at = at, self._site.clock.monotonic()
            return self._told

    def _build(self, now: Instant) -> GuideState:
        hall, floor = self._site.hall, self._floor
        # While the records are away what was known stays, and grows old.
        with contextlib.suppress(HallwatchError):
            self._nodes = [n for n in self._site.reads.nodes() if (n.hall, n.floor) == (hall.hall.id, floor.id)]
        with contextlib.suppress(HallwatchError):
            self._look_up(now)
        return build_state(hall, floor, self._nodes, self._tickets, self._handling, now)

    def _look_up(self, now: Instant) -> None:
        records = self._site.records
        if records is None or 0 <= now - self._looked_up_at < _LOOKED_UP_S:
            return
        hall, c = self._site.hall.hall.id, sessions.c
        ended = (c.hall == hall) & (c.floor == self._floor.id) & (c.ended_at > now - _HANDLING_S) & (c.ended_at <= now)
        sums = select(c.window, func.count(), func.sum(c.duration_s)).where(ended).group_by(c.window)
        with records.reading() as connection:
            self._handling = {window: Handling(count, seconds) for window, count, seconds in connection.execute(sums)}
            waits = ticket_waits(connection, now, [hall])
        self._tickets = {zone: found for (_, floor, zone), found in waits.items() if zone and floor == self._floor.id}
        self._looked_up_at = now
