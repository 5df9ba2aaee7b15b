"""`hallwatch evidence`: whether pictures and clips of events are as the box made them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edge.evidence import KEY_VARIABLE
from edge.seal import verified
from hall.errors import InputError

app = typer.Typer(help="Pictures and clips that boxes keep of events.", no_args_is_help=True)

_FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures or clips.")]
_KeyOption = Annotated[
    Path | None,
    typer.Option(help=f"The box's evidence.key; else ${KEY_VARIABLE}, or evidence.key of the folder above the file."),
]


@app.callback()
def _evidence() -> None:
    """Pictures and clips that boxes keep of events."""


@app.command()
def verify(files: _FilesArgument, key_file: _KeyOption = None) -> None:
    """Say what each file shows, if nobody changed it since the box made it; ends with 1 at the first one changed.

    Example: hallwatch evidence verify .hallwatch/edge-f1/evidence/*.jpg
    """
    for path in files:
        data = _read(path)
        seal = verified(data, _key(path, key_file), str(path))
        until = "" if seal.until is None else f" to {seal.until}"
        typer.echo(
            f"{path}: unchanged. {seal.rule} at {seal.subject} of {seal.hall}/{seal.floor}, {seal.severity}, since "
            f"{seal.started_at}; camera {seal.camera} of {seal.node} at {seal.captured_at}{until}; "
            f"event {seal.event_id}"
        )


def _key(path: Path, key_file: Path | None) -> bytes:
    beside = path.resolve().parent.parent / "evidence.key"
    if key_file is None and (given := os.environ.get(KEY_VARIABLE)):
        return given.encode()
    return _read(key_file or beside)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise InputError(f"{path}: {exc.strerror}; expected a file that can be read") from exc
