"""The statements that each database spells in its own way. Nobody else imports a dialect.

Rows are written in the order of their primary keys: two processes that write the same rows then wait for each other
in one direction only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_Insert = sqlite.Insert | postgresql.Insert


def upsert(
    connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]], *, columns: Collection[str] | None = None
) -> None:
    """Write rows over those with the same primary key.

    Args:
        connection: in a write transaction.
        table: whose primary key tells rows apart.
        rows: each with the primary key and the same columns; none does nothing.
        columns: what is overwritten; by default everything but the primary key.
    """
    if not (ordered := _ordered(table, rows)):
        return
    names = tuple(ordered[0] if columns is None else columns)
    connection.execute(_upsert(connection.dialect.name, table, names), ordered)


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...]) -> _Insert:
    """There are few, and each takes longer to make than a few rows to write."""
    statement = _insert(dialect, table)
    keys = {column.name for column in table.primary_key}
    values = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def add_up(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add numbers to those of the rows with the same primary key, where there are some.

    Args:
        connection: in a write transaction.
        table: all its other columns are numbers.
        rows: each with all columns; none does nothing.
    """
    if ordered := _ordered(table, rows):
        connection.execute(_add_up(connection.dialect.name, table), ordered)


@cache
def _add_up(dialect: str, table: Table) -> _Insert:
    statement = _insert(dialect, table)
    values = {c.name: c + statement.excluded[c.name] for c in table.c if not c.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def insert_ignore(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows, but for those that a unique key of the table is in the way of.

    Args:
        connection: in a write transaction.
        table: where to.
        rows: all with the same columns; none does nothing.
    """
    if ordered := _ordered(table, rows):
        connection.execute(_insert(connection.dialect.name, table).on_conflict_do_nothing(), ordered)


def count_up(connection: Connection, table: Table, key: Mapping[str, Any], column: str, by: int) -> int:
    """Add to a number, which begins at 0, and return the sum. Until the transaction ends, others wait.

    Args:
        connection: in a write transaction.
        table: has no other columns that need a value.
        key: the primary key of the row.
        column: where the number is.
        by: what is added.
    """
    statement = _insert(connection.dialect.name, table).values(**key, **{column: by})
    added = statement.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={column: table.c[column] + statement.excluded[column]}
    )
    return int(connection.execute(added.returning(table.c[column])).scalar_one())


def claim(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Write a row, but where a unique key of the table is in the way; whether it was written.

    Of several processes that claim the same, one is told so: the others wait until its transaction has ended.

    Args:
        connection: in a write transaction.
        table: where to.
        row: what.
    """
    put = _insert(connection.dialect.name, table).values(**row).on_conflict_do_nothing()
    return connection.execute(put.returning(*table.primary_key)).first() is not None


def _insert(dialect: str, table: Table) -> _Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _ordered(table: Table, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    keys = [column.name for column in table.primary_key]
    found = [dict(row) for row in rows]
    if found and all(key in found[0] for key in keys):
        found.sort(key=lambda row: [row[key] for key in keys])
    return found
