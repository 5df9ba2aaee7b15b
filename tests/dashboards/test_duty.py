"""Duty commands on the page of a floor, in a real browser over a real centre with a login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from hall.clock import ManualClock
from ingest.duty import in_force
from ingest.input_book import Sender
from tests.support.browser import chromium
from tests.support.centre import T0
from tests.support.consoles import Console, console_of, large_hall
from tests.support.pages import fresh_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NOW = T0 + 1_800
"""09:30 in the hall, a Monday."""
LIVE_MS = 5_000
PASSWORD = "a-long-password-7"
ON_DEMAND, USUAL = "w01", "w02"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("duty")
    with fresh_pages(), console_of(large_hall(1, 4), folder, ManualClock(NOW), login=True) as found:
        assert found.users is not None
        for name, role in (("wang", "manager"), ("gast", "viewer")):
            once = found.users.add("local", name, role)  # type: ignore[arg-type]
            found.users.set_password(name, once, PASSWORD, "127.0.0.1")
        yield found


@pytest.fixture(scope="module")
def pages(browser: Browser, console: Console) -> Iterator[dict[str, Page]]:
    """The floor as a manager sees it on a phone, and as a viewer does."""
    errors: list[str] = []
    found: dict[str, Page] = {}
    contexts = []
    for who, width in (("wang", 390), ("gast", 1440)):
        context = browser.new_context(viewport={"width": width, "height": 844}, timezone_id="America/New_York")
        contexts.append(context)
        assert context.request.post(f"{console.url}/api/login", data={"name": who, "password": PASSWORD}).ok
        page = found[who] = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{console.url}/floor/f1?lang=zh")
        page.wait_for_function("window.did_handshake === true")
    yield found
    for context in contexts:
        context.close()
    assert errors == []


def pass_time(console: Console) -> None:
    """Commands are read once a second, by the clock of the console."""
    clock = console.centre.clock
    assert isinstance(clock, ManualClock)
    clock.advance(1.0)


def line(page: Page, window: str) -> Locator:
    return page.get_by_test_id(f"window-{window}").locator(".duty")


def order(
    console: Console, page: Page, window: str, duty: str, *, span: str | None = None, time: str | None = None
) -> None:
    """Set the duty of a window in the dialog."""
    line(page, window).locator("button").click()
    page.locator(f'#ask-duty .order:visible [value="{duty}"]').check()
    if span is not None:
        page.locator("#ask-duty [name=span]").select_option(span)
    if time is not None:
        page.locator("#ask-duty [name=time]").fill(time)
    page.locator("#ask-duty [type=submit]").click()
    page.locator("#ask-duty").wait_for(state="hidden", timeout=LIVE_MS)
    pass_time(console)


def commands(console: Console) -> dict[str, tuple[str, float | None, str]]:
    with console.centre.records.reading() as connection:
        found = in_force(connection, "demo", console.centre.clock.now())
    return {window: (view.duty, view.until, view.by) for window, view in found.items()}


def test_a_pause_and_its_end_are_on_every_console(pages: dict[str, Page], console: Console) -> None:
    wang, gast = pages["wang"], pages["gast"]
    order(console, wang, USUAL, "paused")
    line(gast, USUAL).get_by_text("暂停服务 · wang").wait_for(timeout=LIVE_MS)
    assert commands(console)[USUAL] == ("paused", None, "wang")
    order(console, wang, USUAL, "open")
    line(gast, USUAL).get_by_text("按时开放 · wang").wait_for(timeout=LIVE_MS)
    assert commands(console)[USUAL] == ("open", None, "wang")


def test_a_leave_ends_at_the_time_of_the_hall(pages: dict[str, Page], console: Console) -> None:
    wang, gast = pages["wang"], pages["gast"]
    order(console, wang, "w03", "leave", span="30")
    # The page was opened some time ago by its own clock, and counts on.
    line(gast, "w03").get_by_text(re.compile(r"^暂离 至 10:\d\d · wang$")).wait_for(timeout=LIVE_MS)
    until = commands(console)["w03"][1]
    assert until is not None
    assert until == pytest.approx(NOW + 1_800, abs=300)
    assert until % 60 == 0
    order(console, wang, "w04", "leave", span="0", time="11:15")  # chosen in New York, of the hall in Shanghai
    line(gast, "w04").get_by_text("暂离 至 11:15 · wang").wait_for(timeout=LIVE_MS)
    assert commands(console)["w04"] == ("leave", T0 + 2.25 * 3_600, "wang")


def test_a_window_on_demand_is_named_so_and_opened(pages: dict[str, Page], console: Console) -> None:
    wang, gast = pages["wang"], pages["gast"]
    assert line(gast, ON_DEMAND).inner_text().strip() == "潮汐窗口"
    line(wang, ON_DEMAND).locator("button").click()
    assert wang.locator("#ask-duty .order:visible b").all_inner_texts() == ["打开窗口", "关闭窗口", "离开至…"]
    wang.keyboard.press("Escape")
    order(console, wang, ON_DEMAND, "open")
    line(gast, ON_DEMAND).get_by_text("已开启 · wang").wait_for(timeout=LIVE_MS)
    assert commands(console)[ON_DEMAND][0] == "open"


def test_a_viewer_may_not(pages: dict[str, Page], console: Console) -> None:
    assert pages["gast"].locator(".duty button, #ask-duty").count() == 0


def test_what_the_centre_refuses_is_said_in_the_dialog(pages: dict[str, Page], console: Console) -> None:
    wang = pages["wang"]
    line(wang, USUAL).locator("button").click()
    wang.locator('#ask-duty .order:visible [value="paused"]').check()
    wang.evaluate("document.querySelector('[data-duty-form]').dataset.window = 'w99'")
    wang.locator("#ask-duty [type=submit]").click()
    wang.locator("#ask-duty .ask-fault", has_text="w99").wait_for(timeout=LIVE_MS)
    wang.keyboard.press("Escape")


def test_what_has_ended_is_not_in_force(console: Console) -> None:
    def tell(key: str, duty: str, **more: str) -> None:
        body = '{"key": "%s", "window": "w04", "duty": "%s"%s}'
        rest = "".join(f', "{name}": "{value}"' for name, value in more.items())
        console.centre.inputs.take("duty/set", (body % (key, duty, rest)).encode(), Sender("demo", "test", "li"))

    def in_force_at(at: float) -> str | None:
        with console.centre.records.reading() as connection:
            found = in_force(connection, "demo", at).get("w04")
        return None if found is None else found.by + " " + found.duty

    tell("t1", "paused", at="2026-01-05T09:31:00+08:00")
    tell("t2", "leave", at="2026-01-05T09:32:00+08:00", until="2026-01-05T09:40:00+08:00")
    assert in_force_at(NOW + 60) == "li paused"
    assert in_force_at(NOW + 120) == "li leave"
    assert in_force_at(NOW + 600) is None  # the newest counts, and it is over: the pause before it is, too
    with console.centre.records.reading() as connection:
        assert in_force(connection, "other", NOW) == {}
