"""Streams like those of a network camera, made of recordings, and a server that shows them over RTSP.

The server is GStreamer's, run by the system's Python: what it needs are Debian packages, named where they are missing.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from hall.errors import InputError

Size = tuple[int, int]

PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)
_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).parent / "tools" / "rtsp_server.py"
_CHECK = "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('GstApp', '1.0')"
_STARTS_WITHIN_S = 15.0
_GRAIN = 3.0
"""Standard deviation of the noise of a sensor in luma; without it pictures that repeat would cost no decoding."""
_GRAINS = 7


def server_command(
    port: int, files: Sequence[Path], *, login: tuple[str, str] | None = None, staggered: bool = False
) -> list[str]:
    """What serves rtsp://127.0.0.1:PORT/cam1 (and /cam), /cam2, ... from mp4 files with H.264, in loops.

    Give it files without B-frames and with a key frame every second or so: as it sends by presentation time, those of
    a file with B-frames come in bursts, which cameras do not do.

    Args:
        port: on loopback.
        files: one per camera; a file may be shown by several.
        login: user and password that are asked for.
        staggered: cameras begin at different places of their files.

    Raises:
        InputError: GStreamer's packages are missing.
    """
    if subprocess.run([_PYTHON, "-c", _CHECK], check=False, capture_output=True).returncode:  # noqa: S603
        raise InputError(f"no GStreamer RTSP server for {_PYTHON}: apt-get install {PACKAGES}")
    options = [*(["--login", *login] if login else []), *(["--staggered"] if staggered else [])]
    return [_PYTHON, str(_SCRIPT), str(port), *map(str, files), *options]


@contextlib.contextmanager
def rtsp_cameras(files: Sequence[Path]) -> Iterator[list[str]]:
    """RTSP cameras for the length of a block: their addresses, one per file.

    Raises:
        InputError: GStreamer's packages are missing, or the server does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = server_command(port, files, staggered=True)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            _wait_for(port, server)
            yield [f"rtsp://127.0.0.1:{port}/cam{i + 1}" for i in range(len(files))]
        finally:
            server.kill()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
            return
        time.sleep(0.05)
    raise InputError(f"RTSP server: nothing listens on port {port} after {_STARTS_WITHIN_S:g} s")


def make_stream(
    recording: Path, out: Path, *, size_px: Size, fps: int, bit_rate: int, duration_s: float = 30.0
) -> None:
    """Write a recording as a camera would send it: H.264 of a constant rate without B-frames, with sensor noise.

    Args:
        recording: any video; its pictures are repeated or left out to come to `fps`.
        out: mp4 file.
        size_px: width and height.
        fps: pictures a second.
        bit_rate: bits a second.
        duration_s: what lies behind it is left out.
    """
    grains = _grains(size_px)
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size_px
        stream.pix_fmt, stream.bit_rate, stream.time_base = "yuv420p", bit_rate, Fraction(1, fps)
        stream.options = {
            "preset": "veryfast",
            "profile": "high",
            "bf": "0",
            "g": str(2 * fps),
            "maxrate": str(bit_rate),
            "bufsize": str(bit_rate),
        }
        for number, picture in enumerate(_pictures(recording, size_px, fps, duration_s)):
            luma = picture[: size_px[1]]
            shown = picture.copy()
            shown[: size_px[1]] = cv2.add(luma, grains[number % _GRAINS], dtype=cv2.CV_8U)
            frame = av.VideoFrame.from_ndarray(shown, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _grains(size_px: Size) -> list[NDArray[np.int16]]:
    rng = np.random.default_rng(1)
    return [rng.normal(0, _GRAIN, size_px[::-1]).round().astype(np.int16) for _ in range(_GRAINS)]


def _pictures(recording: Path, size_px: Size, fps: int, duration_s: float) -> Iterator[NDArray[np.uint8]]:
    """Planes of yuv420p at `fps`: (3H/2, W)."""
    number = 0
    with av.open(str(recording)) as container:
        track = container.streams.video[0]
        for frame in container.decode(track):
            planes = np.asarray(frame.reformat(*size_px, "yuv420p").to_ndarray(), np.uint8)
            until_s = min(duration_s, float(frame.time or 0) + 1 / float(track.average_rate or fps))
            while number / fps < until_s - 1e-6:
                yield planes
                number += 1
            if until_s >= duration_s:
                return
