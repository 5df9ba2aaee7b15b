"""Write tests/models/golden: what the reference frameworks make of a raw tensor of their own models.

Models are built from their own configuration with random weights (no download), see one small noise image, and
their own post-processing turns the raw tensor into boxes of one class. The tests decode the same tensor with
`models.decoders` and compare. A few of the tensors are put into ONNX files that answer with them.
Run it in an environment of its own, never in the project's:

    python -m venv build/goldens
    build/goldens/bin/pip install torch==2.13.0  # a CPU build is enough
    build/goldens/bin/pip install --no-deps -r scripts/goldens/requirements.txt
    build/goldens/bin/pip download --no-deps --no-build-isolation -d build/goldens yolox==0.3.0
    tar -C build/goldens -xzf build/goldens/yolox-0.3.0.tar.gz
    PYTHONPATH=build/goldens/yolox-0.3.0 build/goldens/bin/python scripts/goldens/make.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

OUT = Path(__file__).resolve().parents[2] / "tests" / "models" / "golden"
HEIGHT, WIDTH, CLASSES, PERSON = 64, 96, 3, 1
LOW_SCORE, NMS_IOU = 0.1, 0.6


@dataclass(frozen=True)
class Golden:
    """Raw outputs without their batch axis, and what the reference says of the person in them."""

    outputs: list[torch.Tensor]
    boxes: torch.Tensor
    scores: torch.Tensor
    reference: str
    person: int = PERSON
    classes: int = CLASSES


def torchvision_operators() -> None:
    """Let torchvision be imported where its compiled operators do not load: nms in plain torch, the rest absent."""
    try:
        import torchvision  # noqa: PLC0415
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    else:
        return
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    _KEPT.append(library)
    import torchvision.ops.boxes  # noqa: PLC0415

    torchvision.ops.boxes._assert_has_ops = lambda: None  # noqa: SLF001


_KEPT: list[object] = []


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou: float) -> torch.Tensor:
    def area(b: torch.Tensor) -> torch.Tensor:
        return (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])

    order, kept = scores.argsort(descending=True, stable=True), []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        sides = torch.minimum(boxes[best, 2:], boxes[rest, 2:]) - torch.maximum(boxes[best, :2], boxes[rest, :2])
        shared = sides.clamp(min=0).prod(dim=1)
        order = rest[shared / (area(boxes[best]) + area(boxes[rest]) - shared) <= iou]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


def noise() -> torch.Tensor:
    """One picture."""
    return torch.rand(1, 3, HEIGHT, WIDTH)


def lively(model: torch.nn.Module) -> torch.nn.Module:
    """In evaluation, but normalising by what it sees: random weights alone answer nearly the same everywhere."""
    model.eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train()
    return model


def yolo(config: str, *, end2end: bool) -> Golden:
    """A YOLO of ultralytics, with its own non_max_suppression (which only filters what is end-to-end)."""
    import ultralytics  # noqa: PLC0415
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415
    from ultralytics.utils.nms import non_max_suppression  # noqa: PLC0415

    model: Any = lively(DetectionModel(config, nc=CLASSES, verbose=False))
    head = model.model[-1]
    towers = head.one2one if end2end else head.one2many
    with torch.no_grad():
        for box, cls in zip(towers["box_head"], towers["cls_head"], strict=True):
            box[-1].bias.normal_(3 if head.reg_max == 1 else 0.5, 1)
            box[-1].weight.normal_(0, 0.3)
            cls[-1].bias.normal_(-1, 0.5)
            cls[-1].weight.normal_(0, 1)
        head.end2end = end2end
        raw = model(noise())[0]
        (found,) = non_max_suppression(
            raw.clone(), LOW_SCORE, NMS_IOU, classes=[PERSON], multi_label=True, nc=CLASSES, end2end=end2end
        )
    return Golden([raw[0]], found[:, :4], found[:, 4], f"ultralytics {ultralytics.__version__} {config}")


def rtdetr_of_ultralytics() -> Golden:
    """RT-DETR of ultralytics: rows of a box as fractions, centre first, score and class."""
    import ultralytics  # noqa: PLC0415
    from ultralytics.models.rtdetr.predict import RTDETRPredictor  # noqa: PLC0415
    from ultralytics.nn.tasks import RTDETRDetectionModel  # noqa: PLC0415

    model: Any = lively(RTDETRDetectionModel("rtdetr-l.yaml", nc=CLASSES, verbose=False))
    with torch.no_grad():
        for layer in model.model[-1].dec_score_head:
            layer.weight.normal_(0, 0.1)
        raw = model(noise())[0]
    predictor = RTDETRPredictor.__new__(RTDETRPredictor)
    predictor.args = SimpleNamespace(conf=LOW_SCORE, classes=[PERSON], agnostic_nms=False, max_det=300)
    predictor.model = SimpleNamespace(names=dict.fromkeys(range(CLASSES), ""))
    predictor.batch = [["noise"]]
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    (result,) = predictor.postprocess(raw.clone(), noise(), [picture])
    return Golden(
        [raw[0]], result.boxes.xyxy, result.boxes.conf, f"ultralytics {ultralytics.__version__} rtdetr-l.yaml"
    )


def detr(name: str) -> Golden:
    """RT-DETR, RT-DETR v2 or D-FINE of transformers: logits and boxes of queries, and its own post-processing."""
    import transformers  # noqa: PLC0415

    backbone = transformers.RTDetrResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 16, 32, 32],
        depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    small: dict[str, Any] = {"d_model": 32, "decoder_attention_heads": 4, "encoder_hidden_dim": 32, "decoder_layers": 2}
    small |= {"encoder_attention_heads": 4, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_queries": 30}
    small |= {"encoder_in_channels": [16, 32, 32], "decoder_in_channels": [32, 32, 32]}
    config = getattr(transformers, f"{name}Config")(
        backbone_config=backbone, use_timm_backbone=False, num_labels=CLASSES, **small
    )
    model = getattr(transformers, f"{name}ForObjectDetection")(config).eval()
    with torch.no_grad():
        for head in model.modules():
            if isinstance(head, torch.nn.Linear) and head.out_features == CLASSES:
                head.weight.normal_(0, 0.1)
                head.bias.fill_(-4)
                head.bias[PERSON] = 0.5
        outputs = model(noise())
    processor = transformers.RTDetrImageProcessor()
    (found,) = processor.post_process_object_detection(
        outputs, threshold=LOW_SCORE, target_sizes=torch.tensor([[HEIGHT, WIDTH]])
    )
    person = found["labels"] == PERSON
    reference = f"transformers {transformers.__version__} {name}ForObjectDetection"
    raw = [outputs.logits[0], outputs.pred_boxes[0]]
    return Golden(raw, found["boxes"][person], found["scores"][person], reference)


def yolox() -> Golden:
    """YOLOX as its own export leaves it: not decoded on the grid."""
    from yolox.models import YOLOPAFPN, YOLOX, YOLOXHead  # noqa: PLC0415
    from yolox.utils import postprocess  # noqa: PLC0415

    model = lively(YOLOX(YOLOPAFPN(0.33, 0.25), YOLOXHead(CLASSES, 0.25)))
    head = model.head
    head.decode_in_inference = False
    with torch.no_grad():
        for kind in (head.reg_preds, head.cls_preds, head.obj_preds):
            for layer in kind:
                layer.weight.normal_(0, 0.5)
                layer.bias.normal_(0.7, 0.5)
        raw = model(noise())
    decoded = head.decode_outputs(raw.clone(), torch.float32)
    # The reference keeps the best class of a box; shown the one column of the person it judges that one.
    column = decoded[..., [0, 1, 2, 3, 4, 5 + PERSON]]
    (found,) = postprocess(column, 1, LOW_SCORE, NMS_IOU)
    return Golden([raw[0]], found[:, :4], found[:, 4] * found[:, 5], "yolox 0.3.0 depth 0.33, width 0.25")


def ssd() -> Golden:
    """SSD of torchvision: deltas of default boxes, logits with the background first, and the default boxes."""
    import torchvision  # noqa: PLC0415
    from torchvision.models.detection.anchor_utils import DefaultBoxGenerator  # noqa: PLC0415
    from torchvision.models.detection.image_list import ImageList  # noqa: PLC0415
    from torchvision.models.detection.ssd import SSD  # noqa: PLC0415

    backbone = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 16, 16), torch.nn.ReLU())
    backbone.out_channels = [8]
    model = SSD(
        backbone, DefaultBoxGenerator([[2]], scales=[0.3, 0.5]), (HEIGHT, WIDTH), CLASSES + 1,
        score_thresh=LOW_SCORE, nms_thresh=NMS_IOU,
    ).eval()  # fmt: skip
    with torch.no_grad():
        for layer in [*model.head.regression_head.module_list, *model.head.classification_head.module_list]:
            layer.weight.normal_(0, 0.3)
        picture = noise()
        features = [model.backbone(picture)]
        heads = model.head(features)
        anchors = model.anchor_generator(ImageList(picture, [(HEIGHT, WIDTH)]), features)
        (found,) = model.postprocess_detections(heads, anchors, [(HEIGHT, WIDTH)])
    person = found["labels"] == PERSON + 1
    raw = [heads["bbox_regression"][0], heads["cls_logits"][0], anchors[0]]
    reference = f"torchvision {torchvision.__version__} SSD"
    return Golden(raw, found["boxes"][person], found["scores"][person], reference, PERSON + 1, CLASSES + 1)


GOLDENS: dict[str, tuple[str, Callable[[], Golden]]] = {
    # file: decoder, how it is made
    "yolov8": ("yolo", lambda: yolo("yolov8n.yaml", end2end=False)),
    "yolo11": ("yolo", lambda: yolo("yolo11n.yaml", end2end=False)),
    "yolo26": ("yolo", lambda: yolo("yolo26n.yaml", end2end=False)),
    "yolo26_end2end": ("yolo_end2end", lambda: yolo("yolo26n.yaml", end2end=True)),
    "yolov10_end2end": ("yolo_end2end", lambda: yolo("yolov10n.yaml", end2end=True)),
    "yolox": ("yolox", yolox),
    "ssd": ("ssd", ssd),
    "rtdetr": ("detr", lambda: detr("RTDetr")),
    "rtdetr_v2": ("detr", lambda: detr("RTDetrV2")),
    "dfine": ("detr", lambda: detr("DFine")),
    "rtdetr_ultralytics": ("detr_end2end", rtdetr_of_ultralytics),
}


ULTRALYTICS = {"task": "detect", "head": "Detect", "end2end": "False", "imgsz": f"[{HEIGHT}, {WIDTH}]"} | {
    "names": "{0: 'bag', 1: 'person', 2: 'phone'}",
    "license": "AGPL-3.0 License (https://ultralytics.com/license)",
    "args": "{'batch': 1, 'nms': None, 'dynamic': False}",
}
_INPUT = {"width": WIDTH, "height": HEIGHT, "fit": "letterbox", "pad": 114, "channels": "rgb"}
_INPUT |= {"mean": [0, 0, 0], "std": [255, 255, 255]}


def ours(outputs: dict[str, torch.Tensor], decoder: str, classes: int, person: int) -> dict[str, str]:
    """Metadata as `hallwatch models export` writes it."""
    shapes = [{"name": name, "shape": list(raw.shape)} for name, raw in outputs.items()]
    told = {"decoder": decoder, "classes": classes, "person": person, "score": 0.5, "low_score": LOW_SCORE}
    told |= {"nms_iou": NMS_IOU, "input": _INPUT, "outputs": shapes, "licence": "MIT", "source": "noise"}
    return {"hallwatch": json.dumps(told)}


MODELS: dict[str, tuple[list[str], dict[str, str] | None]] = {
    # golden: names of the outputs; metadata beside that of the exporter, or None for ours
    "yolo11": (["output0"], ULTRALYTICS),
    "yolo26_end2end": (["output0"], ULTRALYTICS | {"end2end": "True"}),
    "rtdetr_ultralytics": (["output0"], ULTRALYTICS | {"head": "RTDETRDecoder"}),
    "yolox": (["output"], {}),
    "dfine": (["logits", "pred_boxes"], {}),
    "ssd": (["deltas", "logits", "defaults"], None),
}


def write_model(path: Path, golden: Golden, decoder: str, names: list[str], metadata: dict[str, str] | None) -> None:
    """An ONNX file that answers any picture with the golden tensor."""
    import onnx  # noqa: PLC0415
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    outputs = dict(zip(names, golden.outputs, strict=True))
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "axes"], ["per_image"]),
        *(helper.make_node("Add", ["per_image", f"{name}_raw"], [name]) for name in names),
    ]
    held = [numpy_helper.from_array(raw.numpy()[None], f"{name}_raw") for name, raw in outputs.items()]
    held += [numpy_helper.from_array(np.zeros(1, np.float32), "zero")]
    held += [numpy_helper.from_array(np.array([-1, 1, 1]), "axes")]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *raw.shape]) for name, raw in outputs.items()
    ]
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])
    model = helper.make_model(
        helper.make_graph(nodes, "golden", [picture], ports, held),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    helper.set_model_props(
        model, ours(outputs, decoder, golden.classes, golden.person) if metadata is None else metadata
    )
    onnx.save(model, path)


def main(names: list[str]) -> None:
    """Write the goldens named, or all."""
    torchvision_operators()
    OUT.mkdir(exist_ok=True)
    for name in names or GOLDENS:
        decoder, make = GOLDENS[name]
        torch.manual_seed(7)
        golden = make()
        arrays: dict[str, Any] = {f"output{i}": raw.numpy() for i, raw in enumerate(golden.outputs)}
        # We clip to the picture and drop what lies outside it; not every reference does.
        boxes = torch.minimum(golden.boxes.clamp(min=0), torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]))
        inside = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        boxes, scores = boxes[inside], golden.scores[inside]
        order = scores.argsort(descending=True, stable=True)
        np.savez_compressed(
            OUT / f"{name}.npz",
            allow_pickle=False,
            **arrays,
            boxes=boxes[order].numpy(),
            scores=scores[order].numpy(),
            decoder=decoder,
            reference=golden.reference,
            size_px=np.array([WIDTH, HEIGHT]),
            classes=golden.classes,
            person=golden.person,
            low_score=LOW_SCORE,
            nms_iou=NMS_IOU,
        )
        if name in MODELS:
            write_model(OUT / f"{name}.onnx", golden, decoder, *MODELS[name])
        shapes = ", ".join(str(tuple(raw.shape)) for raw in golden.outputs)
        sys.stdout.write(f"{name}: {golden.reference}, {shapes}: {len(boxes)} boxes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
