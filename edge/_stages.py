"""What goes into the pipeline of a box and comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hall.clock import Instant
from hall.messages import AnyBody
from vision.types import Detections


@dataclass(frozen=True, slots=True)
class Emitted:
    """Something to tell, and the capture time it belongs to."""

    at: Instant
    body: AnyBody


class Detects(Protocol):
    """A detector of people, shared by all cameras."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """People of each image."""
        ...
