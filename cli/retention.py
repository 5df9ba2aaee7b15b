"""`hallwatch retention`: what the records of a centre forget."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from hall.clock import SystemClock
from hall.errors import InputError
from ingest.records import Records
from ingest.retention import KINDS, forget


def retention(
    records: Annotated[
        str,
        typer.Option(
            envvar="HALLWATCH_RECORDS", help="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        ),
    ] = "sqlite:///hallwatch.db",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=DAYS",
            help="Days that a kind is kept in place of its own: "
            + ", ".join(f"{kind.name}={kind.days}" for kind in KINDS)
            + ". Repeat for several; `all` stands for every kind, `forever` for no end.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Rows by kind as JSON.")] = False,
) -> None:
    """Delete what is old from the records of a centre, which may run meanwhile. Run it daily.

    Incidents that are open and alerts that wait are never deleted. The time-series store has a retention of its own.

    Example: hallwatch retention --records sqlite:////var/lib/hallwatch/records.db --keep sessions=90
    """
    days = parse_keep(keep or [])
    opened = Records(records)
    try:
        found = forget(opened, SystemClock().now(), days, try_only=dry_run)
    finally:
        opened.close()
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    for kind in KINDS:
        kept = f"kept {days[kind.name]:g} days" if kind.name in days else "kept forever"
        typer.echo(f"{kind.name:16} {found.get(kind.name, 0):9} {'would go' if dry_run else 'deleted'}  {kept}")


def parse_keep(texts: list[str]) -> dict[str, float]:
    """Days by kind, of `KIND=DAYS`; a kind that is kept forever is not in it.

    Raises:
        InputError: a text is none.
    """
    names = [kind.name for kind in KINDS]
    days: dict[str, float] = {kind.name: kind.days for kind in KINDS}
    for text in texts:
        name, _, count = text.partition("=")
        if name not in {*names, "all"} or not (count == "forever" or count.isdecimal()):
            raise InputError(
                f"--keep {text}: expected KIND=DAYS or KIND=forever, with one of {', '.join(names)} or all"
            )
        for chosen in names if name == "all" else [name]:
            if count == "forever":
                days.pop(chosen, None)
            else:
                days[chosen] = int(count)
    return days
