"""`/calibration` lists the cameras, `/calibration/{floor}/{camera}` is one of them. What moves is in the script."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import Request

from dashboards.calibration.desk import Desk
from dashboards.calibration.routes import PATH, add_routes
from dashboards.calibration.words import WORDS, CalibrationWords
from dashboards.frame import Content, NoSuchPageError, Visit, add_page
from dashboards.site import Site
from dashboards.texts import Texts
from dashboards.views import PATH as VIEWS
from dashboards.widgets import Icon, Text, box
from hall.layout import Camera, Floor

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = ("model.js", "picture.js", "canvas.js", "panel.js", "saving.js", "editor.js")
"""In the order in which they need each other."""

_CONFIG = "/api/halls/{hall}/floors/{floor}/config"
"""Of the HTTP API: gives the boxes of a floor the hall file."""


def add(site: Site) -> None:
    """Add both pages and what the second one asks."""
    head = _head()
    if site.hall_file is not None:
        add_routes(site, Desk(site.hall_file))

    def check(request: Request, texts: Texts) -> None:
        if _asked(site, request) is None:
            raise NoSuchPageError(WORDS[texts.lang].floor_unknown.format(**request.path_params))

    add_page(site, "/calibration", _list, name="calibration", role="admin", head=head)
    add_page(site, "/calibration/{floor}/{camera}", _camera, name="calibration", role="admin", head=head, check=check)


def _head() -> str:
    style = (_STATIC / "calibration.css").read_text(encoding="utf-8")
    script = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return f"<style>{style}</style>\n<script>{script}</script>"


def _asked(site: Site, request: Request) -> tuple[Floor, Camera] | None:
    floor, camera = request.path_params["floor"], request.path_params["camera"]
    return next(((f, c) for f in site.hall.floors if f.id == floor for c in f.cameras if c.id == camera), None)


async def _list(visit: Visit) -> Content | None:
    words = WORDS[visit.lang]
    with box("cal-list"):
        Text("cal-title", words.choose, "h1")
        if visit.site.hall_file is None:
            Text("notice", words.no_file, "p")
            return None
        Text("quiet", words.choose_hint, "p")
        for floor in visit.site.hall.floors:
            name = visit.texts.floor.format(floor=floor.id)
            with box("cal-floor", "section", aria_label=name):
                Text("part-title", name, "h2")
                with box("cal-cameras", "ul"):
                    for camera in floor.cameras:
                        _card(visit, words, floor, camera)
    return None


def _card(visit: Visit, words: CalibrationWords, floor: Floor, camera: Camera) -> None:
    windows = sum(1 for window in floor.windows if window.camera == camera.id)
    link = visit.link(f"/calibration/{floor.id}/{camera.id}")
    with box("cal-camera", "li"), box("card cal-camera-link", "a", href=link, data_testid=f"camera-{camera.id}"):
        Icon("cal-camera-icon", "videocam")
        with box("cal-camera-words"):
            Text("strong", camera.id)
            Text("quiet", words.windows_count.format(n=windows))
            Text("quiet", words.points_count.format(n=len(camera.floor_points)))


async def _camera(visit: Visit) -> Content | None:
    words, site = WORDS[visit.lang], visit.site
    if site.hall_file is None:
        Text("notice", words.no_file, "p")
        return None
    asked = _asked(site, visit.request)
    assert asked is not None
    floor, camera = asked
    _switch(visit, floor, camera)
    base = PATH.format(hall=site.hall.hall.id, floor=floor.id, camera=camera.id)
    frame = base.removesuffix("areas") + "frame"
    told = {
        "camera": camera.id,
        "areas": base,
        "frame": f"{VIEWS}/{camera.id}" if site.views is not None else frame,
        "rendered": site.views is not None,
        "config": _CONFIG.format(hall=site.hall.hall.id, floor=floor.id),
        "words": dict(words.script),
    }
    box("cal", "hall-calibration", told=json.dumps(told, ensure_ascii=False), data_testid="calibration")
    return None


def _switch(visit: Visit, floor: Floor, camera: Camera) -> None:
    """Links to the other cameras, in the bar of the header."""
    cameras = [(f, c) for f in visit.site.hall.floors for c in f.cameras]
    many = len(visit.site.hall.floors) > 1
    with visit.bar, box("floors", "nav", aria_label=WORDS[visit.lang].choose):
        for of, each in cameras:
            here = "page" if (of.id, each.id) == (floor.id, camera.id) else None
            link = visit.link(f"/calibration/{of.id}/{each.id}")
            with box("floor-link", "a", href=link, aria_current=here):
                Text(text=f"{of.id} · {each.id}" if many else each.id)
