"""A model file that the manifest does not know, described by what stands in it.

`hallwatch models export` writes an entry into the file, under the metadata key `hallwatch`; files that
ultralytics exported say their task, classes and head; of others the shapes of the outputs may be enough.
Where they are not, that is an error: a decoder is never guessed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort
from pydantic import ValidationError

from hall.errors import ModelError
from models.classes import COCO_CLASSES, person_class
from models.decoders import cell_count
from models.session import ORT_ERRORS, Port
from models.zoo import DecoderName, ModelEntry

KEY = "hallwatch"
"""The metadata key of an ONNX file that holds a manifest entry as JSON, without name, file, size and sha256."""

_RGB = {"channels": "rgb", "mean": (0.0, 0.0, 0.0), "std": (255.0, 255.0, 255.0)}
_BGR = {"channels": "bgr", "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
_LETTERBOX = {"fit": "letterbox", "pad": 114}
# How each family is fed and which thresholds its own tools take: ultralytics' cfg (conf 0.25, iou 0.7), YOLOX's
# onnx_inference (0.3, 0.45), post_process_object_detection of transformers (0.5, no suppression).
_FAMILIES: Mapping[DecoderName, tuple[dict[str, Any], float, float]] = {
    "yolo": ({**_RGB, **_LETTERBOX}, 0.25, 0.7),
    "yolo_end2end": ({**_RGB, **_LETTERBOX}, 0.25, 0.7),
    "yolox": ({**_BGR, **_LETTERBOX}, 0.3, 0.45),
    "detr": ({**_RGB, "fit": "stretch"}, 0.5, 0.7),
    "detr_end2end": ({**_RGB, "fit": "stretch"}, 0.5, 0.7),
}


@dataclass(frozen=True, slots=True)
class _File:
    """What an ONNX file says of itself."""

    path: Path
    metadata: Mapping[str, str]
    inputs: Sequence[Port]
    outputs: Sequence[Port]

    def unclear(self, what: str) -> ModelError:
        ports = "; ".join(f"{port.name} {list(port.shape)}" for port in (*self.inputs, *self.outputs))
        return ModelError(
            f"{self.path}: {what} (inputs and outputs: {ports}); expected a file of `hallwatch models export`, an "
            f"ultralytics export, a YOLO, YOLOX or DETR of {COCO_CLASSES} classes or one, or an entry in zoo.toml"
        )


def describe(path: Path, content: bytes) -> ModelEntry:
    """The entry of a model file, read from its metadata or the shapes of its outputs.

    Args:
        path: where it lies, for the entry and for errors.
        content: the file.

    Raises:
        ModelError: no ONNX file, or one that does not say how it is to be read.
    """
    file = _open(path, content)
    told = _embedded(file) if KEY in file.metadata else _derived(file)
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).lstrip("._-") or "model"
    identity = {"name": name, "file": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    try:
        return ModelEntry.model_validate({"licence": "unknown", "source": str(path), **told, **identity})
    except ValidationError as exc:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'entry'}: {e['msg']}" for e in exc.errors()]
        raise ModelError(
            "\n  ".join([f"{path}: {len(faults)} fault(s) in what the file says of itself", *faults])
        ) from exc


def _open(path: Path, content: bytes) -> _File:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL  # only looked at
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except ORT_ERRORS as exc:
        found = hashlib.sha256(content).hexdigest()
        raise ModelError(f"{path}: found sha256 {found}, which no model has, and no ONNX model in it: {exc}") from exc
    return _File(path, session.get_modelmeta().custom_metadata_map, session.get_inputs(), session.get_outputs())


def _embedded(file: _File) -> dict[str, Any]:
    try:
        told = json.loads(file.metadata[KEY])
    except json.JSONDecodeError as exc:
        raise ModelError(f"{file.path}: metadata {KEY}: not JSON: {exc}") from exc
    if not isinstance(told, dict):
        raise ModelError(f"{file.path}: metadata {KEY}: found {type(told).__name__}; expected an object")
    return told


def _derived(file: _File) -> dict[str, Any]:
    if len(file.inputs) != 1:
        raise file.unclear(f"found {len(file.inputs)} inputs; expected one, the picture")
    width, height = _input_size(file)
    decoder, classes, shapes = _decoder(file, width, height)
    how, score, nms_iou = _FAMILIES[decoder]
    told: dict[str, Any] = {
        "decoder": decoder,
        "classes": classes,
        "person": _person(file, classes),
        "score": score,
        "low_score": 0.1,
        "nms_iou": nms_iou,
        "input": {"width": width, "height": height, **how},
        "outputs": [{"name": name, "shape": shape} for name, shape in shapes],
    }
    if licence := file.metadata.get("license"):
        told["licence"] = licence
    return told


def _input_size(file: _File) -> tuple[int, int]:
    """Width and height, of the input or, where its axes are open, as ultralytics notes them."""
    axes = list(file.inputs[0].shape)
    if len(axes) == 4 and axes[1] == 3 and isinstance(axes[2], int) and isinstance(axes[3], int):
        return axes[3], axes[2]
    noted = _literal(file, "imgsz")
    if len(axes) == 4 and isinstance(noted, list) and len(noted) == 2 and all(isinstance(n, int) for n in noted):
        return noted[1], noted[0]
    raise file.unclear(
        "the size of the input cannot be told; expected [batch, 3, height, width] of fixed height and width"
    )


def _decoder(file: _File, width: int, height: int) -> tuple[DecoderName, int, list[tuple[str, list[int]]]]:
    """The decoder, the number of classes, and outputs in the decoder's order."""
    if (task := file.metadata.get("task", "detect")) != "detect":
        raise ModelError(f"{file.path}: found a model for {task}; expected one for detect")
    cells = cell_count(width, height)
    ports = {port.name: list(port.shape[1:]) for port in file.outputs}
    if len(ports) == 1:
        ((name, shape),) = ports.items()
        rows_first = [n if isinstance(n, int) else cells for n in shape]
        decoder, classes = _of_one(file, rows_first, cells)
        return decoder, classes, [(name, rows_first)]
    if ports.keys() == {"logits", "pred_boxes"}:
        match ports["logits"], ports["pred_boxes"]:
            case [int(queries), int(classes)], [int(boxes), 4] if boxes == queries:
                return "detr", classes, [("logits", [queries, classes]), ("pred_boxes", [queries, 4])]
    raise file.unclear("which decoder fits cannot be told from the outputs")


def _of_one(file: _File, shape: list[int], cells: int) -> tuple[DecoderName, int]:
    """Decoder and number of classes of a model with one output."""
    names = _names(file)
    end2end = file.metadata.get("end2end") == "True" or "'nms': True" in file.metadata.get("args", "")
    match shape:
        case [_, 6] if file.metadata.get("head") == "RTDETRDecoder" and names:
            return "detr_end2end", len(names)
        case [_, 6] if end2end and names:
            return "yolo_end2end", len(names)
        case [rows, columns] if columns == cells and rows > 4:
            return "yolo", rows - 4
        case [rows, columns] if rows == cells and columns > 5 and not names:
            return "yolox", columns - 5
    raise file.unclear("which decoder fits cannot be told from the output")


def _person(file: _File, classes: int) -> int:
    names = _names(file)
    # Without names they are counted: one is of people, eighty are COCO's.
    found = person_class(names or {number: str(number) for number in range(classes)})
    if found is None:
        listed = f"; it has {', '.join(names.values())}" if names else ""
        raise file.unclear(f"which of {classes} classes is a person cannot be told{listed}")
    return found


def _names(file: _File) -> dict[int, str]:
    """Classes by number, as ultralytics notes them."""
    names = _literal(file, "names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    return {int(number): str(name) for number, name in names.items()} if isinstance(names, dict) else {}


def _literal(file: _File, key: str) -> Any:
    """A value that ultralytics wrote as Python prints it; None where there is none."""
    try:
        return ast.literal_eval(file.metadata.get(key, "None"))
    except (ValueError, SyntaxError):
        raise ModelError(
            f"{file.path}: metadata {key}: found {file.metadata[key][:80]!r}; expected a literal"
        ) from None
