"""`hallwatch ingest`: the centre."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from cli._options import LOCAL_BROKER, BrokerOption
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.errors import HallwatchError, InputError
from hall.layout import Hall
from hall.load import load_hall
from ingest.api import create_app
from ingest.login import stays_in
from ingest.reader import HallReader
from ingest.service import SESSION_NAME, Centre, tune_process
from ingest.settings import load_settings
from ingest.users import FIRST_USER, Users, any_users

_GRACE_S = 3
"""How long open pages may keep the server from ending."""


def ingest(
    hall_files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[HALL.yaml]...",
            help="The halls; left out, messages of any node count. The console shows the first.",
        ),
    ] = None,
    *,
    broker: BrokerOption = LOCAL_BROKER,
    store: Annotated[
        str,
        typer.Option(
            envvar="HALLWATCH_STORE",
            help="victoria+http://HOST:8428, influxdb2+http://HOST:8086/ORG/BUCKET?token=TOKEN, "
            "influxdb1+http://HOST:8086/DATABASE or none",
        ),
    ] = "none",
    records: Annotated[
        str,
        typer.Option(
            envvar="HALLWATCH_RECORDS", help="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        ),
    ] = "sqlite:///hallwatch.db",
    spool: Annotated[
        Path,
        typer.Option(
            envvar="HALLWATCH_SPOOL", help="Folder for points that wait for the store, with records on PostgreSQL."
        ),
    ] = Path(),
    alert: Annotated[
        list[str] | None,
        typer.Option(
            envvar="HALLWATCH_ALERT", help="An apprise address, such as json://HOST:PORT/PATH; may be repeated."
        ),
    ] = None,
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            envvar="HALLWATCH_SETTINGS",
            metavar="CENTRE.yaml",
            help="People, channels, escalation and quiet hours; see docs/incidents.md.",
        ),
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            envvar="HALLWATCH_PUBLIC_URL",
            help="Where phones reach this centre, such as https://hall.example; so that alerts have links.",
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option(envvar="HALLWATCH_LISTEN", help="HOST:PORT of the API, /healthz and /metrics.")
    ] = "127.0.0.1:8087",
    login: Annotated[
        bool | None,
        typer.Option(
            "--login/--no-login",
            envvar="HALLWATCH_LOGIN",
            help="Ask for a login, and make a first user where there is none. Left out: once there are users.",
        ),
    ] = None,
    console: Annotated[
        bool, typer.Option("--console/--no-console", help="Show the console at the same address; needs HALL.yaml.")
    ] = True,
    name: Annotated[
        str | None,
        typer.Option(
            envvar="HALLWATCH_NAME",
            help="Names this centre's session at the broker, hallwatch-ingest if left out; each process needs its own, "
            "the same after a restart.",
        ),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            envvar="HALLWATCH_SHARE",
            metavar="GROUP",
            help="Share the work with the other processes of this group, see docs/scale.md; needs --name and --records "
            "on PostgreSQL.",
        ),
    ] = None,
) -> None:
    """Take what the boxes publish into store and records, and alert.

    Example: hallwatch ingest hall.yaml --broker mqtt://127.0.0.1 --store victoria+http://127.0.0.1:8428
    """
    halls = _load(hall_files or [])
    settings = parse_broker(broker)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    host, port = parse_listen(listen)
    if share is not None and name is None:
        raise InputError(
            f"--share {share}: --name is missing; expected one that no other process of the group has, and that stays "
            "the same after a restart: what the broker keeps for this process waits under it"
        )
    centre = Centre(
        halls,
        settings,
        store=store,
        records=records,
        alerts=alert or (),
        plan=None if settings_file is None else load_settings(settings_file),
        public_url=public_url,
        name=name or SESSION_NAME,
        share=share,
        spool=spool,
        hall_files=dict(zip((hall.hall.id for hall in halls), hall_files or [], strict=True)),
    )
    try:
        users = _users(centre, host, needed=login)
        app = create_app(centre, users)
    except HallwatchError:
        centre.stop()
        raise
    if console and halls:
        _mount_console(app, halls[0], (hall_files or [])[0], centre, users)
    serve(centre, app, host, port)


def _users(centre: Centre, host: str, *, needed: bool | None) -> Users | None:
    """Who may log in; None for a centre that asks nobody, which only loopback may reach unless it is said."""
    if needed is None:
        needed = any_users(centre.records)
        if not needed and not _is_loopback(host):
            raise InputError(
                f"--listen {host}: anybody there could look in; expected --login, a loopback address, "
                "or --no-login where something else asks for a login"
            )
    if not needed:
        return None
    users = Users(centre.records, SystemClock())
    password = users.start()
    if password is not None:
        print(f"first user: {FIRST_USER}\none-time password, not shown again: {password}", file=sys.stderr, flush=True)
    return users


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _load(files: Sequence[Path]) -> list[Hall]:
    """The halls of these files.

    Raises:
        InputError: a file is wrong, or two are of the same hall.
    """
    halls: dict[str, Path] = {}
    loaded = []
    for file in files:
        hall = load_hall(file, _Environment())
        if hall.hall.id in halls:
            raise InputError(f"{file}: hall {hall.hall.id}, as in {halls[hall.hall.id]}; expected each hall once")
        halls[hall.hall.id] = file
        loaded.append(hall)
    return loaded


class _Environment(Mapping[str, str]):
    """The environment for `${NAME}` in the hall file. The centre opens no camera, so it needs none of their secrets."""

    def __getitem__(self, name: str) -> str:
        return os.environ.get(name, "unset")

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _mount_console(app: FastAPI, hall: Hall, hall_file: Path, centre: Centre, users: Users | None) -> None:
    """The console, where its extra is installed; a centre may well run without."""
    try:
        from dashboards.console import mount  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        logging.getLogger(__name__).info("no console: %s is not installed (extra `dashboards`)", exc.name)
        return
    may_stay = None if users is None else stays_in(users, hall.hall.id)
    reads = HallReader(centre.reader, hall.hall.id)
    mount(app, hall, reads, may_stay=may_stay, records=centre.records, hall_file=hall_file)


def serve(centre: Centre, app: FastAPI, host: str, port: int, *, role: str = "ingest") -> None:
    """Run a centre and its HTTP side until SIGTERM or SIGINT; then stop both and say so.

    Args:
        centre: not started yet; it is stopped in any case.
        app: what `create_app` made, maybe with pages mounted on it.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        role: the command, for what is said.

    Raises:
        InputError: nobody can listen there.
    """
    tune_process()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE_S))

    # uvicorn ends its loop on a signal and then raises the signal again; ours makes that harmless.
    def _end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True
        app.state.streams.close()

    before = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        listener = _listen(host, port)
        centre.start()
        print(f"hallwatch {role} on http://{host}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        server.run(sockets=[listener])
    finally:
        centre.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
    print("stopped", file=sys.stderr)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise InputError(f"--listen {host}:{port}: {exc.strerror}; expected an address that is free") from exc


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`.

    Raises:
        InputError: it is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"--listen {text}: expected HOST:PORT, such as 127.0.0.1:8087")
    return host.strip("[]"), int(port)
