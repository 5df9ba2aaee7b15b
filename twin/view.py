"""What looped `sim://` cameras show at this moment, for people to look at: everybody in it blurred.

Only rendered cameras can be shown so. No picture comes from a box: this renders the same moment of the same story once
more, and blurs where the twin knows somebody to be seen, not where a detector happens to find them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from hall.clock import Clock, Instant
from twin.camera.assets import Image
from twin.camera.truth import PersonTruth
from twin.source import SimSource, open_sim

WIDTH_PX = 960
"""Pictures are shrunk to this width."""

_QUALITY = 80
_BLOCKS = 7
"""A person is this many blocks high, whatever the distance: a head is less than one."""
_MARGIN_PX = 4
"""Boxes are around solid pixels; hair and fingertips are softer."""


class BlurredViews:
    """Pictures of the moment, as JPEG. May be asked from any thread; renders one at a time.

    Nothing is rendered, and no figure loaded, before somebody asks.

    Args:
        sources: `sim://` addresses by camera id.
        epoch: when the first loop began, as for the box that plays them.
        clock: tells the moment.
    """

    def __init__(self, sources: Mapping[str, str], epoch: Instant, clock: Clock) -> None:
        self._addresses, self._epoch, self._clock = dict(sources), epoch, clock
        self._open: dict[str, SimSource] = {}
        self._lock = threading.Lock()

    def __call__(self, camera_id: str) -> bytes:
        """The picture of a camera now.

        Raises:
            KeyError: no such camera.
            SourceError: its address names something that is not there.
        """
        with self._lock:
            if not self._open:
                self._open = {name: open_sim(address) for name, address in self._addresses.items()}
            source = self._open[camera_id]
            # All loop together, as long as the longest: `edge.live.LoopClock` does the same.
            cycle_s = max(each.duration_s for each in self._open.values())
            at_s = max(0.0, self._clock.now() - self._epoch) % cycle_s
            rendered = source.rendered(min(int(at_s * source.fps), source.count - 1))
            image = blurred(rendered.image, rendered.people)
        scale = min(1.0, WIDTH_PX / image.shape[1])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return jpeg.tobytes()


def blurred(image: Image, people: Sequence[PersonTruth]) -> Image:
    """A copy of a (H, W, 3) picture in which nobody of these can be recognised.

    Each visible box becomes a mosaic of a few blocks, softened so that it reads as a blur.
    """
    out = image.copy()
    height, width = image.shape[:2]
    for person in people:
        if person.box is None:
            continue
        left, top, right, bottom = person.box
        x1, y1 = max(0, left - _MARGIN_PX), max(0, top - _MARGIN_PX)
        x2, y2 = min(width, right + _MARGIN_PX), min(height, bottom + _MARGIN_PX)
        part = image[y1:y2, x1:x2]
        block_px = (person.full_box[3] - person.full_box[1]) / _BLOCKS
        blocks = (max(1, round((x2 - x1) / block_px)), max(1, round((y2 - y1) / block_px)))
        coarse = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
        out[y1:y2, x1:x2] = cv2.resize(coarse, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
    return np.asarray(out, np.uint8)
