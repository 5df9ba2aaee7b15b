"""Recordings as frames: what `replay` reads. Live cameras are in `edge.live`."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from edge.media import Address, Fit, MediaSource, OpenRequest, Picture, SourceInfo, fit_of, source_error
from edge.sources import open_source
from hall.clock import Instant
from vision.types import Frame


class Sampler:
    """Picks the pictures nearest to a schedule of `fps` a second that starts at 0 and never drifts.

    Args:
        fps: pictures wanted a second.
        source_fps: pictures the source has a second, where known; fewer than wanted: all are taken.
    """

    def __init__(self, fps: float, source_fps: float | None = None) -> None:
        self._fps, self._source_fps = fps, source_fps
        self._half_s = 0.5 * min(1 / source_fps, 1 / fps) if source_fps else 0.0
        self._next = 0
        self._from_s = self._taken_s = 0.0

    def take(self, time_s: float) -> bool:
        """Whether the picture at `time_s` is due. Times must not decrease."""
        # A picture is due from half a frame before its turn: the next one would be further away.
        turn = (time_s - self._from_s + self._half_s) * self._fps + 1e-6
        if turn < self._next:
            return False
        self._next = math.floor(turn) + 1
        self._taken_s = time_s
        return True

    def pace(self, fps: float) -> None:
        """From the picture that was taken last on, so many a second."""
        if fps == self._fps:
            return
        self._fps = fps
        self._half_s = 0.5 * min(1 / self._source_fps, 1 / fps) if self._source_fps else 0.0
        self._from_s, self._next = self._taken_s, 1


class Recording(Iterator[Frame]):
    """The frames of a recording that are due at `analyse_fps`, as fast as they are asked for.

    Damaged packets are left out and counted in `skipped`. Closes itself at the end.
    """

    def __init__(self, camera_id: str, source: MediaSource, *, analyse_fps: float, start: Instant, fit: Fit) -> None:
        self._source = source
        self._frames = _frames(camera_id, source, analyse_fps=analyse_fps, start=start, fit=fit)

    @property
    def info(self) -> SourceInfo:
        """Size, rate and length of the recording."""
        return self._source.info

    @property
    def skipped(self) -> int:
        """Damaged packets left out so far."""
        return self._source.skipped

    @property
    def busy_s(self) -> float:
        """Seconds spent on decoding and converting so far."""
        return self._source.busy_s

    def __next__(self) -> Frame:
        """The next frame that is due.

        Raises:
            IncompleteSourceError: after the last frame, when the recording is shorter than it says.
        """
        return next(self._frames)

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_file(camera_id: str, path: str | Path, *, analyse_fps: float, start: Instant, fit: Fit = None) -> Recording:
    """Open a recording for replay: a video file, or a registered scheme with a timeline of its own.

    Args:
        camera_id: the camera whose frames these are.
        path: the file.
        analyse_fps: frames wanted a second, chosen by the video's own time.
        start: when its first picture was taken.
        fit: width and height that frames are shrunk into; None keeps them as they are.

    Raises:
        SourceError: there is no such file, it is no video, or it has no timeline.
    """
    address = Address(str(path))
    source = open_source(OpenRequest(address))
    if not source.info.recorded:
        source.close()
        raise source_error(address, "a live source", "a recording: a video file")
    return Recording(camera_id, source, analyse_fps=analyse_fps, start=start, fit=fit)


def _frames(
    camera_id: str, source: MediaSource, *, analyse_fps: float, start: Instant, fit: Fit
) -> Generator[Frame, None, None]:
    try:
        for seq, picture in enumerate(due_pictures(source, analyse_fps)):
            yield Frame(camera_id, seq, start + picture.time_s, picture.render(fit_of(fit, source.info.size_px)))
    finally:
        source.close()


def due_pictures(source: MediaSource, analyse_fps: float) -> Iterator[Picture]:
    """The pictures of a source that are due at `analyse_fps` by its own time."""
    sampler = Sampler(analyse_fps, source.info.fps)
    return (picture for picture in source if sampler.take(picture.time_s))
