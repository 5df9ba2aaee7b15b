"""Models that the manifest does not know: told by their metadata or their outputs, or refused, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hall.errors import ModelError
from models.zoo import ModelEntry, resolve
from vision.detector import Detector

GOLDEN = Path(__file__).parent / "golden"


def boxes_of(name: str, entry: ModelEntry, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """What a detector of this file says of a black picture, and what the reference does."""
    detector = Detector(resolve(path))
    assert detector.entry == entry
    (found,) = detector.detect([np.zeros((64, 96, 3), np.uint8)])
    with np.load(GOLDEN / f"{name}.npz") as golden:
        return found.boxes_px, golden["boxes"][golden["scores"] >= entry.low_score]


@pytest.mark.parametrize(
    ("name", "decoder", "person", "score"),
    [
        # exported by ultralytics: its names of classes, its head, whether it is end-to-end
        ("yolo11", "yolo", 1, 0.25),
        ("yolo26_end2end", "yolo_end2end", 1, 0.25),
        ("rtdetr_ultralytics", "detr_end2end", 1, 0.5),
        # exported by us: an entry of the manifest stands in it; the third class of SSD, after the background
        ("ssd", "ssd", 2, 0.5),
    ],
)
def test_a_file_says_what_it_is(name: str, decoder: str, person: int, score: float) -> None:
    entry = resolve(GOLDEN / f"{name}.onnx").entry
    assert (entry.decoder, entry.person, entry.score) == (decoder, person, score)
    assert (entry.name, entry.file) == (name, f"{name}.onnx")
    assert (entry.input.width, entry.input.height) == (96, 64)


def test_a_file_by_its_name_in_a_model_folder(tmp_path: Path) -> None:
    model = resolve("ssd.onnx", [tmp_path, GOLDEN])
    assert (model.entry.name, model.path) == ("ssd", GOLDEN / "ssd.onnx")
    with pytest.raises(ModelError, match=r"^none\.onnx: cannot read"):
        resolve("none.onnx", [tmp_path, GOLDEN])


def test_ultralytics_files_are_fed_as_ultralytics_feeds_them() -> None:
    yolo, rtdetr = (resolve(GOLDEN / f"{name}.onnx").entry for name in ("yolo11", "rtdetr_ultralytics"))
    assert yolo.input.model_dump() == {
        "width": 96, "height": 64, "fit": "letterbox", "pad": 114, "channels": "rgb",
        "mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0),
    }  # fmt: skip
    assert rtdetr.input.fit == "stretch"
    assert yolo.licence.startswith("AGPL-3.0")


@pytest.mark.parametrize("name", ["yolo26_end2end", "rtdetr_ultralytics", "ssd"])
def test_from_the_file_to_the_boxes_of_the_reference(name: str) -> None:
    path = GOLDEN / f"{name}.onnx"
    found, expected = boxes_of(name, resolve(path).entry, path)
    assert len(found) > 20
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


def test_a_batch_goes_through_in_one() -> None:
    detector = Detector(resolve(GOLDEN / "ssd.onnx"))
    assert not detector._one_by_one
    one, two = detector.detect([np.zeros((64, 96, 3), np.uint8)] * 2)
    np.testing.assert_array_equal(one.boxes_px, two.boxes_px)


def altered(tmp_path: Path, name: str, old: bytes, new: bytes) -> Path:
    """The file with other words of the same length in it."""
    assert len(old) == len(new)
    content = (GOLDEN / f"{name}.onnx").read_bytes()
    assert old in content
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(content.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        # nothing called a person among the classes
        ("yolo11", b"'person'", b"'parson'", r"which of 3 classes is a person .*bag, parson, phone"),
        # another task with outputs of the same shape
        ("yolo11", b"\x06detect", b"\x06obbbbb", "found a model for obbbbb; expected one for detect"),
        # rows of six numbers, with nothing that says which six
        ("yolo26_end2end", b"True", b"Nope", r"which decoder fits cannot be told .*output0 .*126, 6\]"),
        ("yolo11", b"{0: 'bag', ", b"{0: 'bag , ", "metadata names: found .*expected a literal"),
        # ours, with something wrong in it
        ("ssd", b'"person": 2', b'"person": 9', "fault.* in what the file says of itself\n.*person 9 is not one of 4"),
        ("ssd", b'"decoder": "ssd"', b'"decoder": "sss"', "decoder: Input should be 'nanodet'"),
        ("ssd", b'"decoder": "ssd"', b'"decoder"; "ssd"', "metadata hallwatch: not JSON"),
        ("ssd", b'"licence": "MIT"', b'"licenze": "MIT"', "licenze: Extra inputs"),
    ],
)
def test_a_file_that_does_not_add_up_is_refused(
    name: str, old: bytes, new: bytes, message: str, tmp_path: Path
) -> None:
    path = altered(tmp_path, name, old, new)
    with pytest.raises(ModelError, match=message) as caught:
        resolve(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        # three classes without names: the decoder shows in the shapes, the person does not
        ("yolox", r"which of 3 classes is a person cannot be told .*images .*output .*126, 8\].*zoo\.toml"),
        ("dfine", r"which of 3 classes is a person cannot be told .*logits"),
    ],
)
def test_three_classes_without_names(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        resolve(GOLDEN / f"{name}.onnx")


class Port:
    """An input or output of a file that is not here."""

    type = "tensor(float)"

    def __init__(self, name: str, shape: list[Any]) -> None:
        self.name, self.shape = name, shape


COCO = str({n: str(n) for n in range(80)})


@pytest.mark.parametrize(
    ("outputs", "metadata", "decoder", "classes"),
    [
        # 640x640: 8400 cells
        ([("output", [1, 8400, 85])], {}, "yolox", 80),
        ([("output", [1, 8400, 6])], {}, "yolox", 1),
        ([("output0", [1, 84, 8400])], {}, "yolo", 80),
        ([("output0", [1, 5, 8400])], {}, "yolo", 1),
        # open axes, as ultralytics leaves them with dynamic=True
        ([("output0", ["batch", 84, "anchors"])], {"imgsz": "[640, 640]", "names": COCO}, "yolo", 80),
        # NMS put into the graph
        ([("output0", [1, 300, 6])], {"args": "{'nms': True}", "names": COCO}, "yolo_end2end", 80),
        ([("pred_boxes", [1, 300, 4]), ("logits", [1, 300, 80])], {}, "detr", 80),
    ],
)
def test_told_by_shapes(
    outputs: list[tuple[str, list[Any]]], metadata: dict[str, str], decoder: str, classes: int
) -> None:
    from models.describe import _derived, _File  # noqa: PLC0415

    axes: list[Any] = ["batch", 3, "height", "width"] if "imgsz" in metadata else ["batch", 3, 640, 640]
    file = _File(Path("any.onnx"), metadata, [Port("images", axes)], [Port(*port) for port in outputs])
    told = _derived(file)
    assert (told["decoder"], told["classes"], told["person"]) == (decoder, classes, 0)
    expected = {"yolo": [4 + classes, 8400], "yolox": [8400, 5 + classes], "yolo_end2end": [300, 6]}
    assert told["outputs"][0]["shape"] == expected.get(decoder, [300, 80])


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        # D-FINE with its post-processing inside wants the size of the picture, too
        ([("images", [1, 3, 640, 640]), ("orig_target_sizes", [1, 2])], [("labels", [1, 300])], "found 2 inputs"),
        # open height and width, and nothing that says them
        ([("images", [1, 3, "h", "w"])], [("output0", [1, 84, "n"])], "size of the input cannot be told"),
        # YOLOv5: three boxes a cell
        ([("images", [1, 3, 640, 640])], [("output", [1, 25200, 85])], "which decoder fits cannot be told"),
        # boxes in pixels or in fractions?
        ([("images", [1, 3, 64, 64])], [("boxes", [1, 9, 4]), ("scores", [1, 9, 1])], "decoder fits cannot be told"),
    ],
)
def test_what_cannot_be_told_from_shapes(
    inputs: list[tuple[str, list[Any]]], outputs: list[tuple[str, list[Any]]], message: str
) -> None:
    from models.describe import _derived, _File  # noqa: PLC0415

    file = _File(Path("any.onnx"), {}, [Port(*port) for port in inputs], [Port(*port) for port in outputs])
    with pytest.raises(ModelError, match=message):
        _derived(file)


def test_what_the_file_says_of_name_and_checksum_counts_for_nothing(tmp_path: Path) -> None:
    path = altered(tmp_path, "ssd", b'"source": "noise"', b'"name":   "noise"')
    renamed = path.rename(tmp_path / "Hall Model (2).onnx")
    entry = resolve(renamed).entry
    assert entry.name == "hall-model-2-"
    assert entry.source == str(renamed)
    assert json.loads(entry.model_dump_json())["size"] == renamed.stat().st_size
