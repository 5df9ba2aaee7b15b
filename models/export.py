"""A YOLO or RT-DETR of ultralytics as an ONNX file that says itself how it is read.

The graph takes any number of pictures of one size, so the cameras of a box share an inference. It is written
beside its place and gets its name once its answers are those of the original.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from hall.errors import InputError, ModelError
from models._ultralytics import load
from models.classes import person_class
from models.describe import KEY, describe
from models.zoo import ModelEntry

STRIDE = 32
OPSET = 17
_MOST = 300
"""Rows of an end-to-end output, as ultralytics has it."""
_TOLERANCE = 1e-3
"""Of scores, and of boxes as a share of the input, between the original and the graph."""


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """How to write a model.

    Args:
        width: of the input in pixels, a multiple of 32.
        height: likewise.
        end2end: the head that needs no suppression, where the model has one; else candidates for ours.
        score: a detection this good counts by itself.
        licence: of the weights; ultralytics puts its own under AGPL-3.0.
    """

    width: int = 640
    height: int = 640
    end2end: bool = False
    score: float = 0.25
    licence: str = "AGPL-3.0-only"

    def __post_init__(self) -> None:
        """Refuse what no model takes.

        Raises:
            InputError: a size that is no multiple of the stride, or a score outside 0 to 1.
        """
        if self.width < STRIDE or self.height < STRIDE or self.width % STRIDE or self.height % STRIDE:
            raise InputError(f"input {self.width}x{self.height}: expected multiples of {STRIDE} pixels")
        if not 0 < self.score < 1:
            raise InputError(f"score {self.score:g}: expected a share between 0 and 1")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how far its answers are from the original's at most."""

    path: Path
    entry: ModelEntry
    difference: float


def export(weights: str, out: Path, settings: ExportSettings) -> Exported:
    """Write weights (.pt) or a YAML of ultralytics as ONNX.

    Args:
        weights: a .pt that is here, or a YAML: a file, or the name of one of ultralytics' own.
        out: the .onnx file.
        settings: size, head, threshold.

    Raises:
        InputError: the extra `train` is not installed, or what was given is no model that detects people.
        ModelError: the graph does not answer as the original does.
    """
    if out.suffix != ".onnx":
        raise InputError(f"{out}: expected a file that ends in .onnx")
    model = load(weights)
    network = _for_export(model, settings)
    part = out.with_name(f".{out.stem}.part.onnx")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        noise, expected = _write(network, part, settings)
        _sign(part, _entry_of(model, network, expected, settings, source=f"{weights}, exported by hallwatch"))
        entry = describe(out, part.read_bytes())
        difference = _difference(part, noise, expected, entry)
        part.replace(out)
    except OSError as exc:
        raise InputError(f"{out}: {exc.strerror}; expected a place that can be written") from exc
    finally:
        part.unlink(missing_ok=True)
    return Exported(out, entry, difference)


def _for_export(model: Any, settings: ExportSettings) -> Any:
    """The network, fused, its head set to answer in one tensor."""
    network = model.model.float().eval()
    head = network.model[-1]
    if settings.end2end:
        if getattr(head, "one2one_cv2", None) is None:
            raise InputError(f"{type(head).__name__}: the model has no head without suppression; leave out --end2end")
        head.end2end = True
    network = network.fuse(verbose=False)
    head = network.model[-1]
    head.export, head.format, head.dynamic, head.max_det = True, "onnx", False, _MOST
    return network


def _write(network: Any, path: Path, settings: ExportSettings) -> tuple[np.ndarray, np.ndarray]:
    """The graph, and what the original says of two pictures of noise."""
    import torch  # noqa: PLC0415 - only there with the extra

    torch.manual_seed(1)
    noise = torch.rand(2, 3, settings.height, settings.width)
    with torch.no_grad():
        network(noise[:1])  # anchors are made for this size
        torch.onnx.export(
            network,
            (noise,),
            str(path),
            opset_version=OPSET,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}},
            dynamo=False,
        )
        expected = network(noise)
    return noise.numpy(), expected.numpy()


def _entry_of(
    model: Any, network: Any, expected: np.ndarray, settings: ExportSettings, *, source: str
) -> dict[str, Any]:
    """The manifest entry that goes into the file."""
    names = {int(number): str(name) for number, name in model.names.items()}
    person = person_class(names)
    if person is None:
        raise InputError(f"{source}: found the classes {', '.join(names.values())}; expected one called person")
    detr = type(network.model[-1]).__name__ == "RTDETRDecoder"
    fit = {"fit": "stretch"} if detr else {"fit": "letterbox", "pad": 114}
    decoder = "detr_end2end" if detr else "yolo_end2end" if settings.end2end else "yolo"
    size = {"width": settings.width, "height": settings.height}
    return {
        "decoder": decoder,
        "classes": len(names),
        "person": person,
        "score": settings.score,
        "low_score": min(0.1, settings.score),
        "nms_iou": 0.7,  # ultralytics' own
        "input": {**size, **fit, "channels": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255]},
        "outputs": [{"name": "output0", "shape": list(expected.shape[1:])}],
        "licence": settings.licence,
        "source": source,
    }


def _sign(path: Path, entry: dict[str, Any]) -> None:
    """Put the entry into the file."""
    import onnx  # noqa: PLC0415 - only there with the extra

    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {KEY: json.dumps(entry)})
    onnx.save(graph, path)


def _difference(path: Path, noise: np.ndarray, expected: np.ndarray, entry: ModelEntry) -> float:
    """How far the graph's answers are from the original's: of scores, and of boxes as a share of the input.

    Rows of an end-to-end output are compared in the order of their scores, which near ties exchange, so there
    only the scores are.

    Raises:
        ModelError: too far.
    """
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": noise})
    if found.shape != expected.shape:
        raise ModelError(f"{path}: the graph answers {found.shape}; expected {expected.shape}")
    away = np.abs(found - expected)
    if entry.decoder == "yolo":
        away[:, :4] /= max(entry.input.width, entry.input.height)
    else:
        away = np.abs(np.sort(found[..., 4]) - np.sort(expected[..., 4]))
    if not (worst := float(away.max())) <= _TOLERANCE:
        raise ModelError(f"{path}: the graph is {worst:g} away from the original; expected at most {_TOLERANCE:g}")
    return worst
