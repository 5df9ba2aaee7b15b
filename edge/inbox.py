"""Where all cameras leave their frames for the pipeline: bounded, and the newest frames win."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Collection

from vision.types import Frame


class FrameInbox:
    """Frames of all cameras, a few of each; when a camera's share is full its oldest frame goes and is counted.

    Safe for any number of threads on both sides.

    Args:
        depth: how many frames of one camera may wait.

    Raises:
        ValueError: `depth` below 1.
    """

    def __init__(self, depth: int = 2) -> None:
        if depth < 1:
            raise ValueError(f"FrameInbox: expected a depth of at least 1, got {depth}")
        self._depth = depth
        self._waiting: dict[str, deque[Frame]] = {}
        self._drops: Counter[str] = Counter()
        self._served: set[str] = set()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Leave a frame; a full camera loses its oldest. After `close` nothing is taken any more."""
        with self._changed:
            if self._closed:
                return
            waiting = self._waiting.setdefault(frame.camera_id, deque())
            if len(waiting) >= self._depth:
                waiting.popleft()
                self._drops[frame.camera_id] += 1
            waiting.append(frame)
            self._changed.notify()

    def take(self, limit: int = 1, timeout_s: float | None = None, leave: Collection[str] = ()) -> list[Frame]:
        """Wait for frames and take at most `limit`, no more than one of each camera, oldest first; none of `leave`.

        A camera is served again only when every other one that has frames was served too, so that none that
        lags behind keeps the others out.

        Returns:
            Frames by `captured_at`; empty when the time is up, or closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting, timeout_s)
            chosen: list[str] = []
            while len(chosen) < limit and (camera_id := self._next_camera([*chosen, *leave])) is not None:
                chosen.append(camera_id)
                self._served.add(camera_id)
            return sorted((self._pop(camera_id) for camera_id in chosen), key=lambda f: f.captured_at)

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Wait for one frame; None when the time is up, or closed."""
        return next(iter(self.take(1, timeout_s)), None)

    def drops(self, camera_id: str) -> int:
        """Frames of a camera that nobody came for in time."""
        with self._changed:
            return self._drops[camera_id]

    def forget(self, camera_id: str) -> None:
        """Throw away what waits of a camera that is there no more, or is another one now."""
        with self._changed:
            self._waiting.pop(camera_id, None)

    def close(self) -> None:
        """Wake everybody who waits; what lies here is thrown away."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting.values()))

    def _next_camera(self, chosen: list[str]) -> str | None:
        open_now = [camera_id for camera_id in self._waiting if camera_id not in chosen]
        if not open_now:
            return None
        if not (unserved := [camera_id for camera_id in open_now if camera_id not in self._served]):
            self._served.clear()
            unserved = open_now
        return min(unserved, key=lambda camera_id: self._waiting[camera_id][0].captured_at)

    def _pop(self, camera_id: str) -> Frame:
        waiting = self._waiting[camera_id]
        frame = waiting.popleft()
        if not waiting:
            del self._waiting[camera_id]
        return frame
