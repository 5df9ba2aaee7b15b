"""The table of labelled events. Imported by the records, so that it is made with the others."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from ingest.schema import metadata

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("hall", String(64), nullable=False),
    Column("floor", String(64), nullable=False),
    Column("node", String(64), nullable=False),
    Column("label", String(16), nullable=False, comment="false_alarm"),
    Column("snapshot", Text, comment="the picture, a file of the box, which keeps it among its false_alarms"),
    Column("by", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Index("labels_by_node", "hall", "floor", "node", "id"),
    comment="Events of which somebody said what they were: labelled data; the pictures lie on the boxes",
    sqlite_autoincrement=True,
)
