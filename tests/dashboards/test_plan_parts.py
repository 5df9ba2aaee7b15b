"""The floor plan without a browser: where things are, what colour a cell has, what the records say of a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from dashboards.plan.drawing import draw, short_label
from dashboards.plan.geometry import FloorPlan, floor_plan
from dashboards.plan.past import past_view
from dashboards.plan.view import heat_cells, step_of
from dashboards.plan.words import PLAN_WORDS
from dashboards.svg import markup
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import HeatBody, HeatCell, StateBody
from ingest.heat import HeatSums
from ingest.records import Records
from ingest.rollups import Sums
from ingest.schema import heat, rollups
from tests.dashboards.plan_hall import PLAN_YAML, T0
from tests.dashboards.sample_hall import sample_hall, window, zone


@pytest.fixture(scope="module")
def hall() -> Hall:
    return parse_hall(PLAN_YAML, environ={})


@pytest.fixture(scope="module")
def plan(hall: Hall) -> FloorPlan:
    found = floor_plan(hall.floors[0])
    assert found is not None
    return found


def test_places_in_metres(plan: FloorPlan) -> None:
    """The picture of camera c1 is 10 m of floor across and 8 m down; its top is the far end of the hall."""
    assert (plan.width_m, plan.depth_m) == (12, 9)
    one, two = plan.windows
    for corner, wanted in zip(one.floor, [(1, 6), (3, 6), (3, 5), (1, 5)], strict=True):
        assert corner == pytest.approx(wanted)
    # Between the middle of those who stand before it and what is over the desk.
    assert one.at == pytest.approx((2, (5.5 + 7.0) / 2))
    assert two.at == pytest.approx((5, 7))
    (waiting,) = plan.zones
    assert waiting.at == pytest.approx((5, 2))
    (door,) = plan.entrances
    assert door.start == pytest.approx((4, 0))
    assert door.end == pytest.approx((6, 0))
    assert plan.missing == ("3号窗口", "侧厅")


def test_a_floor_without_floor_points_has_no_plan() -> None:
    assert floor_plan(sample_hall().floors[0]) is None


def test_no_text_becomes_markup(plan: FloorPlan) -> None:
    nasty = replace(plan, windows=(replace(plan.windows[0], label="<script>1</script>"),))
    drawn = markup(draw(nasty, PLAN_WORDS["zh"], None))
    assert "<script>" not in drawn
    assert "&lt;script&gt;1" in drawn


@pytest.mark.parametrize(("label", "short"), [("1号窗口", "1"), ("A12 Tax", "12"), ("咨询台", "咨询"), ("窗", "窗")])
def test_a_label_where_signs_stand_close(label: str, short: str) -> None:
    assert short_label(label) == short


def test_cells_have_the_colour_of_their_people() -> None:
    assert [step_of(people) for people in (0.0, 0.019, 0.02, 0.3, 1.0, 9.0)] == [0, 0, 1, 3, 5, 5]
    cells = heat_cells({(3, 4): 0.3, (1, 1): 0.001}, PLAN_WORDS["zh"])
    assert [(cell.x, cell.y, cell.step, cell.word) for cell in cells] == [(3, 4, 3, "0.30 人/平方米")]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    found = Records(f"sqlite:///{tmp_path}/records.db")
    yield found
    found.close()


def _minute(records: Records, start: float, *held: tuple[StateBody, float]) -> None:
    sums = Sums()
    for state, seconds in held:
        sums.hold(state, seconds)
    row = {"hall": "demo", "floor": "f1", "node": "edge-f1", "period": "minute", "start": int(start)}
    with records.writing() as connection:
        connection.execute(insert(rollups).values(**row, body=sums.encode()))


def test_a_moment_of_the_past(hall: Hall, records: Records) -> None:
    """The state that lasted longest in the minute, the mean head count, the heat of its ten minutes."""
    away = StateBody([window("w01", "unstaffed", "absent")], [zone("waiting", 4)])
    busy = StateBody([window("w01", "serving")], [zone("waiting", 5)])
    _minute(records, T0 - 60, (busy, 60.0))
    _minute(records, T0, (away, 40.0), (busy, 20.0))
    sums = HeatSums()
    sums.add(HeatBody(60.0, None, [HeatCell(2, 5, 30.0)]))
    row = {"hall": "demo", "floor": "f1", "node": "edge-f1", "start": int(T0), "body": sums.encode()}
    with records.writing() as connection:
        connection.execute(insert(heat).values(**row))
    with records.reading() as connection:
        then, before, never = (
            past_view(connection, hall, hall.floors[0], at, "zh") for at in (T0 + 59, T0 - 1, T0 - 5000)
        )
    assert (then.windows["w01"].status, then.windows["w01"].word) == ("unstaffed", "无人值守")
    assert then.zones["waiting"].text == "约 4.3 人"
    assert [(cell.x, cell.y, cell.step) for cell in then.heat] == [(2, 5, 4)]
    assert then.heat_words == "人员热力：10:10–10:20 平均"
    assert (before.windows["w01"].status, before.heat) == ("serving", [])
    assert (never.windows["w01"].status, never.windows["w01"].word) == ("unknown", "无记录")
    assert never.zones["waiting"].text == "无记录"
