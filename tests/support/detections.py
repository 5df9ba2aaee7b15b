"""The default detector with a memory: a clip that several tests look at is looked at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from models.zoo import resolve
from vision.detector import Detector, Image
from vision.types import Detections


class RememberingDetector(Detector):
    """Says of a picture what it said of the same pixels before.

    Attributes:
        looked: pictures that were new.
    """

    def __init__(self) -> None:
        super().__init__(resolve("auto"))
        self._known: dict[bytes, Detections] = {}

    @property
    def looked(self) -> int:
        return len(self._known)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        keys = [_key(image) for image in images]
        fresh = {key: image for key, image in zip(keys, images, strict=True) if key not in self._known}
        if fresh:
            self._known.update(zip(fresh, super().detect(list(fresh.values())), strict=True))
        return [self._known[key] for key in keys]


def _key(image: Image) -> bytes:
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()
