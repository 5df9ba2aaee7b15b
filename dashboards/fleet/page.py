"""`/fleet`: boxes and cameras of all floors, and on top what needs somebody."""

from __future__ import annotations

from pathlib import Path

from dashboards.fleet.state import Fleet, build_fleet
from dashboards.fleet.words import FLEET_WORDS
from dashboards.frame import Content, Visit, add_page
from dashboards.kept import Kept, Look
from dashboards.markup import Part, head_of, templates_in
from dashboards.reports.weeks import local_day, midnight
from dashboards.site import Site
from dashboards.texts import Lang
from dashboards.widgets import NODE_ICONS, Text, box
from hall.clock import Clock
from ingest.day_sums import sums_between

EVERY_S = 5.0
"""Boxes tell every ten seconds how they are."""
_HERE = Path(__file__).parent
_TEMPLATES = templates_in(_HERE / "templates")
GRADE_ICONS = {"bad": "error", "poor": "warning", "well": "check_circle"}
CAMERA_ICONS = {
    "live": "videocam",
    "connecting": "sync",
    "lost": "videocam_off",
    "ended": "stop_circle",
    "unheard": "help_outline",
}


def add(site: Site) -> None:
    """Add the page."""
    fleets: Kept[Lang, Fleet] = Kept(lambda lang: _read(site, site.clock, lang), site.clock, EVERY_S)

    async def build(visit: Visit) -> Content:
        with visit.bar:
            Text("page-name", FLEET_WORDS[visit.lang].title, "h1")
        page = _FleetPage(visit, fleets)
        await page.refresh()
        return page

    add_page(site, "/fleet", build, name="fleet", head=head_of(_HERE / "static"))


def _read(site: Site, clock: Clock, lang: Lang) -> Fleet:
    now = clock.now()
    nodes = site.reads.nodes()
    if site.records is None:
        return build_fleet(site.hall, nodes, {}, now, lang)
    start = midnight(local_day(now, site.hall.zone_info), site.hall.zone_info)
    with site.records.reading() as connection:
        today = sums_between(connection, site.hall.hall.id, start, now)
    return build_fleet(site.hall, nodes, today, now, lang)


class _FleetPage:
    def __init__(self, visit: Visit, fleets: Kept[Lang, Fleet]) -> None:
        self._visit, self._fleets = visit, fleets
        self._words = FLEET_WORDS[visit.lang]
        self._shown: Look[Fleet] | None = None
        with box("fleet"):
            self._part = Part("fleet-all")

    async def refresh(self) -> None:
        """Send what changed since last time."""
        look = await self._fleets.get(self._visit.lang)
        if look is self._shown:
            return
        self._shown = look
        template = _TEMPLATES.get_template("fleet.html")
        shown = template.render(
            fleet=look.value,
            failed=look.failed,
            words=self._words,
            node_icons=NODE_ICONS,
            grade_icons=GRADE_ICONS,
            camera_icons=CAMERA_ICONS,
        )
        self._part.show(shown.strip())
