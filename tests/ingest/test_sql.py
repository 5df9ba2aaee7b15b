from __future__ import annotations

from sqlalchemy import select

from ingest._sql import insert_ignore, upsert
from ingest.records import Records
from ingest.schema import meta, seen


def _all(records: Records) -> dict[str, str]:
    with records.reading() as connection:
        rows = connection.execute(select(meta).where(meta.c.key.in_(["a", "b"])))
        return {row.key: row.value for row in rows}


def test_upsert_writes_over_what_is_there(records: Records) -> None:
    with records.writing() as connection:
        upsert(connection, meta, [{"key": "b", "value": "1"}, {"key": "a", "value": "1"}])
        upsert(connection, meta, [{"key": "a", "value": "2"}])
        upsert(connection, meta, [])
    assert _all(records) == {"a": "2", "b": "1"}


def test_upsert_writes_over_the_columns_that_are_named(records: Records) -> None:
    row = {"hall": "h", "floor": "f", "node": "n", "boot": "b", "ranges": "[]", "updated_at": 1.0}
    with records.writing() as connection:
        upsert(connection, seen, [row])
        upsert(connection, seen, [row | {"ranges": "[[1,2]]", "updated_at": 2.0}], columns=["ranges"])
        found = connection.execute(select(seen)).mappings().one()
    assert dict(found) == row | {"ranges": "[[1,2]]"}


def test_insert_ignore_keeps_what_is_there(records: Records) -> None:
    with records.writing() as connection:
        insert_ignore(connection, meta, [{"key": "a", "value": "1"}])
        insert_ignore(connection, meta, [{"key": "b", "value": "2"}, {"key": "a", "value": "2"}])
        insert_ignore(connection, meta, [])
    assert _all(records) == {"a": "1", "b": "2"}
