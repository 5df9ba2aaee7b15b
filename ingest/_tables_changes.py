"""Tables of what changed last. Imported by the records, so that they are made with the others."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from ingest.schema import metadata

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1: there is one row"),
    Column("number", BigInteger, nullable=False, comment="of the newest change"),
)

changes = Table(
    "changes",
    metadata,
    Column("kind", String(8), primary_key=True, comment="incident or node"),
    Column("key", String(256), primary_key=True, comment="event_id, or hall/floor/node"),
    Column("number", BigInteger, nullable=False, comment="of its newest change"),
    Column("hall", String(64), nullable=False),
    Index("changes_by_number", "number", unique=True),
    comment="When each incident and node changed last, in the order of commits",
)
