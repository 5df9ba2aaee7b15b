"""Clips around events: the last seconds of each camera, blurred before they are kept, even in memory."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np

from edge.blur import Box, Detect, Image, anonymous, unseen
from hall.clock import Instant
from vision.types import Frame

_QUALITY = 85
_MOST_BYTES = 32 * 2**20
"""Of one camera; then the oldest go."""

_TIME_BASE = Fraction(1, 1000)
_CODEC = "libx264"
_CRF = "28"


@dataclass(frozen=True, slots=True)
class BlurredFrame:
    """A picture of a clip: JPEG, everybody who was known around that moment blurred."""

    at: Instant
    jpeg: bytes


@dataclass(slots=True)
class ClipRing:
    """The last seconds of one camera.

    A picture waits for the next one before it is kept. Blurred in it is whoever is followed in it, in the one before or
    in the one after, so that somebody who is found a moment late is blurred from when they came; and whoever a detector
    finds that looks as closely as for a picture of an event. That is five inferences a picture.

    Attributes:
        detect, score: as for `edge.blur.anonymous`.
        span_s: how far back it reaches.
    """

    detect: Detect
    score: float
    span_s: float
    _kept: deque[BlurredFrame] = field(default_factory=deque)
    _bytes: int = 0
    _last: tuple[Frame, list[Box]] | None = None
    _before: list[Box] = field(default_factory=list)

    def see(self, frame: Frame, known: list[Box]) -> None:
        """Take a picture and where people are followed in it."""
        waiting, self._last = self._last, (frame, known)  # one that cannot be blurred is left out, and not tried again
        if waiting is not None:
            last, boxes = waiting
            same = last.size_px == frame.size_px
            before, self._before = self._before, boxes if same else []
            self._keep(last, [*before, *boxes, *(known if same else [])])

    def _keep(self, frame: Frame, boxes: list[Box]) -> None:
        kept = BlurredFrame(frame.captured_at, _jpeg(anonymous(frame.image, boxes, self.detect, self.score)))
        self._kept.append(kept)
        self._bytes += len(kept.jpeg)
        while self._kept and (kept.at - self._kept[0].at > self.span_s or self._bytes > _MOST_BYTES):
            self._bytes -= len(self._kept.popleft().jpeg)

    def between(self, start: Instant, end: Instant) -> list[BlurredFrame]:
        """The pictures of a time, oldest first."""
        return [kept for kept in self._kept if start <= kept.at <= end]


def video(frames: Sequence[BlurredFrame], detect: Detect, score: float) -> bytes:
    """An MP4 of some pictures, at least one; whoever a detector still finds in one of them is blurred there, too."""
    out = io.BytesIO()
    first = _image(frames[0].jpeg)
    height, width = (side // 2 * 2 for side in first.shape[:2])
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream(_CODEC, rate=25, options={"crf": _CRF, "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        for kept in frames:
            image = unseen(_image(kept.jpeg), detect, score)
            image = np.ascontiguousarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = round(1000 * (kept.at - frames[0].at)), _TIME_BASE
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return out.getvalue()


def _jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def _image(jpeg: bytes) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
