"""When a box was last heard, by the clock of the centre; which incidents are those of a box."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """From 0007."""
    heard = sa.Column("heard_at", sa.Float(), nullable=True, comment="when the centre heard it last, by its own clock")
    op.add_column("nodes", heard)
    op.create_index("incidents_by_node", "incidents", ["hall", "floor", "node", "latest_at"])
