"""`hallwatch report`: the weekly report of a hall."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from dashboards.reports.compare import Change, parse_moment
from dashboards.reports.figures import make_report
from dashboards.reports.page import render
from dashboards.reports.weeks import Week, local_day
from hall.clock import SystemClock
from hall.errors import InputError
from hall.layout import Hall
from hall.load import Anything, load_hall
from hall.words import Language
from ingest.records import Records


def report(
    hall_file: Annotated[Path, typer.Argument(metavar="HALL.yaml")],
    *,
    records: Annotated[
        str,
        typer.Option(
            envvar="HALLWATCH_RECORDS", help="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        ),
    ] = "sqlite:///hallwatch.db",
    week: Annotated[
        str | None, typer.Option(metavar="YYYY-Www", help="Such as 2026-W47; the last one that is over by default.")
    ] = None,
    lang: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="FILE.html or FILE.pdf; HALL-WEEK.html by default.")
    ] = None,
    change: Annotated[
        str | None,
        typer.Option(
            metavar="ISO8601", help="When something was changed, such as 2026-11-16T09:00, by the hall's clocks."
        ),
    ] = None,
    about: Annotated[str | None, typer.Option(help='What was changed, such as "w03 opened at lunch".')] = None,
) -> None:
    """Write the weekly report of a hall: what got better or worse, why, what to do, and whether a change helped.

    Example: hallwatch report hall.yaml --records sqlite:////var/lib/hallwatch/records.db --week 2026-W47 --out w47.pdf
    """
    language = _language(lang)
    hall = load_hall(hall_file, environ=Anything())
    now = SystemClock().now()
    asked = Week.of(local_day(now, hall.zone_info)).earlier() if week is None else Week.parse(week)
    target = out or Path(f"{hall.hall.id}-{asked}.html")
    if target.suffix not in {".html", ".pdf"}:
        raise InputError(f"--out {target}: expected FILE.html or FILE.pdf")
    asked_change = _change(change, about, hall)
    opened = Records(records)
    try:
        made = make_report(opened, hall, asked, now, asked_change)
    finally:
        opened.close()
    _write(target, render(made, language))
    if made.is_empty:
        print(f"hallwatch report: nothing is on record for week {asked}; the report says so", file=sys.stderr)
    typer.echo(str(target))


def _write(target: Path, page: str) -> None:
    try:
        if target.suffix == ".html":
            target.write_text(page, encoding="utf-8")
            return
        # An extra of its own: the HTML needs none of it.
        from dashboards.reports.pdf import to_pdf  # noqa: PLC0415

        target.write_bytes(to_pdf(page))
    except OSError as exc:
        raise InputError(f"--out {target}: {exc.strerror}; expected a file that can be written") from exc


def _language(text: str) -> Language:
    if text not in get_args(Language):
        raise InputError(f"--lang {text}: expected one of {', '.join(get_args(Language))}")
    return cast("Language", text)


def _change(moment: str | None, about: str | None, hall: Hall) -> Change | None:
    if moment is None:
        if about is not None:
            raise InputError("--about goes with --change, which says when")
        return None
    return Change(parse_moment(moment, hall), about or moment)
