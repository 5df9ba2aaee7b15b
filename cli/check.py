"""`hallwatch check`: are these files right, and does every camera see what the hall file says?"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hall.errors import InputError
from hall.load import load_hall

if TYPE_CHECKING:
    from ingest.settings import CentrePlan


def check(
    hall_file: Annotated[Path | None, typer.Argument(metavar="HALL.yaml", help="The hall file.")] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", metavar="CENTRE.yaml", help="Settings of a centre.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures; made where it is missing.")] = Path(
        "check-pictures"
    ),
    sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="Open each camera; without, only the file is checked.")
    ] = True,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds that a camera has for its first picture.")
    ] = 10.0,
) -> None:
    """Check a hall file and its cameras, or the settings of a centre.

    Of each camera a picture is written with every area drawn on it. Every fault goes to stderr at once, each with its
    place in the file, what was found and what would be right.

    Example: hallwatch check hall.yaml --out check-pictures
    """
    if hall_file is None and settings_file is None:
        raise typer.BadParameter("nothing to check; expected HALL.yaml, --settings CENTRE.yaml or both")
    right = settings_file is None or _check_settings(settings_file)
    if hall_file is not None:
        right = _check_hall(hall_file, out, sources=sources, timeout_s=timeout_s) and right
    if not right:
        raise typer.Exit(1)


def _check_settings(file: Path) -> bool:
    try:
        plan: CentrePlan = _room("ingest.settings", "ingest").load_settings(file)
    except InputError as exc:
        typer.echo(str(exc), err=True)
        return False
    typer.echo(_summary(file, plan))
    return True


def _summary(file: Path, plan: CentrePlan) -> str:
    counts = {"channel": len(plan.roster.channels), "name": len(plan.roster.named), "chain": len(plan.chains)}
    parts = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
    return f"{file}: {', '.join(parts)}"


def _check_hall(file: Path, out: Path, *, sources: bool, timeout_s: float) -> bool:
    check_hall = _room("cli._check_hall", "edge").check_hall
    _room("cli._edge", "edge").register_sim()
    try:
        hall = load_hall(file)
        if sources:
            out.mkdir(parents=True, exist_ok=True)
    except InputError as exc:
        typer.echo(str(exc), err=True)
        return False
    except OSError as exc:
        typer.echo(f"--out {out}: {exc.strerror}; expected a folder that can be written", err=True)
        return False
    return bool(check_hall(hall, out, sources=sources, timeout_s=timeout_s))


def _room(module: str, extra: str) -> Any:
    """A module that is there with an extra: a centre has no cameras, and a box no settings of a centre."""
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        raise InputError(
            f"the package {exc.name} is not installed; expected hallwatch with its extra {extra}: "
            f"pip install 'hallwatch[{extra}]'"
        ) from exc
