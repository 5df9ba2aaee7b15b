"""`hallwatch models list`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.models import app
from models.zoo import load_zoo

runner = CliRunner()


@pytest.fixture(autouse=True)
def _no_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HALLWATCH_MODELS", raising=False)


def test_the_table_fits_a_hundred_columns() -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["name", "state", "MB", "input", "decoder", "licence"]
    assert lines[1].split()[:4] == ["nanodet-g_416_int8*", "shipped", "3.9", "416x416"]
    assert lines[3].split()[:2] == ["rtmdet-nano-person_416x256", "absent"]
    assert len(lines) == 1 + len(load_zoo().models) + 2
    assert lines[-1] == "* the default; auto takes nanodet-g_416_int8 here"


def test_json() -> None:
    rows = json.loads(runner.invoke(app, ["list", "--json"]).output)
    assert [row["name"] for row in rows] == load_zoo().names
    assert [row["name"] for row in rows if row["default"]] == ["nanodet-g_416_int8"]
    assert {row["state"] for row in rows} == {"shipped", "absent"}
    assert rows[0]["input"] == {"width": 416, "height": 416, "fit": "letterbox"}


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_broken_file_is_told_and_fails(by_environment: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "person-detection-0202_w16.onnx").write_bytes(b"x")
    if by_environment:
        monkeypatch.setenv("HALLWATCH_MODELS", f":{tmp_path}")
    result = runner.invoke(app, ["list", "--json", *([] if by_environment else ["--folder", str(tmp_path)])])
    assert result.exit_code == 1
    assert "person-detection-0202_w16.onnx: found 1 bytes" in result.stderr
    states = {row["name"]: row["state"] for row in json.loads(result.stdout)}
    assert states["person-detection-0202"] == "broken"


def test_a_folder_that_is_not_there_is_wrong_usage() -> None:
    assert runner.invoke(app, ["list", "--folder", "/no/such/folder"]).exit_code == 2


@pytest.mark.data
def test_models_in_a_folder_are_present(data_dir: Path) -> None:
    rows = json.loads(runner.invoke(app, ["list", "--json", "--folder", str(data_dir / "models")]).output)
    assert [row["name"] for row in rows if row["auto"]] == ["rtmdet-nano-person_640x384"]
    assert {row["state"] for row in rows if row["name"] != "yolox-s_640"} == {"shipped", "present"}
