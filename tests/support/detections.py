"""The default detector with a memory: a clip that several tests look at is looked at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from models.zoo import resolve
from twin.accuracy import CachedDetector
from vision.detector import Detector, Image
from vision.types import Detections


class RememberingDetector(Detector):
    """Says of a picture what was said of the same pixels before, by any process of the same run.

    Args:
        path: where it is written down.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(resolve("auto"))
        self._cached = CachedDetector(_Looking(self), path, model=self.name)
        self._asked = Lock()

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        # A box looks at frames, at pictures of events and at clips in threads of their own; the file is one for all.
        with self._asked:
            found = self._cached.detect(images)
            self._cached.flush()
        return found

    def close(self) -> None:
        self._cached.close()


class _Looking:
    """The detector without its memory."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return Detector.detect(self._detector, images)
