"""`hallwatch`: the one entry; each role is a subcommand in a file of its own.

A command is imported when it is called, so that a box needs only what its role needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hall.errors import HallwatchError, InputError

_COMMANDS = {
    # name: module, attribute, the extra that it needs
    "demo": ("cli.demo", "demo", "demo"),
    "check": ("cli.check", "check", "edge"),
    "edge": ("cli.edge", "edge", "edge"),
    "ingest": ("cli.ingest", "ingest", "ingest"),
    "replay": ("cli.replay", "replay", "edge"),
    "evaluate": ("cli.evaluate", "evaluate", "edge"),
    "scenario": ("cli.scenario", "scenario", "edge"),
    "accuracy": ("cli.accuracy", "accuracy", "edge"),
    "bench": ("cli.bench", "app", "edge"),
    "config": ("cli.config", "app", "edge"),
    "evidence": ("cli.evidence", "app", "edge"),
    "models": ("cli.models", "app", "edge"),
}


class _Commands(TyperGroup):
    """The commands, imported one by one."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, extra = _COMMANDS[cmd_name]
        try:
            target = getattr(import_module(module), attribute)
        except ModuleNotFoundError as exc:
            target = _missing(cmd_name, extra, exc)
        if isinstance(target, typer.Typer):
            group = typer.main.get_group(target)
            group.name = cmd_name
            return group
        single = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        # Whatever stands behind a command that is not installed, the answer is which extra it needs.
        settings = {"ignore_unknown_options": True, "allow_extra_args": True} if target.__name__ == "missing" else {}
        single.command(cmd_name, context_settings=settings)(target)
        return typer.main.get_command(single)


def _missing(name: str, extra: str, cause: ModuleNotFoundError) -> Any:
    """Stands for a command whose packages are not installed."""

    def missing() -> None:
        raise InputError(
            f"{name}: the package {cause.name} is not installed; expected hallwatch with its extra {extra}: "
            f"pip install 'hallwatch[{extra}]'"
        ) from cause

    missing.__doc__ = f"Not installed here: needs the extra {extra}."
    return missing


app = typer.Typer(
    name="hallwatch",
    cls=_Commands,
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


def main() -> None:
    """Run the command line: errors go to stderr, 1 for wrong input, 2 for wrong usage."""
    try:
        app()
    except HallwatchError as exc:
        print(f"hallwatch: {exc}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
