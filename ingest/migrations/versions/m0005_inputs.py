"""Duty commands, tickets, ratings, and the memory of the rules that the centre judges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "requests",
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(64), nullable=False, comment="the sender's"),
        sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of what was asked"),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("hall", "kind", "key"),
        comment="Which requests were taken, so that none counts twice",
    )
    op.create_index("requests_by_time", "requests", ["at"])
    op.create_table(
        "duty",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("floor", sa.String(64), nullable=False),
        sa.Column("window", sa.String(64), nullable=False),
        sa.Column("duty", sa.String(16), nullable=False, comment="open, paused or leave"),
        sa.Column("since", sa.Float(53), nullable=False),
        sa.Column("until", sa.Float(53), nullable=True),
        sa.Column("by", sa.String(64), nullable=False, comment="an account or a device"),
        sa.Column("received_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("duty_by_window", "duty", ["hall", "window", "since"])
    _make_tickets()
    op.create_table(
        "rule_states",
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="JSON"),
        sa.Column("updated_at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("hall", "rule", "subject"),
        comment="Memory of the rules that the centre judges",
    )


def _make_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False, comment="by which its numbers are counted"),
        sa.Column("ticket", sa.String(16), nullable=False),
        sa.Column("floor", sa.String(64), nullable=True),
        sa.Column("zone", sa.String(64), nullable=True, comment="where its holder waits"),
        sa.Column("service", sa.String(32), nullable=True),
        sa.Column("window", sa.String(64), nullable=True, comment="of its newest call"),
        sa.Column("taken_at", sa.Float(53), nullable=True),
        sa.Column("called_at", sa.Float(53), nullable=True, comment="first"),
        sa.Column("last_called_at", sa.Float(53), nullable=True),
        sa.Column("done_at", sa.Float(53), nullable=True),
        sa.Column("first_at", sa.Float(53), nullable=False, comment="the earliest of these"),
        sa.PrimaryKeyConstraint("hall", "day", "ticket"),
    )
    op.create_index("tickets_by_time", "tickets", ["hall", "first_at"])
    op.create_index("tickets_by_call", "tickets", ["hall", "last_called_at"])
    op.create_table(
        "ratings",
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("floor", sa.String(64), nullable=False),
        sa.Column("window", sa.String(64), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False, comment="1 to 5"),
        sa.Column("ticket", sa.String(16), nullable=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("hall", "key"),
    )
    op.create_index("ratings_by_time", "ratings", ["hall", "at"])
