"""axe-core finds nothing serious on any page, in both languages, on desk and phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from nicegui import Client

from hall.clock import ManualClock
from hall.messages import StateBody
from tests.dashboards.sample_hall import window, zone
from tests.support.axe import serious
from tests.support.browser import chromium
from tests.support.centre import T0
from tests.support.consoles import Console, boxes, console_of, large_hall, large_hall_text, raised
from tests.support.pages import fresh_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

NOW = T0 + 7_200
PASSWORD = "a-long-password-7"
DESK, PHONE = (1440, 900), (390, 844)

PLACES = {"floor": "f1", "camera": "c01", "window": "w02", "zone": "z1"}
"""What stands in the address of a page that is of something; an incident is known when it was raised."""
PLAIN = ("/guide/f1", "/guide/f1?contrast=high", "/guide/f1?print=large", "/login", "/a/{link}")
"""Pages of our own, beside NiceGUI."""
DRAWN = {"/guide/": ".window", "/calibration/": ".cal-card"}
"""What the script of a page puts there when it has asked for it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("axe")
    hall_file = folder / "hall.yaml"
    hall_file.write_text(large_hall_text(2, 8), encoding="utf-8")
    hall = large_hall(2, 8)
    with fresh_pages(), console_of(hall, folder, ManualClock(NOW), login=True, hall_file=hall_file) as found:
        assert found.users is not None
        found.users.set_password("boss", found.users.add("local", "boss", "admin"), PASSWORD, "127.0.0.1")
        yield found


@pytest.fixture(scope="module")
def event(console: Console) -> str:
    """An incident that goes on, beside others; some windows and a zone are seen."""
    node = boxes(console.hall)["f1"]
    states = [window("w01", "unstaffed", "absent"), window("w02", "serving", session_s=300.0), window("w03", "idle")]
    told = [
        node.message(NOW - 5, StateBody([*states, window("w04", "closed")], [zone("z1", 4, (31, 9, 30), over=1)])),
        raised(node, "clerk_absent", "window/w01", NOW - 900, at=NOW - 600, severity="critical"),
        raised(node, "overtime_case", "window/w02", NOW - 700, at=NOW - 400),
    ]
    console.take(told, NOW)
    return str(told[1].body.event_id)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def contexts(browser: Browser, console: Console) -> Iterator[dict[str, BrowserContext]]:
    found = {}
    for name, (width, height) in {"desk": DESK, "phone": PHONE}.items():
        found[name] = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        assert found[name].request.post(f"{console.url}/api/login", data={"name": "boss", "password": PASSWORD}).ok
    yield found
    for context in found.values():
        context.close()


def every_page(console: Console, event: str) -> tuple[list[str], list[str]]:
    """The pages of NiceGUI, whatever rooms there are: a new one is looked at without being named here; then ours."""
    assert console.centre.links is not None
    link = console.centre.links.url(event, 1, 1, "zh").rpartition("/")[2]
    named = {**PLACES, "event_id": event, "link": link}
    pages = ["/floor/f2", *sorted(Client.page_routes.values())]
    return [path.format(**named) for path in pages], [path.format(**named) for path in PLAIN]


@pytest.mark.parametrize(("where", "lang"), [("desk", "zh"), ("phone", "zh"), ("desk", "en")])
def test_nothing_serious_is_found(
    console: Console, contexts: dict[str, BrowserContext], event: str, where: str, lang: str
) -> None:
    page = contexts[where].new_page()
    pages, plain = every_page(console, event)
    found = {}
    for path in pages + plain:
        answer = page.goto(f"{console.url}{path}{'&' if '?' in path else '?'}lang={lang}")
        assert answer is not None, path
        assert answer.ok, path
        if path in pages:
            page.wait_for_function("window.did_handshake")
        for start, selector in DRAWN.items():
            if path.startswith(start):
                page.locator(selector).first.wait_for()
        found[path] = serious(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
    page.close()
    assert len(found) > len(PLAIN)
    assert {path: faults for path, faults in found.items() if faults} == {}
