"""Pushing to a Grafana that is made from the description of its API and remembers what it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana.alerting import RULES, route, rule_json
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.generate import board_json
from dashboards.grafana.push import Delivery, PushError, push
from dashboards.grafana.sources import influx1, influx2, victoria
from tests.support.centre import ROOT
from tests.support.grafana import TOKEN, Description, FakeGrafana, serving
from tests.support.servers import free_port

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def description(data_dir: Path) -> Description:
    return Description.read(data_dir / "grafana" / "grafana-api.json")


@pytest.fixture
def grafana(description: Description) -> Iterator[FakeGrafana]:
    with serving(FakeGrafana(description)) as fake:
        yield fake


@cache
def _boards() -> list[dict[str, Any]]:
    return board_json(BOARDS, "promql", "zh")


def _delivery(**more: Any) -> Delivery:
    settings: dict[str, Any] = {
        "language": "zh",
        "boards": _boards(),
        "rules": [rule_json(rule, "promql", "zh") for rule in RULES],
        "data_source": victoria("http://vm:8428"),
        "webhook": "http://relay:9000/",
    }
    return Delivery(**settings | more)


def _written(grafana: FakeGrafana) -> Counter[str]:
    return Counter(method for method, _, status in grafana.requests if method != "get" and status < 300)


def test_the_first_push_creates_and_the_second_updates(grafana: FakeGrafana) -> None:
    everything = 1 + 1 + len(BOARDS) + len(RULES) + 1
    first = push(grafana.url, TOKEN, _delivery())
    assert Counter(one.did for one in first) == {"created": everything + 1}
    held = json.dumps([grafana.folders, grafana.sources, grafana.boards, grafana.rules, grafana.points, grafana.tree])
    # The policies and, by Grafana's API, boards are replaced by the request that makes them.
    assert _written(grafana) == {"post": everything, "put": 1}

    grafana.requests.clear()
    second = push(grafana.url, TOKEN, _delivery())
    assert [(one.kind, one.uid) for one in second] == [(one.kind, one.uid) for one in first]
    assert {one.did for one in second} == {"updated"}
    assert _written(grafana) == {"post": len(BOARDS), "put": everything - len(BOARDS) + 1}
    assert held == json.dumps(
        [
            {uid: _without_overwrite(folder) for uid, folder in grafana.folders.items()},
            grafana.sources,
            grafana.boards,
            grafana.rules,
            grafana.points,
            grafana.tree,
        ]
    )
    assert len(grafana.boards) == len(BOARDS)
    assert grafana.tree == {"receiver": "default", "routes": [route()]}


def _without_overwrite(folder: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in folder.items() if key in {"title", "uid"}}


def test_nothing_of_others_is_touched(grafana: FakeGrafana) -> None:
    board = {"dashboard": {"uid": "theirs", "title": "x", "tags": []}, "meta": {}}
    policy = {"receiver": "them", "object_matchers": [["team", "=", "x"]]}
    grafana.boards["theirs"] = board
    grafana.rules["theirs"] = {"uid": "theirs"}
    grafana.points["theirs"] = {"uid": "theirs", "name": "them", "type": "email", "settings": {}}
    grafana.tree = {"receiver": "default", "routes": [policy]}
    push(grafana.url, TOKEN, _delivery())
    assert grafana.boards["theirs"] == board
    assert grafana.rules["theirs"] == {"uid": "theirs"}
    assert grafana.points["theirs"]["name"] == "them"
    assert grafana.tree == {"receiver": "default", "routes": [route(), policy]}
    assert {method for method, _, _ in grafana.requests} == {"get", "post", "put"}


_STRANGERS: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "boards",
        "hallwatch-floor",
        {"dashboard": {"uid": "hallwatch-floor", "tags": ["mine"]}, "meta": {}},
        "board 'hallwatch-floor': is not one of ours: it lacks the tag hallwatch",
    ),
    (
        "boards",
        "hallwatch-floor",
        {"dashboard": {"uid": "hallwatch-floor", "tags": ["hallwatch"]}, "meta": {"provisioned": True}},
        "it comes from the files of Grafana's provisioning",
    ),
    ("rules", "hallwatch-silent", {"uid": "hallwatch-silent", "labels": {}}, "it lacks the label origin=hallwatch"),
    (
        "rules",
        "hallwatch-silent",
        {"uid": "hallwatch-silent", "labels": {"origin": "hallwatch"}, "ruleGroup": "mine"},
        "it is in the group 'mine'",
    ),
    ("points", "x", {"uid": "x", "name": "hallwatch", "type": "email", "settings": {}}, "others have its name: ['x']"),
    ("sources", "hallwatch", {"uid": "hallwatch", "name": "mine"}, "it is called 'mine'"),
]


@pytest.mark.parametrize(("table", "uid", "theirs", "said"), _STRANGERS)
def test_what_stands_under_our_id_but_is_not_ours_is_left(
    grafana: FakeGrafana, table: str, uid: str, theirs: dict[str, Any], said: str
) -> None:
    held: dict[str, Any] = getattr(grafana, table)
    held[uid] = theirs
    with pytest.raises(PushError) as refused:
        push(grafana.url, TOKEN, _delivery())
    assert said in str(refused.value)
    assert held[uid] == theirs


def test_without_a_webhook_nobody_s_policies_are_read_or_written(grafana: FakeGrafana) -> None:
    push(grafana.url, TOKEN, _delivery(webhook=None, data_source=None))
    assert not [path for _, path, _ in grafana.requests if "policies" in path or "contact" in path or "source" in path]


def test_what_the_description_does_not_allow_is_refused(grafana: FakeGrafana) -> None:
    bad = rule_json(RULES[0], "promql", "zh") | {"noDataState": "Silence"}
    with pytest.raises(PushError, match="noDataState: 'Silence' is not one of"):
        push(grafana.url, TOKEN, _delivery(rules=[bad]))
    del bad["for"]
    with pytest.raises(PushError, match="'for' is a required property"):
        push(grafana.url, TOKEN, _delivery(rules=[bad]))


def test_every_data_source_is_as_described(grafana: FakeGrafana) -> None:
    for source in (
        victoria("http://vm:8428"),
        influx1("http://db:8086", "hallwatch", "me", "hush"),
        influx2("http://db:8086", "hallwatch", "token"),
    ):
        push(grafana.url, TOKEN, _delivery(boards=[], rules=[], webhook=None, data_source=source))
        assert grafana.sources["hallwatch"] == source


def test_what_may_not_be_read_is_not_taken_for_missing(grafana: FakeGrafana) -> None:
    grafana.forbidden = {"/api/dashboards/"}
    with pytest.raises(PushError, match="403"):
        push(grafana.url, TOKEN, _delivery())
    assert grafana.boards == {}


def test_a_wrong_token_and_no_grafana_at_all(grafana: FakeGrafana) -> None:
    with pytest.raises(PushError, match="401: Unauthorized"):
        push(grafana.url, "no", _delivery())
    with pytest.raises(PushError, match="expected a Grafana"):
        push(f"http://127.0.0.1:{free_port()}", TOKEN, _delivery())


def _command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "dashboards", "push", *arguments]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HALLWATCH_")}
    return subprocess.run(
        command, cwd=ROOT, env=clean | environ, text=True, capture_output=True, check=False, timeout=60
    )


def test_the_command(grafana: FakeGrafana, tmp_path: Path) -> None:
    token = {"HALLWATCH_GRAFANA_TOKEN": TOKEN}
    store = "influxdb2+http://db:8086/hallwatch/points?token=hush"
    arguments = [f"--grafana={grafana.url}", "--language=en", f"--store={store}", "--console=https://hall.example"]
    done = _command(*arguments, "--webhook=http://relay/", **token)
    assert done.returncode == 0, done.stderr
    assert f"{2 + len(BOARDS) + len(RULES) + 2} created, 0 updated" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert grafana.sources["hallwatch"]["jsonData"]["dbName"] == "points"
    board = grafana.boards["hallwatch-floor-en"]["dashboard"]
    assert board["title"] == "Floor"
    assert board["panels"][0]["datasource"]["type"] == "influxdb"
    assert {v["name"]: v["query"] for v in board["templating"]["list"]}["console"] == "https://hall.example"

    refused = _command(*arguments)
    assert refused.returncode == 1
    assert "HALLWATCH_GRAFANA_TOKEN" in refused.stderr
    nothing = _command(f"--grafana={grafana.url}", **token)
    assert nothing.returncode == 1
    assert "--dialect" in nothing.stderr
