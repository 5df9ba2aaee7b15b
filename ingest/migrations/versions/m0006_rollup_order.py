"""Roll-ups of several processes are summed in the order in which boxes said it; what is early waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """From 0005."""
    with op.batch_alter_table("rollup_open") as rollup_open:
        comment = "the state that holds, where it is not that of the node"
        rollup_open.add_column(sa.Column("held", sa.LargeBinary(), comment=comment))
        comment = "of the newest message that is summed"
        rollup_open.add_column(sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0", comment=comment))
    op.create_table(
        "rollup_waiting",
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hall", "floor", "node", "boot", "seq"),
        comment="Messages that are summed when those before them are; see ingest._rollup_order",
    )
    op.create_index("rollup_waiting_by_time", "rollup_waiting", ["received_at"])
