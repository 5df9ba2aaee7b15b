"""From what a model puts out to people in an image: one function per family of detectors.

A decoder takes the outputs for one image without their batch axis, in the order of the manifest entry,
and returns boxes (N, 4) float32, x1 y1 x2 y2 in pixels of the image and inside it, and scores (N,)
float32, the best first. It keeps candidates down to the entry's `low_score`: the tracker takes the weak
ones to keep a track through an occlusion, as ByteTrack does (Zhang et al. 2022, arXiv:2110.06864), and
none to start one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.prepare import Placement
from models.zoo import DecoderName, ModelEntry

Floats = NDArray[np.float32]
Decoded = tuple[Floats, Floats]
Decoder = Callable[[Sequence[Floats], ModelEntry, Placement], Decoded]

STRIDES = (8, 16, 32)


def nanodet(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """NanoDet: a distance to each side of a box as a distribution over bins (generalised focal loss).

    The distance is the expected bin times the stride, counted from the cell's centre `(x + 0.5) * stride`
    (Li et al. 2020, arXiv:2006.04388; `NanoDetHead` of github.com/RangiLyu/nanodet).

    Args:
        outputs: scores (cells, classes), already sigmoid, of the strides 8, 16 and 32; then logits of the
            bins (cells, 4 * bins) of the same strides, sides in the order left, top, right, bottom.
        model: the entry: thresholds, person column and input size.
        placement: of the image in the input.
    """
    levels = len(STRIDES)
    boxes, scores = [], []
    for stride, classes, logits in zip(STRIDES, outputs[:levels], outputs[levels:], strict=True):
        person = classes[:, model.person]
        cells = np.flatnonzero(person >= model.low_score)
        columns = -(-model.input.width // stride)
        centres = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
        centres = (centres + np.float32(0.5)) * stride
        sides = _expected_bin(logits[cells]) * stride
        boxes.append(np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1))
        scores.append(person[cells])
    return _best(placement.to_image(np.concatenate(boxes)), np.concatenate(scores), model, placement)


def rtmdet(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """RTMDet cut before its NMS: boxes (N, 4) xyxy in pixels of the input, scores (N, classes)."""
    boxes, classes = outputs
    person = classes[:, model.person]
    keep = person >= model.low_score
    return _best(placement.to_image(boxes[keep]), person[keep], model, placement)


def omz(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """Person detectors 020x of the Open Model Zoo: boxes (N, 4) xyxy as fractions, scores (N, classes).

    The input is the stretched image, so fractions of the input are fractions of the image.
    """
    boxes, classes = outputs
    person = classes[:, model.person]
    keep = person >= model.low_score
    size = np.array([placement.width, placement.height] * 2, np.float32)
    return _best(boxes[keep] * size, person[keep], model, placement)


def yolo(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """YOLO v8, 11 and 26 of ultralytics, exported without NMS: one column per cell of the strides 8, 16 and 32.

    Args:
        outputs: one (4 + classes, cells): centre x, centre y, width and height in pixels of the input, then
            scores, already sigmoid.
        model: the entry.
        placement: of the image in the input.
    """
    (columns,) = outputs
    person = columns[4 + model.person]
    keep = person >= model.low_score
    boxes = _corners(columns[:4, keep].T)
    return _best(placement.to_image(boxes), person[keep], model, placement, clip_first=False)


def yolo_end2end(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """YOLO v10 and 26 with their one-to-one head, or any export with NMS inside: no box stands twice in it.

    Args:
        outputs: one (N, 6): x1, y1, x2, y2 in pixels of the input, score, class.
        model: the entry.
        placement: of the image in the input.
    """
    boxes, scores = _rows_of_person(outputs, model)
    return _ordered(placement.to_image(boxes), scores, placement)


def yolox(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """YOLOX as its own export leaves it, with the decoding on the grid left to whoever reads it.

    The centre is the corner of the cell plus an offset, in strides; width and height are exponents of e, in
    strides (Ge et al. 2021, arXiv:2107.08430; `decode_outputs` of `YOLOXHead`).

    Args:
        outputs: one (cells, 5 + classes): the box, whether there is an object, and classes, both already
            sigmoid; cells of the strides 8, 16 and 32, row by row.
        model: the entry: thresholds, person column and input size.
        placement: of the image in the input.
    """
    (rows,) = outputs
    person = rows[:, 4] * rows[:, 5 + model.person]
    keep = np.flatnonzero(person >= model.low_score)
    corners, strides = _cells(model.input.width, model.input.height)
    centres = rows[keep, :2] + corners[keep]
    # e to the 20th strides is far outside any image already, and more would be no float32.
    sizes = np.exp(np.minimum(rows[keep, 2:4], 20))
    boxes = _corners(np.concatenate([centres, sizes], axis=1) * strides[keep, None])
    return _best(placement.to_image(boxes), person[keep], model, placement, clip_first=False)


def ssd(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """SSD with its default boxes as a third output; variances 0.1 and 0.2 (Liu et al. 2016, arXiv:1512.02325).

    Args:
        outputs: deltas (N, 4) of centre and size; logits (N, classes), the background among them; default
            boxes (N, 4) xyxy in pixels of the input.
        model: the entry; `person` counts the background, too.
        placement: of the image in the input.
    """
    deltas, logits, defaults = outputs
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    person: Floats = odds[:, model.person] / odds.sum(axis=1)
    keep = person >= model.low_score
    sizes = defaults[keep, 2:] - defaults[keep, :2]
    centres = defaults[keep, :2] + sizes / 2 + deltas[keep, :2] * np.float32(0.1) * sizes
    # The limit is that of the reference: one thousand pixels of a default box of sixteen.
    sizes = sizes * np.exp(np.minimum(deltas[keep, 2:] * np.float32(0.2), np.float32(np.log(1000 / 16))))
    boxes = _corners(np.concatenate([centres, sizes], axis=1))
    return _best(placement.to_image(boxes), person[keep], model, placement)


def detr(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """RT-DETR, its second version and D-FINE: a query is one object, so nothing is suppressed.

    Args:
        outputs: logits (queries, classes), not yet sigmoid; boxes (queries, 4) as fractions of the input:
            centre x, centre y, width, height (Zhao et al. 2023, arXiv:2304.08069).
        model: the entry.
        placement: of the image in the input.
    """
    logits, boxes = outputs
    person = np.reciprocal(1 + np.exp(-np.clip(logits[:, model.person], -60, 60))).astype(np.float32)
    keep = person >= model.low_score
    return _ordered(placement.to_image(_corners(boxes[keep]) * _size_of(model)), person[keep], placement)


def detr_end2end(outputs: Sequence[Floats], model: ModelEntry, placement: Placement) -> Decoded:
    """RT-DETR of ultralytics: one (N, 6) of centre x, centre y, width, height as fractions, score, class."""
    boxes, scores = _rows_of_person(outputs, model)
    return _ordered(placement.to_image(_corners(boxes) * _size_of(model)), scores, placement)


DECODERS: Mapping[DecoderName, Decoder] = {
    "nanodet": nanodet,
    "rtmdet": rtmdet,
    "omz": omz,
    "yolo": yolo,
    "yolo_end2end": yolo_end2end,
    "yolox": yolox,
    "ssd": ssd,
    "detr": detr,
    "detr_end2end": detr_end2end,
}


def cell_count(width: int, height: int) -> int:
    """Cells of the strides 8, 16 and 32 of an input of so many pixels."""
    return sum(-(-width // stride) * -(-height // stride) for stride in STRIDES)


def non_maximum(boxes: Floats, scores: Floats, iou: float) -> NDArray[np.intp]:
    """Indices of the boxes that no better box overlaps by more than `iou`, the best first.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,), above 0.
        iou: intersection over union, 0 to 1.
    """
    if not len(boxes):
        return np.empty(0, np.intp)
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)
    # The scores were filtered before; OpenCV drops those not over its threshold, so 0 keeps all.
    kept = cv2.dnn.NMSBoxes(corner_and_size, scores.astype(np.float64), 0.0, iou)  # type: ignore[arg-type]
    return np.asarray(kept, np.intp).reshape(-1)


def _expected_bin(logits: Floats) -> Floats:
    """Logits (N, 4 * bins) as the expected bin of each side, (N, 4)."""
    bins = logits.shape[1] // 4
    sides = logits.reshape(-1, 4, bins)
    odds = np.exp(sides - sides.max(axis=2, keepdims=True))
    expected: Floats = odds @ np.arange(bins, dtype=np.float32) / odds.sum(axis=2)
    return expected


def _corners(boxes: Floats) -> Floats:
    """Boxes (N, 4) of centre and size as xyxy."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


@functools.lru_cache(maxsize=8)
def _cells(width: int, height: int) -> tuple[Floats, Floats]:
    """The corner of each cell in strides, (cells, 2), and its stride in pixels, (cells,)."""
    corners, strides = [], []
    for stride in STRIDES:
        columns, rows = -(-width // stride), -(-height // stride)
        y, x = np.divmod(np.arange(columns * rows), columns)
        corners.append(np.stack([x, y], axis=1))
        strides.append(np.full(columns * rows, stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _size_of(model: ModelEntry) -> Floats:
    return np.array([model.input.width, model.input.height] * 2, np.float32)


def _rows_of_person(outputs: Sequence[Floats], model: ModelEntry) -> Decoded:
    """Boxes and scores of the rows (N, 6) of a box, a score and a class that are a person."""
    (rows,) = outputs
    kept = rows[(rows[:, 4] >= model.low_score) & (np.rint(rows[:, 5]) == model.person)]
    return kept[:, :4], kept[:, 4]


def _best(
    boxes: Floats, scores: Floats, model: ModelEntry, placement: Placement, *, clip_first: bool = True
) -> Decoded:
    """Clip to the image, drop what lies outside it, and keep the best of overlapping boxes.

    Families differ in whether they clip before they compare (NanoDet, RTMDet, SSD) or after (YOLO), which
    decides on boxes that reach over the border.
    """
    if clip_first:
        boxes, scores = _clipped(boxes, scores, placement)
    kept = non_maximum(boxes, scores, model.nms_iou)
    boxes, scores = boxes[kept], scores[kept]
    if not clip_first:
        boxes, scores = _clipped(boxes, scores, placement)
    return boxes.astype(np.float32, copy=False), scores.astype(np.float32, copy=False)


def _ordered(boxes: Floats, scores: Floats, placement: Placement) -> Decoded:
    """Clip to the image, drop what lies outside it, the best first."""
    boxes, scores = _clipped(boxes, scores, placement)
    order = np.argsort(-scores, kind="stable")
    return boxes[order].astype(np.float32, copy=False), scores[order].astype(np.float32, copy=False)


def _clipped(boxes: Floats, scores: Floats, placement: Placement) -> Decoded:
    limits = np.array([placement.width, placement.height] * 2, np.float32)
    clipped = np.clip(boxes, 0, limits)
    inside = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    return clipped[inside], scores[inside]
