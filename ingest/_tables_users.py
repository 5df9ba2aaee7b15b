"""Tables of who may do what, and of what was done. Imported by the records, so that they are made with the others."""

from __future__ import annotations

from sqlalchemy import DDL, Boolean, Column, Float, Index, Integer, String, Table, Text, event

from ingest.schema import metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="1 and on, without a gap"),
    Column("at", Float(53), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("detail", Text, nullable=False, comment="JSON"),
    Column("previous", String(64), nullable=False, comment="hash of the row before"),
    Column("hash", String(64), nullable=False, comment="see ingest.audit"),
)

for _change in ("UPDATE", "DELETE"):
    _trigger = DDL(  # type: ignore[no-untyped-call]
        f"CREATE TRIGGER audit_no_{_change.lower()} BEFORE {_change} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"
    )
    event.listen(audit, "after_create", _trigger.execute_if(dialect="sqlite"))
for _text in (
    "CREATE OR REPLACE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$",
    "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()",
):
    _trigger = DDL(_text)  # type: ignore[no-untyped-call]
    event.listen(audit, "after_create", _trigger.execute_if(dialect="postgresql"))

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("halls", Text, comment="JSON list of ids; null: every hall"),
    Column("password", Text, nullable=False, comment="argon2id"),
    Column("must_change", Boolean, nullable=False, comment="the password was made by hallwatch"),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Float(53), nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("digest", String(64), primary_key=True, comment="SHA-256 of the key; the key itself is nowhere"),
    Column("id", String(16), nullable=False, unique=True, comment="by which people name it"),
    Column("user", String(64), nullable=False),
    Column("kind", String(8), nullable=False, comment="session or token"),
    Column("name", String(64), nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("expires_at", Float(53), nullable=False),
    Index("keys_by_user", "user", "kind"),
)
