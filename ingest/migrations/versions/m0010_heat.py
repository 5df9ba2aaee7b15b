"""Where people were, per square metre of the plan and ten minutes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """From 0009."""
    op.create_table(
        "heat",
        sa.Column("hall", sa.String(64), nullable=False),
        sa.Column("floor", sa.String(64), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False, comment="Unix seconds, of ten minutes"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="person-seconds by cell of the plan, see ingest.heat"
        ),
        sa.PrimaryKeyConstraint("hall", "floor", "node", "start"),
    )
    op.create_index("heat_by_time", "heat", ["start"])
