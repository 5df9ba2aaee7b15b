"""The console: one page per floor with its windows, waiting areas and incidents, live, in Chinese and English.

`mount` adds it to a FastAPI application. Everything the page needs comes from that application: no CDN, no
font service, no telemetry. It writes no file.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from html import escape

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from nicegui import Client, ui

from dashboards.feed import Feed
from dashboards.page import ConsolePage
from dashboards.texts import ZH, Texts, parse_lang, texts_in
from dashboards.theme import FAVICON, HEAD_HTML
from dashboards.views import SharedViews, Views, add_views
from hall.clock import Clock, SystemClock
from hall.layout import Floor, Hall
from hall.views import ReadModel

REFRESH_S = 1.0
"""So often a page looks whether there is something new."""


def mount(
    app: FastAPI,
    hall: Hall,
    reads: ReadModel,
    *,
    clock: Clock | None = None,
    title: str | None = None,
    views: Views | None = None,
    may_stay: Callable[[Request], bool] | None = None,
) -> None:
    """Add the console at `/` (the first floor) and `/floor/{floor}`; `?lang=en` or `zh` chooses the language.

    Call it last: the page takes every path that the application does not have by then. Once per process:
    NiceGUI is one application per process.

    Args:
        app: the application to add it to.
        hall: the layout: labels, floors, schedule, limits.
        reads: what the centre knows; see `hall.views.ReadModel`.
        clock: tells what is stale and what time it is in the hall.
        title: of the browser tab; the hall's name by default.
        views: pictures of the cameras with people blurred, for a rendered hall only; they are then shown, and
            served at `/view/{camera}`.
        may_stay: whether who opened a page by this request may still see it; asked in a thread while the page is open,
            which ends where not. None: nobody is asked, and there is nothing to log out of.
    """
    clock = clock or SystemClock()
    feed = Feed(hall, reads, clock)
    if views is not None:
        cameras = [camera.id for floor in hall.floors for camera in floor.cameras]
        add_views(app, SharedViews(views, cameras, clock))
    name = title or f"{hall.hall.name} · hallwatch"

    @ui.page("/", title=name)
    async def first_floor(client: Client, lang: str = "") -> None:
        texts = texts_in(parse_lang(lang))
        await _open(client, feed, hall, hall.floors[0], texts, views=views is not None, may_stay=may_stay)

    @ui.page("/floor/{floor}", title=name)
    async def one_floor(client: Client, floor: str, lang: str = "") -> Response | None:
        texts = texts_in(parse_lang(lang))
        found = next((f for f in hall.floors if f.id == floor), None)
        if found is None:
            return _no_floor(floor, texts)
        await _open(client, feed, hall, found, texts, views=views is not None, may_stay=may_stay)
        return None

    ui.run_with(
        app,
        title=name,
        favicon=FAVICON,
        language=ZH.html_lang,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=10.0,
        show_welcome_message=False,
    )


def _no_floor(floor: str, texts: Texts) -> Response:
    words = escape(texts.floor_unknown.format(floor=floor))
    page = f'<!doctype html><html lang="{texts.html_lang}"><meta charset="utf-8"><title>404</title><p>{words}'
    return HTMLResponse(page, status_code=404)


async def _open(
    client: Client,
    feed: Feed,
    hall: Hall,
    floor: Floor,
    texts: Texts,
    *,
    views: bool,
    may_stay: Callable[[Request], bool] | None,
) -> None:
    # A page has one language in NiceGUI; ours is the reader's choice, so each reader has a page of his own.
    client.page = copy.copy(client.page)
    client.page.language = texts.html_lang
    ui.add_head_html(HEAD_HTML)
    board = await feed.board(floor, texts.lang)
    page = ConsolePage(feed, hall, floor, texts, board, views=views, logout=may_stay is not None)

    async def refresh() -> None:
        if may_stay is not None and not await asyncio.to_thread(may_stay, client.request):
            timer.deactivate()
            client.open("/login")
            client.content.clear()
            return
        await page.refresh()

    timer = ui.timer(REFRESH_S, refresh, immediate=False)
