"""The floor plan on a page: drawn once, then told what changed; and back through the last day."""

from __future__ import annotations

import msgspec

from dashboards.board import Board
from dashboards.frame import Visit
from dashboards.markup import Part
from dashboards.plan.drawing import draw
from dashboards.plan.feed import PlanFeed
from dashboards.plan.geometry import FloorPlan
from dashboards.plan.view import HEAT_STEPS
from dashboards.plan.words import PLAN_WORDS, PlanWords
from dashboards.svg import markup
from dashboards.texts import texts_in
from dashboards.widgets import STATUS_ICONS, Icon, Text, box, put
from hall.layout import Floor

BACK_MIN = 24 * 60


class PlanPanel:
    """One floor plan on one page.

    Args:
        visit: by whom the page was opened.
        floor: which floor.
        feed: what all pages of this floor share.
    """

    def __init__(self, visit: Visit, floor: Floor, feed: PlanFeed) -> None:
        self._visit, self._floor, self._feed = visit, floor, feed
        self._words = PLAN_WORDS[visit.lang]
        self._shown = ""
        with box("part plan-part", "section", aria_label=self._words.title):
            if feed.plan is None:
                Text("part-title", self._words.title, "h2")
                with box("notice", data_testid="no-plan"):
                    Icon(name="info")
                    Text(text=self._words.no_plan)
                return
            self._build(feed.plan)

    async def show(self, board: Board) -> None:
        """Send what changed."""
        if self._feed.plan is None:
            return
        view = await self._feed.live(board, self._visit.lang)
        if view != self._shown:
            self._shown = view
            put(self._root, now=view)

    def _build(self, plan: FloorPlan) -> None:
        words, site = self._words, self._visit.site
        hall = site.hall.hall
        self._root = box("plan card", "hall-plan", data_testid="plan", zone=hall.timezone, lang=self._visit.lang)
        put(self._root, src=f"/plan/{self._floor.id}/past", words=_spoken(words))
        with self._root:
            with box("plan-head"):
                Text("part-title", words.title, "h2")
                Text("plan-heat-words quiet", " ", tag="span")
                with box("plan-button plan-heat-switch", "button", type="button", aria_pressed="true"):
                    Icon(name="grid_on")
                    Text(text=words.heat)
            with box("plan-past", role="status", hidden=""):
                Icon(name="history")
                Text("plan-past-words", " ", tag="span")
                with box("plan-button plan-now", "button", type="button"):
                    Text(text=words.now)
            with box("plan-scroll", tabindex="0", role="group", aria_label=words.title):
                Part("plan-holder", markup(draw(plan, words, self._feed.image)))
            self._build_legend()
            if plan.missing:
                Text("quiet", words.no_place.format(labels="、".join(plan.missing)))
            if site.records is not None:
                self._build_slider()
            self._build_table(plan)

    def _build_legend(self) -> None:
        words = self._words
        with box("plan-legend", "ul"):
            for status, name in texts_in(self._visit.lang).window_status.items():
                with box("plan-key", "li", data_status=status):
                    Icon("plan-key-icon", STATUS_ICONS[status])
                    Text(text=name)
            with box("plan-key plan-ramp", "li"):
                Text(text=words.heat_unit)
                for step, least in enumerate(HEAT_STEPS, 1):
                    Text(f"plan-step heat-{step}", f"≥{least:g}")
            Text("plan-key", words.grid, "li")

    def _build_slider(self) -> None:
        words = self._words
        with box("plan-times"):
            with box("plan-button plan-earlier", "button", type="button", aria_label=words.earlier):
                Icon(name="replay_10")
            slider = box("plan-slider", "input", type="range", min=str(-BACK_MIN), max="0", step="1", value="0")
            put(slider, aria_label=words.time)
            with box("plan-button plan-later", "button", type="button", aria_label=words.later):
                Icon(name="forward_10")
            Text("plan-time strong", words.live, "output")

    def _build_table(self, plan: FloorPlan) -> None:
        words = self._words
        with box("plan-table", "details"):
            Text(text=words.table, tag="summary")
            with box("", "table"):
                with box("", "thead"), box("", "tr"):
                    Text(text=words.subject, tag="th")
                    Text(text=words.state, tag="th")
                with box("", "tbody"):
                    for window in plan.windows:
                        with box("", "tr"):
                            Text(text=window.label, tag="th")
                            put(Text(text=" ", tag="td"), data_window_word=window.window)
                    for zone in plan.zones:
                        with box("", "tr"):
                            Text(text=zone.label, tag="th")
                            put(Text(text=" ", tag="td"), data_zone_word=zone.zone)


def _spoken(words: PlanWords) -> str:
    """What the browser says by itself."""
    own = {"past": words.past, "live": words.live, "failed": words.failed, "loading": words.loading}
    return msgspec.json.encode(own).decode()
