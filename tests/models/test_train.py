"""Export and train as far as they go without torch: settings, files, the dataset, what is missing.

The real thing is `make train-smoke`, in an environment that has the extra.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from cli.models import app
from hall.errors import InputError
from models._ultralytics import load, require
from models.classes import person_class
from models.export import ExportSettings, export
from models.labels import Labelled, read_labels
from models.train import TrainSettings, train, write_dataset

runner = CliRunner()


@pytest.fixture
def ultralytics(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the package: a model is what a test says."""
    package = SimpleNamespace(YOLO=lambda name: SimpleNamespace(task="detect", of="YOLO", name=name))
    package.RTDETR = lambda name: SimpleNamespace(task="detect", of="RTDETR", name=name)
    monkeypatch.setitem(sys.modules, "onnx", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ultralytics", package)
    for name in ("YOLO_OFFLINE", "YOLO_AUTOINSTALL"):
        monkeypatch.setenv(name, "")
    return package


@pytest.mark.parametrize("missing", ["onnx", "ultralytics"])
@pytest.mark.parametrize(
    "words", [("export", "a.yaml", "--out", "a.onnx"), ("train", ".", "--weights", "a.pt", "--out", "o")]
)
def test_without_the_extra_the_answer_is_which_one(
    missing: str, words: tuple[str, ...], ultralytics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    result = runner.invoke(app, words)
    assert isinstance(result.exception, InputError)
    expected = f"the package {missing} is not installed; expected hallwatch with its extra train"
    assert expected in str(result.exception)


def test_nothing_is_reported_fetched_or_installed(ultralytics: Any) -> None:
    assert require("a") is ultralytics
    assert (os.environ["YOLO_OFFLINE"], os.environ["YOLO_AUTOINSTALL"]) == ("true", "false")


@pytest.mark.parametrize(("name", "kind"), [("yolo11n.yaml", "YOLO"), ("RTDETR-l.yaml", "RTDETR"), ("a.pt", "YOLO")])
def test_load(name: str, kind: str, ultralytics: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pt").touch()
    assert load(name).of == kind


def test_what_is_no_detector(ultralytics: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.pt: no such file; .* nothing is fetched"):
        load(str(tmp_path / "gone.pt"))
    with pytest.raises(InputError, match=r"a\.onnx: expected weights"):
        load("a.onnx")
    ultralytics.YOLO = lambda _: SimpleNamespace(task="segment")
    with pytest.raises(InputError, match="found a model for segment; expected one for detect"):
        load("a.yaml")

    def broken(_: str) -> None:
        raise EOFError("Ran out of input")

    ultralytics.YOLO = broken
    with pytest.raises(InputError, match="cannot read it: EOFError: Ran out of input"):
        load("a.yaml")


@pytest.mark.parametrize(
    ("names", "person"),
    [
        ({0: "bag", 1: "Person"}, 1),
        # the only one, whatever it is called
        ({0: "citizen"}, 0),
        # COCO, by numbers
        ({n: str(n) for n in range(80)}, 0),
        # nobody
        ({0: "bag", 1: "phone"}, None),
        ({0: "0", 1: "1"}, None),
        ({}, None),
    ],
)
def test_the_class_of_people(names: dict[int, str], person: int | None) -> None:
    assert person_class(names) == person


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "a.yaml", "--out", "a.pt"), "expected a file that ends in .onnx"),
        (("export", "a.yaml", "--out", "a.onnx", "--size", "640"), "expected WIDTHxHEIGHT"),
        (("export", "a.yaml", "--out", "a.onnx", "--size", "650x384"), "input 650x384: expected multiples of 32"),
        (("export", "a.yaml", "--out", "a.onnx", "--score", "1"), "score 1: expected a share"),
        (("train", ".", "--weights", "a.pt", "--out", "o", "--size", "100"), "size 100: expected a multiple of 32"),
        (("train", ".", "--weights", "a.pt", "--out", "o", "--validation", "1"), "validation 1: expected a share"),
        (("train", ".", "--weights", "a.pt", "--out", "o", "--input", "1x1"), "input 1x1: expected multiples"),
    ],
)
def test_wrong_words(words: tuple[str, ...], message: str) -> None:
    result = runner.invoke(app, words)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_a_broken_export_leaves_nothing(ultralytics: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_network: Any, path: Path, _settings: ExportSettings) -> None:
        path.write_bytes(b"half")
        raise InputError("broke off")

    monkeypatch.setattr("models.export._for_export", lambda *_: None)
    monkeypatch.setattr("models.export._write", broken)
    with pytest.raises(InputError, match="broke off"):
        export("a.yaml", tmp_path / "new" / "a.onnx", ExportSettings())
    assert list((tmp_path / "new").iterdir()) == []


def pictures(folder: Path, count: int) -> list[Labelled]:
    """One person each, further to the right from picture to picture; every other in pixels."""
    folder.mkdir()
    found = []
    for i in range(count):
        path = folder / f"{i:02d}.PNG"
        cv2.imwrite(str(path), np.full((100, 200, 3), i, np.uint8))
        box = np.array([[0.1 * i, 0.2, 0.1 * i + 0.05, 0.6]], np.float32)
        size = np.array([200, 100, 200, 100], np.float32)
        none = np.empty((0, 4), np.float32)
        found.append(Labelled(path, box if i % 2 else box * size, none, fractions=bool(i % 2)))
    return found


def test_the_dataset(tmp_path: Path) -> None:
    labelled = pictures(tmp_path / "given", 10)
    made = write_dataset(labelled[::-1], tmp_path / "made", 0.2)
    assert made == tmp_path / "made" / "data.yaml"
    for kind, first, count in (("train", 0, 8), ("val", 8, 2)):
        links = sorted((tmp_path / "made" / "images" / kind).iterdir())
        assert [link.resolve() for link in links] == [item.path for item in labelled[first : first + count]]
        assert all(link.is_symlink() for link in links)
        rows = [
            [float(part) for part in (tmp_path / "made" / "labels" / kind / f"{link.stem}.txt").read_text().split()]
            for link in links
        ]
        expected = [[0, 0.1 * i + 0.025, 0.4, 0.05, 0.4] for i in range(first, first + count)]
        np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_labels_outside_the_picture_are_cut(tmp_path: Path) -> None:
    (item,) = pictures(tmp_path / "given", 1)
    odd = Labelled(
        item.path, np.array([[-20, 10, 40, 120], [200, 0, 220, 50]], np.float32), item.crowds, fractions=False
    )
    write_dataset([odd, odd], tmp_path / "made", 0.5)
    text = (tmp_path / "made" / "labels" / "val" / "000000.txt").read_text()
    assert text == "0 0.100000 0.550000 0.200000 0.900000\n"


def test_too_few_pictures(ultralytics: Any, tmp_path: Path) -> None:
    pictures(tmp_path / "given", 3)
    (tmp_path / "given" / "00.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    assert len(read_labels(tmp_path / "given")) == 3
    with pytest.raises(InputError, match="found 3 labelled pictures; expected 10 or more"):
        train("a.yaml", tmp_path / "given", tmp_path / "out", TrainSettings())


def test_training_keeps_the_best_weights_and_numbers_and_no_picture(ultralytics: Any, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    def run(**settings: Any) -> None:
        asked.update(settings)
        weights = Path(settings["project"]) / settings["name"] / "weights"
        weights.mkdir(parents=True)
        (weights / "best.pt").write_bytes(b"best")
        (weights.parent / "results.csv").write_text("epoch\n")
        assert Path(settings["data"]).is_file()

    ultralytics.YOLO = lambda _: SimpleNamespace(task="detect", train=run)
    pictures(tmp_path / "given", 10)
    (tmp_path / "given" / "00.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    best = train("a.yaml", tmp_path / "given", tmp_path / "out", TrainSettings(epochs=3, size_px=160, device="0"))
    assert best.read_bytes() == b"best"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["best.pt", "results.csv"]
    assert (asked["epochs"], asked["imgsz"], asked["device"]) == (3, 160, "0")
    assert (asked["plots"], asked["amp"]) == (False, False)
