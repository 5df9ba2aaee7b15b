"""The guide display: what it says and keeps to itself, on screens of both shapes, with and without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from fastapi import FastAPI

from dashboards import guide
from dashboards.feed import Feed
from dashboards.guide.state import Handling, build_state
from dashboards.site import Site
from hall.clock import Instant, ManualClock, to_datetime
from hall.errors import RecordsError
from hall.layout import Hall
from hall.messages import SessionBody
from hall.views import NodeView, ReadModel
from ingest.login import add_login
from ingest.records import Records
from ingest.schema import sessions
from ingest.tickets import TicketWaits
from ingest.users import Users
from tests.dashboards.sample_hall import MARKUP, NOW, MemoryModel, busy_morning, node, sample_hall, window, zone
from tests.support.asking import ask
from tests.support.browser import chromium
from tests.support.consoles import large_hall
from tests.support.pages import serving_app
from tests.support.servers import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDE, TALL = {"width": 1920, "height": 1080}, {"width": 1080, "height": 1920}


def a_site(hall: Hall, reads: ReadModel, clock: ManualClock | None = None, **more: Any) -> Site:
    app, clock = FastAPI(), clock or ManualClock(NOW)
    site = Site(app=app, hall=hall, feed=Feed(hall, reads, clock), reads=reads, clock=clock, **more)
    guide.add(site)
    return site


def state_of(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = ask(site.app, "GET", "/guide/f1/state").json()
    return found


def test_only_what_citizens_may_know_is_told() -> None:
    reads = MemoryModel()
    reads.put(*busy_morning(NOW))
    told = state_of(a_site(sample_hall(), reads))
    assert set(told) == {"hall", "floor", "zone_info", "figures_at", "windows", "zones"}
    assert {key for one in told["windows"] for key in one} == {"label", "service", "status", "extra"}
    assert {key for one in told["zones"] for key in one} == {"label", "waiting", "expected_s", "handling_s", "go"}
    text = json.dumps(told)
    for word in ("edge-", "absent", "clerk", "incident", "unstaffed", "cam"):
        assert word not in text


@pytest.mark.parametrize(
    ("duty", "status", "said"),
    [
        ("open", "serving", "serving"),
        ("open", "idle", "free"),
        ("open", "unstaffed", "paused"),
        ("paused", "idle", "paused"),
        ("leave", "unstaffed", "paused"),
        ("closed", "closed", "closed"),
        ("open", "unknown", "unknown"),
    ],
)
def test_a_clerk_who_is_away_is_a_window_that_is_paused(duty: Any, status: Any, said: str) -> None:
    reads = MemoryModel()
    reads.put(node("edge-f1", msgspec.structs.replace(window("w01", status), duty=duty)))
    told = state_of(a_site(sample_hall(), reads))
    assert told["windows"][0]["status"] == said
    assert told["windows"][1]["status"] == "unknown"


def test_what_is_old_is_unknown_and_never_nothing() -> None:
    reads = MemoryModel()
    reads.put(node("edge-f1", window("w01", "idle"), at=NOW - 90, zones=[zone("hall", 3)]))
    told = state_of(a_site(sample_hall(), reads))
    assert told["windows"][0]["status"] == "unknown"
    assert (told["zones"][0]["waiting"], told["zones"][0]["expected_s"]) == (None, None)
    assert told["figures_at"] == NOW - 90
    assert state_of(a_site(sample_hall(), MemoryModel()))["figures_at"] is None


def test_tickets_tell_where_cameras_cannot_and_handling_is_of_the_windows_that_a_zone_leads_to() -> None:
    hall = sample_hall(serves={"hall": ["w01", "w02", "w03"]})
    windows = [window("w01", "serving"), window("w02", "unstaffed"), window("w03", "idle")]
    nodes = [node("edge-f1", *windows, zones=[zone("hall", None)])]
    tickets = {"hall": TicketWaits(4, 700.0, 9, 480.0, 900.0)}
    handling = {"w01": Handling(2, 600.0), "w02": Handling(1, 900.0), "w09": Handling(50, 1.0)}
    found = build_state(hall, hall.floors[0], nodes, tickets, handling, NOW).zones[0]
    assert (found.waiting, found.expected_s, found.handling_s) == (4, 480.0, 500.0)
    assert found.go == ["1号窗口", "3号窗口"]
    seen = [node("edge-f1", *windows, zones=[zone("hall", 0)])]
    assert build_state(hall, hall.floors[0], seen, tickets, handling, NOW).zones[0].expected_s == 0.0


def test_sessions_of_the_last_hour_are_read_from_the_records(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/records.db")
    hall = sample_hall(serves={"hall": ["w01"]})
    rows = [("a", NOW - 100, 300.0, "f1"), ("b", NOW - 200, 500.0, "f1"), ("old", NOW - 4000, 9.0, "f1")]
    rows += [("elsewhere", NOW - 100, 9.0, "f2")]
    with records.writing() as connection:
        for name, ended_at, duration_s, floor in rows:
            body = SessionBody(
                name, "w01", to_datetime(ended_at - duration_s), to_datetime(ended_at), duration_s, False
            )
            connection.execute(
                sessions.insert().values(
                    session_id=body.session_id,
                    hall=hall.hall.id,
                    floor=floor,
                    node="edge",
                    window="w01",
                    started_at=ended_at - duration_s,
                    ended_at=ended_at,
                    duration_s=duration_s,
                    unknown_s=0.0,
                    overtime=False,
                )
            )
    assert state_of(a_site(hall, MemoryModel(), records=records))["zones"][0]["handling_s"] == 400.0
    records.close()


def test_it_asks_for_no_login_and_opens_nothing_else(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path}/records.db")
    users = Users(records, ManualClock(NOW))
    users.start()
    site = a_site(sample_hall(), MemoryModel(), records=records)
    add_login(site.app, users, site.hall.hall.id)
    assert ask(site.app, "GET", "/guide").headers["location"] == "/guide/f1"
    for path in ("/guide/f1", "/guide/f1/state", "/guide/static/guide.js", "/guide/static/guide.css"):
        assert ask(site.app, "GET", path).status_code == 200, path
    for path in ("/guide/f9", "/guide/f9/state", "/guide/static/../page.py", "/guide/static/page.py"):
        assert ask(site.app, "GET", path).status_code == 404, path
    assert ask(site.app, "POST", "/guide/f1/state").status_code in {303, 307, 401, 403}
    assert ask(site.app, "GET", "/guidebook").headers["location"].startswith("/login")
    assert ask(site.app, "GET", "/api/nodes").status_code == 401
    records.close()


def test_nothing_is_sent_or_made_again_while_nothing_changed() -> None:
    reads, clock = MemoryModel(), ManualClock(NOW)
    reads.put(*busy_morning(NOW))
    site = a_site(sample_hall(), reads, clock)
    first = ask(site.app, "GET", "/guide/f1/state")
    tag = first.headers["etag"]
    again = ask(site.app, "GET", "/guide/f1/state", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert float(again.headers["x-now"]) == NOW
    assert reads.reads == 1
    reads.put(node("edge-f1", window("w01", "closed")))
    clock.advance(0.5)
    assert ask(site.app, "GET", "/guide/f1/state", headers={"If-None-Match": tag}).status_code == 304
    clock.advance(0.5)
    assert ask(site.app, "GET", "/guide/f1/state", headers={"If-None-Match": tag}).status_code == 200
    assert reads.reads == 2


class Unreadable(MemoryModel):
    """Records that can be read for a while only."""

    away = False

    def nodes(self) -> Sequence[NodeView]:
        if self.away:
            raise RecordsError("the records are away")
        return super().nodes()


def test_what_was_known_stays_while_the_records_are_away_and_grows_old() -> None:
    reads, clock = Unreadable(), ManualClock(NOW)
    reads.put(node("edge-f1", window("w01", "idle"), zones=[zone("hall", 3)]))
    site = a_site(sample_hall(), reads, clock)
    assert state_of(site)["windows"][0]["status"] == "free"
    reads.away = True
    clock.advance(30)
    told = state_of(site)
    assert (told["windows"][0]["status"], told["zones"][0]["waiting"], told["figures_at"]) == ("free", 3, NOW)
    clock.advance(40)
    told = state_of(site)
    assert (told["windows"][0]["status"], told["zones"][0]["waiting"], told["figures_at"]) == ("unknown", None, NOW)


def test_a_window_that_was_opened_on_demand_is_said_to_be_one() -> None:
    reads = MemoryModel()
    reads.put(node("edge-f1", window("w01", "idle"), window("w02", "idle")))
    assert [one["extra"] for one in state_of(a_site(large_hall(1, 3), reads))["windows"]] == [True, False, False]
    reads.put(node("edge-f1", window("w01", "closed")))
    assert [one["extra"] for one in state_of(a_site(large_hall(1, 3), reads))["windows"]] == [False, False, False]


class Screens:
    """A server of the guide that can be stopped."""

    def __init__(self, site: Site) -> None:
        self.port, self._site = free_port(), site
        self._clock = site.clock
        self.start()

    def later(self) -> Instant:
        """The time a second on: by then a screen is told what came in."""
        assert isinstance(self._clock, ManualClock)
        self._clock.advance(1)
        return self._clock.now()

    def start(self) -> None:
        self._serving = ExitStack()
        self._serving.enter_context(serving_app(self._site.app, self.port))

    def stop(self) -> None:
        self._serving.close()


@pytest.fixture(scope="module")
def reads() -> MemoryModel:
    return MemoryModel()


@pytest.fixture(scope="module")
def screens(reads: MemoryModel) -> Iterator[Screens]:
    found = Screens(a_site(sample_hall(labels={"w02": MARKUP}), reads))
    yield found
    found.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser, reads: MemoryModel, screens: Screens) -> Iterator[Page]:
    reads.clear()
    reads.put(*busy_morning(screens.later()))
    with browser.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.clock.install()
        yield page
        assert errors == []


def open_guide(page: Page, screens: Screens, query: str = "", viewport: Any = WIDE) -> None:
    page.set_viewport_size(viewport)
    page.goto(f"http://127.0.0.1:{screens.port}/guide/f1{query}")
    page.locator(".window").first.wait_for()


def px_of(page: Page, selector: str) -> float:
    return float(page.locator(selector).first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))


def beyond_the_screen(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.window, .zone, header, footer')].filter(e => {
             const b = e.getBoundingClientRect();
             return b.right > innerWidth + 1 || b.bottom > innerHeight + 1 || e.scrollWidth > e.clientWidth + 2;
           }).map(e => e.className)"""
    )
    return found


@pytest.mark.parametrize(
    ("viewport", "query"),
    [
        (WIDE, ""),
        (TALL, ""),
        ({"width": 3840, "height": 2160}, ""),
        (WIDE, "?print=large"),
        (WIDE, "?contrast=high&lang=en"),
        (WIDE, "?print=large&lang=en"),
        (TALL, "?lang=both"),
    ],
)
def test_letters_are_large_and_nothing_is_cut_off(page: Page, screens: Screens, viewport: Any, query: str) -> None:
    open_guide(page, screens, query, viewport)
    unit = min(viewport["width"], viewport["height"]) / 1080
    for selector in (".name", ".status", ".wait b"):
        assert px_of(page, selector) >= 64 * unit * (1.3 if "large" in query else 1)
    assert beyond_the_screen(page) == []
    cut = page.evaluate(
        """() => [...document.querySelectorAll('h1, h2, .name, .status')]
             .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"""
    )
    assert [text for text in cut if MARKUP not in text] == []
    assert page.locator(".window svg use").count() == page.locator(".window").count()


def test_words_are_shown_as_they_stand_in_both_languages(page: Page, screens: Screens) -> None:
    open_guide(page, screens, "?lang=both", TALL)
    assert page.get_by_text(MARKUP).count() == 1
    assert "办理中" in page.locator(".window[data-status=serving]").first.inner_text()
    assert "Serving" in page.locator(".window[data-status=serving]").first.inner_text()
    open_guide(page, screens, "?lang=en")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "办理中" not in page.locator("#windows").inner_text()


def test_what_does_not_fit_turns_by_itself(page: Page, screens: Screens) -> None:
    open_guide(page, screens, "?print=large")
    first = page.locator("#windows").inner_text()
    assert page.locator("#turn").inner_text().startswith("第 1 / ")
    page.clock.run_for(9100)
    assert page.locator("#turn").inner_text().startswith("第 2 / ")
    assert page.locator("#windows").inner_text() != first


def test_sixty_windows_turn_page_by_page_and_none_is_left_out_or_shrinks(page: Page) -> None:
    reads = MemoryModel()
    reads.put(node("edge-f1", *(window(f"w{n:02}", "idle") for n in range(1, 61)), zones=[zone("z1", 42)]))
    screens = Screens(a_site(large_hall(1, 60), reads))
    try:
        for viewport in (WIDE, TALL):
            open_guide(page, screens, "", viewport)
            pages, seen = int(page.locator("#turn").inner_text().split("/")[1].split()[0]), set()
            for _ in range(pages):
                seen |= {text.split("\n")[0] for text in page.locator(".name").all_inner_texts()}
                assert min(px_of(page, ".name"), px_of(page, ".status")) >= 64
                assert beyond_the_screen(page) == []
                page.clock.run_for(9000)
            assert pages > 1
            assert seen == {f"{n}号窗口" for n in range(1, 61)}
    finally:
        screens.stop()


def test_without_the_centre_it_keeps_its_figures_says_how_old_they_are_and_comes_back(
    page: Page, screens: Screens, reads: MemoryModel
) -> None:
    reads.clear()
    reads.put(node("edge-f1", window("w01", "idle"), at=screens.later() - 5, zones=[zone("hall", 3)]))
    open_guide(page, screens)
    assert page.locator("body").get_attribute("data-age") == "fresh"
    assert page.locator("#age").inner_text() == ""
    screens.stop()
    page.clock.run_for(60_000)
    # The clock of the page runs on by itself beside what it is put forward by.
    assert re.fullmatch("数据更新于 [67][0-9] 秒前", page.locator("#age").inner_text())
    assert "空闲" in page.locator(".window").first.inner_text()
    page.clock.run_for(300_000)
    assert re.fullmatch("数据更新于 [67] 分钟前，请以现场叫号为准", page.locator("#age").inner_text())
    assert page.locator("body").get_attribute("data-age") == "lost"
    screens.start()
    reads.put(node("edge-f1", window("w01", "closed"), at=screens.later()))
    page.wait_for_timeout(100)
    page.clock.run_for(2_100)
    page.locator("body[data-age=fresh]").wait_for()
    assert "未开放" in page.locator(".window").first.inner_text()
