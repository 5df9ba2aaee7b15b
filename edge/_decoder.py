"""Decoding one stream of packets, without more care than its pictures need."""

from __future__ import annotations

from collections.abc import Callable

from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.media import Size

DEBLOCKED = frozenset({"h264", "hevc"})
MOST_BETWEEN_KEYS_S = 2.2
"""Without the deblocking filter pictures drift away from what was coded until the next key frame. Shrunk to the size
of a detector they stay above 34 dB for 2 s at bit rates far too low for their size, above 43 dB at usual ones; after
10 s they do not (31 dB)."""


class Decoder:
    """Decodes the pictures of a stream; the deblocking filter, a quarter of the work, only where it matters.

    It is left out from the second key frame on, for as long as key frames are close together and pictures are shrunk
    to less than half anyway.

    Args:
        stream: whose packets come.
        coarse: whether pictures of a size are shrunk so much; asked at key frames.
    """

    def __init__(self, stream: VideoStream, coarse: Callable[[Size], bool]) -> None:
        self._stream, self._coarse = stream, coarse
        self._context: VideoCodecContext = stream.codec_context
        self._deblocks: bool | None = None
        self._key_at_s: float | None = None

    def decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """What pictures come of a packet.

        Raises:
            av.FFmpegError: the packet is damaged.
        """
        return self._context.decode(packet)

    def begin(self, key: Packet[VideoStream]) -> None:
        """A key frame comes next: nothing before it is needed any more."""
        at_s = None if key.pts is None or key.time_base is None else float(key.pts * key.time_base)
        before_s, self._key_at_s = self._key_at_s, at_s
        close = at_s is not None and before_s is not None and 0 < at_s - before_s <= MOST_BETWEEN_KEYS_S
        known = self._stream.codec_context
        if known.name not in DEBLOCKED:
            return
        size_px = (self._context.width or known.width, self._context.height or known.height)
        deblocks = not (close and self._coarse(size_px))
        if deblocks != self._deblocks:
            # One at a time: each keeps some whole pictures. That of the stream is never opened, so it has none.
            self._context, self._deblocks = _context(known, deblocks=deblocks), deblocks

    def flush(self) -> None:
        """Packets were left out: what comes next is no loss."""
        self._context.flush_buffers()


def is_coarse(size_px: Size, shrunk_px: Size) -> bool:
    """Whether a picture is shrunk to less than half, so that nobody sees whether it was deblocked."""
    return 2 * shrunk_px[0] < size_px[0]


def _context(known: VideoCodecContext, *, deblocks: bool) -> VideoCodecContext:
    context = CodecContext.create(known.name, "r")
    if not isinstance(context, VideoCodecContext):
        raise TypeError(f"{known.name}: expected a video decoder")
    context.extradata = known.extradata
    context.thread_type, context.thread_count = "NONE", 1
    context.options = {} if deblocks else {"skip_loop_filter": "all"}
    return context
