"""How many RTSP cameras a box holds, beside decoding and inference alone: what `hallwatch bench density` measures."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal

import msgspec
from ruamel.yaml import YAML

from cli.models import model_folders
from edge.density import DensityJob, Load, measure_box, measure_limit
from twin.streams import make_stream, rtsp_cameras

StreamKind = Literal["main", "sub"]
STREAM_FPS = 25
STREAMS: dict[StreamKind, tuple[tuple[int, int], int]] = {
    "main": ((1920, 1080), 4_000_000),
    "sub": ((640, 360), 512_000),
}
"""Size in pixels and bits a second of what a camera sends: 25 pictures a second of H.264."""
CLIPS = ("cam1", "cam2")
_FILL = 0.85
"""The first guess: the share of the processors that cameras may take."""
_MOST = 128


class Density(msgspec.Struct, frozen=True):
    """Cameras of one kind of stream.

    Attributes:
        box, limit: the most that kept up, of the service and of decoding and inference alone.
        ratio_to_limit: cameras of the one over cameras of the other.
        ratio_of_cpu: processor time per camera of the limit over that of the box.
        box_per_core: cameras of the box per core that it takes; the server of the streams takes some of the machine.
    """

    streams: StreamKind
    size_px: tuple[int, int]
    box: Load
    limit: Load
    ratio_to_limit: float
    ratio_of_cpu: float
    box_per_core: float


class DensityFigures(msgspec.Struct, frozen=True):
    """The whole run."""

    cores: int
    model: str
    provider: str
    analyse_fps: float
    seconds: float
    kinds: list[Density]


def hall_text(addresses: Sequence[str], analyse_fps: float) -> str:
    """A hall file for cameras that show the two rendered clips in turn, with the windows and zones of each."""
    clips = YAML(typ="safe").load((files("twin") / "assets" / "clips" / "hall.yaml").read_text(encoding="utf-8"))
    floor = clips["floors"][0]
    own: dict[str, list[Any]] = {"cameras": [], "windows": [], "zones": [], "entrances": []}
    for number, address in enumerate(addresses):
        name, camera = f"c{number}", CLIPS[number % len(CLIPS)]
        source = next(c for c in floor["cameras"] if c["id"] == camera)
        # One inference for each frame that is due, as the limit does.
        once = {"motion_gate": False, "desk_zoom": "off"}
        own["cameras"].append({**source, "id": name, "source": address, "analyse_fps": analyse_fps, **once})
        for window in floor["windows"]:
            if window["camera"] == camera:
                own["windows"].append({**window, "id": f"{name}-{window['id']}", "camera": name})
        if camera == "cam2":
            for zone in floor["zones"]:
                areas = [{**area, "camera": name} for area in zone["areas"]]
                own["zones"].append({**zone, "id": f"{name}-{zone['id']}", "serves": [], "areas": areas})
            own["entrances"] += [{**door, "id": f"{name}-{door['id']}", "camera": name} for door in floor["entrances"]]
    # These clips are a story of thirty seconds again and again: events come a hundred times as often as in a hall.
    evidence = {"snapshots": False}
    return json.dumps({**clips, "evidence": evidence, "floors": [{**floor, **own}]}, ensure_ascii=False)


def bench_density(
    kinds: Sequence[StreamKind],
    *,
    analyse_fps: float = 2.0,
    seconds: float = 15.0,
    model: str = "default",
    provider: str = "auto",
    folder: Path | None = None,
) -> DensityFigures:
    """Measure; what is going on is told on standard error.

    Args:
        kinds: of streams.
        analyse_fps: frames a second of each camera that are looked at.
        seconds: how long each number of cameras is counted.
        model: name of a detector.
        provider: what runs it.
        folder: where the streams are kept; a folder that goes by default.

    Raises:
        InputError: no RTSP server can be had.
    """
    found = []
    with mosquitto_or_nobody() as port, tempfile.TemporaryDirectory() as short:
        for kind in kinds:
            streams = make_streams(kind, folder or Path(short))
            job = DensityJob("", STREAM_FPS, analyse_fps, seconds, model, model_folders(), provider, port)
            limit = most(partial(_measure, measure_limit, job, streams))
            box = most(partial(_measure, measure_box, job, streams), limit.cameras)
            found.append(_density(kind, box, limit))
    return DensityFigures(os.cpu_count() or 1, model, provider, analyse_fps, seconds, found)


def make_streams(kind: StreamKind, folder: Path) -> list[Path]:
    """The clips as a camera would send them; those that are in the folder are not made again."""
    size_px, bit_rate = STREAMS[kind]
    made = []
    with as_file(files("twin") / "assets" / "clips") as clips:
        for clip in CLIPS:
            out = folder / f"{clip}-{kind}-{STREAM_FPS}.mp4"
            if not out.exists():
                _tell(f"{out.name}: {size_px[0]}x{size_px[1]} at {STREAM_FPS} a second, {bit_rate / 1e6:g} Mbit/s")
                part = out.with_suffix(".part.mp4")
                make_stream(clips / f"{clip}.mp4", part, size_px=size_px, fps=STREAM_FPS, bit_rate=bit_rate)
                part.rename(out)
            made.append(out)
    return made


def most(measure: Callable[[int], Load], guess: int | None = None) -> Load:
    """The most cameras that keep up, within a twentieth of them.

    A number fails only when it fails twice: a neighbour on the machine may take it away for a moment.
    """
    tried: dict[int, Load] = {}

    def keeps_up(number: int) -> bool:
        tried[number] = measure(number)
        if not tried[number].kept_up:
            tried[number] = measure(number)
        return tried[number].kept_up

    if guess is None:
        first = measure(1)
        guess = max(1, int(_FILL * (os.cpu_count() or 1) / max(first.cpu_s, 1e-3)))
    low, high, number = 0, _MOST + 1, min(guess, _MOST)
    while high - low > max(1, low // 20):
        if keeps_up(number):
            low = number
        else:
            high = number
        number = _next(low, high)
    return tried.get(low) or Load(0, 0.0, 0.0, float("inf"), 0.0, {})


def _next(low: int, high: int) -> int:
    """The number to try between one that keeps up and one that does not; a small step where either is not known."""
    if high > _MOST:
        return min(_MOST, max(low + 1, round(1.15 * low)))
    return max(1, min(high - 1, round(0.7 * high))) if low == 0 else (low + high) // 2


def _measure(what: Callable[[DensityJob], Load], job: DensityJob, streams: Sequence[Path], number: int) -> Load:
    shown = [streams[i % len(streams)] for i in range(number)]
    with rtsp_cameras(shown) as addresses, multiprocessing.get_context("spawn").Pool(1) as pool:
        load = pool.apply(what, (msgspec.structs.replace(job, hall=hall_text(addresses, job.analyse_fps)),))
    _tell(
        f"{what.__name__.removeprefix('measure_')}: {number} cameras: received {load.received:.0%}, analysed "
        f"{load.analysed:.0%}, lag p95 {load.lag_p95_s:.2f} s, {load.cpu_s:.2f} cores"
        f"{'' if load.kept_up else ': too many'}"
    )
    return load


def _density(kind: StreamKind, box: Load, limit: Load) -> Density:
    return Density(
        streams=kind,
        size_px=STREAMS[kind][0],
        box=box,
        limit=limit,
        ratio_to_limit=round(box.cameras / max(1, limit.cameras), 3),
        ratio_of_cpu=round((limit.cpu_s / max(1, limit.cameras)) / (box.cpu_s / max(1, box.cameras) or 1.0), 3),
        box_per_core=round(box.cameras / (box.cpu_s or 1.0), 1),
    )


@contextlib.contextmanager
def mosquitto_or_nobody() -> Iterator[int]:
    """Port of a mosquitto on loopback, where it is installed; else of nobody: then messages stay in the outbox."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    if program is None:
        _tell("mosquitto is not installed: messages stay in the outbox")
        yield port
        return
    command = [program, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:  # noqa: S603
        try:
            yield port
        finally:
            broker.kill()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
