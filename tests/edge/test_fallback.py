"""A camera of two streams: the other one is read while the chosen one fails, and left again without a gap."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edge._fallback import Fallback
from edge.inbox import FrameInbox
from edge.live import LiveCamera, LiveSettings, LoopClock
from edge.media import Image, OpenRequest, Picture, Size, SourceInfo, source_error
from edge.service import EdgeService
from edge.sources import register_scheme
from hall.broker import parse_broker
from hall.clock import ManualClock, SystemClock
from hall.load import parse_hall
from hall.messages import CameraHealth
from tests.support.clips import CLIPS
from tests.support.nobody import Nobody
from tests.support.servers import wait_until
from vision.detector import Detector

QUICK = LiveSettings(
    stall_after_s=0.8,
    abandon_after_s=0.3,
    first_retry_s=0.02,
    last_retry_s=0.05,
    other_after_s=0.2,
    other_attempts=3,
    back_every_s=0.6,
)
MAIN, SUB = 1, 2


@dataclass
class Stream:
    """One stream of a camera that shows grey of one level, while it is there."""

    level: int
    state: str = "fine"
    opened: list[float] = field(default_factory=list)
    closed: int = 0

    def open(self, request: OpenRequest) -> Opened:
        self.opened.append(time.monotonic())
        if self.state == "gone":
            raise source_error(request.address, "404", "a stream")
        return Opened(self, request)


class Opened:
    """A stream that is read."""

    info = SourceInfo((8, 6), 50.0, None, "grey", recorded=False)
    skipped = 0
    busy_s = 0.0

    def __init__(self, stream: Stream, request: OpenRequest) -> None:
        self._stream, self._request = stream, request

    def __iter__(self) -> Iterator[Picture]:
        for k in itertools.count():
            time.sleep(0.02)
            while self._stream.state == "silent" and not self._request.cancelled():
                time.sleep(0.01)
            if self._stream.state == "gone":
                raise source_error(self._request.address, "its end", "a stream")
            yield Picture(k / 50, self._draw)

    def _draw(self, _fit: Size | None) -> Image:
        return np.full((6, 8, 3), self._stream.level, np.uint8)

    def close(self) -> None:
        self._stream.closed += 1


_number = itertools.count()


class Site:
    """A camera with a main stream, which is the chosen one, and a substream."""

    def __init__(self, main: str = "fine", sub: str = "fine", settings: LiveSettings = QUICK) -> None:
        self.main, self.sub = Stream(MAIN, main), Stream(SUB, sub)
        scheme = f"two{next(_number)}"
        register_scheme(scheme, lambda request: self._stream(request).open(request))
        self.inbox = FrameInbox(depth=10_000)
        self.camera = LiveCamera(
            "c1",
            f"{scheme}://admin:geheim@cam/main",
            self.inbox,
            other=f"{scheme}://admin:geheim@cam/sub",
            analyse_fps=50,
            clock=SystemClock(),
            settings=settings,
        )
        self.levels: list[int] = []
        self.times: list[float] = []

    def _stream(self, request: OpenRequest) -> Stream:
        return self.main if request.address.text.endswith("main") else self.sub

    def shows(self, level: int) -> None:
        """Wait for a picture of a stream."""

        def taken() -> bool:
            frames = self.inbox.take(1, 0.02)
            self.levels += [int(frame.image[0, 0, 0]) for frame in frames]
            self.times += [frame.captured_at for frame in frames]
            return bool(frames) and self.levels[-1] == level

        wait_until(taken, f"pictures of stream {level}", 10)


@pytest.fixture
def site() -> Iterator[Callable[..., Site]]:
    """Starts sites; all are stopped at the end, and none may leave a thread."""
    sites: list[Site] = []

    def start(**args: object) -> Site:
        made = Site(**args)  # type: ignore[arg-type]
        sites.append(made)
        made.camera.start()
        return made

    yield start
    for made in sites:
        made.camera.stop()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("camera-")], "all threads end", 5)
    for made in sites:
        for stream in (made.main, made.sub):
            assert stream.closed <= len(stream.opened)


@pytest.mark.parametrize("fault", ["gone", "silent"])
def test_the_other_stream_is_read_after_some_attempts(site: Callable[..., Site], fault: str) -> None:
    box = site(main=fault)
    box.shows(SUB)
    assert len(box.main.opened) >= QUICK.other_attempts
    stats = box.camera.stats()
    assert (stats.state, stats.on_other, stats.error) == ("live", True, None)
    assert ("404" if fault == "gone" else "no picture for 0.8 s") in (stats.because or "")
    assert "geheim" not in repr(stats)


def test_a_short_break_changes_nothing(site: Callable[..., Site]) -> None:
    box = site(settings=LiveSettings(stall_after_s=0.8, first_retry_s=0.01, last_retry_s=0.01, other_after_s=60))
    box.shows(MAIN)
    box.main.state = "gone"
    wait_until(lambda: len(box.main.opened) > 5, "several attempts")
    assert not box.sub.opened
    box.main.state = "fine"
    box.shows(MAIN)
    assert not box.camera.stats().on_other


def test_it_goes_back_without_a_gap(site: Callable[..., Site]) -> None:
    box = site(main="gone")
    box.shows(SUB)
    tries = len(box.main.opened)
    wait_until(lambda: len(box.main.opened) >= tries + 2, "the chosen one is tried beside it, again and again")
    assert len(box.sub.opened) == 1, "and the other one goes on"
    box.main.state = "fine"
    box.shows(MAIN)
    stats = box.camera.stats()
    assert (stats.on_other, stats.because, stats.reconnects, stats.state) == (False, None, 0, "live")
    assert MAIN not in box.levels[:-1], "nothing of a trial comes before it is read"
    assert box.times == sorted(box.times)
    assert len(box.sub.opened) == 1
    wait_until(lambda: box.sub.closed == 1, "the other one is closed")


def test_a_trial_that_shows_nothing_is_given_up_and_made_again(site: Callable[..., Site]) -> None:
    box = site(main="gone")
    box.shows(SUB)
    box.main.state, tries = "silent", len(box.main.opened)
    wait_until(lambda: len(box.main.opened) >= tries + 2, "two trials")
    wait_until(lambda: box.main.closed >= 1, "the first one was closed")
    box.shows(SUB)
    assert (len(box.sub.opened), box.camera.stats().on_other) == (1, True)


@dataclass(eq=False)
class _Trial:
    """A reader as far as a fallback looks at it."""

    progress_at: float
    done: threading.Event = field(default_factory=threading.Event)
    cancel: threading.Event = field(default_factory=threading.Event)


def test_a_trial_by_which_something_comes_but_no_picture_is_none() -> None:
    """Such as packets that nobody can decode."""
    clock = ManualClock(0.0)
    jobs: Any = ["chosen", "other"]
    streams = Fallback(jobs, clock, after_s=20, attempts=3, back_every_s=60, steady_s=10)
    for _ in range(3):
        clock.advance(10)
        streams.ended("404", steady=False)

    def read() -> tuple[bool, str | None]:
        return streams.on_other, streams.because

    assert read() == (True, "404")
    trials: list[_Trial] = []

    def make(job: Any) -> Any:
        assert job == "chosen"
        trials.append(_Trial(clock.monotonic()))
        return trials[-1]

    def play(seconds: int, *, shows: bool) -> object:
        for _ in range(seconds):
            clock.advance(1)
            taken = streams.try_chosen(make)
            for trial in trials:
                trial.progress_at = clock.monotonic()
                if trial.cancel.is_set():
                    trial.done.set()
            if shows:
                streams.showed(cast("Any", trials[-1]))
            if taken is not None:
                return taken
        return None

    assert play(59, shows=False) is None
    assert trials == []
    assert play(100, shows=False) is None
    assert [trial.done.is_set() for trial in trials] == [True, False]
    assert play(11, shows=True) is trials[1]
    assert read() == (False, None)


def test_both_are_tried_in_turn_while_the_camera_is_away(site: Callable[..., Site]) -> None:
    box = site(main="gone", sub="gone")
    wait_until(lambda: len(box.sub.opened) >= 3, "the other one is tried")
    assert len(box.main.opened) >= QUICK.other_attempts + 2
    assert box.camera.stats().state == "lost"
    box.main.state = "fine"
    box.shows(MAIN)
    assert not box.camera.stats().on_other
    assert SUB not in box.levels


def test_the_other_one_breaks_off_too(site: Callable[..., Site]) -> None:
    """The chosen one gets one attempt, then the other one."""
    box = site(main="gone", settings=replace(QUICK, back_every_s=1000))
    box.shows(SUB)
    tries, box.sub.state = len(box.main.opened), "gone"
    wait_until(lambda: box.camera.stats().state == "lost", "it is lost")
    box.sub.state = "fine"
    box.shows(SUB)
    assert len(box.main.opened) - tries == len(box.sub.opened) - 1
    assert box.camera.stats().on_other


def test_health_says_which_stream_is_read_and_why(tmp_path: Path) -> None:
    cameras = f"[{{id: c1, source: gone.mp4, substream: {CLIPS / 'cam1.mp4'}, stream: main}}]"
    hall = parse_hall(
        f"hall: {{id: t, name: t}}\nfloors:\n  - {{id: f1, cameras: {cameras}}}\n", environ={}, base=tmp_path
    )
    loop = LoopClock.around([str(CLIPS / "cam1.mp4")], time.time())
    broker = parse_broker("mqtt://127.0.0.1:9")
    box = EdgeService(hall, "edge-f1", cast("Detector", Nobody()), broker, tmp_path, live=QUICK, loop=loop)

    def health() -> CameraHealth:
        return box._health.tell(0.0, box._pipeline, [camera.stats() for camera in box._cameras], None).cameras[0]

    told = health()
    assert (told.stream, told.stream_reason, told.fallback) == ("main", "main stream: the hall file says so", False)
    thread = threading.Thread(target=box.run, name="box")
    thread.start()
    try:
        wait_until(lambda: box._cameras[0].stats().state == "live", "the substream is read")
        told = health()
    finally:
        box.stop()
        thread.join()
    assert (told.stream, told.fallback) == ("substream", True)
    reason = told.stream_reason or ""
    assert reason.startswith("substream, as the main stream fails: ")
    assert "gone.mp4: found no such file" in reason
