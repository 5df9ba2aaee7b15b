"""The heatmap over the plan in a real browser, laid out as Grafana's canvas lays out `scale`: shares of the panel."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dashboards.grafana.boards.floor import heat_panel
from dashboards.grafana.generate import board_json, plan_boards
from hall.load import parse_hall
from tests.grafana import day
from tests.grafana.conftest import Stores
from tests.grafana.reference import Span
from tests.support.browser import chromium
from tests.support.centre import HALL_TEXT

WIDTH, HEIGHT = 600, 400
PLAN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 6 4"><rect width="6" height="4" fill="#0000ff"/>'
    '<rect x="3" width="3" height="4" fill="#00ff00"/></svg>'
)
MINUTE = Span(int((day.START + 3600) * 1000), int((day.START + 3660) * 1000), 60)


@pytest.fixture
def panel(tmp_path: Path) -> dict[str, Any]:
    """The heatmap of a floor of 6 by 4 m, whose plan is blue on the left and green on the right."""
    (tmp_path / "plan.svg").write_text(PLAN)
    plan = "\n    plan: {width_m: 6, depth_m: 4, image: plan.svg}"
    hall = parse_hall(HALL_TEXT.replace("- id: f1", f"- id: f1{plan}").replace("hush", "x"), environ={})
    (board,) = board_json(plan_boards(hall, tmp_path), "influxql", "zh")
    found: dict[str, Any] = board["panels"][0]
    return found


def _colour(panel: dict[str, Any], value: float) -> str:
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return str([step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1])


def _page(panel: dict[str, Any], values: dict[str, float]) -> str:
    parts = []
    for element in panel["options"]["root"]["elements"]:
        place, background = element["placement"], element["background"]
        style = "position:absolute;" + ";".join(f"{side}:{share}%" for side, share in place.items())
        field = background["color"].get("field")
        colour = background["color"]["fixed"] if field not in values else _colour(panel, values[field])
        style += f";background-color:{colour}"
        if "image" in background:
            assert background["size"] == "fill"
            style += f';background-image:url("{background["image"]["fixed"]}");background-size:100% 100%'
        parts.append(f'<div style="{html.escape(style)}"></div>')
    return f'<body style="margin:0"><div style="position:relative;height:{HEIGHT}px">{"".join(parts)}</div></body>'


def _shot(page_text: str) -> NDArray[np.uint8]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content(page_text, wait_until="load")
        picture = page.screenshot(type="png")
    read = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None
    return read.astype(np.uint8)


def test_cells_lie_where_people_were(stores: Stores, panel: dict[str, Any]) -> None:
    query = heat_panel(None).targets[0].query
    answer = stores.influx.ask(panel["targets"][0], query, MINUTE, {"hall": "demo", "floor": "f1"})
    values = {f"{dict(tags)['x']}_{dict(tags)['y']}": steps[0] for tags, steps in answer.items()}
    assert len(values) == 8
    picture = _shot(_page(panel, values))
    redness = np.zeros((4, 6))
    for x in range(6):
        for y in range(4):
            # y counts from the bottom of the plan, rows of the picture from its top.
            blue, green, red = (int(v) for v in picture[HEIGHT - 100 * y - 50, 100 * x + 50])
            if f"{x}_{y}" in values:
                assert red > 30, (x, y)
            else:
                assert (blue, green, red) == ((255, 0, 0) if x < 3 else (0, 255, 0)), (x, y)
            redness[y, x] = red
    assert np.count_nonzero(redness) == 8
