"""`hallwatch models bench`: what is measured, on a model that costs nothing; no figure is compared with another run."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.models import app
from hall.errors import InputError, ModelError
from models.bench import bench_model
from models.zoo import resolve

runner = CliRunner()
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def _no_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HALLWATCH_MODELS", raising=False)


def test_figures_are_medians_per_picture() -> None:
    # A clock that is read at the beginning of a round, then twice for each of the two calls: 3 s, then 5 s.
    steps = itertools.cycle([0.0, 1.0, 3.0, 1.0, 5.0])
    passed = itertools.accumulate(steps)
    figures = bench_model(resolve(GOLDEN / "ssd.onnx"), batch=2, seconds=15, clock=lambda: next(passed))
    assert (figures.model, figures.provider, figures.threads, figures.batch) == ("ssd", "cpu", 1, 2)
    assert (figures.inference_ms, figures.whole_ms) == (1500, 2500)
    assert figures.ratio_to_limit == 0.6


def test_a_batch_for_a_model_that_takes_one() -> None:
    with pytest.raises(ValueError, match="one picture at a time; expected a batch of 1, got 2"):
        bench_model(resolve("default"), batch=2, seconds=0.01)


def call(*words: Any) -> Any:
    return runner.invoke(app, ["bench", "--seconds", "0.05", *map(str, words)])


def test_by_threads_and_provider() -> None:
    result = call(GOLDEN / "ssd.onnx", GOLDEN / "yolo11.onnx", "--threads", "1,2", "--provider", "cpu", "--json")
    rows = json.loads(result.stdout)
    assert [(row["model"], row["threads"]) for row in rows] == [("ssd", 1), ("ssd", 2), ("yolo11", 1), ("yolo11", 2)]
    assert {row["provider"] for row in rows} == {"cpu"}
    assert all(row["inference_ms"] > 0 and row["whole_ms"] > 0 and row["ratio_to_limit"] > 0 for row in rows)
    table = call(GOLDEN / "ssd.onnx", "--threads", "1").stdout
    assert table.splitlines()[0].split()[:4] == ["model", "provider", "threads", "batch"]
    assert table.splitlines()[1].split()[:4] == ["ssd", "cpu", "1", "1"]


def test_what_cannot_be_measured_is_told_after_what_can() -> None:
    result = call(GOLDEN / "ssd.onnx", "--threads", "1", "--provider", "cpu", "--provider", "openvino")
    assert isinstance(result.exception, InputError)
    assert "found no execution provider openvino" in str(result.exception)
    assert result.stdout.splitlines()[1].split()[:2] == ["ssd", "cpu"]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("--threads", "0"), InputError, "expected numbers of 1 or more"),
        (("--threads", "two"), InputError, "expected numbers of 1 or more"),
        (("nobody",), ModelError, "nobody: no such model"),
    ],
)
def test_wrong_words(words: tuple[str, ...], error: type[Exception], message: str) -> None:
    result = call(*words)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
