"""From what a model puts out to people in an image: one function per family of detectors.

A decoder takes the outputs for one image without their batch axis, in the order of the manifest entry,
and returns boxes (N, 4) float32, x1 y1 x2 y2 in pixels of the image and inside it, and scores (N,)
float32, the best first. It keeps candidates down to the entry's `low_score`: the tracker takes the weak
ones to keep a track through an occlusion, as ByteTrack does (Zhang et al. 2022, arXiv:2110.06864), and
none to start one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.prepare import Placement
from models.zoo import DecoderName, ModelEntry

Floats = NDArray[np.float32]
Decoded = tuple[Floats, Floats]
Decoder = Callable[[Sequence[Floats], ModelEntry, Placement], Decoded]

NANODET_STRIDES = (8, 16, 32)


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
    levels = len(NANODET_STRIDES)
    boxes, scores = [], []
    for stride, classes, logits in zip(NANODET_STRIDES, outputs[:levels], outputs[levels:], strict=True):
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


DECODERS: Mapping[DecoderName, Decoder] = {"nanodet": nanodet, "rtmdet": rtmdet, "omz": omz}


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


def _best(boxes: Floats, scores: Floats, model: ModelEntry, placement: Placement) -> Decoded:
    """Clip to the image, drop what lies outside it, and keep the best of overlapping boxes."""
    limits = np.array([placement.width, placement.height] * 2, np.float32)
    clipped = np.clip(boxes, 0, limits)
    inside = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    clipped, scores = clipped[inside], scores[inside]
    kept = non_maximum(clipped, scores, model.nms_iou)
    return clipped[kept].astype(np.float32, copy=False), scores[kept].astype(np.float32, copy=False)
