"""Small videos made on the spot. Picture `i` is one grey level, so that a test can tell which one it sees."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_FIRST_LEVEL, _STEP = 28, 4
_MOST = 50


def encode(
    path: Path,
    *,
    count: int,
    fps: int = 10,
    size_px: tuple[int, int] = (160, 96),
    b_frames: int = 0,
    gop: int = 5,
    times_s: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write `count` pictures in H.264 (at most 50), the container by the name's ending.

    `times_s` places each picture; evenly spaced by default.
    """
    assert count <= _MOST, f"{count} pictures have no grey level each; at most {_MOST}"
    time_base = Fraction(1, 1000) if times_s else Fraction(1, fps)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = b_frames
        stream.codec_context.options = {"preset": "ultrafast", "bf": str(b_frames), "threads": "1"}
        for index in range(count):
            level = _FIRST_LEVEL + _STEP * index
            image = np.full((size_px[1], size_px[0], 3), level, np.uint8)
            # A mark in the upper left corner shows which way up the picture is.
            image[: size_px[1] // 4, : size_px[0] // 4] = 255
            frame = VideoFrame.from_ndarray(image, format="bgr24")
            frame.time_base = time_base
            frame.pts = round(1000 * times_s[index]) if times_s else index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def index_of(image: NDArray[np.uint8]) -> int:
    """Which picture this is."""
    height, width = image.shape[:2]
    middle = image[height // 3 * 2 :, width // 3 * 2 :]
    # swscale's fast path comes out two to three levels darker.
    return round((float(middle.mean()) + 2.5 - _FIRST_LEVEL) / _STEP)
