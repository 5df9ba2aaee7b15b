"""The console: pages for whoever runs the hall, live, in Chinese and English.

`mount` adds it to a FastAPI application. Everything a page needs comes from that application: no CDN, no
font service, no telemetry. Each page is a room of its own; `add` of the room puts it into the frame that all share.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request
from nicegui import ui

from dashboards import (
    calibration,
    fleet,
    floor_page,
    guide,
    history,
    inbox,
    people,
    ratings,
)
from dashboards.feed import Feed
from dashboards.reports import room as reports
from dashboards.site import Site
from dashboards.texts import ZH
from dashboards.theme import FAVICON
from dashboards.views import SharedViews, Views, add_views
from hall.clock import Clock, SystemClock
from hall.layout import Hall
from hall.views import ReadModel
from ingest.records import Records

ROOMS: tuple[Callable[[Site], None], ...] = (
    calibration.add,
    fleet.add,
    floor_page.add,
    guide.add,
    history.add,
    inbox.add,
    people.add,
    ratings.add,
    reports.add,
)
"""Each adds the pages of one room."""


def mount(
    app: FastAPI,
    hall: Hall,
    reads: ReadModel,
    *,
    clock: Clock | None = None,
    views: Views | None = None,
    may_stay: Callable[[Request], bool] | None = None,
    records: Records | None = None,
    hall_file: Path | None = None,
) -> None:
    """Add the console at `/` and beside it; `?lang=en` or `zh` chooses the language.

    Call it last: the page takes every path that the application does not have by then. Once per process:
    NiceGUI is one application per process.

    Args:
        app: the application to add it to.
        hall: the layout: labels, floors, schedule, limits.
        reads: what the centre knows; see `hall.views.ReadModel`.
        clock: tells what is stale and what time it is in the hall.
        views: pictures of the cameras with people blurred, for a rendered hall only; they are then shown, and
            served at `/view/{camera}`.
        may_stay: whether who opened a page by this request may still see it; asked in a thread while the page is open,
            which ends where not. None: nobody is asked, and there is nothing to log out of.
        records: the SQL records; without them there are only pages of live state.
        hall_file: the file that `hall` is from.
    """
    clock = clock or SystemClock()
    if views is not None:
        cameras = [camera.id for floor in hall.floors for camera in floor.cameras]
        add_views(app, SharedViews(views, cameras, clock))
    site = Site(
        app=app,
        hall=hall,
        feed=Feed(hall, reads, clock),
        reads=reads,
        clock=clock,
        views=views,
        may_stay=may_stay,
        records=records,
        hall_file=hall_file,
    )
    for add in ROOMS:
        add(site)
    ui.run_with(
        app,
        title=f"{hall.hall.name} · hallwatch",
        favicon=FAVICON,
        language=ZH.html_lang,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=10.0,
        show_welcome_message=False,
    )
