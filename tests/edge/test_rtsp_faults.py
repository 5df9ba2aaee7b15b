"""What the network does to a camera: noticed, said, got over, and no other camera is held up.

Killed and stopped servers, refused ports and wrong passwords of GStreamer's server are in test_capture_rtsp.py, faults
of the picture in test_camera_fault.py; `hallwatch bench faults` says how long each takes with the timeouts of a box.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.inbox import FrameInbox
from edge.live import LiveCamera, LiveSettings
from hall.clock import SystemClock
from tests.support.servers import wait_until
from tests.support.videos import encode, index_of
from twin.rtsp import Footage, RtspCamera
from vision.types import Frame

LOGIN = ("admin", "geheim")
SETTINGS = LiveSettings(
    stall_after_s=1.5, abandon_after_s=3, open_timeout_s=1, read_timeout_s=0.5, first_retry_s=0.05, last_retry_s=0.1
)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return Footage.read(encode(tmp_path_factory.mktemp("video") / "a.mp4", count=48, fps=24, size_px=(320, 192), gop=8))


class Site:
    """A camera to be broken and another one beside it, on one inbox."""

    def __init__(self, footage: Footage) -> None:
        self.inbox = FrameInbox(depth=1000)
        self.servers = {name: RtspCamera(footage, LOGIN) for name in ("broken", "other")}
        for server in self.servers.values():
            server.start()
        self.cameras = {name: self._camera(name, server) for name, server in self.servers.items()}
        self.frames: dict[str, int] = dict.fromkeys(self.servers, 0)
        self.sizes: set[tuple[int, int]] = set()

    def _camera(self, name: str, server: RtspCamera) -> LiveCamera:
        made = LiveCamera(
            name,
            server.url(LOGIN),
            self.inbox,
            analyse_fps=12,
            clock=SystemClock(),
            fit=lambda size: (size[0] // 2, size[1] // 2),
            settings=SETTINGS,
        )
        made.start()
        return made

    def take(self) -> dict[str, int]:
        """Frames of each camera so far."""
        for frame in self.inbox.take(100, 0):
            self.frames[frame.camera_id] += 1
            if frame.camera_id == "broken":
                self.sizes.add(frame.size_px)
        return dict(self.frames)

    def shows(self, name: str, more: int = 3) -> None:
        """Wait for some more frames of a camera."""
        while self.take()[name] and len(self.inbox):
            pass
        enough = self.take()[name] + more
        wait_until(lambda: self.take()[name] >= enough, f"camera {name} shows pictures")

    def state(self, name: str = "broken") -> str:
        return self.cameras[name].stats().state

    def error(self) -> str:
        return self.cameras["broken"].stats().error or ""


@pytest.fixture
def site(footage: Footage) -> Iterator[Site]:
    made = Site(footage)
    try:
        made.shows("broken")
        made.shows("other")
        yield made
        # Whatever happened to the one, the other was never lost, and goes on.
        made.shows("other")
        stats = made.cameras["other"].stats()
        assert (stats.state, stats.reconnects, stats.abandoned) == ("live", 0, 0)
    finally:
        for camera in made.cameras.values():
            camera.stop()
        for server in made.servers.values():
            server.behaviour = "fine"
            server.stop()


def test_a_server_that_is_killed_and_comes_back(site: Site) -> None:
    """While it is away its port refuses."""
    site.servers["broken"].stop()
    wait_until(lambda: "connection refused" in site.error(), "nobody listens")
    assert site.state() == "lost"
    site.servers["broken"].start()
    site.shows("broken")
    assert site.state() == "live"
    assert site.cameras["broken"].stats().reconnects == 1


def test_a_connection_that_is_only_half_open(site: Site) -> None:
    """The other side sends nothing, answers nothing and closes nothing; new connections are taken and not answered."""
    site.servers["broken"].behaviour = "silent"
    wait_until(lambda: site.state() == "lost", "the silence is noticed")
    wait_until(lambda: "no answer within 1 s" in site.error(), "nor does it answer")
    site.servers["broken"].behaviour = "fine"
    site.shows("broken")
    assert site.state() == "live"


def test_a_stream_of_garbage(site: Site) -> None:
    site.servers["broken"].behaviour = "garbage"
    wait_until(lambda: site.state() == "lost", "no picture comes of it")
    assert site.error()
    site.servers["broken"].behaviour = "fine"
    site.shows("broken")
    assert site.cameras["broken"].stats().abandoned == 0


def test_one_packet_in_twenty_is_lost(site: Site) -> None:
    """Damaged pictures come, or are left out: the connection stays."""
    site.servers["broken"].behaviour = "lossy"
    site.shows("broken", more=12)
    stats = site.cameras["broken"].stats()
    assert (stats.state, stats.reconnects) == ("live", 0)


def test_time_stamps_that_leap_by_an_hour(site: Site) -> None:
    """Frames are dated when they arrive."""
    site.servers["broken"].behaviour = "jump"
    site.shows("broken", more=6)
    last_at = site.cameras["broken"].stats().last_frame_at
    assert last_at is not None
    assert abs(time.time() - last_at) < 60
    assert site.cameras["broken"].stats().reconnects == 0


def test_b_frames_come_in_order(tmp_path: Path) -> None:
    """They are sent in the order of decoding, which is not that of showing."""
    video = encode(tmp_path / "b.mp4", count=24, fps=24, gop=12, b_frames=2)
    footage = Footage.read(video)
    assert {-1, 2} <= set(footage.ahead), "there are B-frames in it"
    server, inbox = RtspCamera(footage), FrameInbox(depth=1000)
    server.start()
    # More than ever come, also when a busy machine reads several at once.
    camera = LiveCamera("c1", server.url(), inbox, analyse_fps=1e6, clock=SystemClock(), settings=SETTINGS)
    camera.start()
    try:
        frames: list[Frame] = []
        while len(frames) < 30:
            frame = inbox.get(15)
            assert frame is not None, f"{len(frames)} frames: {camera.stats()}"
            frames.append(frame)
        stats = camera.stats()
    finally:
        camera.stop()
        server.stop()
    assert (stats.state, stats.reconnects, stats.skipped) == ("live", 0, 0)
    times = [frame.captured_at for frame in frames]
    assert times == sorted(times)
    shown = [index_of(frame.image) for frame in frames]
    steps = {(after - before) % 24 for before, after in itertools.pairwise(shown)}
    assert steps == {1}, f"in the order of showing: {shown}"


def test_another_size_in_the_middle_of_the_stream(site: Site, tmp_path: Path) -> None:
    other = encode(tmp_path / "b.mp4", count=48, fps=24, size_px=(480, 272), gop=8)
    site.servers["broken"].footage = Footage.read(other)
    wait_until(lambda: site.take() and site.sizes == {(160, 96), (240, 136)}, "pictures of both sizes")
    assert site.cameras["broken"].stats().reconnects == 0


def test_a_wrong_password_is_never_shown(footage: Footage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = RtspCamera(footage, LOGIN)
    server.start()
    camera = LiveCamera(
        "c1", server.url(("admin", "falsch")), FrameInbox(), analyse_fps=4, clock=SystemClock(), settings=SETTINGS
    )
    camera.start()
    try:
        wait_until(lambda: camera.stats().state == "lost", "it is refused")
    finally:
        camera.stop()
        server.stop()
    assert "user or password refused" in (camera.stats().error or "")
    assert "falsch" not in caplog.text + repr(camera.stats())
