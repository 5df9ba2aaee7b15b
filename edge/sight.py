"""What one camera shows is held back for as long as nobody knows whether it can be believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from vision.picture import Look, PictureSettings, PictureWatch
from vision.types import Frame

S = TypeVar("S")
T = TypeVar("T")


class Sight(Generic[S, T]):
    """The picture watch of one camera, and the observations that wait for its word.

    A picture in which nothing changes proves nothing. Its observations wait: once something changes they all count,
    and once it is called frozen none does. So nothing is raised on a frozen picture before it is called that, and the
    unknown time begins with its first repeat.
    """

    def __init__(self, settings: PictureSettings | None = None, *, reference: bytes | None = None) -> None:
        self._watch = PictureWatch(settings, reference)
        self._waiting: list[S] = []

    @property
    def fault(self) -> str | None:
        """What is wrong with the camera's picture, in words."""
        return self._watch.look.fault

    @property
    def moved_from(self) -> bytes | None:
        """While the camera is moved, what it showed before; to be kept over a restart."""
        return self._watch.moved_from

    @property
    def look(self) -> Look:
        """What may be believed of the last frame."""
        return self._watch.look

    def judge(self, frame: Frame) -> Look:
        """What may be believed of a frame; to be asked of every frame, in order."""
        return self._watch.judge(frame.captured_at, frame.image)

    def take(self, look: Look, seen: S, observe: Callable[[S], list[T]]) -> list[T]:
        """Observe a frame that shows something, or let it wait; returns what is told of all that counts now."""
        self._waiting.append(seen)
        if look.state == "still":
            return []
        waiting, self._waiting = self._waiting, []
        return [told for one in waiting for told in observe(one)]

    def drop(self) -> None:
        """The picture is at fault: what waits is worth nothing."""
        self._waiting.clear()
