"""`hallwatch evaluate`: what was claimed against what was true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hall.clock import from_iso
from hall.errors import InputError
from twin.evaluate import evaluate as score
from twin.evaluate import read_messages, read_truth, table


def evaluate(
    messages: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="What replay wrote.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH.json", help="What was true.")],
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON.")] = False,
    start: Annotated[
        str | None, typer.Option(metavar="ISO8601", help="When the recording began, where the truth does not say.")
    ] = None,
) -> None:
    """Compare events, sessions, stays, counts and crossings with the truth.

    Example: hallwatch evaluate morning.jsonl morning.truth.json
    """
    try:
        began = None if start is None else from_iso(start)
    except ValueError as exc:
        raise InputError(f"--start {start}: expected an ISO 8601 time") from exc
    figures = score(read_messages(messages), read_truth(truth), start=began)
    typer.echo(msgspec.json.encode(figures).decode() if as_json else table(figures))
