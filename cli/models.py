"""`hallwatch models`: which detectors there are and which are on this machine."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from hall.errors import HallwatchError, ModelError
from models.zoo import ModelEntry, ModelFile, Zoo, load_zoo, places, resolve

app = typer.Typer(help="The detectors hallwatch can run.", no_args_is_help=True)

COLUMNS = ("name", "state", "MB", "input", "decoder", "licence")
RIGHT = frozenset({"MB"})


@app.callback()
def models() -> None:
    """The detectors hallwatch can run."""


@app.command("list")
def list_models(
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A folder with model files; may be given again. HALLWATCH_MODELS adds more.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the models of the manifest, whether their file is here, and its licence.

    Example: hallwatch models list --folder ~/models
    """
    try:
        zoo = load_zoo()
    except HallwatchError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    folders = [*(folder or []), *model_folders()]
    rows = [_row(entry, zoo, folders) for entry in zoo.models]
    typer.echo(json.dumps(rows, indent=2, ensure_ascii=False) if as_json else _table(rows))
    if faults := [row["fault"] for row in rows if row["fault"]]:
        typer.echo("\n".join(faults), err=True)
        raise typer.Exit(1)


@app.command("evaluate")
def evaluate_model(
    source: Annotated[str, typer.Argument(metavar="sim://HALL?…", help="A rendered camera.")],
    model: Annotated[str, typer.Option(help="As `model` in hall.yaml.")] = "auto",
    fps: Annotated[float, typer.Option(min=0.05, max=12, help="Frames a second that are looked at.")] = 1.0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of one inference.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Recall of a detector on full frames of a rendered camera, by height, pose, role and visible share.

    Example: hallwatch models evaluate "sim://lowdesk?camera=cam1&story=phones" --fps 0.5
    """
    # The list needs neither pictures nor onnxruntime.
    from twin.recall import recall, recall_table  # noqa: PLC0415
    from twin.source import open_sim  # noqa: PLC0415
    from vision.detector import Detector  # noqa: PLC0415

    opened = open_sim(source)
    detector = Detector(resolve(model, model_folders()), threads=threads)
    figures = recall(opened, detector, score=detector.score, fps=fps, fit=detector.input_size)
    if as_json:
        typer.echo(msgspec.json.encode(figures).decode())
    else:
        typer.echo(f"{detector.name} on {source}\n{recall_table(figures)}")


def model_folders() -> list[Path]:
    """The folders that HALLWATCH_MODELS names, separated as in PATH."""
    return [Path(part) for part in os.environ.get("HALLWATCH_MODELS", "").split(os.pathsep) if part]


def _row(entry: ModelEntry, zoo: Zoo, folders: Sequence[Path]) -> dict[str, Any]:
    path = next((path for path in places(entry, folders) if path.is_file()), None)
    state, fault = ("absent", None) if path is None else ("shipped" if entry.shipped else "present", None)
    if path is not None:
        try:
            ModelFile(entry, path).read()
        except ModelError as exc:
            state, fault = "broken", str(exc)
    return {
        "name": entry.name,
        "default": entry.name == zoo.default,
        "auto": entry.name == zoo.auto(folders).name,
        "state": state,
        "fault": fault,
        "path": None if path is None else str(path),
        "file": entry.file,
        "size": entry.size,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "source": entry.source,
        "input": {"width": entry.input.width, "height": entry.input.height, "fit": entry.input.fit},
        "decoder": entry.decoder,
        "score": entry.score,
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    lines = [
        "  ".join(
            text.rjust(width) if column in RIGHT else text.ljust(width)
            for column, text, width in zip(COLUMNS, line, widths, strict=True)
        ).rstrip()
        for line in cells
    ]
    auto = next(row["name"] for row in rows if row["auto"])
    return "\n".join([*lines, "", f"* the default; auto takes {auto} here"])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    size = row["input"]
    return (
        row["name"] + ("*" if row["default"] else ""),
        row["state"],
        f"{row['size'] / 1e6:.1f}",
        f"{size['width']}x{size['height']} {size['fit']}",
        row["decoder"],
        row["licence"],
    )
