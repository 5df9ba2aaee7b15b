"""Sources that libav reads: files, network streams and video devices, by PyAV."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from edge._decoder import Decoder
from edge.media import (
    Address,
    Image,
    IncompleteSourceError,
    MediaSource,
    OpenRequest,
    Picture,
    Size,
    SourceInfo,
    Timeline,
    shrink_to,
    source_error,
)
from hall.errors import Fault, SourceError

_FILE_FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,ivf,dhav,h264,hevc,m4v,mjpeg,mxf"
"""Containers a recording may have. Left to itself libav takes a text file for ANSI art, and a playlist may name
any other file or address."""

_RTSP_OPTIONS = {
    # UDP loses packets at every busy switch. The rest brings opening from 2.9 s to 0.8 s.
    "rtsp_transport": "tcp",
    "fflags": "nobuffer",
    "analyzeduration": "500000",
    "probesize": "65536",
}
_A_VIDEO = "a whole video file (mp4, mkv, avi, ts, …); a recording that was cut off has no index"
_A_STREAM = "a camera that answers at this address"
_A_DEVICE = "a video device (its number, as in /dev/video0) that no other program uses"
_DEFAULT_INTERVAL_S = 0.04
_MOST_WAITING = 50
"""Packets that wait to be decoded at most: coming back to them must not take long."""
_CONTAINER_SLACK_S = 1.0
_DECODERS = threading.Semaphore(os.cpu_count() or 1)
"""As many decode at a time as there are processors: one more would wait, holding Python's lock."""


def open_file_source(request: OpenRequest) -> MediaSource:
    """Open a video file, given as a path or `file://`."""
    path = _path_of(request.address)
    if not path.exists():
        raise source_error(request.address, "no such file", "the path of a video file")
    if not path.is_file():
        raise source_error(request.address, "something that is no file", "the path of a video file")
    if path.stat().st_size == 0:
        raise source_error(request.address, "an empty file (0 bytes)", _A_VIDEO)
    container = _open(request, str(path), _A_VIDEO, options={"format_whitelist": _FILE_FORMATS})
    return _AvSource(request, container, recorded=True, expected=_A_VIDEO)


def open_stream_source(request: OpenRequest) -> MediaSource:
    """Open a network stream: RTSP over TCP, HTTP."""
    options = _RTSP_OPTIONS if request.address.scheme in {"rtsp", "rtsps"} else {}
    container = _open(request, request.address.text, _A_STREAM, options=options, network=True)
    return _AvSource(request, container, recorded=False, expected=_A_STREAM)


def open_device_source(request: OpenRequest) -> MediaSource:
    """Open a video device by its number, with video4linux2."""
    text = request.address.text
    path = f"/dev/video{text}" if text.isdigit() else text
    container = _open(request, path, _A_DEVICE, container_format="v4l2", network=True)
    return _AvSource(request, container, recorded=False, expected=_A_DEVICE)


def _path_of(address: Address) -> Path:
    if not address.text.lower().startswith("file://"):
        return Path(address.text)
    parts = urlsplit(address.text)
    if parts.netloc not in {"", "localhost"}:
        raise source_error(address, f"host {parts.netloc!r}", "file:///absolute/path")
    return Path(unquote(parts.path))


def _open(
    request: OpenRequest,
    target: str,
    expected: str,
    *,
    options: Mapping[str, str] | None = None,
    container_format: str | None = None,
    network: bool = False,
) -> InputContainer:
    # libav has two clocks of its own for a silent peer; its options `stimeout` and `rw_timeout` hang.
    timeout = (request.open_timeout_s, request.read_timeout_s) if network else None
    began = time.monotonic()
    try:
        return av.open(target, "r", container_format, dict(options or {}), timeout=timeout)
    except (av.FFmpegError, OSError, ValueError) as exc:
        found = _reason(exc, request.open_timeout_s)
        # An interrupted RTSP handshake comes out as invalid data.
        if network and time.monotonic() - began >= request.open_timeout_s:
            found = f"no answer within {request.open_timeout_s:g} s"
    # Outside of the handler: libav's error carries the whole address and must not travel as the cause.
    raise source_error(request.address, found, expected)


def _reason(exc: Exception, timeout_s: float) -> str:
    """What went wrong, without the address."""
    match exc:
        case av.error.ExitError():
            return f"no answer within {timeout_s:g} s"
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return "user or password refused"
        case av.error.InvalidDataError() | av.error.ArgumentError() | av.error.EOFError():
            return "no video that can be read"
        case av.FFmpegError() | OSError():
            return (exc.strerror or type(exc).__name__).lower()
        case _:
            return f"something libav cannot open ({type(exc).__name__})"


class _AvSource:
    """An open libav container and its first picture track."""

    def __init__(self, request: OpenRequest, container: InputContainer, *, recorded: bool, expected: str) -> None:
        self._request = request
        self._container = container
        self._expected = expected
        self._reformatter = VideoReformatter()
        self.skipped = 0
        self.busy_s = 0.0
        try:
            self._stream = _video_stream(container, request.address, expected)
        except SourceError:
            container.close()
            raise
        self.info = _info(container, self._stream, recorded=recorded)
        self._timeline = Timeline(1 / self.info.fps if self.info.fps else _DEFAULT_INTERVAL_S)
        self._packets = 0
        self._decoder = Decoder(self._stream, request.coarse)
        self._waiting: list[Packet[VideoStream]] = []
        self._told: tuple[float, float] | None = None
        self.received = 0

    def __iter__(self) -> Iterator[Picture]:
        for packet in self._demux():
            if self._request.cancelled():
                return
            for frame in self._decode(packet):
                yield self._picture(frame)
        if self.info.recorded:
            self._check_complete()

    def follow(self, due: Callable[[bool], bool]) -> Iterator[Picture]:
        """The pictures that are due; one before a key frame that nobody wanted is never decoded.

        Decoded is in bursts: that keeps the pictures it works on in the processor's cache, and others from waiting.
        """
        for packet in self._demux():
            if self._request.cancelled():
                return
            if packet.is_keyframe:
                self._leave_waiting()
                self._decoder.begin(packet)
            self._waiting.append(packet)
            self._note_time(packet)
            wanted = due(packet.is_keyframe)
            if not wanted and len(self._waiting) < _MOST_WAITING:
                continue
            frame = self._catch_up()
            if wanted and frame is not None:
                yield self._picture(frame)

    def _leave_waiting(self) -> None:
        if not self._waiting:
            return
        self._waiting.clear()
        if self._timeline.last_s is not None:
            self.received = self._packets - 1
        # Else the decoder takes what is missing for a loss, and makes pictures up.
        self._decoder.flush()

    def _catch_up(self) -> VideoFrame | None:
        """Decode what waits; the newest picture of it."""
        newest = None
        with _DECODERS:
            for packet in self._waiting:
                for frame in self._decode(packet):
                    newest = frame
        self._waiting.clear()
        if newest is not None:
            self.received = self._packets
        return newest

    def _note_time(self, packet: Packet[VideoStream]) -> None:
        """Remember what an RTCP report says of this packet: libav's AVProducerReferenceTime, microseconds UTC."""
        if packet.pts is not None and packet.time_base is not None and packet.has_sidedata("prft"):
            told = int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little", signed=True) / 1e6
            self._told = told, float(packet.pts * packet.time_base)

    def _picture(self, frame: VideoFrame) -> Picture:
        if (frame.width, frame.height) != self.info.size_px:
            self.info = replace(self.info, size_px=(frame.width, frame.height))
        time_s = None if frame.pts is None else float(frame.pts * (frame.time_base or 0))
        told_at = None if self._told is None or time_s is None else self._told[0] + time_s - self._told[1]
        return Picture(self._timeline.place(time_s), partial(self._render, frame), told_at)

    def close(self) -> None:
        """Let go of file or connection."""
        self._container.close()

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as exc:
                found = _reason(exc, self._request.read_timeout_s)
            else:
                if packet is None:
                    return
                self._packets += packet.size > 0
                yield packet
                continue
            if self.info.recorded:
                raise self._incomplete(found)
            raise source_error(self._request.address, f"the stream broke off: {found}", self._expected)

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        began = time.perf_counter()
        try:
            return self._decoder.decode(packet)
        except av.FFmpegError:
            # A stream is joined between key frames: what comes before the first picture is not damage.
            if self.info.recorded or self._timeline.last_s is not None:
                self.skipped += 1
            return []
        finally:
            self.busy_s += time.perf_counter() - began

    def _render(self, frame: VideoFrame, fit: Size | None) -> Image:
        began = time.perf_counter()
        quarters = frame.rotation // 90 % 4
        if quarters % 2 and fit is not None:
            fit = fit[1], fit[0]
        width_px, height_px = shrink_to((frame.width, frame.height), fit)
        shrunk = self._reformatter.reformat(
            frame, width_px, height_px, "bgr24", interpolation=Interpolation.BILINEAR, threads=1
        )
        image = cast("Image", shrunk.to_ndarray())
        if quarters:
            image = np.ascontiguousarray(np.rot90(image, quarters))
        self.busy_s += time.perf_counter() - began
        return image

    def _check_complete(self) -> None:
        """Raise unless as much came as the container promised."""
        if self._timeline.last_s is None:
            raise source_error(self._request.address, f"no picture in {self._packets} packets of video", _A_VIDEO)
        promised_s, slack_s = _promise(self._container, self._stream)
        if promised_s is None or self._read_s >= promised_s - max(slack_s, 2 * self._timeline.interval_s):
            return
        # A last picture may stand for long (screen recordings): where packets are numbered, the count decides.
        if self._stream.frames and self._packets >= self._stream.frames:
            return
        raise self._incomplete("the file ends there")

    @property
    def _read_s(self) -> float:
        last_s = self._timeline.last_s
        return 0.0 if last_s is None else last_s + self._timeline.interval_s

    def _incomplete(self, why: str) -> SourceError:
        promised_s = self.info.duration_s
        of = "" if promised_s is None else f" of {promised_s:.1f} s"
        skipped = f", {self.skipped} damaged packets left out" if self.skipped else ""
        found = f"pictures up to second {self._read_s:.1f}{of} ({why}{skipped})"
        fault = Fault(str(self._request.address), found, "a recording that is whole to its end; copy it again")
        return IncompleteSourceError(str(fault), read_s=self._read_s, promised_s=promised_s)


def _video_stream(container: InputContainer, address: Address, expected: str) -> VideoStream:
    stream = next(iter(container.streams.video), None)
    if stream is None:
        kinds = ", ".join(sorted({str(s.type) for s in container.streams})) or "nothing"
        raise source_error(address, f"no picture track (only {kinds})", expected)
    if stream.codec_context is None:
        raise source_error(address, "a picture track whose codec is not known", expected)
    # One thread: a camera is a small load, many cameras share the box, and pictures then do not depend on how
    # many cores it has (with frame threads libav loses whole pictures around a damaged packet).
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def _info(container: InputContainer, stream: VideoStream, *, recorded: bool) -> SourceInfo:
    # The average counts the holes of a recorder that stops while nothing moves.
    rate = stream.guessed_rate or stream.average_rate
    promised_s, _ = _promise(container, stream) if recorded else (None, 0.0)
    size_px = (stream.codec_context.width, stream.codec_context.height)
    fps = float(rate) if rate and 0 < rate <= 1000 else None
    return SourceInfo(size_px, fps, promised_s, stream.codec_context.name, recorded)


def _promise(container: InputContainer, stream: VideoStream) -> tuple[float | None, float]:
    """How long the video says it is, seconds, and how wrong that may be (a sound track may be longer)."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base), 0.0
    if container.duration is not None:
        return container.duration / av.time_base, _CONTAINER_SLACK_S
    return None, 0.0
