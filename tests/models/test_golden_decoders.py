"""Decoders against the reference frameworks' own post-processing of the same raw tensor (scripts/goldens/make.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.decoders import DECODERS
from models.prepare import Placement
from models.zoo import ModelEntry

GOLDEN = Path(__file__).parent / "golden"
NAMES = (
    "yolov8", "yolo11", "yolo26", "yolo26_end2end", "yolov10_end2end",
    "yolox", "ssd", "rtdetr", "rtdetr_v2", "dfine", "rtdetr_ultralytics",
)  # fmt: skip


def entry_of(golden: dict[str, np.ndarray], width: int, height: int) -> ModelEntry:
    return ModelEntry.model_validate({
        "name": "golden", "file": "golden.onnx", "size": 1, "sha256": "0" * 64, "licence": "MIT", "source": "us",
        "decoder": str(golden["decoder"]), "classes": int(golden["classes"]), "person": int(golden["person"]),
        "score": 0.5, "low_score": float(golden["low_score"]), "nms_iou": float(golden["nms_iou"]),
        "input": {
            "width": width, "height": height, "fit": "stretch", "channels": "rgb",
            "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0),
        },
        "outputs": [{"name": "any", "shape": [1]}],
    })  # fmt: skip


def test_there_is_one_for_every_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.npz")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("wider", "higher"), [(1, 1), (4, 2)])
def test_as_the_reference_decodes_it(name: str, wider: int, higher: int) -> None:
    with np.load(GOLDEN / f"{name}.npz") as file:
        golden = {key: file[key] for key in file.files}
    width, height = (int(side) for side in golden["size_px"])
    outputs = [golden[f"output{i}"] for i in range(sum(key.startswith("output") for key in golden))]
    placement = Placement(width * wider, height * higher, 1 / wider, 1 / higher)
    boxes, scores = DECODERS[entry_of(golden, width, height).decoder](
        outputs, entry_of(golden, width, height), placement
    )
    assert len(scores) == len(golden["scores"]) >= 5
    np.testing.assert_allclose(scores, golden["scores"], atol=1e-6)
    np.testing.assert_allclose(boxes, golden["boxes"] * [wider, higher, wider, higher], rtol=1e-5, atol=1e-3 * wider)
