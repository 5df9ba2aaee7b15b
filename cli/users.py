"""`hallwatch users`: who may look at a centre. Works on the records, on the machine where they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, cast

import typer

from hall.clock import SystemClock, to_iso
from ingest.records import Records
from ingest.users import Role, Users

app = typer.Typer(help="Who may look at a centre.", no_args_is_help=True)

_Address = Annotated[str, typer.Option("--records", envvar="HALLWATCH_RECORDS", help="sqlite:///FILE")]
_DEFAULT = "sqlite:///hallwatch.db"
_Halls = Annotated[
    list[str] | None, typer.Option("--hall", help="Id of a hall, repeat for several; left out: every hall.")
]
_Name = Annotated[str, typer.Argument(metavar="NAME")]
_ACTOR = "local"


@contextmanager
def _users(address: str) -> Iterator[Users]:
    records = Records(address)
    try:
        yield Users(records, SystemClock())
    finally:
        records.close()


@app.command("list")
def list_users(records: _Address = _DEFAULT) -> None:
    """Print every user with role and halls."""
    with _users(records) as users:
        for user in users.all():
            halls = "every hall" if user.halls is None else ", ".join(user.halls) or "no hall"
            typer.echo(f"{user.name:20} {user.role:8} {halls}{'' if user.enabled else '  disabled'}")


@app.command()
def add(
    name: _Name,
    *,
    role: Annotated[str, typer.Option(help="viewer, manager or admin")] = "viewer",
    hall: _Halls = None,
    records: _Address = _DEFAULT,
) -> None:
    """Add a user, and print the password for the first login once; it must be changed then.

    A centre with users asks for a login from its next start on.

    Example: hallwatch users add li --role manager --hall demo
    """
    with _users(records) as users:
        first = users.start() if name != "admin" else None
        if first is not None:
            typer.echo(f"admin: {first}")
        typer.echo(f"{name}: {users.add(_ACTOR, name, cast('Role', role), hall)}")


@app.command()
def change(
    name: _Name,
    *,
    role: Annotated[str | None, typer.Option(help="viewer, manager or admin")] = None,
    hall: Annotated[
        list[str] | None, typer.Option("--hall", help="Id of a hall, or `all`; repeat for several.")
    ] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Disabled: no login, no token.")] = None,
    records: _Address = _DEFAULT,
) -> None:
    """Change what a user may do."""
    with _users(records) as users:
        halls = "all" if hall is not None and "all" in hall else hall
        users.change(_ACTOR, name, role=cast("Role | None", role), halls=halls, enabled=enabled)


@app.command()
def remove(name: _Name, *, records: _Address = _DEFAULT) -> None:
    """Remove a user, with sessions and tokens."""
    with _users(records) as users:
        users.remove(_ACTOR, name)


@app.command()
def reset(name: _Name, *, records: _Address = _DEFAULT) -> None:
    """Print a new one-time password of a user once; sessions and tokens end."""
    with _users(records) as users:
        typer.echo(users.reset(_ACTOR, name))


@app.command()
def token(
    name: _Name,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What it is for.")],
    *,
    days: Annotated[float, typer.Option(help="Until it expires.")] = 365,
    records: _Address = _DEFAULT,
) -> None:
    """Make a token for a program that asks the API, and print it once."""
    with _users(records) as users:
        typer.echo(users.new_token(_ACTOR, name, title, days)[0])


@app.command()
def tokens(records: _Address = _DEFAULT) -> None:
    """Print the tokens of all users; never the keys themselves."""
    with _users(records) as users:
        for found in users.tokens():
            typer.echo(f"{found.id} {found.user:20} until {to_iso(found.expires_at)} {found.name}")


@app.command()
def revoke(identity: Annotated[str, typer.Argument(metavar="ID")], *, records: _Address = _DEFAULT) -> None:
    """End a token."""
    with _users(records) as users:
        users.revoke(_ACTOR, identity)
