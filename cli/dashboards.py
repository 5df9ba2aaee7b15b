"""`hallwatch dashboards`: what people see in Grafana, as code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dashboards.grafana import sources
from dashboards.grafana.alerting import RULES, rule_json
from dashboards.grafana.boards import BOARDS
from dashboards.grafana.generate import GENERATED, board_json, faults_of, files, plan_boards, write
from dashboards.grafana.query import DIALECTS, Dialect
from dashboards.grafana.render import CONSOLE
from dashboards.grafana.spec import LANGUAGES, Board
from hall.errors import InputError
from hall.load import Anything, load_hall

app = typer.Typer(help="Boards and alert rules for Grafana.", no_args_is_help=True)

LOCAL_GRAFANA = "http://127.0.0.1:3000"

HallFile = Annotated[
    Path | None,
    typer.Argument(metavar="[HALL.yaml]", help="Adds a board over the plan of each of its floors that has one."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where the files are; those of this package by default.")
]


@app.callback()
def _dashboards() -> None:
    """Boards and alert rules for Grafana."""


@app.command()
def build(hall_file: HallFile = None, *, out: OutOption = None) -> None:
    """Write the boards as files, in both languages and for both kinds of store.

    Grafana reads them from a folder by its provisioning; `push` sends them to one that runs.

    Example: hallwatch dashboards build hall.yaml --out /var/lib/grafana/hallwatch
    """
    made, folder = _made(hall_file, out)
    changed = write(made, folder)
    typer.echo(f"{len(made)} files in {folder}, {changed} of them changed" if changed else f"{folder} is up to date")


@app.command()
def check(hall_file: HallFile = None, *, out: OutOption = None) -> None:
    """Say whether the files are what `build` would write now. Ends with 1 where they are not.

    Example: hallwatch dashboards check
    """
    made, folder = _made(hall_file, out)
    if faults := faults_of(made, folder):
        listed = "\n  ".join(faults)
        raise InputError(f"{folder}: expected what `hallwatch dashboards build` writes:\n  {listed}")
    typer.echo(f"{len(made)} files in {folder} are up to date")


@app.command()
def push(
    hall_file: HallFile = None,
    *,
    grafana: Annotated[str, typer.Option(envvar="HALLWATCH_GRAFANA", help="Where Grafana is.")] = LOCAL_GRAFANA,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="HALLWATCH_GRAFANA_STORE",
            help="The store as Grafana reaches it, as for ingest: makes the data source. Without it Grafana has it.",
        ),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="influxql or promql (VictoriaMetrics); needed without --store.")
    ] = None,
    language: Annotated[str, typer.Option(help="zh or en.")] = "zh",
    console: Annotated[str, typer.Option(help="Where people reach the console, for links.")] = CONSOLE,
    webhook: Annotated[
        str | None, typer.Option(help="Where alerts go. Without it contact points and policies stay as they are.")
    ] = None,
) -> None:
    """Send boards and alert rules to a Grafana that runs. Again: they are replaced, and nothing else is touched.

    $HALLWATCH_GRAFANA_TOKEN is the token of a service account with the role Admin.

    Example: hallwatch dashboards push --grafana http://10.0.0.5:3000 --store victoria+http://10.0.0.5:8428
    """
    # Only here: neither `build` nor `check` needs the client.
    from dashboards.grafana import push as pushing  # noqa: PLC0415

    source, asked = _source(store, dialect)
    spoken = _one_of("--language", language, LANGUAGES)
    delivery = pushing.Delivery(
        spoken,
        board_json(_boards(hall_file), asked, spoken, console),
        [rule_json(rule, asked, spoken) for rule in RULES],
        source,
        webhook,
    )
    done = pushing.push(grafana, _token(), delivery)
    for one in done:
        typer.echo(f"{one.did} {one.kind} {one.uid}")
    created = sum(one.did == "created" for one in done)
    typer.echo(f"{created} created, {len(done) - created} updated")


def _token() -> str:
    token = os.environ.get("HALLWATCH_GRAFANA_TOKEN")
    if not token:
        raise InputError("HALLWATCH_GRAFANA_TOKEN: is not set; expected the token of a service account of Grafana")
    return token


def _source(store: str | None, dialect: str | None) -> tuple[dict[str, Any] | None, Dialect]:
    """The data source that is made, and the language that it is asked in."""
    if store is None:
        if dialect is None:
            raise InputError("--dialect is needed without --store: expected influxql or promql")
        return None, _one_of("--dialect", dialect, DIALECTS)
    if dialect is not None:
        raise InputError("--dialect goes without --store, which says it")
    # The address is read as `hallwatch ingest` reads it, by the extra ingest.
    from ingest.store import parse_store  # noqa: PLC0415

    settings = parse_store(store)
    if settings is None:
        raise InputError("--store none: a board needs a store")
    secret = settings.secret.get_secret_value() if settings.secret else None
    match settings.kind:
        case "victoria":
            return sources.victoria(settings.base_url), "promql"
        case "influxdb1":
            return sources.influx1(settings.base_url, settings.bucket, settings.username, secret), "influxql"
        case _:
            return sources.influx2(settings.base_url, settings.bucket, secret or ""), "influxql"


_W = TypeVar("_W", bound=str)


def _one_of(option: str, text: str, words: tuple[_W, ...]) -> _W:
    for word in words:
        if word == text:
            return word
    raise InputError(f"{option} {text}: expected one of {', '.join(words)}")


def _made(hall_file: Path | None, out: Path | None) -> tuple[dict[str, str], Path]:
    if hall_file is not None and out is None:
        raise InputError("--out is needed with a hall file: its boards belong to that hall, not to this package")
    return dict(files(_boards(hall_file))), out or GENERATED


def _boards(hall_file: Path | None) -> tuple[Board, ...]:
    if hall_file is None:
        return BOARDS
    # The passwords of its cameras are not needed here.
    return (*BOARDS, *plan_boards(load_hall(hall_file, environ=Anything()), hall_file.parent))
