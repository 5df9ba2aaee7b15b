"""`hallwatch models`: which detectors there are and which are on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli._models import FolderOption, model_folders
from cli._models_bench import bench_models
from cli._models_evaluate import evaluate_model
from cli._models_pull import pull_models
from cli._models_train import export_model, train_model
from hall.errors import HallwatchError, ModelError
from models.zoo import ModelEntry, ModelFile, Zoo, places, zoo_of

__all__ = ["app", "model_folders"]

app = typer.Typer(help="The detectors hallwatch can run.", no_args_is_help=True)

COLUMNS = ("name", "state", "MB", "input", "decoder", "licence")
RIGHT = frozenset({"MB"})


@app.callback()
def models() -> None:
    """The detectors hallwatch can run."""


@app.command("list")
def list_models(
    folder: FolderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the models of the manifest, whether their file is here, and its licence.

    Example: hallwatch models list --folder ~/models
    """
    folders = [*(folder or []), *model_folders()]
    try:
        zoo = zoo_of(folders)
    except HallwatchError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(1) from exc
    rows = [_row(entry, zoo, folders) for entry in zoo.models]
    typer.echo(json.dumps(rows, indent=2, ensure_ascii=False) if as_json else _table(rows))
    if faults := [row["fault"] for row in rows if row["fault"]]:
        typer.echo("\n".join(faults), err=True)
        raise typer.Exit(1)


app.command("pull")(pull_models)
app.command("evaluate")(evaluate_model)
app.command("bench")(bench_models)
app.command("export")(export_model)
app.command("train")(train_model)


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
