from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from cli.main import app
from hall.errors import RecordsError
from ingest import _tables_users, audit
from ingest._paging import Part
from ingest.records import Records
from tests.support.centre import T0


@pytest.fixture
def log(records: Records) -> Records:
    """Five rows."""
    for n in range(1, 6):
        with records.writing() as connection:
            audit.append(connection, "li", "user.add", f"user/{n}", {"名": n}, T0 + n)
    return records


def _verify(records: Records, expected: str | None = None) -> audit.Verdict:
    with records.reading() as connection:
        return audit.verify(connection, expected=expected)


def _tamper(records: Records, *statements: str) -> None:
    """As somebody with the file would: without the triggers."""
    with records.writing() as connection:
        for trigger in ("audit_no_update", "audit_no_delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        for statement in statements:
            connection.execute(text(statement))


def test_a_whole_log(log: Records) -> None:
    found = _verify(log)
    assert (found.rows, found.faults, found.end.partition(":")[0]) == (5, [], "5")
    assert _verify(log, found.end).faults == []
    with log.reading() as connection:
        newest = audit.rows(connection, limit=2)
        older = audit.page(connection, Part(2, after=audit.page(connection, Part(2)).last)).items
    assert [row.seq for row in (*newest, *older)] == [5, 4, 3, 2]
    assert newest[0] == audit.AuditRow(5, T0 + 5, "li", "user.add", "user/5", {"名": 5})


def test_an_empty_log_is_whole(records: Records) -> None:
    assert _verify(records) == audit.Verdict(0, "0:" + "0" * 64, [])


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'wang'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_or_delete(log: Records, change: str) -> None:
    with pytest.raises(RecordsError, match="only ever added"), log.writing() as connection:
        connection.execute(text(change))
    assert _verify(log).rows == 5


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'wang'", "DELETE FROM audit", "TRUNCATE audit"])
def test_so_does_a_server(database: str, change: str) -> None:
    log = Records(database)
    with log.writing() as connection:
        audit.append(connection, "li", "user.add", "user/wang", {}, T0)
    with pytest.raises(RecordsError, match="only ever added"), log.writing() as connection:
        connection.execute(text(change))
    assert _verify(log).rows == 1
    log.close()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET actor = 'wang' WHERE seq = 3", "row 3: was changed"),
        ("UPDATE audit SET at = at + 0.001 WHERE seq = 5", "row 5: was changed"),
        ("UPDATE audit SET detail = '{}' WHERE seq = 1", "row 1: was changed"),
        ("DELETE FROM audit WHERE seq = 3", "row 3: is missing"),
        ("DELETE FROM audit WHERE seq = 1", "row 1: is missing"),
        ("DELETE FROM audit WHERE seq >= 4", "rows 4 to 5: are missing"),
        ("DELETE FROM audit", "rows 1 to 5: are missing"),
        (
            "INSERT INTO audit SELECT 6, at, actor, action, subject, detail, hash, hash FROM audit WHERE seq = 5",
            "row 6",
        ),
        (
            "INSERT INTO audit SELECT 0, at, actor, action, subject, detail, hash, hash FROM audit WHERE seq = 5",
            "row 0",
        ),
    ],
)
def test_what_was_changed_removed_or_put_in_is_named(log: Records, statement: str, fault: str) -> None:
    _tamper(log, statement)
    (first, *_) = _verify(log).faults
    assert first.startswith(fault)


def test_a_row_reckoned_anew_does_not_fit_its_neighbour(log: Records) -> None:
    with log.reading() as connection:
        row = dict(
            connection.execute(select(_tables_users.audit).where(_tables_users.audit.c.seq == 3)).mappings().one()
        )
    forged = audit._hash({**row, "actor": "wang"})
    _tamper(log, f"UPDATE audit SET actor = 'wang', hash = '{forged}' WHERE seq = 3")
    assert _verify(log).faults == ["row 4: does not follow row 3; one of them was put in or written anew"]


def test_a_log_reckoned_anew_as_a_whole_is_found_by_an_end_kept_elsewhere(log: Records) -> None:
    kept = _verify(log).end
    _tamper(log, "DELETE FROM audit", "DELETE FROM meta WHERE key = 'audit'")
    for n in range(1, 7):
        with log.writing() as connection:
            audit.append(connection, "wang", "user.add", f"user/{n}", {}, T0 + n)
    assert _verify(log).faults == []
    assert "written anew" in _verify(log, kept).faults[0]


def test_a_row_goes_with_its_transaction(log: Records) -> None:
    def fail() -> None:
        with log.writing() as connection:
            audit.append(connection, "li", "user.add", "user/6", {}, T0)
            connection.execute(text("no SQL"))

    with pytest.raises(RecordsError):
        fail()
    assert _verify(log).rows == 5


def test_the_commands(log: Records, tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/records.db"
    run = CliRunner().invoke
    shown = run(app, ["audit", "show", "--records", address, "--limit", "1"])
    assert (shown.exit_code, shown.output.split()[:2]) == (0, ["5", "2026-01-05T01:00:05.000Z"])
    assert run(app, ["audit", "verify", "--records", address]).output.startswith("5 rows, whole; the end is 5:")
    _tamper(log, "DELETE FROM audit WHERE seq = 2")
    broken = run(app, ["audit", "verify", "--records", address])
    assert "row 2: is missing" in str(broken.exception)
