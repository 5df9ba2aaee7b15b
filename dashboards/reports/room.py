"""`/reports` in the console: the weeks that have data, their reports as HTML and PDF, and the effect of a change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import HTTPException, Query, Request, Response

from dashboards.frame import Content, Visit, add_page
from dashboards.markup import Part, templates_in
from dashboards.reports.compare import Change, parse_moment
from dashboards.reports.forms import Forms
from dashboards.reports.pdf import can_make_pdf
from dashboards.reports.shelf import Asked, Shelf
from dashboards.reports.weeks import Week
from dashboards.reports.words import REPORT_WORDS
from dashboards.site import Site
from dashboards.texts import parse_lang
from dashboards.widgets import Text, box
from hall.errors import InputError, RecordsError
from hall.layout import Hall
from ingest.login import LOCAL, demand
from ingest.users import Account

_HERE = Path(__file__).parent
_TEMPLATES = templates_in(_HERE)
_HEAD = f"<style>{(_HERE / 'static' / 'list.css').read_text(encoding='utf-8')}</style>"
_LOOK_S = 60.0
_NEWEST = 12
"""Weeks that are listed at once; older ones are folded away."""
_MOST_ABOUT = 200
_WeekQuery = Annotated[str, Query(max_length=16)]
_ChangeQuery = Annotated[str, Query(max_length=40)]
_AboutQuery = Annotated[str, Query(max_length=_MOST_ABOUT)]
# What hall.yaml and the reader wrote stands in the page as text; should that ever fail, nothing of it runs.
_HTML_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox "
    "allow-downloads allow-popups allow-modals",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def add(site: Site) -> None:
    """Add the page and what it leads to, where there are records."""
    if site.records is None:
        return
    shelf = Shelf(site.records, site.hall, site.clock)
    _add_routes(site, shelf)

    async def build(visit: Visit) -> Content:
        page = _ListPage(visit, shelf)
        await page.load()
        return page

    add_page(site, "/reports", build, name="reports", head=_HEAD)


def _add_routes(site: Site, shelf: Shelf) -> None:
    """Serve reports at `/reports/html` and `/reports/pdf`. Both run in a thread of the server's pool."""
    hall = site.hall

    @site.app.get("/reports/html", include_in_schema=False)
    def html(
        request: Request, week: _WeekQuery, lang: str = "", change: _ChangeQuery = "", about: _AboutQuery = ""
    ) -> Response:
        demand(_account(request), "viewer", hall.hall.id)
        made = _asked(hall, week, lang, change, about)
        try:
            return Response(shelf.page(made), media_type="text/html; charset=utf-8", headers=_HTML_HEADERS)
        except InputError as exc:
            raise HTTPException(422, str(exc)) from exc
        except RecordsError as exc:
            raise HTTPException(503, str(exc)) from exc

    @site.app.get("/reports/pdf", include_in_schema=False)
    def pdf(
        request: Request, week: _WeekQuery, lang: str = "", change: _ChangeQuery = "", about: _AboutQuery = ""
    ) -> Response:
        demand(_account(request), "viewer", hall.hall.id)
        made = _asked(hall, week, lang, change, about)
        name = f"{hall.hall.id}-{made.week}-{made.lang}.pdf"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        try:
            return Response(shelf.pdf(made), media_type="application/pdf", headers=headers)
        except InputError as exc:
            raise HTTPException(422, str(exc)) from exc
        except RecordsError as exc:
            raise HTTPException(503, str(exc)) from exc


def _asked(hall: Hall, week: str, lang: str, change: str, about: str) -> Asked:
    try:
        moment = Change(parse_moment(change, hall), about.strip() or change) if change else None
        return Asked(Week.parse(week), parse_lang(lang), moment)
    except InputError as exc:
        raise HTTPException(422, str(exc)) from exc


def _account(request: Request) -> Account:
    """Who asks; a console without a login asks nobody."""
    found = getattr(request.state, "account", LOCAL)
    assert isinstance(found, Account)
    return found


class _ListPage:
    """One open list of weeks.

    Args:
        visit: by whom it was opened.
        shelf: what makes the reports.
    """

    def __init__(self, visit: Visit, shelf: Shelf) -> None:
        self._visit, self._shelf = visit, shelf
        self._forms = Forms(visit.lang, visit.site.hall)
        self._looked_at: float | None = None
        words = REPORT_WORDS[visit.lang]
        with box("reports", "section", aria_label=words.title):
            Text("reports-title", words.title, "h1")
            Text("quiet", words.list_lead, "p")
            self._list = Part("reports-list")

    async def load(self) -> None:
        """Show the weeks."""
        self._looked_at = self._visit.site.clock.monotonic()
        try:
            weeks = await asyncio.to_thread(self._shelf.weeks)
        except RecordsError:
            return  # what is shown stays; the next look comes
        self._list.show(self._render(weeks))

    async def refresh(self) -> None:
        """Look for a new week now and then."""
        if self._looked_at is None or self._visit.site.clock.monotonic() - self._looked_at >= _LOOK_S:
            await self.load()

    def _render(self, weeks: Sequence[Week]) -> str:
        words, forms = REPORT_WORDS[self._visit.lang], self._forms
        rows = [
            {
                "week": week,
                "title": words.week.format(
                    year=week.year, number=week.number, first=forms.day(week.days[0]), last=forms.day(week.days[6])
                ),
                "is_over": self._shelf.is_over(week),
            }
            for week in weeks
        ]
        return _TEMPLATES.get_template("list.html.j2").render(
            rows=rows, w=words, lang=self._visit.lang, can_pdf=can_make_pdf(), most=_MOST_ABOUT, newest=_NEWEST
        )
