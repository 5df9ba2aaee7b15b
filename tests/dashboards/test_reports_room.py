"""`/reports` in a browser: the weeks there are, a report read, a PDF fetched, a change looked at."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIRoute

from dashboards.reports import room
from dashboards.reports.shelf import Shelf
from dashboards.reports.weeks import Week, midnight
from dashboards.site import Site
from hall.clock import ManualClock
from hall.load import parse_hall
from ingest.reader import HallReader, Reader
from ingest.records import Records
from ingest.users import Account
from tests.dashboards.console_server import serving
from tests.support.axe import serious
from tests.support.browser import chromium
from tests.support.weeks import Weeks, hall_text

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WEEK = Week(2026, 10)
EVIL = "<script>window.pwned=1</script>"
HALL = parse_hall(hall_text(labels={"w01": EVIL}))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    records = Records(f"sqlite:///{tmp_path_factory.mktemp('room') / 'records.db'}")
    weeks = Weeks(records, HALL)
    for back in (0, 1, 14):
        for day in WEEK.earlier(back).days[:4]:
            for hour in (9, 10):
                start = midnight(day, HALL.zone_info) + 3600 * hour
                weeks.zone(start, "hall", known_s=3600)
                weeks.window(start, "w01", serving_s=3000, unstaffed_s=600)
                weeks.session("w01", start, 600.0)
                weeks.stay("hall", start, 300.0 * (back + 1))
    weeks.write()
    clock = ManualClock(midnight(WEEK.days[4], HALL.zone_info))
    with serving(HALL, HallReader(Reader(records), HALL.hall.id), clock, records=records) as address:
        yield address
    records.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    yield opened
    opened.close()


def test_the_weeks_on_record_are_listed_and_one_is_read(page: Page, url: str) -> None:
    page.goto(f"{url}/reports?lang=en")
    rows = page.locator(".report-week")
    rows.first.wait_for()
    assert rows.count() == 15  # from the first to the last, those without data, too
    assert rows.first.get_attribute("data-week") == "2026-W10"
    assert "this week, not over" in (rows.first.text_content() or "")
    assert not rows.last.is_visible()
    page.get_by_text("Older weeks").click()
    assert rows.last.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    with page.expect_popup() as popup:
        rows.first.get_by_role("link", name="Read").click()
    report = popup.value
    assert report.get_by_role("heading", level=1).text_content() == "Weekly report of the hall"
    assert EVIL in (report.locator("main").text_content() or "")
    assert report.evaluate("document.documentElement.scrollWidth") == 390
    assert report.locator("script").count() == 0
    report.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_serious_is_found_in_a_report(page: Page, url: str, lang: str) -> None:
    """Under the policy of its address no script runs, axe-core's neither: so the same page without it."""
    page.set_content(page.request.get(f"{url}/reports/html?week=2026-W10&lang={lang}").text())
    assert serious(page) == []


def test_a_change_is_named_and_its_effect_shown(page: Page, url: str) -> None:
    page.goto(f"{url}/reports?lang=en")
    page.get_by_label("What was changed").fill("window 3 open at lunch")
    page.get_by_label("Since when").fill("2026-03-02T08:00")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="See its effect").click()
    report = popup.value
    said = report.locator("main").text_content() or ""
    assert "Change: window 3 open at lunch (from 2026-03-02 08:00 on)" in said
    assert "Wait, median fell by 5 min (from 10 min to 5 min): that is unlikely to be chance." in said
    report.close()


def test_a_pdf_is_fetched_and_what_is_none_is_refused(page: Page, url: str) -> None:
    fetched = page.request.get(f"{url}/reports/pdf?week=2026-W09&lang=en")
    assert fetched.body()[:5] == b"%PDF-"
    assert fetched.headers["content-disposition"] == 'attachment; filename="demo-2026-W09-en.pdf"'
    html = page.request.get(f"{url}/reports/html?week=2026-W09")
    assert "default-src 'none'" in html.headers["content-security-policy"]
    for query in (
        "week=x",
        "week=2026-W20",
        "week=1999-W01",
        "week=2026-W09&change=9999-12-31",
        "week=2026-W09&change=x",
    ):
        assert page.request.get(f"{url}/reports/html?{query}").status == 422, query


@pytest.mark.parametrize("path", ["/reports/html", "/reports/pdf"])
def test_who_may_not_see_the_hall_gets_no_report(path: str) -> None:
    app = FastAPI()
    room._add_routes(cast("Site", SimpleNamespace(app=app, hall=HALL)), cast("Shelf", None))
    found = next(route for route in app.routes if isinstance(route, APIRoute) and route.path == path)
    stranger = SimpleNamespace(state=SimpleNamespace(account=Account("wang", "admin", ("other",))))
    with pytest.raises(HTTPException) as refused:
        found.endpoint(stranger, "2026-W09")
    assert refused.value.status_code == 403
