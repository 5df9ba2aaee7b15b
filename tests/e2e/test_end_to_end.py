"""From recordings through a real broker into real stores, with everything that can be killed killed."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from edge.outbox import Outbox
from edge.publisher import Publisher, Retry
from edge.replay import replay
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.messages import EventBody, Message, compose
from hall.topics import Address
from ingest.points import points_of
from tests.support.centre import IngestProcess
from tests.support.clips import CLIPS, clip_hall
from tests.support.mqtt import remember_subscriptions
from tests.support.servers import Server, influx_query, influxdb1, mosquitto, running, victoria_metrics, wait_until
from tests.support.webhook import Webhook
from vision.detector import Detector

LIMITS = {
    "limits": {"clerk_absent": "8s", "long_wait": "10s", "overtime_case": "10s", "clear_hold": "2s"},
    "presence": {"window": "4s"},
    "session": {"open_after": "2s", "close_after": "2s"},
}
Point = tuple[str, frozenset[tuple[str, str]], str, int, float]
"""Measurement, tags, field, milliseconds, value."""


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, detector: Detector) -> tuple[str, list[Message]]:
    """The hall file's text and what a replay of the clips says, dated now, so that nothing is late."""
    path, hall = clip_hall(tmp_path_factory.mktemp("e2e"), **LIMITS)
    messages: list[Message] = []
    sources = {camera: str(CLIPS / f"{camera}.mp4") for camera in ("cam1", "cam2")}
    start = float(int(time.time()))
    replay(hall, sources, detector, start=start, fit=detector.input_size, emit=messages.append)
    return path.read_text(encoding="utf-8"), messages


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server, Server]]:
    """Broker, VictoriaMetrics and InfluxDB, each in a folder of its own."""
    made = []
    for make in (mosquitto, victoria_metrics, influxdb1):
        folder = tmp_path / make.__name__
        folder.mkdir()
        made.append(make(folder))
    with running(made[0]) as broker, running(made[1]) as victoria, running(made[2]) as influx:
        influx_query(influx.port, "CREATE DATABASE hallwatch")
        yield broker, victoria, influx


def test_nothing_is_lost_and_nothing_comes_twice(
    replayed: tuple[str, list[Message]], servers: tuple[Server, Server, Server], tmp_path: Path
) -> None:
    """Broker dead for ten seconds, ingest killed with -9: points, incidents and alerts as if nothing had been."""
    hall_text, said = replayed
    broker, victoria, influx = servers
    address = Address("demo", "f1", "edge-f1")
    messages = [compose(address, "boot-e2e", m.seq, m.captured_at.timestamp(), m.body) for m in said]
    outbox = Outbox(tmp_path / "outbox.db")
    sender = Publisher(
        outbox,
        address,
        "boot-e2e",
        "test",
        parse_broker(f"mqtt://127.0.0.1:{broker.port}"),
        SystemClock(),
        late_after_s=3600,
        retry=Retry(first_s=0.1, most_s=0.5),
    )
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with Webhook() as hook:
        to_victoria = IngestProcess(
            tmp_path / "a",
            broker.port,
            f"--store=victoria+http://127.0.0.1:{victoria.port}",
            f"--alert={hook.url}",
            "--name=a",
            hall=hall_text,
        )
        to_influx = IngestProcess(
            tmp_path / "b",
            broker.port,
            f"--store=influxdb1+http://127.0.0.1:{influx.port}/hallwatch",
            "--name=b",
            hall=hall_text,
        )
        with to_victoria, to_influx, ExitStack() as stack:
            stack.callback(outbox.close)
            stack.callback(sender.stop)
            sender.start()
            quarter = len(messages) // 4
            say(outbox, sender, messages[:quarter])
            remember_subscriptions(broker)  # a broker that has run for a while has long saved them
            broker.stop(signal.SIGKILL)
            died_at = time.monotonic()
            say(outbox, sender, messages[quarter : 2 * quarter])
            to_victoria.stop(signal.SIGKILL)
            time.sleep(max(0.0, 10.0 - (time.monotonic() - died_at)))
            broker.start()
            to_victoria.start()
            say(outbox, sender, messages[2 * quarter : 3 * quarter])
            to_victoria.stop(signal.SIGKILL)
            say(outbox, sender, messages[3 * quarter :])
            to_victoria.start()
            raised = {m.body.event_id: m.body for m in messages if isinstance(m.body, EventBody)}
            wanted = points(messages)
            wait_for(lambda: in_victoria(victoria.port), wanted, "VictoriaMetrics")
            wait_for(lambda: in_influx(influx.port), wanted, "InfluxDB")
            assert sender.stop() == 0
            assert data_points(in_victoria(victoria.port)) == data_points(wanted)
            assert data_points(in_influx(influx.port)) == data_points(wanted)
            for centre in (to_victoria, to_influx):
                incidents = {i["event_id"]: i for i in centre.get("/api/incidents?limit=500")["items"]}
                assert set(incidents) == set(raised)
                cleared = {e for e, body in raised.items() if body.phase == "cleared"}
                assert {e for e, i in incidents.items() if i["status"] == "cleared"} == cleared
            alerts = Counter(hook.delivered)
            wait_until(lambda: Counter(hook.delivered) == expected_alerts(messages), "every alert is delivered", 20)
            alerts = Counter(hook.delivered)
            assert alerts == expected_alerts(messages)


def wait_for(stored: Callable[[], set[Point]], wanted: set[Point], where: str) -> None:
    """Wait until a store has all points; say which ones never came."""
    deadline = time.monotonic() + 40
    while missing := wanted - stored():
        assert time.monotonic() < deadline, (
            f"{len(missing)} of {len(wanted)} points not in {where}: {list(missing)[:3]}"
        )
        time.sleep(0.2)


def say(outbox: Outbox, sender: Publisher, messages: list[Message]) -> None:
    """Hand messages to the box's outbox over about two seconds."""
    for start in range(0, len(messages), 5):
        outbox.commit(messages[start : start + 5])
        sender.notify()
        time.sleep(2.0 / (len(messages) / 5 + 1))


def expected_alerts(messages: list[Message]) -> Counter[str]:
    """One alert when an incident opens and one when it clears."""
    events = [m.body for m in messages if isinstance(m.body, EventBody) and m.body.phase != "updated"]
    phases = {"raised": "raised", "cleared": "cleared"}
    return Counter(f"{e.event_id}:{phases[e.phase]}" for e in events)


def points(messages: list[Message]) -> set[Point]:
    """The points that these messages make, one per field."""
    found = set()
    for message in messages:
        made = points_of(message, 0.0)
        for line in made.lines.decode().splitlines() if made else []:
            head, fields, at_ns = line.split(" ")
            measurement, *tags = head.split(",")
            pairs = frozenset((k, v) for k, v in (tag.split("=") for tag in tags))
            for field in fields.split(","):
                name, value = field.split("=")
                found.add((measurement, pairs, name, int(at_ns) // 1_000_000, float(value)))
    return found


def data_points(found: set[Point]) -> set[Point]:
    """Without `node`, which says when the box came and went, and `incident`, which is told by the minute."""
    return {point for point in found if point[0] not in {"node", "incident"}}


def in_victoria(port: int) -> set[Point]:
    httpx.get(f"http://127.0.0.1:{port}/internal/force_flush", timeout=10)
    text = httpx.get(f"http://127.0.0.1:{port}/api/v1/export", params={"match[]": '{hall!=""}'}, timeout=10).text
    found = set()
    for line in text.splitlines():
        series = json.loads(line)
        measurement, _, name = series["metric"].pop("__name__").partition("_")
        pairs = frozenset(series["metric"].items()) - {("db", "hallwatch")}
        for at_ms, value in zip(series["timestamps"], series["values"], strict=True):
            found.add((measurement, pairs, name, at_ms, float(value)))
    return found


def in_influx(port: int) -> set[Point]:
    answer = json.loads(influx_query(port, "SELECT * FROM /.*/ GROUP BY *", "hallwatch"))
    found = set()
    for series in answer["results"][0].get("series", []):
        pairs = frozenset((k, v) for k, v in series["tags"].items() if v)
        for row in series["values"]:
            for name, value in zip(series["columns"][1:], row[1:], strict=True):
                if value is not None:
                    found.add((series["name"], pairs, name, row[0], float(value)))
    return found
