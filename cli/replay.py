"""`hallwatch replay`: the edge pipeline over recordings."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli._edge import ModelOption, ProviderOption, open_detector, recordings, register_sim
from edge.replay import replay as run_replay
from hall.clock import from_iso
from hall.duty import DutyTable, decode_table
from hall.errors import InputError
from hall.load import load_hall
from hall.messages import Message, encode
from vision.tracker import TrackerSettings

START = "2026-01-05T01:00:00Z"
"""A Monday, nine o'clock in China: a hall with working hours is open then."""


def replay(
    hall_file: Annotated[Path, typer.Argument(metavar="HALL.yaml", help="The hall.")],
    out: Annotated[Path, typer.Option(help="One message per line; - for standard output.")],
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="CAMERA=FILE", help="A recording; without any, the files that the hall file names."),
    ] = None,
    start: Annotated[str, typer.Option(metavar="ISO8601", help="When the recordings began.")] = START,
    threads: Annotated[int, typer.Option(min=1, help="Threads of one inference.")] = 1,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    duty: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Duty commands: JSON as on `duty/set`, see docs/mqtt.md.")
    ] = None,
) -> None:
    """Judge recordings as the box would, as fast as it can: every message as one line of JSON, no broker.

    Example: hallwatch replay hall.yaml --source c1=morning.mp4 --out morning.jsonl
    """
    register_sim()
    hall = load_hall(hall_file)
    try:
        began = from_iso(start)
    except ValueError as exc:
        raise InputError(f"--start {start}: expected an ISO 8601 time, such as {START}") from exc
    commands = None if duty is None else _read_duty(duty)
    detector = open_detector(hall, threads, model, provider)
    clock = time.perf_counter()
    with _written(out) as file:

        def emit(message: Message) -> None:
            file.write(encode(message) + b"\n")

        report = run_replay(
            hall,
            recordings(hall, source or []),
            detector,
            start=began,
            fit=detector.input_size,
            emit=emit,
            tracker=TrackerSettings.for_model(detector.score),
            model=detector.entry,
            duty=commands,
        )
    took_s = time.perf_counter() - clock
    print(
        f"{report.frames} frames, {report.covered_s:.1f} s of recording in {took_s:.1f} s, {report.messages} messages",
        file=sys.stderr,
    )
    for fault in report.faults:
        print(f"hallwatch: {fault}", file=sys.stderr)
    if report.faults:
        raise typer.Exit(1)


def _read_duty(path: Path) -> DutyTable:
    try:
        return decode_table(path.read_bytes())
    except OSError as exc:
        raise InputError(f"--duty {path}: {exc.strerror}; expected a file with duty commands") from exc
    except InputError as exc:
        raise InputError(f"--duty {path}: {exc}") from exc


@contextlib.contextmanager
def _written(out: Path) -> Iterator[BinaryIO]:
    """A file that appears when it is whole: who reads it never finds half of one."""
    if str(out) == "-":
        yield sys.stdout.buffer
        return
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as exc:
        raise InputError(f"--out {out}: {exc.strerror}; expected a file that can be written") from exc
    finally:
        part.unlink(missing_ok=True)
