"""People in images: one onnxruntime session, shared by all cameras of a box."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from hall.errors import ModelError
from models.decoders import DECODERS
from models.prepare import Placement, prepare
from models.session import ORT_ERRORS, open_session
from models.zoo import ModelEntry, ModelFile
from vision.types import Detections

Image = NDArray[np.uint8]


class Detector:
    """Finds people in images; keeps nothing between calls, so cameras and threads may share one.

    Args:
        model: a checked model file, from `models.zoo.resolve`.
        threads: processor threads of one inference.
        parallel: on a processor, inferences that run side by side: several images are shared among so many. That gets
            more out of the processors than `threads` does, which have to meet again after every layer.
        providers: onnxruntime execution providers in order of preference; by default the best that is
            installed.

    Raises:
        ModelError: a file that is not what the manifest says or that fails its first inference: all before
            the first frame.
        ValueError: `threads` or `parallel` below 1.
    """

    def __init__(
        self, model: ModelFile, *, threads: int = 1, parallel: int = 1, providers: Sequence[str] | None = None
    ) -> None:
        if parallel < 1:
            raise ValueError(f"parallel: expected 1 or more, got {parallel}")
        self._model = model.entry
        self._session = open_session(model, threads=threads, providers=providers)
        port = self._session.get_inputs()[0]
        self._input = port.name
        self._one_by_one = port.shape[0] == 1
        self._outputs = [output.name for output in self._model.outputs]
        self._decode = DECODERS[self._model.decoder]
        self._parallel = parallel if self.provider == "CPUExecutionProvider" else 1
        self._pool = ThreadPoolExecutor(self._parallel, "inference") if self._parallel > 1 else None
        self._warm_up(model)

    @property
    def name(self) -> str:
        """The model's name in the manifest."""
        return self._model.name

    @property
    def entry(self) -> ModelEntry:
        """The model's entry in the manifest."""
        return self._model

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the model's input; images of this size are not resampled."""
        return self._model.input.width, self._model.input.height

    @property
    def score(self) -> float:
        """A detection with this score or more counts by itself."""
        return self._model.score

    @property
    def low_score(self) -> float:
        """The least score of a detection."""
        return self._model.low_score

    @property
    def provider(self) -> str:
        """The onnxruntime execution provider at work."""
        return str(self._session.get_providers()[0])

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Find people, down to `low_score`, the best first.

        Args:
            images: each (H, W, 3) uint8 BGR; the sizes may differ.

        Returns:
            One Detections per image, in the same order, boxes in pixels of that image.

        Raises:
            ValueError: an image of another shape or dtype.
        """
        step = 1 if self._one_by_one else max(1, -(-len(images) // self._parallel))
        parts = [images[start : start + step] for start in range(0, len(images), step)]
        looks = self._pool.map(self._look, parts) if self._pool and len(parts) > 1 else map(self._look, parts)
        return [found for part in looks for found in part]

    def _look(self, images: Sequence[Image]) -> list[Detections]:
        blob, placements = prepare(images, self._model.input)
        return self._read(self._infer(blob), placements)

    def _infer(self, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = self._session.run(self._outputs, {self._input: blob})
        return outputs

    def _read(self, outputs: list[NDArray[np.float32]], placements: Sequence[Placement]) -> list[Detections]:
        found = []
        for i, placement in enumerate(placements):
            boxes, scores = self._decode([output[i] for output in outputs], self._model, placement)
            labels = np.zeros(len(boxes), np.int64)
            found.append(Detections(boxes, scores, labels, (placement.width, placement.height)))
        return found

    def _warm_up(self, model: ModelFile) -> None:
        """One inference on a black image: it shows what loading cannot, and the first one is slow."""
        width, height = self.input_size
        blob, placements = prepare([np.zeros((height, width, 3), np.uint8)], self._model.input)
        try:
            outputs = self._infer(blob)
        except ORT_ERRORS as exc:
            raise ModelError(f"{model.path}: the first inference of {self.name} failed: {exc}") from exc
        for output, spec in zip(outputs, self._model.outputs, strict=True):
            if output.shape != (1, *spec.shape):
                expected = f"{[1, *spec.shape]}"
                raise ModelError(f"{model.path}: output {spec.name}: found {list(output.shape)}; expected {expected}")
            if not np.isfinite(output).all():
                raise ModelError(f"{model.path}: output {spec.name}: found values that are not finite numbers")
        self._read(outputs, placements)
