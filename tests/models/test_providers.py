"""Which execution provider is taken: the best that is there, or the one that was asked for and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import onnxruntime as ort
import pytest
from typer.testing import CliRunner

from cli._edge import open_detector
from cli.main import app
from hall.errors import ModelError
from hall.load import load_hall
from models.providers import choose, confirm, installed_names, short_name
from models.session import open_session
from models.zoo import resolve

CPU, CUDA, OPENVINO = "CPUExecutionProvider", "CUDAExecutionProvider", "OpenVINOExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
BEST_FIRST = [CUDA, OPENVINO, CPU]


@pytest.mark.parametrize(
    ("asked", "installed", "taken"),
    [
        # nobody asked: the best that is there
        (None, [CPU], [CPU]),
        (["auto"], [TENSORRT, CUDA, CPU], [CUDA, CPU]),
        (None, [OPENVINO, CPU], [OPENVINO, CPU]),
        # none that the model wants: the CPU, which is always there
        (None, ["AzureExecutionProvider"], [CPU]),
        # somebody did: that one, by our name or by onnxruntime's
        (["cpu"], [CUDA, CPU], [CPU]),
        (["CUDA"], [CUDA, CPU], [CUDA]),
        ([TENSORRT], [TENSORRT, CPU], [TENSORRT]),
        # what TensorRT cannot run stays on the GPU
        (["tensorrt"], [TENSORRT, CUDA, CPU], [TENSORRT, CUDA]),
    ],
)
def test_choose(asked: Sequence[str] | None, installed: Sequence[str], taken: Sequence[str]) -> None:
    assert choose("m", BEST_FIRST, asked, installed) == taken


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ["openvino"],
            r"^m: found no execution provider openvino; installed: cpu; openvino needs onnxruntime-openvino",
        ),
        (["tensorrt", "cpu"], r"provider tensorrt; installed: cpu; tensorrt needs onnxruntime-gpu with TensorRT"),
        (["npu"], r"found no execution provider npu; installed: cpu$"),
        ([], "expected at least one"),
    ],
)
def test_one_that_is_not_there_is_an_error(asked: Sequence[str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        choose("m", BEST_FIRST, asked, [CPU])


def test_one_that_was_asked_for_and_did_not_start_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"cuda is installed but did not start.*found cpu; expected cuda, which was"):
        confirm("m", [CUDA], [CPU], forced=True)


def test_falling_back_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        confirm("m", [CUDA, CPU], [CPU], forced=False)
    assert "cuda is installed but did not start here" in caplog.text
    assert "found cpu at work in its stead" in caplog.text


def test_what_is_at_work_is_nothing_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    confirm("m", [CUDA], [CUDA, CPU], forced=True)
    assert not caplog.records


def test_a_session_that_runs_on_something_else_than_asked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box with the GPU package and no GPU: onnxruntime lists CUDA and opens a session on the CPU."""
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", lambda *args, **_: real(*args, providers=[CPU]))
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    golden = resolve(Path(__file__).parent / "golden" / "ssd.onnx")
    with pytest.raises(ModelError, match="ssd: cuda is installed but did not start here"):
        open_session(golden, providers=["cuda"])
    assert open_session(golden).get_providers() == [CPU]


def test_names() -> None:
    assert installed_names([TENSORRT, "AzureExecutionProvider", CPU]) == ["cpu", "tensorrt"]
    assert short_name(OPENVINO) == "openvino"
    assert short_name("AzureExecutionProvider") == "AzureExecutionProvider"


def test_the_start_says_what_runs_the_model(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hall = load_hall(clips / "hall.yaml")
    open_detector(hall, 1)
    assert "nanodet-g_416_int8 on cpu (chosen; installed: cpu), 1 thread(s)\n" in capsys.readouterr().err
    open_detector(hall, 2, "nanodet-g_416_w16", "cpu")
    assert capsys.readouterr().err == "detector nanodet-g_416_w16 on cpu (forced; installed: cpu), 2 thread(s)\n"


def test_a_box_that_was_told_to_take_another_does_not_start(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALLWATCH_PROVIDER", "tensorrt")
    result = CliRunner().invoke(app, ["replay", str(clips / "hall.yaml"), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, ModelError)
    assert "found no execution provider tensorrt; installed: cpu" in str(result.exception)
