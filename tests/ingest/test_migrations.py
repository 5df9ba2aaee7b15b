"""Tables as the models say, as the migrations make them, and as older releases left them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool, create_engine, inspect, select, text

import ingest.records  # it knows all tables
from hall.errors import RecordsError
from ingest import migrations, schema
from ingest._paging import Part
from ingest.history import steps_of
from ingest.incidents import load_incidents
from ingest.reader import Reader
from ingest.records import Records
from ingest.ticket_sums import TicketRollup


def _assert_agrees(connection: Connection) -> None:
    assert migrations.differences(connection, schema.metadata) == []


def _version(records: Records) -> str:
    with records.reading() as connection:
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def test_the_migrations_make_what_the_models_say_on_sqlite() -> None:
    with create_engine("sqlite://").begin() as connection:
        migrations.upgrade(connection)
        _assert_agrees(connection)
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == migrations.KNOWN[-1:]
        triggers = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY 1")).all()
    assert triggers == ["audit_no_delete", "audit_no_update"]


def test_the_migrations_make_what_the_models_say_on_postgresql(empty_database: str) -> None:
    with create_engine(empty_database, poolclass=NullPool).begin() as connection:
        migrations.upgrade(connection)
        _assert_agrees(connection)
        assert connection.scalars(text("SELECT tgname FROM pg_trigger WHERE tgname = 'audit_kept'")).all()


def test_new_records_are_those_of_the_models(records: Records) -> None:
    with records.reading() as connection:
        _assert_agrees(connection)
    assert _version(records) == migrations.KNOWN[-1]


def test_records_from_before_there_were_migrations_get_what_they_lack(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/records.db")
    with engine.begin() as connection:
        for table in (schema.stays, schema.seen, schema.meta):
            table.create(connection)
        connection.execute(schema.meta.insert().values(key="schema", value="1"))
    engine.dispose()
    records = Records(f"sqlite:///{tmp_path}/records.db")
    assert _version(records) == migrations.KNOWN[-1]
    with records.reading() as connection:
        assert set(schema.metadata.tables) <= set(inspect(connection).get_table_names())
        assert connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == "schema")) == "1"
    records.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_tickets_from_before_they_were_summed_are_counted(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/records.db" if kind == "sqlite" else request.getfixturevalue("empty_database")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        migrations.upgrade(connection, "0010")
        for values in (
            "('h', '2026-01-05', 'A1', 'f', 'z', 7200, 7260.5, 7300, 7400, 7200)",
            "('h', '2026-01-05', 'A2', 'f', 'z', 7210, 7270, 7270, NULL, 7210)",
            "('h', '2026-01-05', 'A3', NULL, NULL, NULL, 7199, 7199, NULL, 7199)",  # nobody told when it was taken
        ):
            columns = "hall, day, ticket, floor, zone, taken_at, called_at, last_called_at, done_at, first_at"
            connection.execute(text(f"INSERT INTO tickets ({columns}) VALUES {values}"))
    records = Records(url)
    hours = Reader(records).ticket_rollup_page(Part(), "hour", 0, 86_400, halls=None).items
    minutes = Reader(records).ticket_rollup_page(Part(), "minute", 7200, 86_400, halls=None).items
    records.close()
    engine.dispose()
    assert hours == [
        TicketRollup("h", None, None, 3600, taken=0, called=1, missed=0, done=0, waits=0, wait_s=0),
        TicketRollup("h", "f", "z", 7200, taken=2, called=2, missed=0, done=1, waits=2, wait_s=120.5),
    ]
    assert [(one.start, one.taken, one.called, one.done) for one in minutes] == [
        (7200, 2, 0, 0),
        (7260, 0, 2, 0),
        (7380, 0, 0, 1),
    ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_who_acknowledged_before_there_was_a_history_is_not_forgotten(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/records.db" if kind == "sqlite" else request.getfixturevalue("empty_database")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        connection.execute(
            text(
                "INSERT INTO incidents (event_id, hall, floor, node, rule, subject, severity, status, openings,"
                " started_at, raised_at, last_raised_at, latest_at, latest_rank, elapsed_s, unknown_s, limit_s, detail)"
                " VALUES ('e', 'h', 'f', 'n', 'clerk_absent', 'window/w', 'warning', 'open', 2,"
                " 0, 0, 0, 0, 0, 0, 0, 0, :detail)"
            ),
            {"detail": b"{}"},
        )
        connection.execute(text("INSERT INTO acknowledgements VALUES ('e', 1, 'old', 5.0), ('e', 2, 'li', 7.0)"))
    records = Records(url)
    with records.reading() as connection:
        incident = load_incidents(connection, ["e"])["e"]
        assert (incident.acknowledged_by, incident.acknowledged_at, incident.status) == ("li", 7.0, "acknowledged")
        steps = [(step.actor, step.at, step.opening) for step in steps_of(connection, "e")]
    assert steps == [("old", 5.0, 1), ("li", 7.0, 2)]
    records.close()
    engine.dispose()


def test_records_of_a_newer_release_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    records = Records(url)
    with records.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    records.close()
    with pytest.raises(RecordsError, match=f"schema 9999; expected {migrations.KNOWN[-1]} at most"):
        ingest.records.Records(url)
