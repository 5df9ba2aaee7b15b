"""How long an alert takes from box to webhook: what `hallwatch bench alerts` measures."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cli._density import mosquitto_or_nobody
from cli.models import model_folders
from edge.live import LoopClock
from edge.media import Image
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import Instant
from hall.errors import HallwatchError
from hall.load import parse_hall
from ingest.service import Centre
from models.zoo import resolve
from vision.detector import Detector
from vision.types import Detections

_CAMERAS = 4
_FIRST_LIMIT_S, _LIMIT_STEP_S = 10.0, 0.37
"""No whole number of frames, so that limits are passed at any moment between two of them."""


class AlertFigures(msgspec.Struct, frozen=True):
    """Seconds from the moment at which a limit is passed, by the time of the pictures, to the webhook's receipt.

    At 2 frames per second the frame that shows it comes up to half a second after that moment.
    """

    windows: int
    analyse_fps: float
    alerts: int
    p50_s: float
    p95_s: float
    longest_s: float


class _Nobody(Detector):
    """Takes the time to look, and sees nobody: every window is without its clerk."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        super().detect(images)
        return [Detections.empty((image.shape[1], image.shape[0])) for image in images]


def bench_alerts(*, windows: int = 50, analyse_fps: float = 2.0, model: str = "default") -> AlertFigures:
    """Measure: a box with live cameras, mosquitto, the centre and a webhook, all on this machine.

    Args:
        windows: of the box, on four cameras; each passes its limit at another moment.
        analyse_fps: frames a second of each camera that are looked at.
        model: name of a detector.

    Raises:
        HallwatchError: not every alert arrived.
    """
    with (
        contextlib.ExitStack() as stack,
        tempfile.TemporaryDirectory() as folder,
        mosquitto_or_nobody() as port,
        _webhook() as (url, received),
        as_file(files("twin") / "assets" / "clips" / "cam1.mp4") as clip,
    ):
        text = _hall_text(str(clip), windows, analyse_fps)
        broker = parse_broker(f"mqtt://127.0.0.1:{port}")
        centre = stack.enter_context(
            Centre([parse_hall(text)], broker, records=f"sqlite:///{folder}/records.db", alerts=[url])
        )
        centre.wait_connected()
        box = multiprocessing.get_context("spawn").Process(target=_run_box, args=(text, port, folder, str(clip), model))
        box.start()
        stack.callback(_end, box)
        deadline = time.monotonic() + 60 + _FIRST_LIMIT_S + _LIMIT_STEP_S * windows
        while time.monotonic() < deadline:
            time.sleep(0.5)
            passed = {
                i.event_id: i.started_at + i.limit_s + i.unknown_s
                for i in centre.reader.incidents(limit=1000)
                if i.rule == "clerk_absent"
            }
            if len(passed) == windows and received.keys() >= passed.keys():
                break
        took = [received[event] - at for event, at in passed.items() if event in received]
    if len(took) < windows:
        raise HallwatchError(f"{len(took)} alerts of {windows} arrived in time; is mosquitto installed?")
    p50, p95 = (float(np.percentile(took, q)) for q in (50, 95))
    return AlertFigures(windows, analyse_fps, len(took), p50, p95, max(took))


def alerts_text(figures: AlertFigures) -> str:
    """The figures for people."""
    return (
        f"{figures.alerts} alerts of {figures.windows} windows at {figures.analyse_fps:g} frames per second\n"
        f"from the limit to the webhook: p50 {figures.p50_s:.2f} s, p95 {figures.p95_s:.2f} s, "
        f"longest {figures.longest_s:.2f} s"
    )


def _hall_text(clip: str, windows: int, analyse_fps: float) -> str:
    cameras = [
        {"id": f"c{n}", "source": clip, "analyse_fps": analyse_fps, "motion_gate": False, "desk_zoom": "off"}
        for n in range(_CAMERAS)
    ]
    made: list[dict[str, Any]] = []
    per_camera = -(-windows // _CAMERAS)
    for number in range(windows):
        left = 0.02 + 0.96 * (number // _CAMERAS) / per_camera
        right = left + 0.8 * 0.96 / per_camera
        made.append(
            {
                "id": f"w{number:03}",
                "label": f"{number + 1}号窗口",
                "service": "社保",
                "camera": f"c{number % _CAMERAS}",
                "clerk_area": [[left, 0.2], [right, 0.2], [right, 0.5], [left, 0.5]],
                "customer_area": [[left, 0.6], [right, 0.6], [right, 0.95], [left, 0.95]],
                "limits": {"clerk_absent": f"{_FIRST_LIMIT_S + _LIMIT_STEP_S * number:.2f}s"},
            }
        )
    floor = {"id": "f1", "cameras": cameras, "windows": made}
    hall = {"id": "demo", "name": "演示政务服务中心", "timezone": "Asia/Shanghai"}
    return json.dumps({"hall": hall, "evidence": {"snapshots": False}, "floors": [floor]}, ensure_ascii=False)


def _run_box(text: str, port: int, folder: str, clip: str, model: str) -> None:
    hall = parse_hall(text)
    service = EdgeService(
        hall,
        hall.floors[0].nodes[0],
        _Nobody(resolve(model, model_folders())),
        parse_broker(f"mqtt://127.0.0.1:{port}"),
        Path(folder),
        loop=LoopClock.around([clip], time.time()),
    )
    signal.signal(signal.SIGTERM, lambda *_: service.stop())
    service.run()


def _end(box: multiprocessing.process.BaseProcess) -> None:
    box.terminate()
    box.join(10)
    if box.is_alive():
        box.kill()
        box.join()


@contextlib.contextmanager
def _webhook() -> Iterator[tuple[str, dict[str, Instant]]]:
    """A webhook on loopback: its address, and when it got the alert of each event."""
    received: dict[str, Instant] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.setdefault(payload["event_id"], time.time())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="webhook")
    thread.start()
    try:
        yield f"json://127.0.0.1:{server.server_address[1]}/", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
