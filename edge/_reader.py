"""One attempt to read a live camera: a thread that opens the source, hands frames on, and ends."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from edge._decoder import is_coarse
from edge.capture import Sampler
from edge.dating import Dating
from edge.media import (
    Address,
    Fit,
    Image,
    IncompleteSourceError,
    LazySource,
    MediaSource,
    OpenRequest,
    Picture,
    Size,
    fit_of,
    shrink_to,
    source_error,
)
from edge.sources import open_source, probe
from hall.clock import Clock, Instant
from hall.errors import SourceError


@dataclass(frozen=True, slots=True)
class LoopClock:
    """The timeline that recordings looped together share, so that they stay in step.

    The picture at `t` seconds of a recording is shown in loop `n` at `epoch + n * cycle_s + t`.

    Attributes:
        epoch: when the first loop starts, Unix seconds, UTC. Who joins later joins where the others are.
        cycle_s: length of one loop, seconds; what lies behind it in a longer recording is not shown.
    """

    epoch: Instant
    cycle_s: float

    def __post_init__(self) -> None:
        if not self.cycle_s > 0:
            raise ValueError(f"LoopClock.cycle_s: expected more than 0 s, got {self.cycle_s}")

    @classmethod
    def around(cls, sources: Sequence[str], epoch: Instant) -> LoopClock:
        """A loop as long as the longest of these recordings.

        Raises:
            SourceError: one cannot be opened, or does not say how long it is.
        """
        lengths_s = []
        for source in sources:
            duration_s = probe(source).duration_s
            if not duration_s:
                raise source_error(Address(source), "no length", "a recording that says how long it is, as mp4")
            lengths_s.append(duration_s)
        return cls(epoch, max(lengths_s))

    def cycle_at(self, now: Instant) -> int:
        """Which loop runs at a moment; the first one before the epoch."""
        return max(0, math.floor((now - self.epoch) / self.cycle_s))


REST_EVERY_S = 2.0
"""While a camera rests, a frame is wanted at least so often, even where its key frames are further apart."""
_NICE = 5
"""Readers give way to the thread that looks at frames: it is one for all cameras, they are one for each."""


class Pace:
    """What frames are wanted of a camera; anybody may change it while the camera is read.

    Attributes:
        fps: frames a second.
        resting: nothing moves: key frames are enough.
        phase: 0 to 1, which part of the time between two frames: cameras of one box take turns.
    """

    def __init__(self, fps: float, phase: float = 0.0) -> None:
        self.fps, self.phase = fps, phase
        self.resting = False


class Due:
    """Whether the picture of a live camera that comes now is wanted.

    Attributes:
        asked_at: when the last picture came.
    """

    def __init__(self, pace: Pace, clock: Clock, source_fps: float | None) -> None:
        self._pace, self._clock = pace, clock
        self._sampler = Sampler(pace.fps, source_fps)
        self._phase_s = pace.phase / pace.fps
        self._wanted_at = -math.inf
        self._owed = False
        self.asked_at: Instant = clock.now()

    def __call__(self, key: bool = True) -> bool:  # noqa: FBT001, FBT002
        at, self.asked_at = self._clock.monotonic(), self._clock.now()
        self._sampler.pace(self._pace.fps)
        enough = self._pace.resting and not key and at - self._wanted_at < REST_EVERY_S
        if not self._owed and not enough and self._sampler.take(at + self._phase_s):
            self._owed, self._wanted_at = True, at
        return self._owed

    def came(self) -> None:
        """There was a picture to see."""
        self._owed = False


@dataclass(frozen=True, slots=True)
class ReadJob:
    """What to read and how; the same for every attempt of a camera."""

    address: Address
    pace: Pace
    fit: Fit
    clock: Clock
    loop: LoopClock | None
    open_timeout_s: float
    read_timeout_s: float
    poll_s: float


class Reader:
    """Reads until the source ends, fails, or `cancel` is set; then `done` is set.

    Attributes:
        progress_at: monotonic time of the last sign of life.
        error: why it ended, masked; None where a recording came to its end or it was cancelled.
        finished: a recording was played to its end.
        skipped: damaged packets left out so far.
    """

    def __init__(
        self,
        name: str,
        job: ReadJob,
        *,
        on_frame: Callable[[Reader, Instant, Image], None],
        on_received: Callable[[Reader, int, float], None],
    ) -> None:
        self._job = job
        self._on_frame = on_frame
        self._on_received = on_received
        self._busy_s = 0.0
        self._source_skipped = 0
        self.cancel = threading.Event()
        self.done = threading.Event()
        self.progress_at = job.clock.monotonic()
        # Stands if the thread dies of a defect; its trace is then in the log.
        self.error: str | None = f"{job.address}: the reader stopped by a defect, see the log"
        self.finished = False
        self.skipped = 0
        # A daemon: libav may hold it, and then nothing waits for it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._read()
            self.error = None
        except SourceError as exc:
            self.error = str(exc)
        finally:
            self.done.set()

    def _read(self) -> None:
        source = self._open()
        if not source.info.recorded:
            self._follow(source)
        elif self._job.loop is None:
            self._play_once(source)
        else:
            source.close()
            self._loop(self._job.loop)

    def _play_once(self, source: MediaSource) -> None:
        try:
            with closing(source):
                self._play(source, self._job.clock.now())
        except IncompleteSourceError:
            # It is over all the same: another attempt would play it again from its start.
            self.finished = True
            raise
        self.finished = not self.cancel.is_set()

    def _open(self) -> MediaSource:
        job = self._job
        self._busy_s, self._source_skipped = 0.0, 0
        request = OpenRequest(job.address, job.open_timeout_s, job.read_timeout_s, self.cancel.is_set, self._coarse)
        return open_source(request)

    def _coarse(self, size_px: Size) -> bool:
        return is_coarse(size_px, shrink_to(size_px, fit_of(self._job.fit, size_px)))

    def _follow(self, source: MediaSource) -> None:
        """A live source."""
        dating, due = Dating(), Due(self._job.pace, self._job.clock, source.info.fps)
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        with closing(source):
            for picture in self._due_pictures(source, due):
                if self.cancel.is_set():
                    return
                taken_at = dating.date(due.asked_at, picture.time_s, picture.told_at)
                self._on_frame(self, taken_at, picture.render(self._fit(source)))
        if not self.cancel.is_set():
            raise source_error(self._job.address, "the end of the stream", "a stream that goes on")

    def _due_pictures(self, source: MediaSource, due: Due) -> Iterator[Picture]:
        if not isinstance(source, LazySource):
            for picture in source:
                if due():
                    due.came()
                    yield picture
                self._count(source, 1)
            return
        before = seen = 0

        def wanted(key: bool) -> bool:  # noqa: FBT001
            nonlocal seen
            if source.received > seen:
                # Where pictures are wanted less often than a stall is waited for.
                seen, self.progress_at = source.received, self._job.clock.monotonic()
            return due(key)

        for picture in source.follow(wanted):
            due.came()
            yield picture
            self._count(source, source.received - before)
            before = source.received

    def _fit(self, source: MediaSource) -> Size | None:
        """What the picture at hand is shrunk into; a stream may change its size while it runs."""
        return fit_of(self._job.fit, source.info.size_px)

    def _play(self, source: MediaSource, epoch: Instant, *, from_s: float = 0.0, until_s: float = math.inf) -> int:
        """A recording: each frame when its time has come. How many pictures there were."""
        sampler, count = Sampler(self._job.pace.fps, source.info.fps), 0
        for picture in source:
            count += 1
            if picture.time_s >= until_s or self.cancel.is_set():
                break
            self._count(source, 1)
            sampler.pace(self._job.pace.fps)
            if not sampler.take(picture.time_s) or picture.time_s < from_s:
                continue
            image = picture.render(self._fit(source))
            if not self._wait_until(epoch + picture.time_s):
                break
            self._on_frame(self, epoch + picture.time_s, image)
        return count

    def _loop(self, loop: LoopClock) -> None:
        clock = self._job.clock
        cycle = loop.cycle_at(clock.now())
        from_s = clock.now() - (loop.epoch + cycle * loop.cycle_s)
        while not self.cancel.is_set():
            epoch = loop.epoch + cycle * loop.cycle_s
            with closing(self._open()) as source:
                count = self._play_cycle(source, epoch, from_s, loop.cycle_s)
            if not count and not self.cancel.is_set():
                raise source_error(self._job.address, "no picture", "a recording with pictures")
            # The other cameras do not wait: who is too slow for real time leaves out whole loops.
            running = loop.cycle_at(clock.now())
            from_s = 0.0
            cycle = max(cycle + 1, running)
            self._wait_until(loop.epoch + cycle * loop.cycle_s)

    def _play_cycle(self, source: MediaSource, epoch: Instant, from_s: float, until_s: float) -> int:
        try:
            return self._play(source, epoch, from_s=from_s, until_s=until_s)
        except IncompleteSourceError as exc:
            if not exc.read_s:
                raise
            # Its pictures simply stop earlier; `check` and `replay` say so.
            return 1

    def _count(self, source: MediaSource, pictures: int) -> None:
        self.progress_at = self._job.clock.monotonic()
        self.skipped += source.skipped - self._source_skipped
        busy_s = source.busy_s - self._busy_s
        self._source_skipped, self._busy_s = source.skipped, source.busy_s
        self._on_received(self, pictures, busy_s)

    def _wait_until(self, moment: Instant) -> bool:
        """Sleep until the clock says so; False when cancelled."""
        clock = self._job.clock
        while (left_s := moment - clock.now()) > 0 and not self.cancel.is_set():
            self.progress_at = clock.monotonic()
            self.cancel.wait(min(left_s, self._job.poll_s))
        return not self.cancel.is_set()
