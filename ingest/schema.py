"""The tables of the records. Instants are Unix seconds, UTC; bodies are kept as the JSON they came in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

nodes = Table(
    "nodes",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("boot", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_at", Float, nullable=False),
    Column("version", Text, nullable=False),
    Column("online_at", Float, comment="captured_at of the newest; likewise the others"),
    Column("online_before", Float, comment="of the one before"),
    Column("stopped_at", Float),
    Column("offline_at", Float, comment="of the newest last will, which is as old as its connection"),
    Column("seen_at", Float, nullable=False),
    Column("heard_at", Float, comment="when the centre heard it last, by its own clock"),
    Column("state_at", Float),
    Column("state", LargeBinary),
    Column("health_at", Float),
    Column("health", LargeBinary),
)

incidents = Table(
    "incidents",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("hall", String(64), nullable=False),
    Column("floor", String(64), nullable=False),
    Column("node", String(64), nullable=False),
    Column("rule", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("openings", Integer, nullable=False, comment="1, and one more for each time it opened again"),
    Column("started_at", Float, nullable=False),
    Column("raised_at", Float, nullable=False, comment="captured_at of its first message"),
    Column("last_raised_at", Float, nullable=False, comment="captured_at of its newest raised message"),
    Column("last_cleared_at", Float, comment="captured_at of its newest cleared message"),
    Column("ended_at", Float, comment="what that message says when it ended"),
    Column("reason", String(32)),
    Column("latest_at", Float, nullable=False, comment="captured_at of the message the figures are from"),
    Column("latest_rank", Integer, nullable=False),
    Column("elapsed_s", Float, nullable=False),
    Column("unknown_s", Float, nullable=False),
    Column("limit_s", Float, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Column("snapshot", Text, comment="the picture of it, a file of its box"),
    Column("opened_at", Float, comment="when the centre learned that it opened, last"),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Float),
    Column("assigned_to", Text),
    Column("chain", String(64), comment="the escalation chain it goes by"),
    Column("level", Integer, nullable=False, server_default="0", comment="steps of the chain that were taken"),
    Column("escalated_at", Float),
    Column("next_at", Float, comment="when the next step is due"),
    Column("closed_by", Text),
    Column("closed_at", Float),
    Column("label", String(16), comment="false_alarm"),
    Column("appeal", String(16), comment="pending, upheld or rejected"),
    Column("head", String(64), comment="the incident that this one is a consequence of"),
    Index("incidents_by_time", "raised_at"),
    Index("incidents_due", "next_at"),
    Index("incidents_by_head", "head"),
    Index("incidents_by_node", "hall", "floor", "node", "latest_at"),
    Index("incidents_by_status", "status", "raised_at"),
)

incident_steps = Table(
    "incident_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("opening", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("actor", String(64), nullable=False, comment="empty for what happened by itself"),
    Column("note", Text, nullable=False),
    Column("detail", LargeBinary, nullable=False, comment="JSON"),
    Column("key", String(64), comment="of a request that may come twice"),
    UniqueConstraint("event_id", "key"),
    Index("incident_steps_by_incident", "event_id", "id"),
    comment="The history of each incident; rows are only added",
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String(64), primary_key=True),
    Column("hall", String(64), nullable=False),
    Column("floor", String(64), nullable=False),
    Column("node", String(64), nullable=False),
    Column("window", String(64), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("unknown_s", Float, nullable=False),
    Column("overtime", Boolean, nullable=False),
    Index("sessions_by_window", "hall", "floor", "window", "ended_at"),
)

stays = Table(
    "stays",
    metadata,
    Column("stay_id", String(64), primary_key=True),
    Column("hall", String(64), nullable=False),
    Column("floor", String(64), nullable=False),
    Column("node", String(64), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("unknown_s", Float, nullable=False),
    Column("ended", String(16), nullable=False),
    Index("stays_by_zone", "hall", "floor", "zone", "ended_at"),
)

seen = Table(
    "seen",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("ranges", Text, nullable=False, comment="[first, last] pairs of the numbers that were counted"),
    Column("updated_at", Float, nullable=False),
    comment="Which messages were counted, so that none counts twice",
)

rollups = Table(
    "rollups",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("period", String(8), primary_key=True, comment="minute or hour"),
    Column("start", BigInteger, primary_key=True, comment="Unix seconds"),
    Column("body", LargeBinary, nullable=False, comment="sums of its windows and zones, see ingest.rollups"),
    Index("rollups_by_time", "period", "start"),
)

rollup_open = Table(
    "rollup_open",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("boot", String(64), nullable=False),
    Column("at", Float, nullable=False, comment="up to when it is summed"),
    Column("held_at", Float, comment="when the state was captured that holds; it is that of the node"),
    Column("start", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("held", LargeBinary, comment="the state that holds, where it is not that of the node"),
    Column("seq", BigInteger, nullable=False, server_default="0", comment="of the newest message that is summed"),
    comment="The minute of each node that is not over",
)

rollup_waiting = Table(
    "rollup_waiting",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("boot", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Index("rollup_waiting_by_time", "received_at"),
    comment="Messages that are summed when those before them are; see ingest._rollup_order",
)

heat = Table(
    "heat",
    metadata,
    Column("hall", String(64), primary_key=True),
    Column("floor", String(64), primary_key=True),
    Column("node", String(64), primary_key=True),
    Column("start", BigInteger, primary_key=True, comment="Unix seconds, of ten minutes"),
    Column("body", LargeBinary, nullable=False, comment="person-seconds by cell of the plan, see ingest.heat"),
    Index("heat_by_time", "start"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received_at", Float, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False, comment="of the whole payload"),
    Column("payload", LargeBinary, nullable=False, comment="its first 4 kB"),
    sqlite_autoincrement=True,
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("opening", Integer, nullable=False),
    Column("channel", String(16), nullable=False, comment="digest of its address, which holds secrets"),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("next_at", Float, nullable=False, comment="not to be tried before"),
    Column("attempts", Integer, nullable=False),
    Column("status", String(16), nullable=False, comment="waiting, sent, merged (a later one said it, too) or failed"),
    Column("held_until", Float, comment="where it waits for its receiver's hours, or for more of its kind"),
    Column("done_at", Float),
    Column("claimed_by", Text, comment="the process that sends it now, of several"),
    Column("claimed_at", Float),
    UniqueConstraint("event_id", "phase", "opening", "channel"),
    Index("alerts_waiting", "status", "channel", "id"),
    sqlite_autoincrement=True,
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Index("alert_messages_by_time", "channel", "at"),
    comment="When messages were sent, or refused, of the last hour, so that a channel is not given too many",
    sqlite_autoincrement=True,
)

used_links = Table(
    "used_links",
    metadata,
    Column("alert", Integer, primary_key=True, autoincrement=False, comment="the one whose message had the link"),
    Column("used_at", Float, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("share", String(64), nullable=False, comment="the group"),
    Column("started_at", Float, nullable=False),
    comment="Processes that share the work, and have a session at the broker",
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
