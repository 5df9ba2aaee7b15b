"""A real RTSP camera: killed, stopped, started again, and with the wrong password."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.inbox import FrameInbox
from edge.live import LiveCamera, LiveSettings
from edge.sources import grab_frame, probe
from hall.clock import SystemClock
from hall.errors import SourceError
from tests.support.rtsp import rtsp_server, rtsp_url
from tests.support.servers import Server, running, wait_until
from tests.support.videos import encode

LOGIN = ("admin", "geheim")
SETTINGS = LiveSettings(stall_after_s=5, open_timeout_s=2, read_timeout_s=1.0, first_retry_s=0.1, last_retry_s=0.2)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("video") / "cam.mp4", count=48, fps=24, size_px=(320, 192), gop=8)


@pytest.fixture
def server(tmp_path: Path, video: Path) -> Iterator[Server]:
    with running(rtsp_server(tmp_path, video, LOGIN)) as started:
        yield started


def start(source: str, inbox: FrameInbox) -> LiveCamera:
    live = LiveCamera("c1", source, inbox, analyse_fps=8, fit=(160, 160), clock=SystemClock(), settings=SETTINGS)
    live.start()
    return live


def test_it_comes_back_after_every_kind_of_loss(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    inbox = FrameInbox(depth=100)
    live = start(rtsp_url(server, LOGIN), inbox)
    try:
        before = SystemClock().now()
        frames = [inbox.get(20) for _ in range(12)]
        assert live.stats().state == "live"
        times = [frame.captured_at for frame in frames if frame is not None]
        assert len(times) == 12
        assert before < times[0] < times[-1] < SystemClock().now()
        assert times[-1] - times[0] > 11 / 8 - 0.25, "8 a second, however many the camera sends"
        assert frames[0] is not None
        assert frames[0].size_px == (160, 96)
        stats = live.stats()
        assert stats.received_fps > 2 * stats.fps > 0
        assert (stats.error, stats.reconnects, stats.abandoned) == (None, 0, 0)
        assert stats.decode_ms > 0

        server.stop(signal.SIGKILL)
        wait_until(lambda: live.stats().state == "lost", "the killed server is missed")
        assert "rtsp://***@127.0.0.1" in (live.stats().error or "")
        server.start()
        wait_until(lambda: live.stats().state == "live", "live again")
        assert live.stats().reconnects == 1

        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: live.stats().state == "lost", "the frozen server is missed")
        server.process.send_signal(signal.SIGCONT)
        wait_until(lambda: live.stats().state == "live", "live once more")
        assert live.stats().reconnects == 2
        assert live.stats().abandoned == 0
    finally:
        live.stop()
        if server.process is not None:
            server.process.send_signal(signal.SIGCONT)
    seen = caplog.text + "".join(capfd.readouterr()) + repr(live.stats())
    assert "lost" in seen
    assert "geheim" not in seen


def test_a_port_nobody_listens_on_is_tried_again(tmp_path: Path, video: Path) -> None:
    server = rtsp_server(tmp_path, video)
    inbox = FrameInbox()
    live = start(rtsp_url(server, LOGIN), inbox)
    try:
        wait_until(lambda: live.stats().state == "lost", "nobody answers")
        error = live.stats().error or ""
        assert "rtsp://***@127.0.0.1" in error
        assert "connection refused" in error
        assert "geheim" not in error
        with running(server):
            assert inbox.get(20) is not None
            assert live.stats().state == "live"
            assert live.stats().reconnects == 0
    finally:
        live.stop()


def test_a_wrong_password_is_refused_and_never_shown(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    live = start(rtsp_url(server, ("admin", "falsch")), FrameInbox())
    try:
        wait_until(lambda: live.stats().state == "lost", "the camera refuses")
    finally:
        live.stop()
    assert "user or password refused" in (live.stats().error or "")
    with pytest.raises(SourceError, match="user or password refused") as caught:
        grab_frame(rtsp_url(server, ("admin", "falsch")), timeout_s=4)
    seen = caplog.text + "".join(capfd.readouterr()) + repr(live.stats()) + repr(caught.value)
    assert "falsch" not in seen


def test_check_grabs_a_frame(server: Server) -> None:
    image = grab_frame(rtsp_url(server, LOGIN))
    assert image.shape == (192, 320, 3)
    info = probe(rtsp_url(server, LOGIN))
    assert (info.size_px, info.codec, info.recorded) == ((320, 192), "h264", False)


def test_a_server_that_accepts_and_says_nothing(server: Server) -> None:
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(SourceError, match=r"no answer within 0\.5 s"):
            grab_frame(rtsp_url(server, LOGIN), timeout_s=1)
    finally:
        server.process.send_signal(signal.SIGCONT)
