"""The whole centre with a real broker, real stores and a real webhook."""

from __future__ import annotations

import json
import signal
import threading
import time
from functools import partial
from pathlib import Path

import httpx

from tests.support.centre import (
    T0,
    IngestProcess,
    Numbered,
    Publisher,
    a_session,
    a_state,
    an_event,
)
from tests.support.servers import Server, wait_until
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
    """States and sessions stream in and ingest is killed twice among them; each part ends with an incident."""
    box = Numbered()
    parts = [[box.message(T0 + i, a_state(customers=i)) for i in range(k * 400, k * 400 + 400)] for k in range(3)]
    for k, part in enumerate(parts):
        part.insert(0, box.message(T0 + 400 * k, a_session(k)))
        part.insert(0, box.message(T0 + 400 * k, an_event("raised", started_at=T0 + k)))
        part.append(box.message(T0 + 400 * k + 399, an_event("cleared", started_at=T0 + k)))
    kills = [threading.Event(), threading.Event()]

    def publish() -> None:
        with Publisher(broker.port) as node:
            for k, part in enumerate(parts):
                for i in range(0, 360, 20):
                    node.send(*part[i : i + 20])
                    time.sleep(0.01)
                # The kill comes while messages are on their way, but no alert is.
                assert k == 2 or kills[k].wait(20)
                node.send(*part[360:])

    store = f"--store=victoria+http://127.0.0.1:{victoria.port}"
    with IngestProcess(tmp_path, broker.port, store, f"--alert={webhook.url}") as ingest:
        publishing = threading.Thread(target=publish, name="publish")
        publishing.start()
        for k, kill in enumerate(kills):
            # The second process sends what cleared the first incident, and what raised the second.
            wait_until(partial(_has_sent, ingest, k + 1), "the alerts so far are out")
            ingest.stop(signal.SIGKILL)
            kill.set()
            ingest.start()
        publishing.join()
        wait_until(lambda: len(webhook.delivered) >= 6, "every alert is delivered")
        wait_until(lambda: ingest.metrics()["hallwatch_points_queue_bytes"] == 0, "the queue is empty")
        incidents = ingest.get("/api/incidents")
        assert ingest.stop() == 0

    assert sorted(i["started_at"] for i in incidents) == [T0, T0 + 1, T0 + 2]
    assert {i["status"] for i in incidents} == {"cleared"}
    keys = {f"{i['event_id']}:{phase}" for i in incidents for phase in ("raised", "cleared")}
    assert sorted(webhook.delivered) == sorted(keys)
    states = _exported(victoria, "window_customers")
    assert {(at, value) for _, at, value in states} == {((T0 + i) * 1000, i) for i in range(1200)}
    assert len({at for _, at, _ in _exported(victoria, "session_duration_s")}) == 3
    assert len({at for _, at, _ in _exported(victoria, "event_elapsed_s")}) == 6
    assert "stopped" in ingest.log.read_text()
