"""Cameras per box, beside decoding and inference alone and beside the loop that tutorials teach; all in one run.

`make density` runs it. Fails where a box holds fewer than 0.85 times the cameras of decoding and inference alone, fewer
than 4 times (main streams) or 8 times (substreams) those of the loop, or where the two tell other events of the clip.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, get_args

import msgspec

from cli._density import STREAM_FPS, StreamKind, bench_density, hall_text, make_streams, most
from cli._edge import open_detector
from edge.density import WARM_S, Load
from edge.replay import replay
from hall.clock import from_iso
from hall.load import parse_hall
from hall.messages import EventBody, Message
from twin.streams import rtsp_cameras

_TUTORIAL = Path(__file__).with_name("_tutorial.py")
_LEAST_OF_LIMIT = 0.85
_LEAST_TIMES: dict[StreamKind, float] = {"main": 4.0, "sub": 8.0}
_ALIKE_S = 2.0
_START = from_iso("2026-01-05T01:00:00Z")

Event = tuple[str, float, float]


def main() -> None:
    """Print the table; exit 1 where a figure is not what it should be."""
    parser = argparse.ArgumentParser(description="Cameras per box, beside the loop that tutorials teach.")
    parser.add_argument("--peers", required=True, help="interpreter of the environment with supervision and trackers")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each number of cameras is counted")
    parser.add_argument("--streams", choices=get_args(StreamKind), action="append", help="both by default")
    parser.add_argument("--keep", type=Path, help="folder in which the streams are kept for the next time")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    given = parser.parse_args()
    kinds: list[StreamKind] = given.streams or list(get_args(StreamKind))
    with tempfile.TemporaryDirectory() as short:
        folder = given.keep or Path(short)
        folder.mkdir(parents=True, exist_ok=True)
        found = measure(kinds, _site_packages(given.peers), folder, given.seconds)
    print(json.dumps(found, indent=1) if given.json else _table(found))
    if faults := _faults(found):
        sys.exit("\n".join(faults))


def measure(kinds: list[StreamKind], peers: str, folder: Path, seconds: float) -> dict[str, Any]:
    """All figures; ours first, then the loop."""
    figures = bench_density(kinds, seconds=seconds, folder=folder)
    loops, events = {}, {}
    for kind in kinds:
        streams = make_streams(kind, folder)
        loops[kind] = most(partial(_loops, streams, peers, seconds), 1)
        events[kind] = {"box": _box_events(streams[0]), "loop": _ask_loop(str(streams[0]), peers)["events"]}
    return {
        "density": msgspec.to_builtins(figures),
        "loop": {kind: msgspec.to_builtins(load) for kind, load in loops.items()},
        "times_loop": {
            own.streams: round(own.box.cameras / max(1, loops[own.streams].cameras), 1) for own in figures.kinds
        },
        "events": events,
    }


def _loops(streams: list[Path], peers: str, seconds: float, number: int) -> Load:
    """A process for each camera."""
    with rtsp_cameras([streams[0]] * number) as addresses:
        options = ["--peers", peers, "--warm", str(WARM_S), "--seconds", str(seconds)]
        running = [
            subprocess.Popen([sys.executable, str(_TUTORIAL), address, *options], stdout=subprocess.PIPE, text=True)
            for address in addresses
        ]
        told = [json.loads(process.communicate()[0] or '{"fps": 0, "cpu_s": 0}') for process in running]
    share = min(one["fps"] for one in told) / STREAM_FPS
    load = Load(number, round(share, 3), round(share, 3), 0.0, round(sum(one["cpu_s"] for one in told), 3), {})
    print(f"loop: {number} cameras: {share:.0%} of the pictures, {load.cpu_s:.2f} cores", file=sys.stderr, flush=True)
    return load


def _ask_loop(source: str, peers: str) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, str(_TUTORIAL), source, "--peers", peers], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def _box_events(stream: Path) -> list[Event]:
    """Absences of the clip, as a box tells them."""
    hall = parse_hall(hall_text([str(stream)], 2.0))
    detector = open_detector(hall, 1)
    events: list[Event] = []

    def note(message: Message) -> None:
        body = message.body
        if isinstance(body, EventBody) and body.rule == "clerk_absent" and body.ended_at is not None:
            window = body.subject.rpartition("/")[2]
            began, ended = (round(at.timestamp() - _START, 1) for at in (body.started_at, body.ended_at))
            events.append((window, began, ended))

    replay(hall, {"c0": str(stream)}, detector, start=_START, fit=detector.input_size, emit=note)
    return events


def _site_packages(python: str) -> str:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run([python, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _table(found: dict[str, Any]) -> str:
    lines = [f"{'':6} {'box':>5} {'limit':>6} {'ratio':>6} {'loop':>5} {'times':>6}   per core of the box"]
    for own in found["density"]["kinds"]:
        kind = own["streams"]
        lines.append(
            f"{kind:6} {own['box']['cameras']:5} {own['limit']['cameras']:6} {own['ratio_to_limit']:6.2f} "
            f"{found['loop'][kind]['cameras']:5} {found['times_loop'][kind]:6.1f}   {own['box_per_core']:.1f}"
        )
        lines += [f"       {who}: {events}" for who, events in found["events"][kind].items()]
    return "\n".join(lines)


def _faults(found: dict[str, Any]) -> list[str]:
    faults = []
    for own in found["density"]["kinds"]:
        kind, events = own["streams"], found["events"][own["streams"]]
        if own["ratio_to_limit"] < _LEAST_OF_LIMIT:
            faults.append(f"{kind}: {own['ratio_to_limit']} of the limit; expected {_LEAST_OF_LIMIT} or more")
        if found["times_loop"][kind] < _LEAST_TIMES[kind]:
            faults.append(f"{kind}: {found['times_loop'][kind]} times the loop; expected {_LEAST_TIMES[kind]} or more")
        if not _alike(events["box"], events["loop"]):
            faults.append(f"{kind}: the box tells {events['box']}, the loop {events['loop']}")
    return faults


def _alike(ours: list[Event], theirs: list[Event]) -> bool:
    return len(ours) == len(theirs) and all(
        a[0] == b[0] and max(abs(a[1] - b[1]), abs(a[2] - b[2])) <= _ALIKE_S
        for a, b in zip(sorted(ours), sorted(theirs), strict=True)
    )


if __name__ == "__main__":
    main()
