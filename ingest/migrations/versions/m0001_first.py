"""The tables as they were before there were migrations; of records from then, what they lack."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "acknowledgements",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("opening", sa.Integer(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "opening"),
        comment="Who said first that they see to an incident, once for each opening",
        if_not_exists=True,
    )
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="When messages were sent, or refused, of the last hour, so that a channel is not given too many",
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("alert_messages_by_time", "alert_messages", ["channel", "at"], if_not_exists=True)
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("opening", sa.Integer(), nullable=False),
        sa.Column(
            "channel", sa.String(length=16), nullable=False, comment="digest of its address, which holds secrets"
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False, comment="not to be tried before"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.String(length=16),
            nullable=False,
            comment="waiting, sent, merged (a later one said it, too) or failed",
        ),
        sa.Column("done_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "phase", "opening", "channel"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index("alerts_waiting", "alerts", ["status", "channel", "id"], if_not_exists=True)
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="1 and on, without a gap"),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("previous", sa.String(length=64), nullable=False, comment="hash of the row before"),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="see ingest.audit"),
        sa.PrimaryKeyConstraint("seq"),
        if_not_exists=True,
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False, comment="of the whole payload"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="its first 4 kB"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "incidents",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False, comment="1, and one more for each time it opened again"),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("raised_at", sa.Float(), nullable=False, comment="captured_at of its first message"),
        sa.Column("last_raised_at", sa.Float(), nullable=False, comment="captured_at of its newest raised message"),
        sa.Column("last_cleared_at", sa.Float(), nullable=True, comment="captured_at of its newest cleared message"),
        sa.Column("ended_at", sa.Float(), nullable=True, comment="what that message says when it ended"),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("latest_at", sa.Float(), nullable=False, comment="captured_at of the message the figures are from"),
        sa.Column("latest_rank", sa.Integer(), nullable=False),
        sa.Column("elapsed_s", sa.Float(), nullable=False),
        sa.Column("unknown_s", sa.Float(), nullable=False),
        sa.Column("limit_s", sa.Float(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        if_not_exists=True,
    )
    op.create_index("incidents_by_status", "incidents", ["status", "raised_at"], if_not_exists=True)
    op.create_index("incidents_by_time", "incidents", ["raised_at"], if_not_exists=True)
    op.create_table(
        "keys",
        sa.Column(
            "digest", sa.String(length=64), nullable=False, comment="SHA-256 of the key; the key itself is nowhere"
        ),
        sa.Column("id", sa.String(length=16), nullable=False, comment="by which people name it"),
        sa.Column("user", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="session or token"),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("id"),
        if_not_exists=True,
    )
    op.create_index("keys_by_user", "keys", ["user", "kind"], if_not_exists=True)
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        if_not_exists=True,
    )
    op.create_table(
        "nodes",
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("status_at", sa.Float(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("state_at", sa.Float(), nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=True),
        sa.Column("health_at", sa.Float(), nullable=True),
        sa.Column("health", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("hall", "floor", "node"),
        if_not_exists=True,
    )
    op.create_table(
        "rollup_open",
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("at", sa.Float(), nullable=False, comment="up to when it is summed"),
        sa.Column(
            "held_at",
            sa.Float(),
            nullable=True,
            comment="when the state was captured that holds; it is that of the node",
        ),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hall", "floor", "node"),
        comment="The minute of each node that is not over",
        if_not_exists=True,
    )
    op.create_table(
        "rollups",
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False, comment="minute or hour"),
        sa.Column("start", sa.BigInteger(), nullable=False, comment="Unix seconds"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="sums of its windows and zones, see ingest.rollups"
        ),
        sa.PrimaryKeyConstraint("hall", "floor", "node", "period", "start"),
        if_not_exists=True,
    )
    op.create_index("rollups_by_time", "rollups", ["period", "start"], if_not_exists=True)
    op.create_table(
        "seen",
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False, comment="[first, last] pairs of the numbers that were counted"),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hall", "floor", "node", "boot"),
        comment="Which messages were counted, so that none counts twice",
        if_not_exists=True,
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("window", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("unknown_s", sa.Float(), nullable=False),
        sa.Column("overtime", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("session_id"),
        if_not_exists=True,
    )
    op.create_index("sessions_by_window", "sessions", ["hall", "floor", "window", "ended_at"], if_not_exists=True)
    op.create_table(
        "stays",
        sa.Column("stay_id", sa.String(length=64), nullable=False),
        sa.Column("hall", sa.String(length=64), nullable=False),
        sa.Column("floor", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("unknown_s", sa.Float(), nullable=False),
        sa.Column("ended", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("stay_id"),
        if_not_exists=True,
    )
    op.create_index("stays_by_zone", "stays", ["hall", "floor", "zone", "ended_at"], if_not_exists=True)
    op.create_table(
        "used_links",
        sa.Column(
            "alert", sa.Integer(), autoincrement=False, nullable=False, comment="the one whose message had the link"
        ),
        sa.Column("used_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("alert"),
        if_not_exists=True,
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("halls", sa.Text(), nullable=True, comment="JSON list of ids; null: every hall"),
        sa.Column("password", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("must_change", sa.Boolean(), nullable=False, comment="the password was made by hallwatch"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    _keep_audit()


def _keep_audit() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER IF NOT EXISTS audit_no_{change.lower()} BEFORE {change} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"
            )
