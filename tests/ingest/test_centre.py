"""The whole centre with a real broker, real stores and a real webhook."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from socket import SHUT_RDWR

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hall.broker import parse_broker
from hall.layout import Hall
from hall.messages import StatusBody, encode
from hall.topics import Address
from ingest.service import Centre
from tests.support.centre import (
    T0,
    IngestProcess,
    Numbered,
    Publisher,
    a_session,
    a_state,
    an_event,
)
from tests.support.servers import Server, influx_query, influxdb1, running, wait_until
from tests.support.webhook import Webhook


def _exported(victoria: Server, name: str) -> list[tuple[dict[str, str], int, float]]:
    """Every sample of a VictoriaMetrics series: labels, ms, value."""
    httpx.get(f"http://127.0.0.1:{victoria.port}/internal/force_flush").raise_for_status()
    answer = httpx.get(f"http://127.0.0.1:{victoria.port}/api/v1/export", params={"match[]": name})
    series = [json.loads(line) for line in answer.raise_for_status().text.splitlines()]
    return [(s["metric"], at, value) for s in series for at, value in zip(s["timestamps"], s["values"], strict=True)]


def _has_sent(ingest: IngestProcess, count: int) -> bool:
    return ingest.metrics().get('hallwatch_alerts_total{outcome="sent"}', 0) == count


def test_a_kill_in_the_middle_of_a_stream_loses_and_doubles_nothing(
    tmp_path: Path, broker: Server, victoria: Server, webhook: Webhook
) -> None:
    """States and sessions stream in and ingest is killed among them; each part ends with an incident."""
    box = Numbered()
    parts = [[box.message(T0 + i, a_state(customers=i)) for i in range(k * 400, k * 400 + 400)] for k in range(2)]
    for k, part in enumerate(parts):
        part.insert(0, box.message(T0 + 400 * k, a_session(k)))
        part.insert(0, box.message(T0 + 400 * k, an_event("raised", started_at=T0 + k)))
        part.append(box.message(T0 + 400 * k + 399, an_event("cleared", started_at=T0 + k)))
    killed = threading.Event()

    def publish() -> None:
        with Publisher(broker.port) as node:
            for part in parts:
                for i in range(0, 360, 20):
                    node.send(*part[i : i + 20])
                    time.sleep(0.01)
                # The kill comes while messages are on their way, but no alert is.
                assert killed.wait(20)
                node.send(*part[360:])

    store = f"--store=victoria+http://127.0.0.1:{victoria.port}"
    with IngestProcess(tmp_path, broker.port, store, f"--alert={webhook.url}") as ingest:
        publishing = threading.Thread(target=publish, name="publish")
        publishing.start()
        wait_until(partial(_has_sent, ingest, 1), "the alert is out")
        ingest.stop(signal.SIGKILL)
        killed.set()
        ingest.start()
        publishing.join()
        wait_until(lambda: len(webhook.delivered) >= 4, "every alert is delivered")
        wait_until(lambda: ingest.metrics()["hallwatch_points_spill_bytes"] == 0, "the spill is empty")
        incidents = ingest.get("/api/incidents")["items"]
        assert ingest.stop() == 0

    assert sorted(i["started_at"] for i in incidents) == [T0, T0 + 1]
    assert {i["status"] for i in incidents} == {"cleared"}
    keys = {f"{i['event_id']}:{phase}" for i in incidents for phase in ("raised", "cleared")}
    assert sorted(webhook.delivered) == sorted(keys)
    states = _exported(victoria, "window_customers")
    assert {(at, value) for _, at, value in states} == {((T0 + i) * 1000, i) for i in range(800)}
    assert len({at for _, at, _ in _exported(victoria, "session_duration_s")}) == 2
    assert len({at for _, at, _ in _exported(victoria, "event_elapsed_s")}) == 4
    assert "stopped" in ingest.log.read_text()


def _centre(tmp_path: Path, broker: Server, hall: Hall, store: str = "none", *alerts: str) -> Centre:
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    return Centre([hall], settings, store=store, records=f"sqlite:///{tmp_path}/records.db", alerts=alerts)


def _letters(tmp_path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(tmp_path / "records.db")) as connection:
        return connection.execute("SELECT reason, topic FROM dead_letters ORDER BY id").fetchall()


def test_bad_messages_stop_nothing(tmp_path: Path, broker: Server, hall: Hall) -> None:
    node = Numbered()
    stranger = Numbered(Address("demo", "f1", "stranger")).message(T0, a_state())
    topic = "hallwatch/1/demo/f1/edge-f1/state"
    a_guess = encode(node.message(T0, a_state())).replace(b'"state"', b'"guess"')
    bad = [
        ("malformed", topic, b"{"),
        ("oversized", topic, b"x" * 2_000_000),
        ("schema", topic, encode(node.message(T0, a_state())).replace(b'"schema":1', b'"schema":2')),
        ("node", stranger.topic, encode(stranger)),
        (
            "kind",
            "hallwatch/1/demo/f1/edge-f1/guess",
            a_guess,
        ),
    ]
    with _centre(tmp_path, broker, hall) as centre, Publisher(broker.port) as publisher:
        assert centre.wait_connected()
        for _, where, payload in bad:
            publisher.send_raw((where, payload))
            publisher.send(node.message(T0, a_session(node.next_seq)))
        sample = centre.metrics.registry.get_sample_value
        wait_until(lambda: sample("hallwatch_messages_total", {"kind": "session"}) == len(bad), "the good ones")
        assert [sample("hallwatch_dead_letters_total", {"reason": reason}) for reason, _, _ in bad] == [1] * len(bad)
        assert centre.health() == {"broker": None, "records": None, "store": None}
    assert _letters(tmp_path) == [(reason, where) for reason, where, _ in bad]


def test_points_wait_for_a_store_that_is_away_and_survive_a_restart(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, broker: Server, hall: Hall
) -> None:
    influx = influxdb1(tmp_path_factory.mktemp("influx"))
    node = Numbered()
    store = f"influxdb1+http://127.0.0.1:{influx.port}/hall"

    def run(first: int) -> None:
        with _centre(tmp_path, broker, hall, store) as centre, Publisher(broker.port) as publisher:
            assert centre.wait_connected()
            publisher.send(*(node.message(T0 + i, a_state(i)) for i in range(first, first + 50)))
            counted = partial(centre.metrics.registry.get_sample_value, "hallwatch_messages_total", {"kind": "state"})
            wait_until(lambda: counted() == 50, "the messages")
            if influx.process is None:
                wait_until(lambda: centre.health()["store"], "it says that the store is away")
                assert centre.health()["broker"] is None
            else:
                wait_until(lambda: centre.health()["store"] is None, "the store is back")
                queued = partial(centre.metrics.registry.get_sample_value, "hallwatch_points_spill_bytes")
                wait_until(lambda: queued() == 0, "all points are written")

    run(0)
    with running(influx):
        run(50)
        answer = json.loads(influx_query(influx.port, "SELECT customers FROM window", "hall"))
        values = answer["results"][0]["series"][0]["values"]
        assert values == [[(T0 + i) * 1000, i] for i in range(100)]


def test_a_node_that_dies_is_offline(tmp_path: Path, broker: Server, hall: Hall) -> None:
    node = Numbered()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    will = node.message(T0, StatusBody("offline", "0.1.0"))
    client.will_set(will.topic, encode(will), 1, retain=True)
    with _centre(tmp_path, broker, hall) as centre:
        assert centre.wait_connected()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        online = node.message(T0 + 1, StatusBody("online", "0.1.0"))
        client.publish(online.topic, encode(online), 1, retain=True)
        wait_until(lambda: [n.status for n in centre.reader.nodes()] == ["online"], "online")
        socket = client.socket()
        assert socket is not None
        socket.shutdown(SHUT_RDWR)  # type: ignore[attr-defined]
        client.loop_stop()
        wait_until(lambda: [n.status for n in centre.reader.nodes()] == ["offline"], "offline")
