"""`hallwatch demo`: everything on one machine, on the embedded default."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from iotcore import Broker

from cli._edge import recordings
from cli.ingest import serve
from dashboards.console import mount
from hall.broker import parse_broker
from hall.clock import Instant, SystemClock
from hall.errors import InputError, ServiceError
from hall.load import load_hall
from ingest.api import create_app
from ingest.service import Centre
from twin.view import BlurredViews

_BROKER = Template("""\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "demo"
listen = "127.0.0.1:$port"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 2097152
max_inflight_count = 200
dynamic_filters = true
""")

_OWN_HALL = Template("""\
hall: {id: demo, name: hallwatch demo, timezone: Asia/Shanghai}
limits: {long_wait: 20s, overtime_case: 30s}
presence: {window: 4s}
session: {open_after: 5s, close_after: 5s}
floors:
  - id: f1
    cameras: [{id: cam1, source: "$source", analyse_fps: 3}]
    zones:
      - {id: view, label: 整个画面, areas: [{camera: cam1, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]}
    entrances:
      - {id: middle, label: 中线, camera: cam1, line: [[0.5, 0], [0.5, 1]]}
""")


def demo(
    source: Annotated[
        str | None, typer.Option(help="Your own camera instead: rtsp://..., a video file, or 0 for a webcam.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the console; 0 takes a free one.")] = 8088,
) -> None:
    """Show everything at work: a broker, a box that watches two rendered cameras, the centre and the console.

    The hall is played at double speed and limits are seconds, so that an absence, a long wait and an overtime case
    rise and clear within a minute. The console shows the rendered hall with everybody blurred.

    Example: hallwatch demo --source rtsp://user:password@10.0.0.11/sub
    """
    with _folder() as folder:
        hall_file = _hall_file(source, folder)
        hall = load_hall(hall_file)
        with _broker(folder) as address:
            centre = Centre(
                [hall],
                parse_broker(address),
                records=f"sqlite:///{folder / 'records.db'}",
                name="demo",
                hall_files={hall.hall.id: hall_file},
            )
            app = create_app(centre)
            clock = SystemClock()
            epoch = clock.now()
            # Only the rendered hall can be shown: nothing leaves a box that looks at people.
            views = BlurredViews(recordings(hall, []), epoch, clock) if source is None else None
            mount(app, hall, centre.reader, views=views, records=centre.records, hall_file=hall_file)
            loop = source is None or Path(source).is_file()
            with _edge(hall_file, address, folder, loop_from=epoch if loop else None) as box:
                serve(centre, app, "127.0.0.1", port, role="demo")
            if box.failed:
                raise ServiceError(f"the edge ended with {box.process.returncode}; it said:\n{box.last_words()}")


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hallwatch-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hall_file(source: str | None, folder: Path) -> Path:
    """The hall that comes with hallwatch, or one around the visitor's own camera; either may be changed there."""
    hall_file = folder / "hall.yaml"
    if source is None:
        hall_file.write_bytes((files("twin") / "assets" / "demo.yaml").read_bytes())
        return hall_file
    if "://" not in source and not source.isdecimal():
        path = Path(source).resolve()
        if not path.is_file():
            raise InputError(f"--source {source}: no such file; expected rtsp://..., a video file or a device number")
        source = str(path)
    # The address may hold a password: nobody else may read it.
    hall_file.touch(mode=0o600)
    hall_file.write_text(_OWN_HALL.substitute(source=source.replace("\\", "\\\\").replace('"', '\\"')))
    return hall_file


@contextmanager
def _broker(folder: Path) -> Iterator[str]:
    port = _free_port()
    config = folder / "broker.toml"
    config.write_text(_BROKER.substitute(port=port))
    with Broker(config_path=str(config)):
        yield f"mqtt://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class _Box:
    """The edge as a child process; when it dies the demo ends, and says why."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            # A group of its own: Ctrl-C goes to the demo, which ends its parts in order.
            self.process = subprocess.Popen(  # noqa: S603
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.failed = False
        self._stopping = False
        threading.Thread(target=self._watch, name="watch-edge", daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        if not self._stopping:
            self.failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def stop(self) -> None:
        self._stopping = True
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])


@contextmanager
def _edge(hall_file: Path, broker: str, folder: Path, *, loop_from: Instant | None) -> Iterator[_Box]:
    # -P: a folder of the visitor's that happens to be named like one of our packages must not shadow it.
    command = [sys.executable, "-P", "-m", "cli.main", "edge", str(hall_file), "--broker", broker]
    looped = [] if loop_from is None else ["--loop-from", f"{loop_from:.3f}"]
    box = _Box([*command, "--data", str(folder), *looped], folder / "edge.log")
    try:
        yield box
    finally:
        box.stop()
