"""What Grafana would swallow is found: each fault is put into a good board."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.grafana.boards import BOARDS
from dashboards.grafana.generate import board_json
from dashboards.grafana.lint import lint
from dashboards.grafana.query import DIALECTS, Dialect, Query
from dashboards.grafana.render import render
from dashboards.grafana.words import CODE_WORDS, FAULT_CODES
from ingest.points import CODES

UIDS = [board.uid("zh") for board in BOARDS]


def _good(dialect: Dialect) -> dict[str, Any]:
    return copy.deepcopy(render(BOARDS[0], dialect, "zh"))


def _first(board: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(panel for panel in board["panels"] if panel["type"] == kind)
    return found


def _type(board: dict[str, Any]) -> None:
    _first(board, "timeseries")["type"] = "timeserie"


def _option(board: dict[str, Any]) -> None:
    _first(board, "state-timeline")["options"]["rowHight"] = 0.5


def _word(board: dict[str, Any]) -> None:
    _first(board, "state-timeline")["options"]["showValue"] = "allways"


def _number(board: dict[str, Any]) -> None:
    _first(board, "stat")["options"]["reduceOptions"]["values"] = "no"


def _custom(board: dict[str, Any]) -> None:
    _first(board, "timeseries")["fieldConfig"]["defaults"]["custom"]["drawStile"] = "line"


def _key(board: dict[str, Any]) -> None:
    _first(board, "stat")["maxDataPionts"] = 5


def _in_query(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(board: dict[str, Any]) -> None:
        for target in (t for panel in board["panels"] for t in panel.get("targets", [])):
            key = "expr" if "expr" in target else "query"
            target[key] = target[key].replace(old, new)

    return change


def _variable(board: dict[str, Any]) -> None:
    board["templating"]["list"] = [v for v in board["templating"]["list"] if v["name"] != "floor"]


def _link(board: dict[str, Any]) -> None:
    _first(board, "state-timeline")["fieldConfig"]["defaults"]["links"][0]["url"] = "/d/hallwatch-windows"


def _source(board: dict[str, Any]) -> None:
    _first(board, "stat")["targets"][0]["datasource"]["uid"] = "other"


def _no_query(board: dict[str, Any]) -> None:
    _first(board, "stat")["targets"] = []


def _no_value(board: dict[str, Any]) -> None:
    del _first(board, "stat")["fieldConfig"]["defaults"]["noValue"]


def _same_id(board: dict[str, Any]) -> None:
    board["panels"][1]["id"] = board["panels"][2]["id"]


def _wide(board: dict[str, Any]) -> None:
    _first(board, "stat")["gridPos"]["w"] = 25


def _uid(board: dict[str, Any]) -> None:
    board["uid"] = "h" * 41


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_type, "type 'timeserie'; expected one of stat, timeseries"),
        (_option, "rowHight: no key of Options"),
        (_word, "'allways'; expected one of auto, never, always"),
        (_number, "reduceOptions.values: 'no'"),
        (_custom, "drawStile: no key of GraphFieldConfig"),
        (_key, "maxDataPionts: no key of Panel"),
        (_variable, "variable $floor; expected one of console, hall"),
        (_link, "a link to 'hallwatch-windows'"),
        (_source, "data source 'other'"),
        (_no_query, "no query"),
        (_no_value, "no word for no data"),
        (_same_id, "panel ids"),
        (_wide, "reaches column"),
        (_uid, "40 at most"),
    ],
)
def test_a_fault_is_found(change: Callable[[dict[str, Any]], None], said: str, dialect: Dialect) -> None:
    board = _good(dialect)
    assert lint(board, UIDS) == []
    change(board)
    faults = lint(board, UIDS)
    assert any(said in fault for fault in faults), faults
    assert all(fault.startswith(f"{board['uid']}: ") for fault in faults)


@pytest.mark.parametrize(
    ("dialect", "old", "new", "said"),
    [
        ("influxql", '"status"', '"staus"', "field 'staus' is written by nobody"),
        ("influxql", '"window"', '"windows"', "measurement 'windows' is written by nobody"),
        ("promql", "window_status{", "window_staus{", "field 'window_staus' is written by nobody"),
        ("influxql", "${hall:regex}", "$halle", "variable $halle"),
        ("promql", "$__interval", "$interval", "variable $interval"),
    ],
)
def test_a_fault_of_a_query_is_found(dialect: Dialect, old: str, new: str, said: str) -> None:
    board = _good(dialect)
    _in_query(old, new)(board)
    assert any(said in fault for fault in lint(board, UIDS))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"field": "window.staus"}, "no such field; expected one of camera.decode_ms"),
        (
            {"field": "window.status", "filters": ("hall", "zone")},
            "tags ['zone']; expected some of hall, floor, window",
        ),
        ({"field": "window.status", "by": ("floor",)}, "`by` without `across`"),
        ({"field": "window.status", "equals": 1}, "`equals` only where `across` counts"),
        ({"field": "window.clerk", "share_of": -1}, "`share_of` is a mean"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Query(**settings)


def test_the_words_are_those_of_the_store() -> None:
    for name, words in CODE_WORDS.items():
        assert words.keys() == (FAULT_CODES if name == "fault" else CODES[name]).keys(), name


def test_a_board_that_a_lint_faults_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.grafana.generate.lint", lambda board, _known: [f"{board['uid']}: odd"])
    with pytest.raises(Exception, match="boards with faults:\n  hallwatch-overview: odd"):
        board_json(BOARDS, "promql", "zh")
