"""`hallwatch config`: give a running box another hall file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli._options import LOCAL_BROKER, BrokerOption, NodeOption, address_of
from edge.push import push_config
from hall.broker import parse_broker
from hall.config_set import KEY_VARIABLE, fingerprint
from hall.errors import InputError
from hall.load import Anything, parse_hall

app = typer.Typer(help="The hall file of a running box.", no_args_is_help=True)


@app.callback()
def _config() -> None:
    """The hall file of a running box."""


@app.command()
def push(
    hall_file: Annotated[Path, typer.Argument(metavar="HALL.yaml", help="The hall file that the box is to go by.")],
    *,
    node: NodeOption = None,
    broker: BrokerOption = LOCAL_BROKER,
    base: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The hall file that it replaces: the box refuses where it goes by another."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that the box may take to answer.")] = 30.0,
) -> None:
    """Send a hall file to one running box by MQTT, and say whether it took it. Ends with 1 where it did not.

    A file with a fault is not sent. Where $HALLWATCH_CONFIG_KEY is set, as on the box, the request is signed.

    Example: hallwatch config push hall.yaml --node edge-f1 --broker mqtt://10.0.0.5
    """
    text = _read(hall_file)
    # The variables are those of the box: here each of them is there.
    hall = parse_hall(text, name=str(hall_file), environ=Anything())
    reply = push_config(
        parse_broker(broker),
        address_of(hall, node),
        text.encode(),
        base=None if base is None else fingerprint(_read(base)),
        key=os.environ.get(KEY_VARIABLE) or None,
        timeout_s=timeout,
    )
    if not reply.accepted:
        raise InputError(f"not taken, {_short(reply.sha256)} stays in force: {reply.error}")
    cameras = f"cameras opened anew or closed: {', '.join(reply.changed)}" if reply.changed else "no camera was touched"
    typer.echo(f"taken: {_short(reply.sha256)} is in force; {cameras}")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path}: cannot be read: {exc}; expected a hall file in UTF-8") from exc


def _short(sha256: str | None) -> str:
    return (sha256 or "unknown")[:12]
