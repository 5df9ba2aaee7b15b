"""What a source of pictures is: the words between capture and whoever reads a file, a stream or a device."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant
from hall.errors import Fault, SourceError
from hall.layout import mask_address

Size = tuple[int, int]
"""Width and height, pixels."""
Image = NDArray[np.uint8]
"""(H, W, 3) BGR."""

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Address:
    """A source as hall.yaml names it. It may hold a password: `str` and `repr` show it masked.

    Args:
        text: `rtsp://…`, `http(s)://…`, a path, `file://…`, a device number, or a registered scheme.
    """

    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """`rtsp`, `http`, …; `file` for a plain path, `device` for a number or /dev/videoN."""
        if self.text.isdigit() or self.text.startswith("/dev/video"):
            return "device"
        match = _SCHEME.match(self.text)
        return match[1].lower() if match else "file"

    def __str__(self) -> str:
        return mask_address(self.text)

    def __repr__(self) -> str:
        return f"Address({mask_address(self.text)!r})"


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source once it is open.

    Attributes:
        size_px: width and height of its pictures as they are coded (a phone's turned video comes out turned); that of
            the last one where they change.
        fps: pictures a second, where the source says so.
        duration_s: length in seconds, where it has one and says so.
        codec: `h264`, `hevc`, `mjpeg`, …
        recorded: it has a timeline of its own and can be read at any speed; a live one arrives when it does.
    """

    size_px: Size
    fps: float | None
    duration_s: float | None
    codec: str
    recorded: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture that is not converted yet.

    Attributes:
        time_s: seconds since the source's first picture; never decreases.
        render: makes a BGR image that fits into a size, or of full size for None.
        told_at: when it was taken, by the clock of a live camera that tells.
    """

    time_s: float
    render: Callable[[Size | None], Image]
    told_at: Instant | None = None


class MediaSource(Protocol):
    """An open source. Used by one thread; closed when done."""

    @property
    def info(self) -> SourceInfo:
        """Size, rate and length."""
        ...

    @property
    def skipped(self) -> int:
        """Damaged packets left out so far."""
        ...

    @property
    def busy_s(self) -> float:
        """Seconds spent on decoding and converting so far."""
        ...

    def __iter__(self) -> Iterator[Picture]:
        """Every picture once.

        Raises:
            SourceError: the source failed; pictures that could be read came before.
        """
        ...

    def close(self) -> None:
        """Let go of file or connection; may be called twice."""
        ...


@runtime_checkable
class LazySource(Protocol):
    """A live source that decodes only what somebody wants to see, and what that is coded against."""

    @property
    def received(self) -> int:
        """Pictures that came so far: decoded, or left alone for good."""
        ...

    def follow(self, due: Callable[[bool], bool]) -> Iterator[Picture]:
        """The pictures that are due.

        Args:
            due: asked as each picture comes, told whether it is a key frame, which needs none of those before it;
                where it says yes and there is nothing to see yet, it is asked again.

        Raises:
            SourceError: the source failed.
        """
        ...


def _never(*_: object) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """How a source is to be opened.

    Attributes:
        address: the source.
        open_timeout_s: how long a network source may take to answer.
        read_timeout_s: how long a network source may be silent.
        cancelled: asked between packets; once true, iteration ends.
        coarse: whether pictures of a size are shrunk to less than half, so that they need not be decoded to the letter.
    """

    address: Address
    open_timeout_s: float = 5.0
    read_timeout_s: float = 3.0
    cancelled: Callable[[], bool] = _never
    coarse: Callable[[Size], bool] = _never


Opener = Callable[[OpenRequest], MediaSource]
"""Opens sources of one scheme. Raises SourceError, never with a password in it."""


class IncompleteSourceError(SourceError):
    """A recording that ends before its time; every picture that could be read came before.

    Attributes:
        read_s: length of what could be read, seconds.
        promised_s: length that the file announces, seconds; None where it does not.
    """

    def __init__(self, message: str, *, read_s: float, promised_s: float | None) -> None:
        self.read_s = read_s
        self.promised_s = promised_s
        super().__init__(message)


def source_error(address: Address, found: str, expected: str) -> SourceError:
    """A SourceError that names the source, masked."""
    return SourceError(str(Fault(str(address), found, expected)))


Fit = Size | Callable[[Size], Size] | None
"""What pictures are shrunk into: a size, or one that depends on the size of the source; None keeps them as they are."""


def fit_of(fit: Fit, size_px: Size) -> Size | None:
    """What pictures of a source of this size are shrunk into."""
    return fit(size_px) if callable(fit) else fit


def shrink_to(size_px: Size, fit: Size | None) -> Size:
    """The largest size of the same aspect ratio that fits; never larger than `size_px`."""
    if fit is None:
        return size_px
    scale = min(1.0, fit[0] / size_px[0], fit[1] / size_px[1])
    return max(1, round(size_px[0] * scale)), max(1, round(size_px[1] * scale))


class Timeline:
    """Puts the times of pictures into an order that never runs backwards.

    A picture without a time follows the one before by `interval_s`. A small step back is a repeated picture;
    a large one is a new beginning (joined recordings, a stream that started over) and goes on from there.
    """

    _NEW_BEGINNING_S = 1.0

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._offset_s: float | None = None
        self.last_s: float | None = None

    def place(self, time_s: float | None) -> float:
        """Seconds since the first picture for a picture stamped `time_s`."""
        if self.last_s is None:
            self._offset_s = time_s
            self.last_s = 0.0
            return 0.0
        if time_s is None:
            self.last_s += self.interval_s
            return self.last_s
        placed_s = time_s - self._offset_s if self._offset_s is not None else None
        if placed_s is None or placed_s < self.last_s - self._NEW_BEGINNING_S:
            placed_s = self.last_s + self.interval_s
            self._offset_s = time_s - placed_s
        self.last_s = max(self.last_s, placed_s)
        return self.last_s
