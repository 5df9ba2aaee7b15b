"""What changed last, by number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "change_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1: there is one row"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of the newest change"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "changes",
        sa.Column("kind", sa.String(length=8), nullable=False, comment="incident or node"),
        sa.Column("key", sa.String(length=256), nullable=False, comment="event_id, or hall/floor/node"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of its newest change"),
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
        comment="When each incident and node changed last, in the order of commits",
    )
    op.create_index("changes_by_number", "changes", ["number"], unique=True)
