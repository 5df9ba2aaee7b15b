"""`hallwatch bench ingest` in small: a real broker, a real store, both drained, and the store away for a while."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from cli.main import app
from ingest.bench import Work, count_points, floor_messages


def test_a_floor_message_is_fifty_windows_and_ten_zones() -> None:
    messages = list(floor_messages(Work(messages=45, floors=20), 1_767_574_800.0))
    assert {count_points(message)[0] for message in messages} == {60}
    assert [(m.node, m.seq) for m in messages[19:22]] == [("edge-f20", 1), ("edge-f1", 2), ("edge-f2", 2)]
    spans = [
        b.captured_at.timestamp() - a.captured_at.timestamp() for a, b in zip(messages, messages[20:], strict=False)
    ]
    assert set(spans) == {10.0}
    assert messages == list(floor_messages(Work(messages=45, floors=20), 1_767_574_800.0))


def test_everything_sent_is_in_the_store_and_memory_is_bounded_while_it_is_away() -> None:
    options = ["--messages", "300", "--floors", "3", "--rounds", "1", "--away", "2", "--json"]
    done = CliRunner().invoke(app, ["bench", "ingest", *options], catch_exceptions=False)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["points"] == 300 * 60
    assert figures["stored"] == figures["samples"] > 300 * (50 * 5 + 10 * 6) * 0.9
    assert figures["ratio_to_peer"] > 0
    assert 0 < figures["limit_per_s"] <= min(figures["peer_per_s"], figures["store_per_s"])
    (one,) = figures["rounds"]
    assert figures["ratio_to_limit"] == one["limit_s"] / one["centre"]["seconds"]
    assert figures["cpu_us"] > figures["peer_cpu_us"] > 0
    outage = figures["outage"]
    assert outage["samples"] == outage["expected"] == figures["samples"]
    assert outage["spill_mb"] > 0
    # 300 messages are 3 MB, and their lines as much again.
    assert outage["rss_most_mb"] < outage["rss_before_mb"] + 60


def test_two_processes_bring_everything_to_the_store_as_one_does() -> None:
    options = ["--messages", "200", "--floors", "4", "--workers", "2", "--json"]
    done = CliRunner().invoke(app, ["bench", "ingest", *options], catch_exceptions=False)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["work"]["floors"] == 5, "the messages of a floor go to both"
    assert [figures[name]["taken"] for name in ("one", "several", "by_box")] == [[200], [100, 100], [100, 100]]
    assert figures["points"] == 200 * 60
    assert figures["several"]["postgres_cpu_us"] > 0
