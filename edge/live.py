"""Live cameras: each in a thread of its own, watched, and opened again for as long as it takes."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from edge._fallback import Fallback
from edge._reader import LoopClock, Pace, Reader, ReadJob
from edge.inbox import FrameInbox
from edge.media import Address, Fit, Image
from hall.clock import Clock, Instant
from vision.types import Frame

__all__ = ["CameraState", "CameraStats", "LiveCamera", "LiveSettings", "LoopClock"]

_log = logging.getLogger(__name__)

CameraState = Literal["live", "connecting", "lost", "ended"]
_MOST_ABANDONED = 3
_TICK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """Patience with a camera, seconds.

    Attributes:
        stall_after_s: no picture for so long: the connection is given up.
        abandon_after_s: libav did not come back for so long after that: its thread is left behind.
        open_timeout_s: how long a network source may take to answer.
        read_timeout_s: how long a network source may be silent; libav notices within twice this.
        first_retry_s: wait before the second attempt; it doubles with every failure …
        last_retry_s: … up to this. The actual wait is 50 to 100 % of it, by chance, so that a box does not
            storm a switch that comes back.
        poll_s: longest sleep between two looks at the clock while a recording is played.
        other_after_s: a camera with two streams is read from the other one when the chosen one has failed for so long …
        other_attempts: … and in so many attempts.
        back_every_s: from then on the chosen one is tried so often, beside the other, until it does.
    """

    stall_after_s: float = 10.0
    abandon_after_s: float = 10.0
    open_timeout_s: float = 5.0
    read_timeout_s: float = 3.0
    first_retry_s: float = 0.5
    last_retry_s: float = 30.0
    poll_s: float = 0.05
    other_after_s: float = 20.0
    other_attempts: int = 3
    back_every_s: float = 300.0

    def retry_s(self, failures: int, rng: random.Random) -> float:
        """How long to wait after so many failures in a row (1 or more)."""
        doubled = self.first_retry_s * 2.0 ** min(failures - 1, 30)
        return min(self.last_retry_s, doubled) * rng.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class CameraStats:
    """How a camera does. Rates are means over the last seconds.

    Attributes:
        state: `connecting` before the first picture, then `live` or `lost`; `ended`: a recording is over.
        fps: frames handed on per second.
        received_fps: pictures that came per second; those that nobody needs to see are not decoded.
        decode_ms: decoding and converting, per picture that came.
        drops: frames the pipeline did not come for in time.
        reconnects: how often it became live again after it was lost.
        skipped: damaged packets left out.
        abandoned: reader threads that libav did not give back.
        last_frame_at: `captured_at` of the last frame handed on.
        error: what is wrong, without passwords; None while live.
        resting: only key frames are looked at, because nothing moves.
        stalled: it was lost because no picture came on a connection that stood.
        on_other: the other stream is read, or tried, …
        because: … as this is wrong with the chosen one, without passwords.
    """

    camera_id: str
    state: CameraState
    fps: float
    received_fps: float
    decode_ms: float
    drops: int
    reconnects: int
    skipped: int
    abandoned: int
    last_frame_at: Instant | None
    error: str | None
    stalled: bool = False
    resting: bool = False
    on_other: bool = False
    because: str | None = None


class LiveCamera:
    """Reads one camera and leaves the frames that are due in the inbox, until it is stopped.

    Pictures of network streams and devices are dated by `edge.dating`. A recording is played in real
    time: once, dated from when it began; or over and over on a shared `loop`.

    Args:
        camera_id: the camera's id in hall.yaml.
        source: address, path or device number; may hold a password, which appears nowhere.
        inbox: where frames go.
        analyse_fps: frames wanted a second.
        other: another stream of the same camera, read for as long as `source` fails.
        clock: dates frames and paces recordings.
        fit: width and height that frames are shrunk into, or how they follow from those of the source; None keeps
            them as they are.
        loop: timeline of looped recordings; None plays a recording once.
        settings: patience.
        rng: jitter of the attempts.
        phase: 0 to 1, which part of the time between two frames: cameras of one box take turns.
    """

    def __init__(
        self,
        camera_id: str,
        source: str,
        inbox: FrameInbox,
        *,
        analyse_fps: float,
        clock: Clock,
        other: str | None = None,
        fit: Fit = None,
        loop: LoopClock | None = None,
        settings: LiveSettings | None = None,
        rng: random.Random | None = None,
        phase: float = 0.0,
    ) -> None:
        self.camera_id = camera_id
        self._settings = settings = settings or LiveSettings()
        self._inbox = inbox
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._pace = Pace(analyse_fps, phase)
        self._streams = Fallback(
            [self._job(address, fit, loop) for address in (source, other) if address is not None],
            clock,
            after_s=settings.other_after_s,
            attempts=settings.other_attempts,
            back_every_s=settings.back_every_s,
            steady_s=settings.stall_after_s,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name=f"camera-{camera_id}", daemon=True)
        self._lock = threading.Lock()
        self._meter = _Meter(clock)
        self._reader: Reader | None = None
        self._abandoned: list[Reader] = []
        self._state: CameraState = "connecting"
        self._error: str | None = None
        self._stalled = False
        self._seq = 0
        self._last_frame_at: Instant | None = None
        self._live_since: float | None = None
        self._was_live = False
        self._counts = {"reconnects": 0, "skipped": 0, "abandoned": 0}

    def _job(self, address: str, fit: Fit, loop: LoopClock | None) -> ReadJob:
        settings = self._settings
        times = settings.open_timeout_s, settings.read_timeout_s, settings.poll_s
        return ReadJob(Address(address), self._pace, fit, self._clock, loop, *times)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """End; no frame comes afterwards. A reader that libav holds ends by itself a little later."""
        self._stopping.set()
        with self._lock:
            reader, self._reader = self._reader, None
            self._streams.cancel()
        if reader is not None:
            reader.cancel.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def pace(self, fps: float) -> None:
        """From now on, so many frames a second."""
        self._pace.fps = fps

    def rest(self, resting: bool) -> None:  # noqa: FBT001
        """From now on key frames are enough, or are not any more; of a live camera."""
        self._pace.resting = resting

    def stats(self) -> CameraStats:
        """How it does now."""
        drops = self._inbox.drops(self.camera_id)
        with self._lock:
            fps, received_fps, decode_ms = self._meter.read()
            return CameraStats(
                camera_id=self.camera_id,
                state=self._state,
                fps=fps,
                received_fps=received_fps,
                decode_ms=decode_ms,
                drops=drops,
                reconnects=self._counts["reconnects"],
                skipped=self._counts["skipped"] + (self._reader.skipped if self._reader else 0),
                abandoned=self._counts["abandoned"],
                last_frame_at=self._last_frame_at,
                error=self._error,
                stalled=self._stalled,
                resting=self._pace.resting,
                on_other=self._streams.on_other,
                because=self._streams.because,
            )

    def _supervise(self) -> None:
        failures = attempt = 0
        while not self._stopping.is_set():
            attempt += 1
            reader = self._new_reader(attempt)
            if reader is None:
                return
            reader, error = self._watch(reader)
            steady = self._close_attempt(reader, error)
            if self._state == "ended":
                return
            if self._stopping.is_set():
                # Give it the time to close its source; one that libav holds ends by itself later.
                reader.done.wait(0.5)
                return
            self._streams.ended(error, steady=steady)
            failures = 1 if steady else failures + 1
            self._stopping.wait(self._settings.retry_s(failures, self._rng))

    def _new_reader(self, attempt: int) -> Reader | None:
        """Start another attempt; None when stopped before."""
        # Threads that libav holds cost memory and sockets: a few at most, then no attempt is made.
        while sum(not reader.done.is_set() for reader in self._abandoned) >= _MOST_ABANDONED:
            if self._stopping.wait(_TICK_S):
                return None
        self._abandoned = [reader for reader in self._abandoned if not reader.done.is_set()]
        reader = self._reader_of(self._streams.job, str(attempt))
        with self._lock:
            if self._stopping.is_set():
                return None
            self._reader = reader
            self._live_since = None
        reader.start()
        return reader

    def _reader_of(self, job: ReadJob, name: str) -> Reader:
        name = f"camera-{self.camera_id}-reader-{name}"
        return Reader(name, job, on_frame=self._accept, on_received=self._count)

    def _watch(self, reader: Reader) -> tuple[Reader, str | None]:
        """Wait for the end of an attempt, and bring it about when nothing comes.

        Returns:
            The reader that was at work in the end, and why it ended, masked.
        """
        stall_s = self._settings.stall_after_s
        while not reader.done.wait(_TICK_S):
            if self._stopping.is_set():
                return reader, None
            if self._clock.monotonic() - reader.progress_at > stall_s:
                reader.cancel.set()
                self._stalled = True
                return reader, self._let_go(reader, f"{self._streams.job.address}: no picture for {stall_s:g} s")
            if (chosen := self._streams.try_chosen(self._try)) is not None:
                self._go_back(reader, chosen)
                reader = chosen
        self._stalled = False
        return reader, reader.error

    def _try(self, job: ReadJob) -> Reader:
        """Read a stream beside the one that is read; its frames go nowhere."""
        trial = self._reader_of(job, "trial")
        trial.start()
        return trial

    def _go_back(self, reader: Reader, chosen: Reader) -> None:
        with self._lock:
            if self._reader is None:
                chosen.cancel.set()
                return
            self._reader, self._live_since = chosen, self._clock.monotonic() - self._settings.stall_after_s
            self._counts["skipped"] += reader.skipped
        reader.cancel.set()
        self._abandoned.append(reader)
        _log.info("camera %s: the chosen stream shows pictures again and is read", self.camera_id)

    def _let_go(self, reader: Reader, error: str) -> str:
        """A cancelled reader gets some time to come back, then goes its own way."""
        deadline = self._clock.monotonic() + self._settings.abandon_after_s
        while not reader.done.wait(_TICK_S) and not self._stopping.is_set():
            if self._clock.monotonic() > deadline:
                with self._lock:
                    self._counts["abandoned"] += 1
                self._abandoned.append(reader)
                return f"{error}; its reader hangs and was left behind"
        return error

    def _close_attempt(self, reader: Reader, error: str | None) -> bool:
        """Enter how an attempt ended; whether it had been live for a good while."""
        with self._lock:
            now = self._clock.monotonic()
            steady = self._live_since is not None and now - self._live_since >= self._settings.stall_after_s
            self._counts["skipped"] += reader.skipped
            self._reader = None
            if self._stopping.is_set():
                return steady
            before, self._state = self._state, "ended" if reader.finished else "lost"
            self._error = error
        if before != self._state:
            level = logging.WARNING if error else logging.INFO
            _log.log(level, "camera %s: %s: %s", self.camera_id, self._state, error or "played to its end")
        return steady

    def _count(self, reader: Reader, pictures: int, busy_s: float) -> None:
        with self._lock:
            if reader is not self._reader:
                return
            self._meter.received(pictures, busy_s)
            if self._state == "live":
                return
            self._counts["reconnects"] += self._was_live
            self._was_live = True
            self._state, self._error = "live", None
            self._live_since = self._clock.monotonic()
        _log.info("camera %s: live", self.camera_id)

    def _accept(self, reader: Reader, captured_at: Instant, image: Image) -> None:
        with self._lock:
            # A reader that was given up may come back with an old picture.
            if reader is not self._reader or reader.cancel.is_set():
                self._streams.showed(reader)
                return
            frame = Frame(self.camera_id, self._seq, captured_at, image)
            self._seq += 1
            self._last_frame_at = captured_at
            self._meter.handed_on()
            # Inside the lock: after `stop` nothing comes any more.
            self._inbox.put(frame)


class _Meter:
    """Rates over the last ten seconds."""

    _WINDOW_S = 10.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: float | None = None
        self._received: deque[tuple[float, int, float]] = deque()
        self._handed_on: deque[float] = deque()

    def received(self, pictures: int, busy_s: float) -> None:
        """So many pictures came, and took so long."""
        now = self._clock.monotonic()
        self._began = now if self._began is None else self._began
        self._received.append((now, pictures, busy_s))
        self._forget(now)

    def handed_on(self) -> None:
        """A frame went to the inbox."""
        self._handed_on.append(self._clock.monotonic())

    def read(self) -> tuple[float, float, float]:
        """Frames a second, pictures a second, milliseconds per picture."""
        now = self._clock.monotonic()
        self._forget(now)
        if self._began is None:
            return 0.0, 0.0, 0.0
        span_s = max(1.0, min(self._WINDOW_S, now - self._began))
        count = sum(pictures for _, pictures, _ in self._received)
        busy_s = sum(busy for *_, busy in self._received)
        return len(self._handed_on) / span_s, count / span_s, 1000 * busy_s / count if count else 0.0

    def _forget(self, now: float) -> None:
        while self._received and self._received[0][0] <= now - self._WINDOW_S:
            self._received.popleft()
        while self._handed_on and self._handed_on[0] <= now - self._WINDOW_S:
            self._handed_on.popleft()
