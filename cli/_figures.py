"""Figures on standard output: for people, or as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import typer


def show(figures: msgspec.Struct | Sequence[msgspec.Struct], text: str, *, as_json: bool) -> None:
    """Print figures.

    Args:
        figures: for programs.
        text: the same for people.
        as_json: which of the two.
    """
    typer.echo(msgspec.json.encode(figures).decode() if as_json else text)
