"""`hallwatch`: the one entry; each role is a subcommand in a file of its own.

A command is imported when it is called, so that a box needs only what its role needs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from hall.errors import HallwatchError, InputError


@dataclass(frozen=True)
class _Entry:
    """A command as the list of commands knows it, without an import."""

    module: str
    attribute: str
    extra: str
    summary: str


_COMMANDS = {
    "demo": _Entry("cli.demo", "demo", "demo", "Show everything at work."),
    "check": _Entry("cli.check", "check", "edge", "Check a hall file and its cameras, or the settings of a centre."),
    "edge": _Entry("cli.edge", "edge", "edge", "Watch the cameras of one box and publish what is seen."),
    "ingest": _Entry(
        "cli.ingest", "ingest", "ingest", "Take what the boxes publish into store and records, and alert."
    ),
    "replay": _Entry("cli.replay", "replay", "edge", "Judge recordings as the box would, as fast as it can."),
    "evaluate": _Entry("cli.evaluate", "evaluate", "edge", "Compare events, sessions, stays, counts and crossings."),
    "scenario": _Entry("cli.scenario", "scenario", "edge", "Write the hall file of a rendered scenario."),
    "accuracy": _Entry("cli.accuracy", "accuracy", "edge", "Score the box on rendered scenarios."),
    "bench": _Entry("cli.bench", "app", "edge", "Measure this machine: every figure beside a limit or a peer."),
    "config": _Entry("cli.config", "app", "edge", "The hall file of a running box."),
    "dashboards": _Entry("cli.dashboards", "app", "grafana", "Boards and alert rules for Grafana."),
    "evidence": _Entry("cli.evidence", "app", "edge", "Pictures and clips that boxes keep of events."),
    "models": _Entry("cli.models", "app", "edge", "The detectors hallwatch can run."),
    "audit": _Entry("cli.audit", "app", "ingest", "Who did what at the centre."),
    "report": _Entry("cli.report", "report", "dashboards", "Write the weekly report of a hall."),
    "retention": _Entry("cli.retention", "retention", "ingest", "Delete what is old from the records of a centre."),
    "users": _Entry("cli.users", "app", "ingest", "Who may look at a centre."),
}
_TELLING = {
    "demo": "iotcore",
    "edge": "onnxruntime",
    "ingest": "sqlalchemy",
    "dashboards": "nicegui",
    "grafana": "grafana_foundation_sdk",
}
"""A package of each extra: where it is not, the extra is not."""


class _Command(TyperCommand):
    """A command that is imported when it is called, not where commands are listed or completed."""

    def __init__(self, name: str) -> None:
        entry = _COMMANDS[name]
        there = _installed(_TELLING[entry.extra])
        super().__init__(name, short_help=entry.summary if there else _not_installed(entry.extra))

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        assert self.name is not None
        return _imported(self.name).make_context(info_name, args, parent, **extra)


class _Commands(TyperGroup):
    """The commands, imported one by one."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return _Command(cmd_name) if cmd_name in _COMMANDS else None


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # an import hook that hides it
        return False


def _imported(name: str) -> Any:
    """The command itself, or what stands for it where its packages are not installed."""
    entry = _COMMANDS[name]
    try:
        target = getattr(import_module(entry.module), entry.attribute)
    except ModuleNotFoundError as exc:
        target = _missing(name, entry.extra, exc)
    if isinstance(target, typer.Typer):
        group = typer.main.get_group(target)
        group.name = name
        return group
    single = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    # Whatever stands behind a command that is not installed, the answer is which extra it needs.
    settings = {"ignore_unknown_options": True, "allow_extra_args": True} if target.__name__ == "missing" else {}
    single.command(name, context_settings=settings)(target)
    return typer.main.get_command(single)


def _not_installed(extra: str) -> str:
    return f"Not installed here: needs the extra {extra}."


def _missing(name: str, extra: str, cause: ModuleNotFoundError) -> Any:
    """Stands for a command whose packages are not installed."""

    def missing() -> None:
        raise InputError(
            f"{name}: the package {cause.name} is not installed; expected hallwatch with its extra {extra}: "
            f"pip install 'hallwatch[{extra}]'"
        ) from cause

    missing.__doc__ = _not_installed(extra)
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
