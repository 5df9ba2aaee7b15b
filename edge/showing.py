"""Pictures that somebody asked for: that of an event as it lies here, or what a camera shows now, everybody blurred.

Nothing leaves a box by itself, nothing at all where the hall file says `evidence: {share: false}`, and nothing of it
touches the disk. Pictures are read and blurred in a thread of their own, one at a time, so judging does not wait.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2

from edge._replies import Picture, Reply, Request
from edge.blur import Box, Image, anonymous
from edge.evidence import EvidenceStore
from edge.live import CameraStats
from edge.seal import verified
from hall.clock import Clock, to_iso
from hall.errors import InputError
from hall.pictures import EVIDENCE, EvidenceRequest, FrameRequest, decode_request
from vision.detector import Detector
from vision.types import Frame

log = logging.getLogger(__name__)

FRAMES, FRAMES_S = 6, 60.0
"""So many pictures of now in so long: each costs a box five inferences or more."""
_MOST_WAITING = 8
_QUALITY = 85
_LONGEST_PX = 1920


class Showing:
    """Answers requests for pictures. Safe for any number of threads.

    Args:
        store: where pictures of events lie; its settings say whether any may be shown.
        key: seals them.
        detector: finds people.
        cameras: those of the box, as they are now.
        answer: sends an answer.
        clock: for how many there were lately.
    """

    def __init__(
        self,
        store: EvidenceStore,
        key: bytes,
        detector: Detector,
        *,
        cameras: Callable[[], Sequence[CameraStats]],
        answer: Callable[[Reply | Picture], None],
        clock: Clock,
    ) -> None:
        self._store, self._key, self._detector = store, key, detector
        self._cameras, self._answer, self._clock = cameras, answer, clock
        self._newest: dict[str, tuple[Frame, Sequence[Box]]] = {}
        self._shown = deque[float](maxlen=FRAMES)
        self._waiting, self._closed = 0, False
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "showing")

    def see(self, frame: Frame, known: Sequence[Box]) -> None:
        """Remember the newest picture of a camera, and where people are followed in it.

        One that is not believed as well: of a camera that was moved, people want to see where it looks now.
        """
        self._newest[frame.camera_id] = frame, known

    def forget(self, camera_id: str) -> None:
        """A camera is there no more, or is another one."""
        self._newest.pop(camera_id, None)

    def ask(self, request: Request) -> None:
        """Have a request answered, soon; at once where it cannot be."""
        with self._lock:
            if self._closed:
                return
            if (busy := self._busy(request)) is None:
                self._waiting += 1
                future = self._worker.submit(self._work, request)
        if busy is None:
            future.add_done_callback(_report)
        else:
            self._answer(request.refused(f"{request.kind}: {busy}", "busy"))

    def close(self) -> None:
        """Answer nothing any more."""
        with self._lock:
            self._closed = True
        self._worker.shutdown(cancel_futures=True)

    def _busy(self, request: Request) -> str | None:
        if request.kind == EVIDENCE:
            return f"{self._waiting} others wait; ask again" if self._waiting >= _MOST_WAITING else None
        if self._waiting:
            return "another picture is under way; ask again"
        now = self._clock.monotonic()
        if len(self._shown) == FRAMES and now - self._shown[0] < FRAMES_S:
            wait_s = FRAMES_S - (now - self._shown[0])
            return f"found {FRAMES} pictures in {FRAMES_S:g} s, which is the most; ask again in {wait_s:.0f} s"
        self._shown.append(now)
        return None

    def _work(self, request: Request) -> None:
        try:
            self._show(request)
        finally:
            with self._lock:
                self._waiting -= 1

    def _show(self, request: Request) -> None:
        if not self._store.settings.share:
            error = f"{request.kind}: the hall keeps its pictures on the box (evidence.share is false)"
            self._answer(request.refused(error, "private"))
            return
        try:
            shown = self._event(request) if request.kind == EVIDENCE else self._now(request)
        except InputError as exc:
            shown = request.refused(f"{request.kind}: {exc}")
        except OSError as exc:
            shown = request.refused(f"{request.kind}: the picture cannot be read: {exc.strerror}")
        self._answer(shown)

    def _event(self, request: Request) -> Reply | Picture:
        event_id = decode_request(request.payload, EvidenceRequest).event_id
        name = f"{event_id}.jpg"
        data = self._store.get(name)
        if data is None:
            kept = f"for {self._store.settings.keep_days:g} days, {self._store.settings.quota_mb:g} MB at most"
            error = f"found no picture of event {event_id}; they are kept {kept}, and not every event has one"
            return request.refused(f"{request.kind}: {error}", "unknown")
        seal = verified(data, self._key, name)
        if seal.event_id != event_id:
            raise InputError(f"{name}: found the picture of event {seal.event_id}; expected that of this one")
        return Picture(request, data, {"camera": seal.camera, "captured_at": seal.captured_at})

    def _now(self, request: Request) -> Reply | Picture:
        camera = decode_request(request.payload, FrameRequest).camera
        stats = {one.camera_id: one for one in self._cameras()}
        if camera not in stats:
            known = ", ".join(stats) or "none"
            return request.refused(f"{request.kind}: found no camera {camera}; this box has {known}", "unknown")
        if stats[camera].state not in {"live", "ended"}:
            why = stats[camera].error or "no picture yet"
            return request.refused(f"{request.kind}: camera {camera} is {stats[camera].state}: {why}", "unseen")
        newest = self._newest.get(camera)
        if newest is None:
            return request.refused(f"{request.kind}: camera {camera} has no picture yet; ask again", "unseen")
        frame, people = newest
        jpeg, (width, height) = _jpeg(anonymous(frame.image, people, self._detector.detect, self._detector.score))
        said = {"camera": camera, "captured_at": to_iso(frame.captured_at), "size": f"{width}x{height}"}
        return Picture(request, jpeg, said)


def _report(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("no picture could be made: %r", error)


def _jpeg(image: Image) -> tuple[bytes, tuple[int, int]]:
    """Encoded, at most `_LONGEST_PX` wide and high; and width and height."""
    height, width = image.shape[:2]
    scale = min(1.0, _LONGEST_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    fitted = image if scale == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", fitted, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return jpeg.tobytes(), size
