"""The whole centre with a real broker, real stores and a real webhook."""

from __future__ import annotations

import json
import signal
import threading
import time
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


def test_a_kill_in_the_middle_of_a_stream_loses_and_doubles_nothing(
    tmp_path: Path, broker: Server, victoria: Server, webhook: Webhook
) -> None:
    """States, sessions and events stream in; ingest is killed three times and started again."""
    box = Numbered()
    stream = []
    for i in range(1500):
        stream.append(box.message(T0 + i, a_state(customers=i)))
        if i % 10 == 0:
            stream.append(box.message(T0 + i, a_session(i)))
        if i % 100 == 0:
            stream.append(box.message(T0 + i, an_event("raised", started_at=T0 + i)))
        if i % 100 == 50:
            stream.append(box.message(T0 + i, an_event("cleared", started_at=T0 + i - 50)))
    store = f"--store=victoria+http://127.0.0.1:{victoria.port}"
    ingest = IngestProcess(tmp_path, broker.port, store, f"--alert={webhook.url}")

    def publish() -> None:
        with Publisher(broker.port) as node:
            for i in range(0, len(stream), 20):
                node.send(*stream[i : i + 20])
                time.sleep(0.02)

    with ingest:
        publishing = threading.Thread(target=publish, name="publish")
        publishing.start()
        for _ in range(3):
            counted = ingest.metrics().get('hallwatch_messages_total{kind="state"}', 0)
            wait_until(
                lambda counted=counted: ingest.metrics()['hallwatch_messages_total{kind="state"}'] > counted + 50,  # type: ignore[misc]
                "messages come in",
            )
            ingest.stop(signal.SIGKILL)
            ingest.start()
        publishing.join()
        wait_until(lambda: len(webhook.delivered) >= 30, "every alert is delivered")
        wait_until(lambda: ingest.metrics()["hallwatch_points_queue_bytes"] == 0, "the queue is empty")
        incidents = ingest.get("/api/incidents?limit=1000")
        assert ingest.stop() == 0

    assert sorted(i["started_at"] for i in incidents) == [T0 + i for i in range(0, 1500, 100)]
    assert {i["status"] for i in incidents} == {"cleared"}
    keys = {f"{i['event_id']}:{phase}" for i in incidents for phase in ("raised", "cleared")}
    assert sorted(webhook.delivered) == sorted(keys)
    states = _exported(victoria, "window_customers")
    assert {(at, value) for _, at, value in states} == {((T0 + i) * 1000, i) for i in range(1500)}
    assert len({at for _, at, _ in _exported(victoria, "session_duration_s")}) == 150
    assert len({at for _, at, _ in _exported(victoria, "event_elapsed_s")}) == 30
    assert "stopped" in ingest.log.read_text()
