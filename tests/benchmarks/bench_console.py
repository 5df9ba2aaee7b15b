"""`make console`: what the console costs a phone and the centre, with 4 floors, 60 windows and 200 incidents.

Interaction to next paint on a phone (390x844, its processor four times slower than this machine's, by the DevTools
protocol): the longest of the browser's own `event` entries of each interaction, in steps of 8 ms; beside it how long
it takes until what was asked for is on the page. Then the processor time of the centre while ten consoles are open
and boxes tell their state every ten seconds, as a share of a core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from hall.clock import Instant, SystemClock, to_datetime
from hall.messages import Message, Rule, StateBody, StatusBody, WindowState, ZoneState
from ingest import changes
from ingest.live import load_live, save_live, watch
from tests.support.browser import chromium
from tests.support.centre import Numbered
from tests.support.consoles import Console, boxes, console_of, large_hall, raised

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

INCIDENTS = 200
CONSOLES = 10
SLOWER = 4
GOOD_MS = 200
"""Interaction to next paint that is called good, https://web.dev/articles/inp."""
MOST_SHARE = 0.1
"""Of a core, for ten consoles."""
STATE_EVERY_S = 10.0
_RULES: tuple[Rule, ...] = ("clerk_absent", "clerk_absent", "overtime_case", "long_wait")
_OBSERVE = """
window.slow = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.interactionId) window.slow.push(entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
_TWO_FRAMES = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))"
)


def many_incidents(console: Console, now: Instant) -> None:
    """Of all floors, newest a minute old."""
    nodes, rng = boxes(console.hall), random.Random(1)
    told = []
    for number in range(INCIDENTS):
        floor = rng.choice(console.hall.floors)
        rule = rng.choice(_RULES)
        subject = f"zone/{floor.zones[0].id}" if rule == "long_wait" else f"window/{rng.choice(floor.windows).id}"
        start = now - 360 - 97 * number
        severity = "critical" if rng.random() < 0.3 else "warning"
        told.append(raised(nodes[floor.id], rule, subject, start, at=start + 300, severity=severity))  # type: ignore[arg-type]
    console.take(told, now)


def tell_states(console: Console, nodes: dict[str, Numbered], rng: random.Random, now: Instant) -> None:
    """What the boxes of all floors say, as every ten seconds: some windows are different each time."""
    told: list[Message] = []
    for floor in console.hall.floors:
        windows = [
            WindowState(w.id, "open", "present", to_datetime(now - 900), n % 3, None, "serving" if n % 3 else "idle")
            for w in floor.windows
            for n in [rng.randrange(6)]
        ]
        zones = [ZoneState(z.id, rng.randrange(30), 600.0, 240.0, 500.0, 300.0, 0) for z in floor.zones]
        told.append(nodes[floor.id].message(now, StatusBody("online", "bench")))
        told.append(nodes[floor.id].message(now, StateBody(windows, zones)))

    def take(connection: Any) -> None:
        live = load_live(connection)
        for message in told:
            key = message.hall, message.floor, message.node
            live[key] = watch(live.get(key), message, now)
        save_live(connection, list(live.values()))
        changes.note(connection, [changes.node_subject(key) for key in live])

    console.centre.records.write(take)
    console.centre.reader.changed()


def serve(pipe: Connection) -> None:
    """A centre with its console, in a process of its own, until the other end says something."""
    clock, rng, hall = SystemClock(), random.Random(2), large_hall()
    nodes = boxes(hall)
    with (
        tempfile.TemporaryDirectory(prefix="hallwatch-bench-") as folder,
        console_of(hall, Path(folder), clock) as console,
    ):
        many_incidents(console, clock.now())
        tell_states(console, nodes, rng, clock.now())
        pipe.send(console.url)
        while not pipe.poll(STATE_EVERY_S):
            tell_states(console, nodes, rng, clock.now())


@contextmanager
def served() -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of a centre."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        if not ours.poll(60):
            raise TimeoutError("the console: no answer after 60 s")
        yield ours.recv(), psutil.Process(process.pid)
    finally:
        ours.send("end")
        process.join(20)


class Phone:
    """A phone with the console."""

    def __init__(self, browser: Browser, url: str) -> None:
        context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
        self.page: Page = context.new_page()
        self.page.add_init_script(_OBSERVE)
        self._url = url
        self._tools: CDPSession = context.new_cdp_session(self.page)
        self._tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})

    def open(self, path: str) -> None:
        """Go to a page and wait until it is live."""
        self.page.goto(f"{self._url}{path}")
        self.page.wait_for_function("window.did_handshake === true")
        self.page.evaluate(_TWO_FRAMES)

    def opening(self, path: str, shown: str) -> float:
        """How long it takes from the request to the page with something on it, in ms."""
        begun = time.perf_counter()
        self.page.goto(f"{self._url}{path}", wait_until="commit")
        self.page.locator(shown).first.wait_for()
        self.page.wait_for_function("window.did_handshake === true")
        return 1000 * (time.perf_counter() - begun)

    def measure(self, act: Callable[[Page], None], shown: str) -> tuple[float, float]:
        """Interaction to next paint, and until something is on the page, in ms."""
        self.page.evaluate("window.slow.length = 0")
        begun = time.perf_counter()
        act(self.page)
        self.page.wait_for_function(shown)
        took_ms = 1000 * (time.perf_counter() - begun)
        self.page.evaluate(_TWO_FRAMES)
        slow: list[float] = self.page.evaluate("window.slow")
        return max(slow, default=0.0), took_ms


_LISTED = "document.querySelectorAll('.inbox:not([data-going]) .row').length > 0"


def on_a_phone(browser: Browser, url: str, times: int) -> dict[str, dict[str, float]]:
    """The worst of some tries of each interaction, in ms."""
    found: dict[str, dict[str, float]] = {}
    phone = Phone(browser, url)

    def note(name: str, paint_ms: float, shown_ms: float) -> None:
        worst = found.setdefault(name, {"paint_ms": 0.0, "shown_ms": 0.0})
        worst["paint_ms"] = max(worst["paint_ms"], paint_ms)
        worst["shown_ms"] = max(worst["shown_ms"], round(shown_ms))

    for number in range(times):
        note("open the inbox", 0.0, phone.opening("/incidents?lang=zh", ".row"))
        note("scroll by key", *phone.measure(_scroll, "window.scrollY > 0"))
        floor = f"f{number % 4 + 1}"
        chosen = f"location.search.includes('floor={floor}') && {_LISTED}"
        note("filter by floor", *phone.measure(lambda page, f=floor: _choose(page, f), chosen))  # type: ignore[misc]
        note("filter by status", *phone.measure(lambda page: page.locator('[data-shown="open"]').tap(), _LISTED))
        opened = "document.querySelector('.inbox:not([data-going]) #file-title')?.checkVisibility()"
        row = phone.page.locator(".row-link").nth(number % 5)
        note("open an incident", *phone.measure(lambda _page, one=row: one.tap(), opened))  # type: ignore[misc]
        note("back to the list", *phone.measure(lambda page: page.locator(".back").tap(), _LISTED))
        note("older ones", *phone.measure(_older, f"location.search.includes('after=') && {_LISTED}"))
        note("open the page of a floor", 0.0, phone.opening(f"/floor/{floor}?lang=zh", ".tile"))
        button = phone.page.locator('[data-testid="filter-open"]')
        only_open = "document.querySelector('.incidents').dataset.filter === 'open'"
        note("filter of the floor", *phone.measure(lambda _page, one=button: one.tap(), only_open))  # type: ignore[misc]
        dialog = "document.getElementById('ask-duty').open"
        note("duty of a window", *phone.measure(lambda page: page.locator(".duty-button").first.tap(), dialog))
    return found


def _scroll(page: Page) -> None:
    # Browsers count no swipe as an interaction, but each key.
    for _ in range(3):
        page.keyboard.press("PageDown")


def _choose(page: Page, floor: str) -> None:
    select = page.locator('[data-narrow="floor"]')
    select.tap()  # choosing by value alone is no interaction of the browser's
    select.select_option(floor)


def _older(page: Page) -> None:
    page.evaluate("document.querySelector('[data-shown=ongoing]').click()")
    page.wait_for_function(_LISTED + " && document.querySelector('.pager [rel=next]')")
    page.evaluate("window.slow.length = 0")
    page.locator(".pager [rel=next]").tap()


def of_ten_consoles(browser: Browser, url: str, server: psutil.Process, seconds: float) -> float:
    """Processor time of the centre while ten consoles are open, as a share of a core."""
    pages = [browser.new_context(viewport={"width": 1440, "height": 900}).new_page() for _ in range(CONSOLES)]
    for number, page in enumerate(pages):
        page.goto(f"{url}{'/incidents' if number % 2 else f'/floor/f{number % 4 + 1}'}")
        page.wait_for_function("window.did_handshake === true")
    time.sleep(3)
    before, begun = server.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took_s = server.cpu_times(), time.monotonic() - begun
    for page in pages:
        page.context.close()
    return (after.user + after.system - before.user - before.system) / took_s


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="tries of each interaction; the worst counts")
    parser.add_argument("--seconds", type=float, default=20.0, help="so long ten consoles are watched")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with served() as (url, server), chromium() as browser:
        phone = on_a_phone(browser, url, options.times)
        share = of_ten_consoles(browser, url, server, options.seconds)
    worst_ms = max(one["paint_ms"] for one in phone.values())
    ratios = {"ratio_to_limit_paint": worst_ms / GOOD_MS, "ratio_to_limit_cpu": share / MOST_SHARE}
    if options.json:
        print(json.dumps({"phone": phone, "ten_consoles_core_share": share, **ratios}, ensure_ascii=False))
        return
    print(f"{'on a phone, CPU 1/' + str(SLOWER):28}{'next paint':>12}{'shown after':>13}")
    for name, one in phone.items():
        paint = f"{one['paint_ms']:.0f} ms" if one["paint_ms"] else "< 16 ms"
        print(f"{name:28}{'–' if name.startswith('open the') else paint:>12}{one['shown_ms']:>10.0f} ms")
    print(f"worst {worst_ms:.0f} ms of {GOOD_MS} ms: ratio_to_limit {ratios['ratio_to_limit_paint']:.2f}")
    print(
        f"{CONSOLES} open consoles: {100 * share:.1f} % of a core, {100 * MOST_SHARE:.0f} % allowed: "
        f"ratio_to_limit {ratios['ratio_to_limit_cpu']:.2f}"
    )


if __name__ == "__main__":
    main()
