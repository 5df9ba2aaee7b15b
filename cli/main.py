"""`hallwatch`: the one entry; each role is a subcommand in a file of its own."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from cli import models
from cli.bench import app as bench
from cli.check import check
from cli.demo import demo
from cli.edge import edge
from cli.evaluate import evaluate
from cli.ingest import ingest
from cli.replay import replay
from hall.errors import HallwatchError

app = typer.Typer(
    name="hallwatch",
    help="Watches public service halls: absent clerks, long waits, overtime cases.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"hallwatch {version('hallwatch')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Watches public service halls: absent clerks, long waits, overtime cases."""


for command in (demo, check, edge, ingest, replay, evaluate):
    app.command()(command)
app.add_typer(bench, name="bench")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line: errors go to stderr, 1 for wrong input, 2 for wrong usage."""
    try:
        app()
    except HallwatchError as exc:
        print(f"hallwatch: {exc}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
