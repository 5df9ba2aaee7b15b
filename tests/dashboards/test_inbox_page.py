"""The incident inbox in a real browser, over a real centre with a login."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from hall.clock import ManualClock
from hall.messages import EventBody
from tests.support.browser import chromium
from tests.support.centre import T0
from tests.support.consoles import Console, boxes, console_of, large_hall, raised
from tests.support.pages import fresh_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NOW = T0 + 7_200
LIVE_MS = 5_000
"""What changes is on the page within 2 s; a busy machine is given more."""
PASSWORD = "a-long-password-7"
_TESTS = itertools.count()
EVENTS = {
    "absent": ("clerk_absent", "window/w01", "f1"),
    "overtime": ("overtime_case", "window/w05", "f2"),
    "wait": ("long_wait", "zone/z1", "f1"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    hall = large_hall(2, 8)
    folder = tmp_path_factory.mktemp("inbox")
    with fresh_pages(), console_of(hall, folder, ManualClock(NOW), login=True) as found:
        assert found.users is not None
        for name, role in (("wang", "manager"), ("chen", "manager"), ("gast", "viewer")):
            once = found.users.add("local", name, role)  # type: ignore[arg-type]
            found.users.set_password(name, once, PASSWORD, "127.0.0.1")
        yield found


@pytest.fixture(scope="module")
def pages(browser: Browser, console: Console) -> Iterator[dict[str, Page]]:
    """A wide page for each user, logged in, and a phone of wang."""
    contexts: list[BrowserContext] = []
    found: dict[str, Page] = {}
    errors: list[str] = []
    for who, width in (("wang", 1440), ("chen", 1440), ("gast", 1440), ("phone", 390)):
        height = 900 if width > 1000 else 844
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        body = {"name": "wang" if who == "phone" else who, "password": PASSWORD}
        assert context.request.post(f"{console.url}/api/login", data=body).ok
        found[who] = context.new_page()
        found[who].on("pageerror", lambda error: errors.append(str(error)))
    yield found
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def ids(console: Console) -> dict[str, str]:
    """Three incidents of this test's own, by name."""
    return take(console, EVENTS)


def take(console: Console, events: Mapping[str, tuple[str, str, str]]) -> dict[str, str]:
    """Rules about subjects of floors, by name; their ids."""
    start = T0 + 60.0 * next(_TESTS)
    nodes = boxes(console.hall)
    told = {
        name: raised(
            nodes[floor],
            rule,  # type: ignore[arg-type]
            subject,
            start + place,
            at=start + 330 + place,
            severity="critical" if name == "absent" else "warning",
            detail={"fault": "offline"} if rule == "camera_fault" else {},
            snapshot="a.jpg" if name == "absent" else None,
        )
        for place, (name, (rule, subject, floor)) in enumerate(events.items())
    }
    console.take(list(told.values()), NOW)
    return {name: message.body.event_id for name, message in told.items() if isinstance(message.body, EventBody)}


def open_page(page: Page, console: Console, path: str) -> None:
    page.goto(f"{console.url}{path}")
    page.wait_for_function("window.did_handshake === true")


def title_of(page: Page) -> str:
    page.locator(".inbox:not([data-going]) #file-title").wait_for()
    return page.locator("#file-title").inner_text()


def step(page: Page, kind: str) -> str:
    found = page.locator(f'.step[data-kind="{kind}"]').first
    found.wait_for(timeout=LIVE_MS)
    return found.inner_text()


def test_what_one_does_is_on_the_other_console(pages: dict[str, Page], console: Console, ids: dict[str, str]) -> None:
    wang, chen = pages["wang"], pages["chen"]
    path = f"/incidents/{ids['absent']}?lang=zh"
    open_page(wang, console, path)
    open_page(chen, console, path)
    assert title_of(chen) == "离岗 · 1号窗口 · 医保"
    wang.locator('[data-act="acknowledge"]').click()
    assert "wang" in step(chen, "acknowledged")
    chen.locator(f'[data-testid="row-{ids["absent"]}"] [data-status="acknowledged"]').wait_for(timeout=LIVE_MS)
    chen.locator('[data-act="acknowledge"]').wait_for(state="detached", timeout=LIVE_MS)

    chen.locator('[data-act="note"]').click()
    chen.locator("#ask-note textarea").fill("<b>在路上</b> & 马上到")
    chen.keyboard.press("Tab")
    chen.keyboard.press("Tab")
    chen.keyboard.press("Enter")
    assert "<b>在路上</b> & 马上到" in step(wang, "noted")

    wang.locator('[data-act="assign"]').click()
    wang.locator("#ask-assign input").fill("陈主任")
    wang.locator("#ask-assign [type=submit]").click()
    assert "陈主任" in step(chen, "assigned")

    chen.locator('[data-act="appeal"]').click()
    chen.locator("#ask-appeal textarea").fill("在后台取件")
    chen.locator("#ask-appeal [type=submit]").click()
    wang.locator('[data-act="decide"]').click(timeout=LIVE_MS)
    wang.locator('#ask-decide [value="upheld"]').check()
    wang.locator("#ask-decide textarea").fill("监控可见")
    wang.locator("#ask-decide [type=submit]").click()
    assert "申诉成立" in step(chen, "decided")
    chen.locator(".fact-list", has_text="误报").wait_for(timeout=LIVE_MS)
    wang.locator('[data-act="close"]').wait_for(state="detached", timeout=LIVE_MS)
    assert wang.locator("[data-act]").evaluate_all("all => all.map(one => one.dataset.act)") == ["note"]


def test_what_the_centre_refuses_is_said_in_the_dialog(
    pages: dict[str, Page], console: Console, ids: dict[str, str]
) -> None:
    page = pages["wang"]
    open_page(page, console, f"/incidents/{ids['overtime']}?lang=en")
    page.locator('[data-act="close"]').click()
    assert page.get_by_text("It still goes on: please say why it is closed.").is_visible()
    page.locator("#ask-close [type=submit]").click()  # the browser asks for the note
    assert page.locator("#ask-close").evaluate(
        "dialog => dialog.open && !dialog.querySelector('textarea').validity.valid"
    )
    page.evaluate("document.querySelector('#ask-close textarea').required = false")
    page.locator("#ask-close [type=submit]").click()
    page.locator(".ask-fault", has_text="it still is wrong; expected a note").wait_for(timeout=LIVE_MS)
    page.keyboard.press("Escape")
    assert page.locator("#ask-close").is_hidden()
    assert page.locator('.step[data-kind="closed"]').count() == 0


def test_a_viewer_reads_and_is_offered_nothing(pages: dict[str, Page], console: Console, ids: dict[str, str]) -> None:
    page = pages["gast"]
    open_page(page, console, f"/incidents/{ids['wait']}?lang=zh")
    assert title_of(page) == "等候过久 · 1楼等候区"
    assert page.locator("[data-act], dialog").count() == 0
    assert page.get_by_text("处理事件需要管理人员权限").is_visible()
    assert page.get_by_text("该事件没有图片。").is_visible()


def test_filters_narrow_the_list_and_stand_in_the_address(
    pages: dict[str, Page], console: Console, ids: dict[str, str]
) -> None:
    page = pages["wang"]
    open_page(page, console, "/incidents?lang=en")
    page.locator('[data-narrow="floor"]').select_option("f2")
    page.locator(f'[data-testid="row-{ids["wait"]}"]').wait_for(state="detached", timeout=LIVE_MS)
    assert page.locator(f'[data-testid="row-{ids["overtime"]}"]').is_visible()
    assert "floor=f2" in page.url
    page.locator('[data-shown="cleared"]').click()
    page.get_by_text("No incident fits").wait_for(timeout=LIVE_MS)
    page.go_back()
    page.locator(f'[data-testid="row-{ids["overtime"]}"]').wait_for(timeout=LIVE_MS)
    page.reload()
    page.wait_for_function("window.did_handshake === true")
    assert page.locator('[data-narrow="floor"]').input_value() == "f2"
    count = page.locator('[data-shown="ongoing"] .shown-count').inner_text()
    assert page.locator(".row").count() == int(count)


def test_consequences_are_folded_under_their_cause(pages: dict[str, Page], console: Console) -> None:
    ids = take(console, {"fault": ("camera_fault", "camera/c02", "f1"), "under": ("clerk_absent", "window/w02", "f1")})
    page = pages["wang"]
    open_page(page, console, "/incidents?lang=zh")
    assert page.locator(f'[data-testid="row-{ids["under"]}"]').count() == 0
    row = page.get_by_test_id(f"row-{ids['fault']}")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    row.locator(".small", has_text="2号窗口").click()
    assert title_of(page).startswith("离岗 · 2号窗口")
    assert page.url.split("?")[0].endswith(ids["under"])
    page.locator(".file-part .small", has_text="摄像机故障").click()
    page.locator("#file-title", has_text="摄像机故障").wait_for(timeout=LIVE_MS)


def test_the_floor_page_leads_to_the_inbox_and_folds_alike(pages: dict[str, Page], console: Console) -> None:
    page = pages["wang"]
    ids = take(console, {"fault": ("camera_fault", "camera/c07", "f2"), "under": ("clerk_absent", "window/w07", "f2")})
    open_page(page, console, "/floor/f2?lang=zh")
    row = page.get_by_test_id(f"incident-{ids['fault']}")
    row.locator("summary").click()
    member = row.locator(".incident-member")
    assert member.locator(".incident-subject").inner_text() == "离岗 · 7号窗口 · 公积金"
    assert page.get_by_test_id(f"incident-{ids['under']}").count() == 0
    member.click()
    assert title_of(page).startswith("离岗 · 7号窗口")
    open_page(page, console, "/floor/f2?lang=zh")
    page.get_by_test_id("window-w07").locator(".alert").first.click()
    assert title_of(page).startswith("离岗 · 7号窗口")
    page.go_back()
    row.click(position={"x": 80, "y": 40})  # anywhere on it
    assert title_of(page).startswith("摄像机故障 · 摄像机 c07")


def test_on_a_phone_the_list_and_the_incident_are_pages_of_their_own(
    pages: dict[str, Page], console: Console, ids: dict[str, str]
) -> None:
    page = pages["phone"]
    open_page(page, console, "/incidents?lang=zh")
    assert page.locator(".inbox-file").is_hidden()
    page.get_by_test_id(f"row-{ids['wait']}").locator(".row-link").click()
    assert title_of(page) == "等候过久 · 1楼等候区"
    assert page.locator(".inbox-list").is_hidden()
    small = page.locator(".inbox-file button:visible, .inbox-file a:visible").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().height).filter(height => height < 44)"
    )
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator(".back").click()
    page.locator(".inbox-list").wait_for(timeout=LIVE_MS)
    assert page.locator(".inbox-file").is_hidden()
    assert re.search(r"/incidents\?lang=zh$", page.url)


def test_a_picture_that_cannot_be_had_is_said_in_words(
    pages: dict[str, Page], console: Console, ids: dict[str, str]
) -> None:
    page = pages["chen"]
    path = re.compile(r"/api/incidents/.*/picture$")
    page.route(path, lambda route: route.fulfill(status=404, json={"detail": "the box has it no more"}))
    open_page(page, console, f"/incidents/{ids['absent']}?lang=zh")
    page.locator("hall-evidence", has_text="图片暂时无法调取。").wait_for(timeout=LIVE_MS)
    assert "the box has it no more" in page.locator("hall-evidence").inner_text()
    assert page.locator("hall-evidence img").count() == 0
    page.unroute(path)
    dot = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
    page.route(path, lambda route: route.fulfill(status=200, body=dot, content_type="image/gif"))
    page.locator("hall-evidence button").click()
    picture = page.locator("hall-evidence img")
    picture.wait_for(timeout=LIVE_MS)
    assert "1号窗口" in (picture.get_attribute("alt") or "")
    page.unroute(path)


def test_an_incident_that_is_not_there(pages: dict[str, Page], console: Console) -> None:
    page = pages["chen"]
    open_page(page, console, "/incidents/nothing-of-the-kind?lang=en")
    assert page.get_by_text("There is no such incident").is_visible()
