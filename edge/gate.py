"""The motion gate of one camera: a picture in which nothing moved is not looked at again for a while.

What was found last then holds for it, at its own capture time, so nothing that counts looks or time notices. The gate
never decides anything: it opens on any change in or near the camera's areas, whenever what was found last does not
agree with what is believed (somebody missed, hidden, just come or gone), and every `heartbeat` in any case.

Where nothing has moved for a good while, the camera may rest: its key frames are enough to see that something does.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.media import Image, Size
from hall.clock import Instant
from hall.layout import Camera, Floor
from vision.types import Detections, Frame

REST_AFTER_S = 10.0
"""A camera rests after so long without anything that would open the gate."""

Points = Sequence[tuple[float, float]]
_ACROSS_PX = 208
"""About so many samples across tell whether anything moved."""
_CHANGED = 10
"""Grey levels, after averaging nine samples: noise of a sensor at night makes 6, an encoder 5."""
_LEAST_PX = 6
"""So many samples changed: a hand of somebody 40 samples tall."""
_AROUND = 0.08
"""Areas are watched with so much around them, as a share of the picture's width: who comes is followed before."""


class MotionGate:
    """Remembers the last picture of one camera that was looked at, and what was found in it.

    Attributes:
        frames: pictures that could have been looked at so far.
        skipped: those for which the last look held.
        inferred_at: capture time of the last look; None before the first.
    """

    def __init__(self, camera: Camera, areas: Sequence[Points]) -> None:
        self._on = camera.motion_gate
        self._heartbeat_s = camera.heartbeat
        self._areas = areas
        self._masks: dict[Size, NDArray[np.uint8]] = {}
        self._reference: Image | None = None
        self._found: Detections | None = None
        self.frames = self.skipped = 0
        self.inferred_at: Instant | None = None
        self._at: Instant = float("-inf")
        self._stirred_at: Instant = float("inf")

    @property
    def rests(self) -> bool:
        """Whether nothing moved for so long that key frames are enough."""
        return self._on and self._at - self._stirred_at >= REST_AFTER_S

    def holds(self, frame: Frame, *, settled: bool) -> Detections | None:
        """What was found last, where that holds for this frame too; None: look.

        Args:
            frame: newer than the last one.
            settled: what was found last agrees with what is believed of all areas.
        """
        self.frames += 1
        at, before, self._at = frame.captured_at, self.inferred_at, frame.captured_at
        if self._found is None or before is None or not (self._on and settled and self._is_still(frame, self._found)):
            self._stirred_at = at
            return None
        # With the frame that is nearest to the heartbeat's turn.
        if not 0 < at - before < self._heartbeat_s - 1e-6:
            return None
        self.skipped += 1
        return self._found

    def looked(self, frame: Frame, found: Detections, *, whole: bool) -> None:
        """A frame was looked at; `whole`: all areas were looked at as closely as they need."""
        if self.inferred_at is not None and frame.captured_at <= self.inferred_at:
            return
        self.inferred_at = frame.captured_at
        self._found = found if self._on and whole else None
        self._reference = _samples(frame.image) if self._found is not None else None

    def _is_still(self, frame: Frame, found: Detections) -> bool:
        return found.size_px == frame.size_px and not self._moved(_samples(frame.image))

    def _moved(self, now: Image) -> bool:
        if self._reference is None or self._reference.shape != now.shape:
            return True
        size = now.shape[1], now.shape[0]
        if size not in self._masks:
            self._masks[size] = _mask(self._areas, size)
        _, changed = cv2.threshold(cv2.absdiff(now, self._reference), _CHANGED, 255, cv2.THRESH_BINARY)
        return cv2.countNonZero(cv2.bitwise_and(changed, self._masks[size])) >= _LEAST_PX


def _samples(image: Image) -> Image:
    """Green, which is most of the light, thinned out and smoothed."""
    step = max(1, image.shape[1] // _ACROSS_PX)
    return np.asarray(cv2.blur(np.ascontiguousarray(image[::step, ::step, 1]), (3, 3)), np.uint8)


def areas_of(camera: str, floor: Floor) -> list[Points]:
    """Everything in the picture of a camera that is judged, in fractions of the image."""
    areas: list[Points] = [
        area.polygon
        for window in floor.windows
        for area in [*(window.clerk_area or []), *(window.customer_area or [])]
        if (area.camera or window.camera) == camera
    ]
    areas += (area.polygon for zone in floor.zones for area in zone.areas if area.camera == camera)
    areas += (entrance.line for entrance in floor.entrances if entrance.camera == camera)
    return areas


def _mask(areas: Sequence[Points], size: Size) -> NDArray[np.uint8]:
    """Where motion counts: the areas and what is around them; 255 there, else 0."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    around = max(1, round(2 * _AROUND * size[0]))
    for area in areas:
        points = np.rint(np.array(area) * [size[0] - 1, size[1] - 1]).astype(np.int32)
        cv2.fillPoly(mask, [points], 255)
        cv2.polylines(mask, [points], True, 255, around)  # noqa: FBT003
    return mask
