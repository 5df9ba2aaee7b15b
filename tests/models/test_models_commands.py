"""`hallwatch models pull` and `evaluate` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli.models import app
from hall.errors import InputError, ModelError
from models.zoo import load_zoo
from tests.support.files_server import FilesServer, serving

runner = CliRunner()
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HALLWATCH_MODELS", "HALLWATCH_MODELS_MIRROR", "HALLWATCH_MODELS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


def call(*words: str | Path) -> Any:
    return runner.invoke(app, [str(word) for word in words])


@pytest.mark.data
def test_pull_from_a_mirror_into_the_first_folder(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = load_zoo().named("rtmdet-nano-person_416x256")
    assert entry is not None
    content = (data_dir / "models" / entry.file).read_bytes()
    monkeypatch.setenv("HALLWATCH_MODELS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    with serving(FilesServer({f"m/{entry.file}": content})) as server:
        monkeypatch.setenv("HALLWATCH_MODELS_MIRROR", f"{server.address}/m/")
        result = call("pull", entry.name, "nanodet-g_416_int8")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "a" / entry.file)
    assert f"{entry.name}: 2.0 of 2.0 MB, 100%" in result.stderr
    assert "nanodet-g_416_int8 comes along" in result.stderr
    rows = json.loads(call("list", "--json").output)
    assert [row["state"] for row in rows if row["name"] == entry.name] == ["present"]


def test_pull_tells_every_fault(tmp_path: Path) -> None:
    with serving(FilesServer({"person-detection-0200_w16.onnx": b"x" * 3682950})) as server:
        words = ("pull", "person-detection-0200", "person-detection-0202", "--folder", tmp_path)
        result = call(*words, "--mirror", server.address)
    assert isinstance(result.exception, ModelError)
    first, *rest = str(result.exception).splitlines()
    assert "person-detection-0200_w16.onnx: found sha256" in first
    assert "answered 404" in rest[-1]
    assert list(tmp_path.glob("*.onnx")) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pull", "yolo"), "yolo: no such model; expected nanodet"),
        (("pull", "yolox-s_640"), "found no model folder; expected --folder DIR"),
        (("pull", "yolox-s_640", "--folder", "f", "--mirror", "mirror/x"), "expected an address such as https"),
    ],
)
def test_pull_with_wrong_words(words: tuple[str, ...], message: str) -> None:
    result = call(*words)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_evaluate_a_labelled_folder(tmp_path: Path) -> None:
    """A file that says itself how it is read, on a picture it knows nothing about: it finds what it always finds."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((100, 200, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.full((100, 200, 3), 90, np.uint8))
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    result = call("evaluate", tmp_path, "--model", GOLDEN / "ssd.onnx", "--json")
    figures = json.loads(result.stdout)
    assert figures["frames"] == 2
    assert figures["total"]["people"] == 1
    assert set(figures["groups"]) == {"height_px", "height_in_input_px", "light_of_picture", "light_of_person"}
    table = call("evaluate", tmp_path, "--model", GOLDEN / "ssd.onnx", "--iou", "0.9").stdout
    assert table.startswith(f"ssd on {tmp_path}\n")
    assert "boxes on nobody" in table


def test_evaluate_nothing(tmp_path: Path) -> None:
    result = call("evaluate", tmp_path)
    assert isinstance(result.exception, InputError)
    assert "found no labelled pictures" in str(result.exception)
