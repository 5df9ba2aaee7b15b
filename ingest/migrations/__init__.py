"""How the tables of the records came to be what they are: one Alembic migration a step, brought up to date at start.

A new database gets the tables as the models say, and the number of the newest migration. A test holds models
and migrations together; docs/store.md says how to write one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

FOLDER = Path(__file__).parent
KNOWN = sorted(path.stem[1:5] for path in (FOLDER / "versions").glob("m[0-9]*.py"))
"""The numbers of the migrations, oldest first."""

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


class UnknownVersionError(Exception):
    """A newer hallwatch wrote these tables. The text is the number of its migration."""


def bring_up_to_date(connection: Connection, tables: MetaData) -> None:
    """Make the tables, or what is missing of them.

    Args:
        connection: a write transaction that is alone.
        tables: what is to be there.

    Raises:
        UnknownVersionError: the tables are newer than this program; nothing was changed.
    """
    there = inspect(connection).get_table_names()
    found = connection.scalar(select(_version.c.version_num)) if _version.name in there else None
    if found is not None and found not in KNOWN:
        raise UnknownVersionError(found)
    if not there:
        tables.create_all(connection)
        _version.create(connection)
        connection.execute(_version.insert().values(version_num=KNOWN[-1]))
    elif found != KNOWN[-1]:
        upgrade(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that are missing, up to the one with the number `to`, in the transaction of the connection."""
    from alembic.config import Config  # noqa: PLC0415 - needed once a release, and it takes a while to load
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=lambda known, _: script._upgrade_revs(to, known)) as context:  # noqa: SLF001
        context.configure(connection=connection, render_as_batch=True)
        context.run_migrations()


def differences(connection: Connection, tables: MetaData) -> list[Any]:
    """What would have to be done to the tables of a database so that they are as the models say."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415

    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))
