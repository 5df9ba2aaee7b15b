"""Incidents hold what people did about them, and have a history; alerts may be held back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COLUMNS = (
    sa.Column("snapshot", sa.Text(), nullable=True, comment="the picture of it, a file of its box"),
    sa.Column("opened_at", sa.Float(), nullable=True, comment="when the centre learned that it opened, last"),
    sa.Column("acknowledged_by", sa.Text(), nullable=True),
    sa.Column("acknowledged_at", sa.Float(), nullable=True),
    sa.Column("assigned_to", sa.Text(), nullable=True),
    sa.Column("chain", sa.String(length=64), nullable=True, comment="the escalation chain it goes by"),
    sa.Column("level", sa.Integer(), nullable=False, server_default="0", comment="steps of the chain that were taken"),
    sa.Column("escalated_at", sa.Float(), nullable=True),
    sa.Column("next_at", sa.Float(), nullable=True, comment="when the next step is due"),
    sa.Column("closed_by", sa.Text(), nullable=True),
    sa.Column("closed_at", sa.Float(), nullable=True),
    sa.Column("label", sa.String(length=16), nullable=True, comment="false_alarm"),
    sa.Column("appeal", sa.String(length=16), nullable=True, comment="pending, upheld or rejected"),
    sa.Column("head", sa.String(length=64), nullable=True, comment="the incident that this one is a consequence of"),
)

_TAKE_OVER = """
UPDATE incidents SET acknowledged_by = a.acknowledged_by, acknowledged_at = a.acknowledged_at,
status = CASE WHEN status = 'open' THEN 'acknowledged' ELSE status END
FROM acknowledgements AS a WHERE a.event_id = incidents.event_id AND a.opening = incidents.openings
"""
_HISTORY = """
INSERT INTO incident_steps (event_id, opening, at, kind, actor, note, detail)
SELECT event_id, opening, acknowledged_at, 'acknowledged', acknowledged_by, '', :nothing FROM acknowledgements
ORDER BY acknowledged_at, event_id
"""


def upgrade() -> None:
    """Add the columns and the history, and take over who acknowledged."""
    for column in _COLUMNS:
        op.add_column("incidents", column)
    op.create_index("incidents_due", "incidents", ["next_at"])
    op.create_index("incidents_by_head", "incidents", ["head"])
    op.add_column(
        "alerts",
        sa.Column(
            "held_until",
            sa.Float(),
            nullable=True,
            comment="where it waits for its receiver's hours, or for more of its kind",
        ),
    )
    op.create_table(
        "incident_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("opening", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False, comment="empty for what happened by itself"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False, comment="JSON"),
        sa.Column("key", sa.String(length=64), nullable=True, comment="of a request that may come twice"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "key"),
        comment="The history of each incident; rows are only added",
        sqlite_autoincrement=True,
    )
    op.create_index("incident_steps_by_incident", "incident_steps", ["event_id", "id"])
    op.execute(_TAKE_OVER)
    op.get_bind().execute(sa.text(_HISTORY), {"nothing": b"{}"})
    op.drop_table("acknowledgements")
