"""From a command to a box and back: a real broker, a real store, the centre as a process, a box that sees nobody."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from edge.live import LoopClock
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.load import parse_hall
from tests.support.centre import IngestProcess
from tests.support.clips import CLIPS, clip_hall_text
from tests.support.machine import Machine
from tests.support.mqtt import recording
from tests.support.nobody import Nobody
from tests.support.servers import Server, running, victoria_metrics, wait_until
from vision.detector import Detector

HALL = clip_hall_text(
    limits={"clerk_absent": "2s", "called_but_no_clerk": "2s", "long_wait": "10min"}, presence={"window": "2s"}
)


@contextmanager
def box(folder: Path, port: int) -> Iterator[None]:
    """A box on which nobody is ever seen, so that every clerk is absent."""
    loop = LoopClock.around([str(CLIPS / "cam1.mp4")], time.time())
    settings = parse_broker(f"mqtt://127.0.0.1:{port}")
    detector = cast("Detector", Nobody())
    service = EdgeService(parse_hall(HALL), "edge-f1", detector, settings, folder / "box", loop=loop)
    thread = threading.Thread(target=service.run, name="box")
    thread.start()
    try:
        yield
    finally:
        service.stop()
        thread.join()


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "victoria"
    folder.mkdir()
    with running(victoria_metrics(folder)) as server:
        yield server


def incident(centre: IngestProcess, rule: str, window: str) -> dict[str, Any]:
    """The newest of a rule at a window; empty where there is none."""
    found = centre.get("/api/incidents?limit=100")["items"]
    return next((one for one in found if (one["rule"], one["subject"]) == (rule, f"window/{window}")), {})


def duty(centre: IngestProcess, window: str) -> str | None:
    states = centre.get("/api/state")["windows"]
    return next((one["duty"] for one in states if one["window"] == window), None)


def post(centre: IngestProcess, what: str, **said: Any) -> dict[str, Any]:
    address = f"http://127.0.0.1:{centre.port}/api/halls/demo/{what}"
    answer = httpx.post(address, content=json.dumps(said).encode(), timeout=10)
    assert answer.status_code == 200, answer.text
    return cast("dict[str, Any]", answer.json())


def in_store(victoria: Server, name: str) -> list[float]:
    httpx.get(f"http://127.0.0.1:{victoria.port}/internal/force_flush", timeout=10)
    asked = {"match[]": name}
    text = httpx.get(f"http://127.0.0.1:{victoria.port}/api/v1/export", params=asked, timeout=10).text
    return [value for line in text.splitlines() for value in json.loads(line)["values"]]


def test_a_command_clears_an_absence_and_outlives_box_and_centre(
    tmp_path: Path, broker: Server, victoria: Server
) -> None:
    store = f"--store=victoria+http://127.0.0.1:{victoria.port}"
    centre = IngestProcess(tmp_path, broker.port, store, hall=HALL)
    with centre:
        with box(tmp_path, broker.port):
            wait_until(lambda: incident(centre, "clerk_absent", "w01").get("status") == "open", "nobody is there", 30)
            assert post(centre, "duty", key="d-1", window="w01", duty="paused")["accepted"]
            wait_until(lambda: incident(centre, "clerk_absent", "w01")["status"] == "cleared", "the pause clears it")
            assert incident(centre, "clerk_absent", "w01")["reason"] == "paused"
            assert duty(centre, "w01") == "paused"
            assert (duty(centre, "w02"), incident(centre, "clerk_absent", "w02")["status"]) == ("open", "open")
        paused = incident(centre, "clerk_absent", "w01")
        centre.stop()
        centre.start()
        with recording(broker.port, "hallwatch/1/demo/reply/#") as heard, box(tmp_path, broker.port):
            machine = Machine(broker.port)
            machine.ask("ticket", {"key": "t-1", "ticket": "A012", "event": "called", "window": "w02"}, b"7")
            heard.wait(lambda got: got, "the reply")
            assert json.loads(heard.received[0].payload)["accepted"]
            assert heard.received[0].correlation == b"7"
            machine.close()
            wait_until(lambda: incident(centre, "called_but_no_clerk", "w02"), "nobody comes to the call", 30)
            assert duty(centre, "w01") == "paused"
            assert incident(centre, "clerk_absent", "w01") == paused
            post(centre, "ratings", key="r-1", window="w02", score=2)
            post(centre, "ratings", key="r-1", window="w02", score=2)
            wait_until(lambda: in_store(victoria, "rating_score"), "the rating is in the store")
            assert in_store(victoria, "rating_score") == [2.0]
            assert in_store(victoria, '{__name__="event_limit_s", rule="called_but_no_clerk", phase="raised"}') == [2.0]
