"""The console in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from nicegui.storage import Storage

from dashboards.texts import Lang, format_duration
from hall.clock import ManualClock
from tests.dashboards.console_server import serving
from tests.dashboards.sample_hall import (
    MARKUP,
    NOW,
    MemoryModel,
    busy_morning,
    incident,
    node,
    sample_hall,
    window,
)
from tests.support.browser import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIVE_MS = 5000
"""What changes is on the page within 2 s; a busy machine is given more."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console() -> Iterator[tuple[str, MemoryModel]]:
    # One console per process, as in real life: NiceGUI is one application per process.
    reads = MemoryModel()
    hall = sample_hall(labels={"w09": MARKUP}, second_floor=True)
    with serving(hall, reads, ManualClock(NOW)) as url:
        yield url, reads


@pytest.fixture
def url(console: tuple[str, MemoryModel]) -> str:
    return console[0]


@pytest.fixture
def reads(console: tuple[str, MemoryModel]) -> MemoryModel:
    console[1].clear()
    return console[1]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert errors == []


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function("window.did_handshake === true")


def status_of(page: Page, test_id: str) -> str | None:
    return page.get_by_test_id(test_id).get_attribute("data-status")


@pytest.mark.parametrize(
    ("lang", "html_lang", "words"),
    [
        ("zh", "zh-CN", ["办理中", "无人值守", "空闲", "未开放", "未知", "事件", "等候区", "未结"]),
        ("en", "en-US", ["Serving", "Unstaffed", "Idle", "Closed", "Unknown", "Incidents", "Waiting areas", "Open"]),
    ],
)
def test_the_page_shows_the_hall_in_both_languages(
    page: Page, url: str, reads: MemoryModel, lang: str, html_lang: str, words: list[str]
) -> None:
    reads.put(*busy_morning(NOW))
    open_page(page, f"{url}/?lang={lang}")
    assert page.locator("html").get_attribute("lang") == html_lang
    text = page.locator("body").inner_text()
    assert [word for word in words if word not in text] == []
    states = {f"w{n:02}": status_of(page, f"window-w{n:02}") for n in range(1, 9)}
    assert list(states.values()) == [
        "serving",
        "unstaffed",
        "serving",
        "idle",
        "unstaffed",
        "closed",
        "unknown",
        "serving",
    ]
    away = page.get_by_test_id("window-w11")
    assert away.get_attribute("data-stale") == "true"
    assert "10:10:53" in away.inner_text()
    assert page.get_by_test_id("window-w02").get_attribute("data-severity") == "critical"
    assert page.get_by_test_id("node-edge-f1b").get_attribute("data-status") == "offline"
    assert page.get_by_test_id("zone-hall").get_attribute("data-count") == "17"
    assert page.locator(".incident").count() == 8


def test_an_incident_appears_and_its_clearing_shows(page: Page, url: str, reads: MemoryModel) -> None:
    reads.put(node("edge-f1", window("w02", "idle")))
    open_page(page, f"{url}/?lang=en")
    assert page.get_by_text("No incident so far").is_visible()
    view = incident("clerk_absent", "window/w02", 400, severity="critical")
    row = page.get_by_test_id(f"incident-{view.event_id}")
    tile = page.get_by_test_id("window-w02")

    reads.put(view, node("edge-f1", window("w02", "unstaffed", "absent", clerk_for_s=400)))
    row.wait_for(timeout=LIVE_MS)
    assert (row.get_attribute("data-status"), row.get_attribute("data-rule")) == ("open", "clerk_absent")
    page.locator('[data-testid="window-w02"][data-status="unstaffed"]').wait_for(timeout=LIVE_MS)
    assert "Clerk absent" in tile.locator(".alert").inner_text()
    assert page.get_by_text("No incident so far").is_hidden()

    reads.put(incident("clerk_absent", "window/w02", 400, severity="critical", lasted_s=390))
    page.locator(f'[data-testid="incident-{view.event_id}"][data-status="cleared"]').wait_for(timeout=LIVE_MS)
    assert "the clerk is back" in row.inner_text()
    assert tile.locator(".alert").count() == 0


def test_a_new_incident_goes_on_top_and_the_filter_hides_cleared_ones(page: Page, url: str, reads: MemoryModel) -> None:
    reads.put(incident("clerk_absent", "window/w01", 2000, lasted_s=500))
    open_page(page, f"{url}/?lang=en")
    newest = incident("overtime_case", "window/w03", 1300, limit_s=1200)
    reads.put(newest)
    page.get_by_test_id(f"incident-{newest.event_id}").wait_for(timeout=LIVE_MS)
    assert page.locator(".incident").first.get_attribute("data-rule") == "overtime_case"

    page.get_by_test_id("filter-open").click()
    page.wait_for_selector('.incident[data-status="cleared"]', state="hidden")
    assert page.locator(".incident:visible").count() == 1
    assert page.get_by_test_id("filter-open").get_attribute("aria-pressed") == "true"
    reads.put(incident("overtime_case", "window/w03", 1300, limit_s=1200, lasted_s=1290))
    page.get_by_text("No open incident").wait_for(timeout=LIVE_MS)
    page.get_by_test_id("filter-all").press("Enter")  # the keyboard reaches it
    page.wait_for_function("document.querySelectorAll('.incident').length === 2")
    page.wait_for_selector('.incident[data-status="cleared"]', state="visible")


def test_durations_run_in_the_browser(page: Page, url: str, reads: MemoryModel) -> None:
    reads.put(node("edge-f1", window("w01", "serving", session_s=185)))
    open_page(page, f"{url}/?lang=en")
    ticker = page.get_by_test_id("window-w01").locator("hall-elapsed:visible")
    before = ticker.inner_text()
    assert before.startswith("3 min")
    page.wait_for_function("text => document.querySelector('hall-elapsed').textContent !== text", arg=before)
    assert page.locator("hall-clock").inner_text().startswith("Mon, Jan 5, 10:15:")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_browser_writes_durations_as_the_server_does(page: Page, url: str, reads: MemoryModel, lang: Lang) -> None:
    open_page(page, f"{url}/?lang={lang}")
    seconds = [-1, 0, 9.9, 59, 60, 61, 3599, 3600, 3661, 86399, 86400, 200000]
    script = "([all, zh]) => all.map(s => window.hallwatch.formatDuration(s, zh))"
    assert page.evaluate(script, [seconds, lang == "zh"]) == [format_duration(s, lang) for s in seconds]


def test_a_label_with_markup_is_text(page: Page, url: str, reads: MemoryModel) -> None:
    reads.put(incident("clerk_absent", "window/w09", 400, node="edge-f1b"))
    open_page(page, url)
    assert MARKUP in page.get_by_test_id("window-w09").inner_text()
    assert MARKUP in page.locator(".incident").inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.locator(".tile b").count() == 0


def test_the_page_asks_no_other_host(page: Page, url: str, reads: MemoryModel) -> None:
    reads.put(*busy_morning(NOW))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
    open_page(page, url)
    page.wait_for_load_state("networkidle")
    assert len(asked) > 5
    assert [address for address in asked if not address.startswith((url, "data:"))] == []


_TOO_WIDE = """() => [...document.querySelectorAll('.card, .alert, .pill, .node')]
  .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""
_TOO_PALE = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('.console *')]
    .filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .map(e => { const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
                return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className, e.textContent]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_everything_fits_and_can_be_read(page: Page, url: str, reads: MemoryModel, lang: str) -> None:
    reads.put(*busy_morning(NOW))
    open_page(page, f"{url}/?lang={lang}")
    for width in (1920, 1440, 1100, 768, 390, 360):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(_TOO_WIDE) == [], f"runs out of its box at {width} px"
    # WCAG AA: every text at least 4.5 to 1 on its ground.
    assert page.evaluate(_TOO_PALE) == []


def test_the_chosen_language_is_kept(page: Page, url: str, reads: MemoryModel) -> None:
    open_page(page, url)
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.get_by_test_id("lang-switch").click()
    page.wait_for_selector('html[lang="en-US"]')
    page.goto(url)  # the bare address, as in a bookmark
    page.wait_for_selector('html[lang="en-US"]')


def test_floors_have_pages_and_unknown_ones_say_so(page: Page, url: str, reads: MemoryModel) -> None:
    open_page(page, f"{url}/floor/f2?lang=en")
    assert page.get_by_test_id("node-edge-f2").get_attribute("data-status") == "waiting"
    assert page.get_by_text("Waiting for the first message of box edge-f2").is_visible()
    assert page.locator(".tile").count() == 0
    page.get_by_role("link", name="Floor f1").click()
    page.get_by_test_id("window-w01").wait_for()
    answer = page.goto(f"{url}/floor/<b>f9?lang=en")
    assert answer is not None
    assert answer.status == 404
    assert page.locator("p").first.inner_text() == "This hall has no floor <b>f9"


def test_a_lost_connection_shows_in_the_page_s_language(page: Page, url: str, reads: MemoryModel) -> None:
    open_page(page, f"{url}/?lang=zh")
    assert page.locator("#popup").get_attribute("aria-hidden") == "true"
    assert page.locator("#popup").text_content() is not None
    page.evaluate("window.socket.io.engine.close()")
    page.wait_for_selector('#popup[aria-hidden="false"]', state="attached")
    assert "连接丢失" in (page.locator("#popup").text_content() or "")
    page.wait_for_selector('#popup[aria-hidden="true"]', state="attached")  # and it comes back


def test_there_is_no_picture_of_a_real_hall(page: Page, url: str, reads: MemoryModel) -> None:
    open_page(page, url)
    assert page.locator("hall-view, .view").count() == 0
    camera = sample_hall().floors[0].cameras[0].id
    assert page.request.get(f"{url}/view/{camera}").status == 404


def test_it_keeps_nothing_on_disk(url: str, reads: MemoryModel) -> None:
    # NiceGUI would keep its storage in the working folder; the console uses none.
    assert not Storage.path.exists()
