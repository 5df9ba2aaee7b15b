"""The files: committed as they would be made now, in both languages, and over the plan of a floor."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard

from dashboards.grafana import _schema
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.generate import GENERATED, board_json, faults_of, files, plan_boards, write
from hall.errors import InputError
from hall.load import parse_hall
from tests.support.centre import HALL_TEXT, ROOT

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "dashboards", *arguments]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60)


@cache
def _made() -> Mapping[str, str]:
    return files()


def _boards() -> list[str]:
    return [text for name, text in _made().items() if "/boards/" in name]


def test_what_is_committed_is_what_would_be_made() -> None:
    assert faults_of(_made(), GENERATED) == []


def test_every_key_is_as_the_sdk_has_it() -> None:
    register_default_plugins()
    for text in _boards():
        board = json.loads(text)
        assert list(_schema.faults(board)) == []
        read = json.loads(json.dumps(dashboard.Dashboard.from_json(board), cls=JSONEncoder))
        assert read["panels"] == board["panels"]


def test_both_languages_ask_the_same() -> None:
    for dialect in ("influxql", "promql"):
        pairs = zip(*(board_json(BOARDS, dialect, language) for language in ("zh", "en")), strict=True)
        for zh, en in pairs:
            assert zh["uid"] + "-en" == en["uid"]
            assert zh["title"] != en["title"]
            for one, other in zip(zh["panels"], en["panels"], strict=True):
                assert one["title"] != other["title"]
                assert [_asked(t) for t in one.get("targets", [])] == [_asked(t) for t in other.get("targets", [])]
                assert one["gridPos"] == other["gridPos"]


def _asked(target: dict[str, Any]) -> str:
    return str(target.get("expr") or target["query"])


def test_no_two_panels_overlap() -> None:
    for text in _boards():
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(text)["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            taken |= cells


def test_build_and_check(tmp_path: Path) -> None:
    made = {"a/b.json": "1\n", "c.json": "2\n"}
    assert write(made, tmp_path) == 2
    assert write(made, tmp_path) == 0
    (tmp_path / "c.json").write_text("3\n")
    (tmp_path / "old.json").write_text("4\n")
    (tmp_path / "a" / "b.json").unlink()
    assert faults_of(made, tmp_path) == [
        "a/b.json: is not there",
        "c.json: is stale",
        "old.json: belongs to no board",
    ]
    assert write(made, tmp_path) == 3
    assert faults_of(made, tmp_path) == []


def _hall_file(folder: Path, plan: str) -> Path:
    path = folder / "hall.yaml"
    path.write_text(HALL_TEXT.replace("- id: f1", f"- id: f1\n    plan: {plan}").replace("hush", "${NOBODY_KNOWS}"))
    return path


def test_the_command(tmp_path: Path) -> None:
    hall = _hall_file(tmp_path, "{width_m: 3.5, depth_m: 2}")
    out = tmp_path / "boards"
    built = _command("build", str(hall), f"--out={out}")
    assert built.returncode == 0, built.stderr
    assert (out / "promql" / "en" / "boards" / "hallwatch-floor-demo-f1.json").is_file()
    assert "files in" in _command("check", str(hall), f"--out={out}").stdout
    (out / "influxql" / "zh" / "boards" / "hallwatch-floor.json").write_text("{}")
    stale = _command("check", str(hall), f"--out={out}")
    assert stale.returncode == 1
    assert "influxql/zh/boards/hallwatch-floor.json: is stale" in stale.stderr
    refused = _command("build", str(hall))
    assert refused.returncode == 1
    assert "--out is needed" in refused.stderr


def test_boards_need_no_client_of_grafana() -> None:
    code = "import sys, cli.dashboards; sys.exit('grafana_client' in sys.modules or 'nicegui' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def _plan_panel(folder: Path, plan: str) -> dict[str, Any]:
    hall = parse_hall(_hall_file(folder, plan).read_text(), environ={"NOBODY_KNOWS": "x"})
    (made,) = board_json(plan_boards(hall, folder), "influxql", "zh")
    found: dict[str, Any] = made["panels"][0]
    assert found["type"] == "canvas"
    return found


def test_every_square_metre_has_its_place_on_the_plan(tmp_path: Path) -> None:
    picture, *cells = _plan_panel(tmp_path, "{width_m: 3.5, depth_m: 2}")["options"]["root"]["elements"]
    assert picture["background"]["size"] == "fill"
    assert [cell["name"] for cell in cells] == ["0_0", "1_0", "2_0", "3_0", "0_1", "1_1", "2_1", "3_1"]
    by_name = {cell["name"]: cell for cell in cells}
    # Of the last column there is half a metre; y counts from the bottom of the plan.
    assert by_name["3_0"]["placement"] == {"left": 85.714, "right": 0, "top": 50, "bottom": 0}
    assert by_name["0_1"]["placement"] == {"left": 0, "right": 71.429, "top": 0, "bottom": 50}
    for cell in cells:
        assert cell["background"]["color"] == {"fixed": "transparent", "field": cell["name"]}
        assert cell["constraint"] == {"horizontal": "scale", "vertical": "scale"}


def test_the_picture_needs_no_server(tmp_path: Path) -> None:
    (tmp_path / "plan.png").write_bytes(PNG)
    drawn = _address(_plan_panel(tmp_path, "{width_m: 3, depth_m: 2}"))
    assert 'viewBox="0 0 3 2"' in drawn
    assert "<path d=" in drawn
    embedded = _address(_plan_panel(tmp_path, "{width_m: 3, depth_m: 2, image: plan.png}"))
    assert f"data:image/png;base64,{base64.b64encode(PNG).decode()}" in embedded


def _address(panel: dict[str, Any]) -> str:
    address: str = panel["options"]["root"]["elements"][0]["background"]["image"]["fixed"]
    # Grafana puts its own path before an address without this.
    assert address.index(":/") > 0
    assert not {'"', "'", " ", "(", ")", "<", "#"} & set(address)
    return unquote(address.removeprefix("data:image/svg+xml,"))


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("{width_m: 3, depth_m: 2, image: plan.webp}", "floors[0].plan.image: plan.webp; expected one of .svg"),
        ("{width_m: 3, depth_m: 2, image: no.png}", "no.png cannot be read"),
        ("{width_m: 300, depth_m: 200}", "60000 square metres"),
    ],
)
def test_a_picture_that_cannot_be_used(plan: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        _plan_panel(tmp_path, plan)
    assert said in str(refused.value)


def test_a_board_of_a_long_name_has_a_short_id(tmp_path: Path) -> None:
    text = _hall_file(tmp_path, "{width_m: 3, depth_m: 2}").read_text()
    for floor in ("f1", "f2"):
        hall = parse_hall(
            text.replace("id: demo", f"id: {'d' * 64}").replace("id: f1", f"id: {floor}"), environ={"NOBODY_KNOWS": "x"}
        )
        (made,) = board_json(plan_boards(hall, tmp_path), "influxql", "en")
        assert len(made["uid"]) <= 40
