"""`hallwatch evaluate`: what was claimed against what was true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._figures import show
from hall.clock import from_iso
from hall.errors import InputError
from twin.evaluate import compare, read_messages, read_truth, table
from twin.evaluate import evaluate as score
from twin.timeline import LEGEND, page, timeline


def evaluate(
    messages: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="What replay wrote.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH.json", help="What was true.")],
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Where a timeline of truth against claim goes.")
    ] = None,
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
    told, true = read_messages(messages), read_truth(truth)
    figures = score(told, true, start=began)
    if picture is not None:
        drawn = page(messages.stem, f"{LEGEND}{timeline(compare(told, true, start=began), true)}")
        try:
            picture.write_text(drawn, encoding="utf-8")
        except OSError as exc:
            raise InputError(f"--picture {picture}: {exc.strerror}; expected a file that can be written") from exc
    show(figures, table(figures), as_json=as_json)
