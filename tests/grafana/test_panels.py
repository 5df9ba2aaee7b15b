"""Every panel of every board asks a real store, and gets what was written."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest

from dashboards.grafana.boards import BOARDS, floor_board
from dashboards.grafana.generate import board_json
from dashboards.grafana.query import DIALECTS, Dialect, Query
from dashboards.grafana.spec import Board, Panel, PlanPicture
from tests.grafana import day
from tests.grafana.asking import filled
from tests.grafana.conftest import Stores
from tests.grafana.reference import Answer, Span

VARIABLES = {"hall": "demo", "floor": ".*", "window": ".*"}
ONE_FLOOR = {"hall": "demo", "floor": "f1", "window": "(?:w01|w02)"}
PLANNED = floor_board(PlanPicture("data:image/svg+xml,http://x", *day.PLAN), "demo", "f1", "示例")

WHOLE_DAY = Span(int(day.START * 1000), int(day.END * 1000), 600)
NOW = Span(int((day.END - 120) * 1000), int(day.END * 1000), 60)


def _cases() -> list[Any]:
    return [
        pytest.param(board, place, dialect, id=f"{dialect}-{board.uid('en')}-{panel.title.en}")
        for dialect in DIALECTS
        for board in (*BOARDS, PLANNED)
        for place, panel in enumerate(board.panels)
    ]


@cache
def _rendered(board: Board, dialect: Dialect) -> list[dict[str, Any]]:
    (made,) = board_json([board], dialect, "zh")
    return [panel for panel in made["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize(("board", "place", "dialect"), _cases())
def test_a_panel_shows_what_was_written(stores: Stores, board: Board, place: int, dialect: Dialect) -> None:
    panel: Panel = board.panels[place]
    span = NOW if panel.now else WHOLE_DAY
    rendered = _rendered(board, dialect)[place]
    for variables in (VARIABLES, ONE_FLOOR):
        for target, asked in zip(panel.targets, rendered["targets"], strict=True):
            expected = stores.points.answer(target.query, span, variables, dialect)
            assert expected, f"nothing was written that {target.query} could show"
            answer = stores.of(dialect).ask(asked, target.query, span, variables)
            _compare(target.query, answer, expected, asked)


def _compare(query: Query, answer: Answer, expected: Answer, asked: dict[str, Any]) -> None:
    if query.raw:
        expected = {(): dict(enumerate(sorted(v for values in expected.values() for v in values.values())))}
    assert answer.keys() == expected.keys(), asked
    for tags, steps in expected.items():
        assert answer[tags].keys() == steps.keys(), (tags, asked)
        for step, value in steps.items():
            assert math.isclose(answer[tags][step], value, rel_tol=1e-6, abs_tol=1e-9), (tags, step, asked)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_variables_offer_what_there_is(stores: Stores, board: Board) -> None:
    wanted = {"hall": ["demo"], "floor": ["f1", "f2"], "window": ["w01", "w02", "w03", "w04", "w05"]}
    for dialect in DIALECTS:
        (made,) = board_json([board], dialect, "zh")
        asked = {v["name"]: v["query"] for v in made["templating"]["list"] if v["type"] == "query"}
        assert asked.keys() == set(board.variables)
        for name, text in asked.items():
            assert stores.of(dialect).values(filled(text, WHOLE_DAY, VARIABLES)) == wanted[name], text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_incident_is_marked(stores: Stores, dialect: Dialect) -> None:
    """One mark for each event that was raised on the floor, at its step."""
    (made,) = board_json(BOARDS[:1], dialect, "zh")
    for annotation, phase in zip(made["annotations"]["list"], ("raised", "cleared"), strict=True):
        query = Query("event.severity", "count", every=True, where=(("phase", phase),))
        expected = stores.points.answer(query, WHOLE_DAY, ONE_FLOOR, dialect)
        marks = stores.of(dialect).marks(annotation["target"], WHOLE_DAY, ONE_FLOOR)
        assert marks == sum(int(count) for steps in expected.values() for count in steps.values()) > 0


def test_the_squares_of_the_heatmap_take_their_colour_from_the_column_of_the_answer(stores: Stores) -> None:
    panel = next(panel for board in BOARDS for panel in _rendered(board, "influxql") if panel["type"] == "xychart")
    (convert, organize) = panel["transformations"]
    found = stores.influx.series(filled(panel["targets"][0]["query"], WHOLE_DAY, ONE_FLOOR))
    (column,) = {name for one in found for name in one["columns"] if name != "time"}
    assert organize["options"]["renameByName"] == {column: panel["options"]["series"][0]["color"]["matcher"]["options"]}
    assert [one["targetField"] for one in convert["options"]["conversions"]] == list(found[0]["tags"])
