"""`hallwatch bench faults`: how long a box takes to notice what is wrong with a camera, and to get over it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import msgspec
import numpy as np
from av.video.frame import VideoFrame

from edge.inbox import FrameInbox
from edge.live import LiveCamera, LiveSettings
from edge.pipeline import Pipeline
from hall.clock import SystemClock, from_iso
from hall.load import parse_hall
from hall.messages import EventBody
from twin.rtsp import Footage, Misbehaviour, RtspCamera
from twin.scenario import built_in, hall_for, tell
from twin.source import SimAddress, SimSource
from vision.types import Detections, Frame

_FPS = 12
_DOWN_S = 12.0
"""A network fault lasts so long at least after it was noticed."""
_PATIENCE_S = 60.0
_PICTURE_FAULTS = {"frozen": "freeze", "dark": "dark", "covered": "cover", "bumped": "bump", "stalled": "no pictures"}


class FaultRow(msgspec.Struct, frozen=True):
    """One fault.

    Attributes:
        noticed_s: from its begin until the box said so; None where it goes on through it.
        recovered_s: from its end until the first frame, or until the picture was believed again.
        said: what health or the event says.
        lag_ms, lag_before_ms: 95th percentile of the age of frames of the camera beside it when they were taken, while
            the fault was on and before; None where nothing runs beside it.
    """

    fault: str
    noticed_s: float | None
    recovered_s: float | None
    said: str
    lag_ms: float | None = None
    lag_before_ms: float | None = None


class FaultFigures(msgspec.Struct, frozen=True):
    """All of them, with the patience of a box: `LiveSettings()` and `limits.camera_fault` of 10 s."""

    rows: list[FaultRow]


def bench_faults(report: Callable[[str], None]) -> FaultFigures:
    """Break a camera in each way; takes some minutes."""
    rows = []
    with TemporaryDirectory() as folder:
        site = _Site(Path(folder))
        network: list[tuple[str, Callable[[], FaultRow]]] = [
            ("server killed", site.killed),
            ("server stopped (SIGSTOP)", site.stopped),
            ("port refused", site.refused),
            ("wrong password", site.wrong_password),
            *((name, partial(site.misbehaves, how)) for name, how in _MISBEHAVIOUR.items()),
            ("another size", site.another_size),
        ]
        for name, run in network:
            report(name)
            rows.append(msgspec.structs.replace(run(), fault=name))
    for kind, name in _PICTURE_FAULTS.items():
        report(name)
        rows.append(msgspec.structs.replace(_picture_fault(kind), fault=name))
    return FaultFigures(rows)


_MISBEHAVIOUR: dict[str, Misbehaviour] = {
    "half-open connection": "silent",
    "stream of garbage": "garbage",
    "5 % of the packets lost": "lossy",
    "time stamps leap by an hour": "jump",
}


class _Bench:
    """A camera to break and one beside it, each read as a box reads it."""

    def __init__(self, broken: str, beside: str) -> None:
        self.inbox, self.began = FrameInbox(), time.monotonic()
        self.cameras = {
            name: LiveCamera(
                name, url, self.inbox, analyse_fps=2, clock=SystemClock(), fit=(416, 416), settings=LiveSettings()
            )
            for name, url in (("broken", broken), ("beside", beside))
        }
        self.lags_s: list[float] = []
        for camera in self.cameras.values():
            camera.start()

    @property
    def broken(self) -> LiveCamera:
        return self.cameras["broken"]

    def take(self) -> bool:
        """Take what has come; whether the camera to break gave a frame."""
        frames = self.inbox.take(4, 0.02)
        self.lags_s += [time.time() - f.captured_at for f in frames if f.camera_id == "beside"]
        return any(frame.camera_id == "broken" for frame in frames)

    def until(self, condition: Callable[[bool], bool], for_s: float = _PATIENCE_S) -> float | None:
        """How long it took; None where it did not come."""
        began = time.monotonic()
        while time.monotonic() - began < for_s:
            if condition(self.take()):
                return round(time.monotonic() - began, 2)
        return None

    def lag_ms(self) -> float | None:
        """Of the camera beside it, since last asked."""
        lags, self.lags_s = self.lags_s, []
        return round(1000 * float(np.percentile(lags, 95)), 1) if lags else None

    def stop(self) -> None:
        for camera in self.cameras.values():
            camera.stop()


class _Site:
    def __init__(self, folder: Path) -> None:
        self.video = _encode(folder / "a.mp4", (640, 360))
        self.footage = Footage.read(self.video)
        self.other = Footage.read(_encode(folder / "b.mp4", (960, 540)))

    @contextmanager
    def _camera(self, login: tuple[str, str] | None = None) -> Iterator[RtspCamera]:
        camera = RtspCamera(self.footage, login)
        camera.start()
        try:
            yield camera
        finally:
            camera.behaviour = "fine"
            camera.stop()

    def _row(
        self, url: str, begin: Callable[[], object], end: Callable[[], object], down_s: float = _DOWN_S
    ) -> FaultRow:
        """Break it, wait until that is noticed and some more, mend it."""
        with self._camera() as beside, ExitStack() as stack:
            bench = _Bench(url, beside.url())
            stack.callback(bench.stop)
            bench.until(lambda came: came)
            bench.until(lambda _: False, for_s=5.0)
            before_ms = bench.lag_ms()
            begin()
            reconnects = bench.broken.stats().reconnects
            noticed_s = bench.until(lambda _: bench.broken.stats().state == "lost", for_s=down_s)
            bench.until(lambda _: False, for_s=down_s)
            stats, lag_ms = bench.broken.stats(), bench.lag_ms()
            said = (stats.error or "").partition(": ")[2] if noticed_s is not None else f"goes on, {stats.fps:g} fps"
            end()
            went_on = noticed_s is None and stats.reconnects == reconnects
            recovered_s = 0.0 if went_on else bench.until(lambda came: came)
            return FaultRow("", noticed_s, recovered_s, said.partition("; expected")[0], lag_ms, before_ms)

    def _process(self, port: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", "twin.rtsp", str(self.video), str(port)])  # noqa: S603
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.05)
        raise AssertionError("the camera did not start")

    def killed(self) -> FaultRow:
        port = _free_port()
        running = [self._process(port)]
        try:
            return self._row(
                f"rtsp://127.0.0.1:{port}/cam", running[0].kill, lambda: running.append(self._process(port))
            )
        finally:
            _end(running)

    def stopped(self) -> FaultRow:
        process = self._process(port := _free_port())
        stop, go = (partial(process.send_signal, how) for how in (signal.SIGSTOP, signal.SIGCONT))
        try:
            return self._row(f"rtsp://127.0.0.1:{port}/cam", stop, go)
        finally:
            _end([process])

    def refused(self) -> FaultRow:
        """The camera is there, but its service is not: nothing listens."""
        with self._camera() as camera:
            return self._row(camera.url(), camera.stop, camera.start)

    def wrong_password(self) -> FaultRow:
        """Somebody changed it at the camera, and back."""
        with self._camera(("admin", "right")) as camera:
            return self._row(
                camera.url(("admin", "right")),
                lambda: _change_login(camera, ("admin", "other")),
                lambda: _change_login(camera, ("admin", "right")),
            )

    def misbehaves(self, how: Misbehaviour) -> FaultRow:
        with self._camera() as camera:
            return self._row(
                camera.url(), lambda: setattr(camera, "behaviour", how), lambda: setattr(camera, "behaviour", "fine")
            )

    def another_size(self) -> FaultRow:
        with self._camera() as camera:
            return self._row(camera.url(), lambda: setattr(camera, "footage", self.other), lambda: None)


def _change_login(camera: RtspCamera, login: tuple[str, str]) -> None:
    camera.stop()
    camera.ask_for(login)
    camera.start()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def _encode(path: Path, size_px: tuple[int, int]) -> Path:
    """Two seconds of noise that moves, a key frame every second."""
    rng = np.random.default_rng(1)
    large = rng.integers(0, 255, (size_px[1] // 8, size_px[0] // 8 + 2 * _FPS, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = _FPS, 0
        stream.codec_context.options = {"preset": "ultrafast", "bf": "0", "threads": "1", "slices": "4"}
        for number in range(2 * _FPS):
            image = np.ascontiguousarray(large[: size_px[1], 8 * number : 8 * number + size_px[0]])
            container.mux(stream.encode(VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path


class _Nobody:
    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        return [Detections.empty((image.shape[1], image.shape[0])) for image in images]


def _picture_fault(kind: str) -> FaultRow:
    """A minute of it before camera 1 of the rendered hall, which people walk through; in recorded time."""
    scenario = built_in(kind)
    fault = next(f for f in scenario.faults if f.camera == "cam1")
    hall, start = parse_hall(hall_for(scenario, fps=2.0)), from_iso("2026-01-05T02:00:00Z")
    story = tell(scenario, 1)
    source = SimSource(SimAddress("lowdesk", "cam1"), story, lambda: False)
    pipeline = Pipeline(hall, "edge-f1", _Nobody())
    events: list[tuple[float, EventBody]] = []
    due = fault.start - 60
    for picture in source:
        if picture.time_s < due or picture.time_s > fault.end + 20:
            continue
        while picture.time_s - due > 1.0:  # no picture came: the box ticks
            events += _told(pipeline.tick(start + due), start)
            due += 0.5
        frame = Frame("cam1", round(picture.time_s * 2), start + picture.time_s, picture.render((416, 416)))
        events += _told(pipeline.process([frame]), start)
        due += 0.5
    raised, cleared = events[0], events[-1]
    since_s = raised[1].started_at.timestamp() - start - fault.start
    return FaultRow(
        "",
        round(raised[0] - fault.start, 1),
        round(cleared[0] - fault.end, 1),
        f"camera_fault {raised[1].detail['fault']} from {since_s:+.1f} s",
    )


def _told(emitted: Sequence[object], start: float) -> list[tuple[float, EventBody]]:
    bodies = [(e.at - start, e.body) for e in emitted]  # type: ignore[attr-defined]
    return [(at, body) for at, body in bodies if isinstance(body, EventBody) and body.rule == "camera_fault"]


def fault_table(figures: FaultFigures) -> str:
    """For people."""
    lines = [f"{'fault':30} {'noticed':>8} {'over':>8} {'lag beside, before':>19}  what is said"]
    for row in figures.rows:
        lag = "" if row.lag_ms is None else f"{row.lag_ms:.0f}, {row.lag_before_ms or 0:.0f} ms"
        lines.append(
            f"{row.fault:30} {_seconds(row.noticed_s):>8} {_seconds(row.recovered_s):>8} {lag:>19}  {row.said}"
        )
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
