"""The floor plan in a real browser: live, and back through the last day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from hall.clock import ManualClock
from hall.load import parse_hall
from hall.messages import HeatBody, HeatCell, StateBody
from ingest.heat import HeatSums
from ingest.records import Records
from ingest.rollups import Sums
from ingest.schema import heat, rollups
from tests.dashboards.console_server import serving
from tests.dashboards.plan_hall import PLAN_YAML, T0
from tests.dashboards.sample_hall import MemoryModel, node, window, zone
from tests.support.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

NOW = T0 + 3660
LIVE_MS = 5000


def _now(status: str, count: int) -> MemoryModel:
    reads = MemoryModel()
    _say(reads, status, count)
    return reads


def _say(reads: MemoryModel, status: str, count: int) -> None:
    windows = [window("w01", status), window("w02", "closed", "absent")]  # type: ignore[arg-type]
    reads.put(node("edge-f1", *windows, zones=[zone("waiting", count)], at=NOW))


def _remember(records: Records) -> None:
    """An hour ago w01 was unattended, four waited, and somebody stood in one square metre all the time."""
    sums, warm = Sums(), HeatSums()
    sums.hold(StateBody([window("w01", "unstaffed", "absent")], [zone("waiting", 4)]), 60.0)
    warm.add(HeatBody(60.0, None, [HeatCell(2, 5, 60.0)]))
    place = {"hall": "demo", "floor": "f1", "node": "edge-f1", "start": int(T0)}
    with records.writing() as connection:
        connection.execute(insert(rollups).values(**place, period="minute", body=sums.encode()))
        connection.execute(insert(heat).values(**place, body=warm.encode()))


@pytest.fixture(scope="module")
def reads() -> MemoryModel:
    return _now("serving", 3)


@pytest.fixture(scope="module")
def page(reads: MemoryModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    records = Records(f"sqlite:///{tmp_path_factory.mktemp('plan')}/records.db")
    _remember(records)
    hall = parse_hall(PLAN_YAML, environ={})
    with serving(hall, reads, ManualClock(NOW), records=records) as url, chromium() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=url)
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/")
        page.wait_for_function("window.did_handshake === true")
        yield page
        assert errors == []
        context.close()
    records.close()


def _state(page: Page, status: str, people: str) -> None:
    page.wait_for_selector(f'.plan-mark[data-window="w01"][data-status="{status}"]', timeout=LIVE_MS)
    page.wait_for_function("t => document.querySelector('[data-text=waiting]').textContent === t", arg=people)


def _slide(page: Page, *minutes: int) -> None:
    page.evaluate(
        """minutes => { const slider = document.querySelector('.plan-slider');
        for (const value of minutes) { slider.value = value; slider.dispatchEvent(new Event('input')); } }""",
        list(minutes),
    )


def test_states_are_told_by_colour_icon_and_word(page: Page, reads: MemoryModel) -> None:
    _state(page, "serving", "3 人")
    marks = page.locator(".plan-mark")
    assert [marks.nth(k).locator("title").text_content() for k in range(2)] == ["1号窗口: 办理中", "2号窗口: 未开放"]
    assert page.locator('[data-icon="w01"]').text_content() == "groups"
    assert page.locator('[data-window-word="w02"]').text_content() == "未开放"
    assert page.get_by_text("未标定，不在图上：3号窗口、侧厅").is_visible()
    _say(reads, "idle", 2)
    _state(page, "idle", "2 人")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    short = page.evaluate(
        "[...document.querySelectorAll('.plan button')].filter(b => b.offsetParent && b.offsetHeight < 44).length"
    )
    assert short == 0


def test_back_an_hour_and_to_now_again(page: Page, reads: MemoryModel) -> None:
    """What is live does not move the plan of the past, which says so; the button goes back."""
    _state(page, "idle", "2 人")
    _slide(page, -61)
    _state(page, "unstaffed", "约 4 人")
    banner = page.locator(".plan-past")
    assert "1/5 10:10 的情况，并非实时状态" in (banner.text_content() or "")
    assert page.locator(".plan-heat rect").get_attribute("class") == "heat-5"
    page.wait_for_function("document.querySelector('.plan-heat-words').textContent === '人员热力：10:10–10:20 平均'")
    _say(reads, "serving", 7)
    page.wait_for_selector('[data-testid="window-w01"][data-status="serving"]', timeout=LIVE_MS)
    _state(page, "unstaffed", "约 4 人")
    page.locator(".plan-now").click()
    _state(page, "serving", "7 人")
    assert not banner.is_visible()
    assert page.locator(".plan-time").text_content() == "实时"


def test_dragging_asks_seldom_and_one_at_a_time(page: Page) -> None:
    """Fifty positions in one go are one question, for the last; while one is under way the next one waits."""
    asked: list[str] = []
    page.on("request", lambda request: _note(request, asked))
    with page.expect_response("**/plan/f1/past*"):
        _slide(page, *range(-1, -51, -1))
    _slide(page, -61)
    _state(page, "unstaffed", "约 4 人")
    assert [round((NOW - float(at)) / 60) for at in asked] == [50, 61]
    _slide(page, 0)


def _note(request: Request, asked: list[str]) -> None:
    if "/past?" in request.url:
        asked.append(request.url.split("at=")[1].split("&")[0])


def test_a_floor_without_floor_points_says_so(page: Page) -> None:
    page.goto("/floor/f2")
    assert "尚未标定地面点" in (page.get_by_test_id("no-plan").text_content() or "")
    assert page.get_by_test_id("window-w21").is_visible()
