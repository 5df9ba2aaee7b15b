"""`hallwatch demo` as a visitor sees it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from tests.support.browser import chromium
from tests.support.servers import free_port, http_get, listens, wait_until


def start(port: int, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """The demo in a process group of its own, with its own folder for temporary files."""
    command = [sys.executable, "-m", "cli.main", "demo", "--port", str(port), *options]
    with (folder / "demo.log").open("wb") as log:
        environ = os.environ | {"TMPDIR": str(folder / "tmp")}
        return subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)


RULES = ["clerk_absent", "long_wait", "overtime_case"]


def test_every_rule_rises_and_clears_on_the_page_and_sigterm_leaves_nothing(tmp_path: Path) -> None:
    """Within a round of the story, which takes a minute; tests/twin/test_round_story.py counts in capture time."""
    (tmp_path / "tmp").mkdir()
    port = free_port()
    demo = start(port, tmp_path)
    family: list[psutil.Process] = []
    try:
        wait_until(lambda: answers(port), "the page answers", 60)
        with chromium() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/?lang=en")
            look_at_the_view(page, port)
            for rule in RULES:
                raised = page.locator(f'.incident[data-rule="{rule}"]')
                expect(raised.first).to_be_visible(timeout=90_000)
                expect(raised.and_(page.locator('[data-status="cleared"]')).first).to_be_visible(timeout=90_000)
            expect(page.get_by_test_id("window-w02")).to_have_attribute("data-status", re.compile("serving|idle"))
        root = psutil.Process(demo.pid)
        family = [root, *root.children(recursive=True)]
        assert len(family) >= 3, "the demo, its broker and its box"
        listening = [c.laddr for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {address.ip for address in listening} == {"127.0.0.1"}, "somebody listens beyond loopback"
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0, (tmp_path / "demo.log").read_text()
        _, alive = psutil.wait_procs(family, timeout=5)
        assert not alive, alive
        assert not [address for address in listening if listens(address.port)]
        assert list((tmp_path / "tmp").iterdir()) == []
        assert f"http://127.0.0.1:{port}" in (tmp_path / "demo.log").read_text()
    finally:
        end(demo, family)


def end(demo: subprocess.Popen[bytes], family: Sequence[psutil.Process] = ()) -> None:
    """Leave nothing running, whatever the test came to: a demo that is killed cannot end its parts."""
    parts = [*family]
    if demo.poll() is None:
        root = psutil.Process(demo.pid)
        parts += [root, *root.children(recursive=True)]
    for process in parts:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    demo.wait(10)


def look_at_the_view(page: Page, port: int) -> None:
    """Both cameras, with the areas over them in the colours of the tiles; pictures go on coming."""
    expect(page.get_by_text("Demo view (synthetic, people blurred)")).to_be_visible()
    for camera in ("cam1", "cam2"):
        shown = f"document.querySelector('[data-testid=view-{camera}] img')"
        page.wait_for_function(f"{shown} && {shown}.naturalWidth > 600", timeout=60_000)
    first = page.locator("[data-testid=view-cam1] img").get_attribute("src")
    page.wait_for_function(
        "before => document.querySelector('hall-view img').getAttribute('src') !== before", arg=first
    )
    area = page.locator('polygon.area-clerk[data-area="window/w02"]')
    expect(area).to_have_attribute("data-status", re.compile("unknown|serving|idle|unstaffed"))
    assert area.bounding_box() is not None, "a polygon outside of SVG has no box"
    answer = page.request.get(f"http://127.0.0.1:{port}/view/cam1")
    assert answer.body()[:3] == b"\xff\xd8\xff", "no JPEG"
    assert page.request.get(f"http://127.0.0.1:{port}/view/cam3").status == 404


def answers(port: int) -> bool:
    try:
        return "ok" in http_get(f"http://127.0.0.1:{port}/healthz", 1)
    except OSError:
        return False


def test_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    """A terminal sends SIGINT to the whole group, the broker included."""
    (tmp_path / "tmp").mkdir()
    port = free_port()
    demo = start(port, tmp_path)
    try:
        wait_until(lambda: answers(port), "the page answers", 60)
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        end(demo)
    log = (tmp_path / "demo.log").read_text()
    assert log.splitlines()[-1] == "stopped"
    assert "Traceback" not in log
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_source_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    demo = start(free_port(), tmp_path, "--source", "missing.mp4")
    assert demo.wait(30) == 1
    log = (tmp_path / "demo.log").read_text()
    assert "missing.mp4" in log
    assert "Traceback" not in log
    assert list((tmp_path / "tmp").iterdir()) == []
