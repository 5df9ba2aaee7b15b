"""What several processes need: who sends an alert, and when boxes came and went. PostgreSQL keeps the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From 0002."""
    with op.batch_alter_table("alerts") as alerts:
        alerts.add_column(sa.Column("claimed_by", sa.Text(), comment="the process that sends it now, of several"))
        alerts.add_column(sa.Column("claimed_at", sa.Float()))
    with op.batch_alter_table("nodes") as nodes:
        nodes.add_column(sa.Column("online_at", sa.Float(), comment="captured_at of the newest; likewise the others"))
        nodes.add_column(sa.Column("online_before", sa.Float(), comment="of the one before"))
        nodes.add_column(sa.Column("stopped_at", sa.Float()))
        comment = "of the newest last will, which is as old as its connection"
        nodes.add_column(sa.Column("offline_at", sa.Float(), comment=comment))
    for status in ("online", "stopped", "offline"):
        op.execute(f"UPDATE nodes SET {status}_at = status_at WHERE status = '{status}'")  # noqa: S608 - three words
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()"
        )
