"""Events of which somebody said what they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """From 0008."""
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False, unique=True),
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("floor", sa.String(64), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("label", sa.String(16), nullable=False, comment="false_alarm"),
        sa.Column(
            "snapshot",
            sa.Text(),
            nullable=True,
            comment="the picture, a file of the box, which keeps it among its false_alarms",
        ),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="Events of which somebody said what they were: labelled data; the pictures lie on the boxes",
        sqlite_autoincrement=True,
    )
    op.create_index("labels_by_node", "labels", ["hall", "floor", "node", "id"])
