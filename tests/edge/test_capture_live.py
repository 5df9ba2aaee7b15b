"""Live cameras without a network: recordings played in real time, sources that hang, stopping."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.inbox import FrameInbox
from edge.live import CameraStats, LiveCamera, LiveSettings, LoopClock
from edge.media import Image, MediaSource, OpenRequest, Picture, Size, SourceInfo
from edge.sources import register_scheme
from hall.clock import Instant, SystemClock
from hall.errors import SourceError
from tests.support.servers import wait_until
from tests.support.videos import encode, index_of
from vision.types import Frame

EPOCH = 1_767_600_000.0
QUICK = LiveSettings(stall_after_s=1.0, abandon_after_s=0.3, first_retry_s=0.02, last_retry_s=0.1, poll_s=0.002)
PATIENT = LiveSettings(stall_after_s=1000, poll_s=0.002)


class FastClock:
    """A clock that runs several times as fast as the machine's."""

    def __init__(self, start: Instant, speed: float) -> None:
        self._start, self._speed, self._began = start, speed, time.monotonic()

    def now(self) -> Instant:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed


@pytest.fixture
def camera() -> Iterator[Callable[..., LiveCamera]]:
    """Starts cameras; all are stopped at the end, and none may leave a thread."""
    cameras: list[LiveCamera] = []

    def start(camera_id: str, source: str, inbox: FrameInbox, **settings: object) -> LiveCamera:
        made = LiveCamera(camera_id, source, inbox, **settings)  # type: ignore[arg-type]
        cameras.append(made)
        made.start()
        return made

    yield start
    for made in cameras:
        made.stop()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("camera-")], "all threads end", 5)


def take_until(inbox: FrameInbox, enough: Callable[[list[Frame]], bool], timeout_s: float = 15) -> list[Frame]:
    """Take frames until there are enough."""
    frames: list[Frame] = []
    deadline = time.monotonic() + timeout_s
    while not enough(frames):
        assert time.monotonic() < deadline, f"only {len(frames)} frames"
        frames += inbox.take(8, 0.05)
    return frames


# ---- recordings played in real time


def test_recordings_looped_together_stay_in_step(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    long = encode(tmp_path / "a.mp4", count=30, fps=10)
    short = encode(tmp_path / "b.mp4", count=24, fps=12)
    clock = FastClock(EPOCH - 1.0, speed=8)
    loop = LoopClock.around([str(long), str(short)], EPOCH)
    assert loop == LoopClock(EPOCH, 3.0)
    inbox = FrameInbox(depth=1000)
    for camera_id, video in (("c1", long), ("c2", short)):
        camera(camera_id, str(video), inbox, analyse_fps=5, clock=clock, loop=loop, settings=PATIENT)

    late: list[bool] = []

    def enough(frames: list[Frame]) -> bool:
        late.extend(frame.captured_at > clock.now() for frame in frames[len(late) :])
        return bool(frames) and frames[-1].captured_at > EPOCH + 9.5

    frames = take_until(inbox, enough)
    assert not any(late), "a frame never comes before its time"
    shown = {"c1": list(range(0, 30, 2)), "c2": [0, 2, 5, 7, 10, 12, 14, 17, 19, 22]}
    for camera_id, video_fps in (("c1", 10), ("c2", 12)):
        own = [frame for frame in frames if frame.camera_id == camera_id]
        assert [frame.seq for frame in own] == list(range(len(own)))
        loops: dict[int, list[int]] = {}
        for frame in own:
            cycle, at_s = divmod(frame.captured_at - EPOCH + 1e-6, 3.0)
            index = index_of(frame.image)
            assert at_s == pytest.approx(index / video_fps, abs=1e-3)
            loops.setdefault(int(cycle), []).append(index)
        whole = [loops[cycle] for cycle in sorted(loops)[1:-1]]
        assert whole
        assert all(indices == shown[camera_id] for indices in whole)


def test_who_joins_later_joins_where_the_others_are(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    video = encode(tmp_path / "a.mp4", count=30, fps=10)
    clock = FastClock(EPOCH + 301.5, speed=4)
    inbox = FrameInbox(depth=100)
    camera("c1", str(video), inbox, analyse_fps=5, clock=clock, loop=LoopClock(EPOCH, 3.0), settings=PATIENT)
    frames = take_until(inbox, lambda taken: bool(taken) and taken[-1].captured_at > EPOCH + 303.3)
    assert frames[0].captured_at > EPOCH + 301.5
    assert index_of(frames[0].image) == round((frames[0].captured_at - EPOCH) * 10) % 30
    assert {index_of(frame.image) for frame in frames} >= {0, 2}, "and goes on with the next loop"


def test_a_recording_is_played_once(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    video = encode(tmp_path / "a.mp4", count=20, fps=10)
    clock = FastClock(EPOCH, speed=8)
    inbox = FrameInbox(depth=100)
    live = camera("c1", str(video), inbox, analyse_fps=5, fit=(80, 80), clock=clock, settings=PATIENT)
    frames = take_until(inbox, lambda taken: len(taken) >= 10)
    wait_until(lambda: live.stats().state == "ended", "the recording ends")
    first = frames[0].captured_at
    assert first >= EPOCH
    assert [round(frame.captured_at - first, 3) for frame in frames] == [round(0.2 * k, 3) for k in range(10)]
    assert frames[0].size_px == (80, 48)
    assert inbox.get(0.1) is None
    stats = live.stats()
    assert (stats.error, stats.reconnects, stats.last_frame_at) == (None, 0, frames[-1].captured_at)


def test_a_recording_cut_short_says_so_and_is_not_repeated(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    video = encode(tmp_path / "a.mkv", count=40, fps=10)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    inbox = FrameInbox(depth=100)
    live = camera("c1", str(video), inbox, analyse_fps=5, clock=FastClock(EPOCH, 20), settings=PATIENT)
    wait_until(lambda: live.stats().state == "ended", "the recording ends")
    assert "of 4.0 s (" in (live.stats().error or "")
    assert 3 < len(inbox) < 15


def test_a_recording_cut_short_is_looped_as_far_as_it_goes(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    video = encode(tmp_path / "a.mkv", count=20, fps=10)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    inbox = FrameInbox(depth=100)
    loop = LoopClock.around([str(video)], EPOCH)
    camera("c1", str(video), inbox, analyse_fps=5, clock=FastClock(EPOCH - 1, 8), loop=loop, settings=PATIENT)
    take_until(inbox, lambda taken: any(frame.captured_at > EPOCH + 4 for frame in taken))


def test_a_file_that_comes_later_is_found(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    inbox = FrameInbox(depth=100)
    live = camera("c1", str(tmp_path / "a.mp4"), inbox, analyse_fps=5, clock=SystemClock(), settings=QUICK)
    wait_until(lambda: live.stats().state == "lost", "the file is missed")
    assert "a.mp4: found no such file" in (live.stats().error or "")
    encode(tmp_path / "b.mp4", count=10, fps=10).rename(tmp_path / "a.mp4")
    take_until(inbox, lambda taken: len(taken) >= 3)
    assert live.stats().reconnects == 0, "it was never live before"


def test_a_loop_of_nothing_is_an_error(tmp_path: Path) -> None:
    raw = encode(tmp_path / "a.h264", count=10)
    with pytest.raises(SourceError, match=r"a\.h264: found no length"):
        LoopClock.around([str(raw)], EPOCH)
    with pytest.raises(ValueError, match="more than 0 s"):
        LoopClock(EPOCH, 0.0)


# ---- sources that misbehave


class Scripted:
    """A live source of small grey pictures that hangs where a test says so."""

    info = SourceInfo((8, 6), 50.0, None, "grey", recorded=False)
    skipped = 0
    busy_s = 0.0

    def __init__(self, pictures: int | None, then: Callable[[], object], level: int) -> None:
        self._pictures, self._then, self._level = pictures, then, level

    def __iter__(self) -> Iterator[Picture]:
        for k in itertools.count() if self._pictures is None else range(self._pictures):
            time.sleep(0.01)
            yield Picture(k / 50, self._draw)
        time.sleep(0.1)
        yield Picture(1e6, self._draw_last)

    def _draw(self, _fit: Size | None) -> Image:
        return np.full((6, 8, 3), self._level, np.uint8)

    def _draw_last(self, fit: Size | None) -> Image:
        self._then()
        return self._draw(fit)

    def close(self) -> None:
        pass


def scripted(name: str, *attempts: Callable[[OpenRequest], MediaSource]) -> str:
    """Register a scheme whose attempts go as given, the last one for ever; its address."""
    left = list(attempts)

    def opener(request: OpenRequest) -> MediaSource:
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    register_scheme(name, opener)
    return f"{name}://admin:geheim@cam/1"


def test_a_source_that_hangs_is_left_behind(
    camera: Callable[..., LiveCamera], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    release = threading.Event()
    source = scripted(
        "hangs",
        lambda _request: Scripted(3, lambda: release.wait(30), level=1),
        lambda _request: Scripted(None, lambda: None, level=2),
    )
    inbox = FrameInbox(depth=1000)
    live = camera("c1", source, inbox, analyse_fps=50, clock=SystemClock(), settings=QUICK)
    wait_until(lambda: live.stats().state == "lost", "the stall is noticed")
    assert "no picture for 1 s; its reader hangs and was left behind" in (live.stats().error or "")
    take_until(inbox, lambda taken: any(frame.image[0, 0, 0] == 2 for frame in taken))
    stats = live.stats()
    assert (stats.state, stats.error, stats.abandoned, stats.reconnects) == ("live", None, 1, 1)
    release.set()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "camera-c1-reader-1"], "it comes back")
    levels = [int(frame.image[0, 0, 0]) for frame in take_until(inbox, lambda taken: len(taken) > 5)]
    assert set(levels) == {2}, "its picture is of another time"
    assert "geheim" not in caplog.text + str(stats)


def test_a_source_that_is_silent_but_obeys_is_opened_again(camera: Callable[..., LiveCamera]) -> None:
    """Packets come but no picture: nothing hangs, and nothing is left behind."""

    def silent(request: OpenRequest) -> MediaSource:
        def wait() -> None:
            while not request.cancelled():
                time.sleep(0.01)

        return Scripted(2, wait, level=1)

    source = scripted("silent", silent, lambda _request: Scripted(None, lambda: None, level=2))
    inbox = FrameInbox(depth=1000)
    live = camera("c1", source, inbox, analyse_fps=50, clock=SystemClock(), settings=QUICK)
    take_until(inbox, lambda taken: any(frame.image[0, 0, 0] == 2 for frame in taken))
    assert (live.stats().abandoned, live.stats().reconnects) == (0, 1)


def test_only_a_few_readers_are_left_behind(camera: Callable[..., LiveCamera]) -> None:
    release, opened = threading.Event(), itertools.count(1)
    numbers: list[int] = []

    def hang(_request: OpenRequest) -> MediaSource:
        numbers.append(next(opened))
        release.wait(30)
        raise SourceError("too late")

    settings = LiveSettings(stall_after_s=0.05, abandon_after_s=0.05, first_retry_s=0.01, last_retry_s=0.01)
    live = camera("c1", scripted("stuck", hang), FrameInbox(), analyse_fps=5, clock=SystemClock(), settings=settings)
    wait_until(lambda: live.stats().abandoned == 3, "three are left behind")
    time.sleep(0.6)
    assert (numbers, live.stats().abandoned) == ([1, 2, 3], 3)
    release.set()
    wait_until(lambda: len(numbers) > 3, "another attempt once they are back")


def test_stop_does_not_wait_for_a_source_that_hangs(camera: Callable[..., LiveCamera]) -> None:
    release = threading.Event()
    source = scripted("sticks", lambda _request: Scripted(2, lambda: release.wait(30), level=1))
    inbox = FrameInbox(depth=100)
    live = camera("c1", source, inbox, analyse_fps=50, clock=SystemClock())
    take_until(inbox, lambda taken: len(taken) >= 1)
    live.stop()
    assert "camera-c1" not in [thread.name for thread in threading.enumerate()]
    while inbox.get(0) is not None:
        pass
    release.set()
    wait_until(lambda: not [t for t in threading.enumerate() if "reader" in t.name], "the reader ends")
    assert len(inbox) == 0, "after stop nothing comes"


def test_stop_at_once_and_twice(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    live = camera("c1", str(tmp_path / "none.mp4"), FrameInbox(), analyse_fps=5, clock=SystemClock())
    live.stop()
    live.stop()
    assert "camera-c1" not in [thread.name for thread in threading.enumerate()]


def test_stop_while_waiting_for_the_next_loop(tmp_path: Path, camera: Callable[..., LiveCamera]) -> None:
    video = encode(tmp_path / "a.mp4", count=10)
    clock = SystemClock()
    loop = LoopClock(clock.now() + 3600, 1.0)
    live = camera("c1", str(video), FrameInbox(), analyse_fps=5, clock=clock, loop=loop)
    wait_until(lambda: live.stats().state == "live", "the recording is open")
    live.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("camera-c1")]


def test_a_full_inbox_shows_in_the_stats(camera: Callable[..., LiveCamera]) -> None:
    source = scripted("grey", lambda _request: Scripted(None, lambda: None, level=9))
    live = camera("c1", source, FrameInbox(depth=1), analyse_fps=25, clock=SystemClock(), settings=QUICK)
    wait_until(lambda: live.stats().drops >= 5, "frames are dropped")
    stats = live.stats()
    assert isinstance(stats, CameraStats)
    assert 0 < stats.fps < stats.received_fps
    assert stats.last_frame_at is not None


@pytest.mark.parametrize(
    ("failures", "at_most_s"),
    [
        (1, 0.5),
        (2, 1.0),
        (4, 4.0),
        (7, 30.0),  # 32 is over the cap
        (5000, 30.0),  # a camera that was away for days
    ],
)
def test_waits_grow_up_to_a_cap_with_jitter(failures: int, at_most_s: float) -> None:
    rng = random.Random(1)
    waits_s = [LiveSettings().retry_s(failures, rng) for _ in range(200)]
    assert at_most_s * 0.5 <= min(waits_s) < at_most_s * 0.55
    assert at_most_s * 0.95 < max(waits_s) <= at_most_s
