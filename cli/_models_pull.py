"""`hallwatch models pull`: fetch model files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TextIO

import typer

from cli._models import model_folders
from hall.errors import InputError, ModelError
from models.pull import Progress, PullSettings, pull
from models.zoo import ModelEntry, Zoo, zoo_of


def pull_models(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As in `hallwatch models list`.")],
    folder: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where the files go; the first of HALLWATCH_MODELS where left out."),
    ] = None,
    mirror: Annotated[
        list[str] | None,
        typer.Option(
            envvar="HALLWATCH_MODELS_MIRROR",
            metavar="URL",
            help="A folder on a web server that holds the files under their names, asked first; may be given again.",
        ),
    ] = None,
    proxy: Annotated[
        str | None,
        typer.Option(
            envvar="HALLWATCH_MODELS_PROXY",
            metavar="URL",
            help="Instead of the environment's https_proxy and no_proxy.",
        ),
    ] = None,
) -> None:
    """Fetch models by the manifest's address or a mirror; resumed where it broke off, and checked by sha256.

    Example: hallwatch models pull yolox-s_640 --folder ~/models
    """
    folders = [*([folder] if folder else []), *model_folders()]
    entries = _wanted(zoo_of(folders), names)
    if not folders:
        raise InputError("found no model folder; expected --folder DIR, or a folder in HALLWATCH_MODELS")
    settings = PullSettings(mirrors=mirror or [], proxy=proxy or None)
    faults = []
    for entry in entries:
        if entry.shipped:
            print(f"{entry.name} comes along with hallwatch", file=sys.stderr)
            continue
        try:
            path = pull(entry, folders[0], settings, progress_line(entry.name, sys.stderr))
        except ModelError as exc:
            faults.append(str(exc))
        else:
            typer.echo(str(path))
    if faults:
        raise ModelError("\n".join(faults))


def _wanted(zoo: Zoo, names: Sequence[str]) -> list[ModelEntry]:
    """The entries of these names, all of them known.

    Raises:
        InputError: one is not.
    """
    found = {name: zoo.named(name) for name in names}
    if unknown := [name for name, entry in found.items() if entry is None]:
        raise InputError(f"{', '.join(unknown)}: no such model; expected {', '.join(zoo.names)}")
    return [entry for entry in found.values() if entry is not None]


def progress_line(name: str, out: TextIO) -> Progress:
    """What has arrived: a line that renews itself on a terminal, else one for every tenth."""
    told = -1

    def say(here: int, whole: int | None) -> None:
        nonlocal told
        step = here * 10 // whole if whole else here // (10 << 20)
        share = f" of {whole / 1e6:.1f} MB, {here / whole:.0%}" if whole else " MB"
        text = f"{name}: {here / 1e6:.1f}{share}"
        if out.isatty():
            print(f"\r{text}", end="\n" if here == whole else "", file=out, flush=True)
        elif step != told:
            print(text, file=out, flush=True)
        told = step

    return say
