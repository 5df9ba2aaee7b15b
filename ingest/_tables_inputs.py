"""Tables of what other systems of a hall say. Imported by the records, so that they are made with the others."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table

from ingest.schema import metadata

requests = Table(
    "requests",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(64), primary_key=True, comment="the sender's"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of what was asked"),
    Column("at", Float(53), nullable=False),
    Index("requests_by_time", "at"),
    comment="Which requests were taken, so that none counts twice",
)

duty = Table(
    "duty",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hall", String(64), nullable=False),
    Column("floor", String(64), nullable=False),
    Column("window", String(64), nullable=False),
    Column("duty", String(16), nullable=False, comment="open, paused or leave"),
    Column("since", Float(53), nullable=False),
    Column("until", Float(53)),
    Column("by", String(64), nullable=False, comment="an account or a device"),
    Column("received_at", Float(53), nullable=False),
    Index("duty_by_window", "hall", "window", "since"),
    sqlite_autoincrement=True,
)

tickets = Table(
    "tickets",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("day", String(10), primary_key=True, comment="by which its numbers are counted"),
    Column("ticket", String(16), primary_key=True),
    Column("floor", String(64)),
    Column("zone", String(64), comment="where its holder waits"),
    Column("service", String(32)),
    Column("window", String(64), comment="of its newest call"),
    Column("taken_at", Float(53)),
    Column("called_at", Float(53), comment="first"),
    Column("last_called_at", Float(53)),
    Column("missed_at", Float(53), comment="last: nobody came to its call"),
    Column("done_at", Float(53)),
    Column("first_at", Float(53), nullable=False, comment="the earliest of these"),
    Index("tickets_by_time", "hall", "first_at"),
    Index("tickets_by_call", "hall", "last_called_at"),
)

ticket_rollups = Table(
    "ticket_rollups",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True, comment="empty where it is not known"),
    Column("zone", String(64), primary_key=True, comment="likewise"),
    Column("period", String(8), primary_key=True, comment="minute or hour"),
    Column("start", Integer, primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("called", Integer, nullable=False, comment="for the first time"),
    Column("missed", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("waits", Integer, nullable=False, comment="how many waits are in wait_s"),
    Column("wait_s", Float(53), nullable=False),
    Index("ticket_rollups_by_time", "period", "start"),
    comment="What happened to tickets, by minute and hour",
)

ratings = Table(
    "ratings",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("floor", String(64), nullable=False),
    Column("window", String(64), nullable=False),
    Column("score", Integer, nullable=False, comment="1 to 5"),
    Column("ticket", String(16)),
    Column("at", Float(53), nullable=False),
    Index("ratings_by_time", "hall", "at"),
)

rule_states = Table(
    "rule_states",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("rule", String(32), primary_key=True),
    Column("subject", String(128), primary_key=True),
    Column("state", LargeBinary, nullable=False, comment="JSON"),
    Column("updated_at", Float(53), nullable=False),
    comment="Memory of the rules that the centre judges",
)
