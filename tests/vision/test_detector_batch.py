"""A detector on a network small enough to write by hand: batches, and models that fail at first inference.

The network reads images of 2x2 pixels and takes each channel's four pixels as one box and its brightest as
the score, so an image says itself what is in it.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hall.errors import ModelError
from models.zoo import ModelEntry, ModelFile
from vision.detector import Detector
from vision.types import Detections


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message, as in onnx.proto."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def port(name: str, *axes: int | str) -> bytes:
    shape = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in axes)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))  # element type 1: float


def node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind) + attributes


def network(batch: int | str, *, side: int | str = 2, rows: int = 3, columns: int = 4, divide: float = 255.0) -> bytes:
    """Boxes (batch, rows, columns): the pixels over `divide`; scores (batch, rows, 1): their maxima.

    An open `side` keeps onnxruntime from working out the shapes before the first inference.
    """
    shape = struct.pack("<3q", 0 if isinstance(batch, str) else batch, rows, columns)
    axis = field(5, field(1, "axes") + field(8, 2) + field(20, 7))  # ints, type 7
    graph = (
        field(1, node("Div", ["image", "by"], "fractions"))
        + field(1, node("Reshape", ["fractions", "shape"], "boxes"))
        + field(1, node("ReduceMax", ["boxes"], "scores", axis))
        + field(2, "tiny")
        + field(5, field(1, 3) + field(2, 7) + field(8, "shape") + field(9, shape))
        + field(5, field(2, 1) + field(8, "by") + field(9, struct.pack("<f", divide)))
        + field(11, port("image", batch, 3, side, side))
        + field(12, port("boxes", batch, "n", "m"))
        + field(12, port("scores", batch, "n", "k"))
    )
    return field(1, 6) + field(7, graph) + field(8, field(2, 11))  # IR 6, opset 11


def model(folder: Path, content: bytes, *, rows: int = 3) -> ModelFile:
    path = folder / "tiny.onnx"
    path.write_bytes(content)
    values: dict[str, Any] = {
        "name": "tiny",
        "file": path.name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "MIT",
        "source": "this test",
        "decoder": "omz",
        "classes": 1,
        "person": 0,
        "score": 0.6,
        "low_score": 0.2,
        "nms_iou": 0.5,
        "input": {
            "width": 2,
            "height": 2,
            "fit": "stretch",
            "channels": "bgr",
            "mean": (0.0, 0.0, 0.0),
            "std": (1.0, 1.0, 1.0),
        },
        "outputs": [{"name": "boxes", "shape": [rows, 4]}, {"name": "scores", "shape": [rows, 1]}],
    }
    return ModelFile(ModelEntry.model_validate(values), path)


def image(*boxes: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """An image of 2x2 pixels that shows these boxes, given as fractions of it."""
    channels = [np.array(box).reshape(2, 2) for box in [*boxes, *[(0.0,) * 4] * 3][:3]]
    return (np.stack(channels, axis=2) * 255).round().astype(np.uint8)


LEFT, RIGHT = (0.0, 0.0, 0.4, 0.8), (0.6, 0.2, 1.0, 1.0)


@pytest.mark.parametrize("batch", [1, "batch"])
def test_images_keep_their_order_and_their_boxes(batch: int | str, tmp_path: Path) -> None:
    detector = Detector(model(tmp_path, network(batch)))
    images = [image(LEFT), image(), image(RIGHT, LEFT), image(RIGHT)]
    found = detector.detect(images)
    assert [len(each) for each in found] == [1, 0, 2, 1]
    np.testing.assert_allclose(found[0].boxes_px, [[0, 0, 0.8, 1.6]], atol=0.01)
    np.testing.assert_allclose(found[2].boxes_px, [[1.2, 0.4, 2, 2], [0, 0, 0.8, 1.6]], atol=0.01)
    np.testing.assert_allclose(found[2].scores, [1, 0.8], atol=0.01)
    assert [each.size_px for each in found] == [(2, 2)] * 4


def test_an_open_batch_is_one_inference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs: list[tuple[int, ...]] = []
    run = Detector._infer

    def watch(self: Detector, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        blobs.append(blob.shape)
        return run(self, blob)

    for batch in (1, "batch"):
        detector = Detector(model(tmp_path, network(batch)))
        with monkeypatch.context() as patch:
            patch.setattr(Detector, "_infer", watch)
            detector.detect([image(LEFT)] * 3)
    assert blobs == [(1, 3, 2, 2)] * 3 + [(3, 3, 2, 2)]


def test_a_shape_that_is_wrong_before_the_first_inference(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"mismatched.*\n  output boxes: found .*6, 2\]; expected .*3, 4\]"):
        Detector(model(tmp_path, network("batch", rows=6, columns=2)))


def test_a_shape_that_only_the_first_inference_shows(tmp_path: Path) -> None:
    content = network("batch", side="side", rows=-1)
    with pytest.raises(ModelError, match=r"tiny\.onnx: output boxes: found \[1, 3, 4\]; expected \[1, 6, 4\]"):
        Detector(model(tmp_path, content, rows=6))


def test_a_network_that_fails_in_its_first_inference(tmp_path: Path) -> None:
    content = network("batch", side="side", rows=5, columns=-1)
    with pytest.raises(ModelError, match=r"tiny\.onnx: the first inference of tiny failed: .*reshape"):
        Detector(model(tmp_path, content, rows=5))


def test_a_network_that_puts_out_no_numbers(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny\.onnx: output boxes: found values that are not finite"):
        Detector(model(tmp_path, network("batch", divide=0.0)))


def test_pictures_side_by_side_are_those_one_after_the_other(tmp_path: Path) -> None:
    images = [image(LEFT), image(), image(RIGHT, LEFT), image(RIGHT), image(LEFT)]
    alone = Detector(model(tmp_path, network("batch"))).detect(images)
    threads: set[str] = set()

    class Watched(Detector):
        def _look(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
            threads.add(threading.current_thread().name)
            return super()._look(images)

    shared = Watched(model(tmp_path, network("batch")), parallel=2).detect(images)
    assert [found.boxes_px.tolist() for found in shared] == [found.boxes_px.tolist() for found in alone]
    assert all(name.startswith("inference") for name in threads), "the caller waits"
    with pytest.raises(ValueError, match="parallel: expected 1 or more, got 0"):
        Detector(model(tmp_path, network("batch")), parallel=0)
