"""`hallwatch audit`: who did what, and whether the log is whole."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import msgspec
import typer

from hall.clock import to_iso
from hall.errors import InputError
from ingest import audit
from ingest.records import Records

app = typer.Typer(help="Who did what at the centre.", no_args_is_help=True)

_Address = Annotated[str, typer.Option("--records", envvar="HALLWATCH_RECORDS", help="sqlite:///FILE")]
_DEFAULT = "sqlite:///hallwatch.db"


@app.command()
def show(
    records: _Address = _DEFAULT,
    *,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print the newest rows, newest first.

    Example: hallwatch audit show --records sqlite:////var/lib/hallwatch/records.db --limit 20
    """
    with closing(Records(records)) as opened, opened.reading() as connection:
        found = audit.rows(connection, limit=limit)
    for row in found:
        if as_json:
            typer.echo(msgspec.json.encode(row))
        else:
            detail = msgspec.json.encode(row.detail).decode() if row.detail else ""
            typer.echo(f"{row.seq:6} {to_iso(row.at)} {row.actor:16} {row.action:18} {row.subject} {detail}".rstrip())


@app.command()
def verify(
    records: _Address = _DEFAULT,
    *,
    expect: Annotated[
        str | None, typer.Option(metavar="SEQ:HASH", help="The end that an earlier verify said; it must be there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Check that no row was changed, removed or put in. Ends with 1 where one was, and names it.

    Example: hallwatch audit verify --records sqlite:////var/lib/hallwatch/records.db
    """
    with closing(Records(records)) as opened, opened.reading() as connection:
        verdict = audit.verify(connection, expected=expect)
    if as_json:
        typer.echo(msgspec.json.encode(verdict))
    elif not verdict.faults:
        typer.echo(f"{verdict.rows} rows, whole; the end is {verdict.end}")
    if verdict.faults:
        raise InputError("the audit log is not whole:\n  " + "\n  ".join(verdict.faults))
