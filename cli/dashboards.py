"""`hallwatch dashboards`: what people see in Grafana, as code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._options import Anything
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.generate import GENERATED, faults_of, files, plan_boards, write
from dashboards.grafana.spec import Board
from hall.errors import InputError
from hall.load import load_hall

app = typer.Typer(help="Boards and alert rules for Grafana.", no_args_is_help=True)

HallFile = Annotated[
    Path | None,
    typer.Argument(metavar="[HALL.yaml]", help="Adds a board over the plan of each of its floors that has one."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the files are; those of this package by default.")
]


@app.callback()
def _dashboards() -> None:
    """Boards and alert rules for Grafana."""


@app.command()
def build(hall_file: HallFile = None, *, out: OutOption = None) -> None:
    """Write the boards as files, in both languages and for both kinds of store.

    Grafana reads them from a folder by its provisioning; `push` sends them to one that runs.

    Example: hallwatch dashboards build hall.yaml --out /var/lib/grafana/hallwatch
    """
    made, folder = _made(hall_file, out)
    changed = write(made, folder)
    typer.echo(f"{len(made)} files in {folder}, {changed} of them changed" if changed else f"{folder} is up to date")


@app.command()
def check(hall_file: HallFile = None, *, out: OutOption = None) -> None:
    """Say whether the files are what `build` would write now. Ends with 1 where they are not.

    Example: hallwatch dashboards check
    """
    made, folder = _made(hall_file, out)
    if faults := faults_of(made, folder):
        listed = "\n  ".join(faults)
        raise InputError(f"{folder}: expected what `hallwatch dashboards build` writes:\n  {listed}")
    typer.echo(f"{len(made)} files in {folder} are up to date")


def _made(hall_file: Path | None, out: Path | None) -> tuple[dict[str, str], Path]:
    if hall_file is not None and out is None:
        raise InputError("--out is needed with a hall file: its boards belong to that hall, not to this package")
    return dict(files(_boards(hall_file))), out or GENERATED


def _boards(hall_file: Path | None) -> tuple[Board, ...]:
    if hall_file is None:
        return BOARDS
    # The passwords of its cameras are not needed here.
    return (*BOARDS, *plan_boards(load_hall(hall_file, environ=Anything()), hall_file.parent))
