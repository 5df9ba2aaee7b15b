from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from typer.testing import CliRunner

from cli.main import app
from hall.clock import ManualClock, SystemClock
from hall.layout import Hall
from hall.messages import Message, encode
from ingest import schema
from ingest._tables_inputs import ticket_rollups
from ingest.arrivals import Arrival
from ingest.duty import duty_tables
from ingest.input_book import InputBook, Sender
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.records import Records
from ingest.retention import DAY_S, KINDS, forget
from tests.support.centre import T0, Numbered, a_session, a_state, an_event
from tests.support.rollups import read_rollups

NOW = T0 + 100 * DAY_S


def _take(records: Records, metrics: Metrics, messages: list[Message], now: float) -> None:
    intake = Intake(records, None, metrics, ManualClock(now))
    intake.take([Arrival.of(m.topic, encode(m), now) for m in messages])


def _rows(records: Records, table: str) -> int:
    with records.reading() as connection:
        return connection.scalar(select(func.count()).select_from(schema.metadata.tables[table])) or 0


@pytest.fixture
def old_and_new(records: Records, metrics: Metrics) -> Records:
    """An event that is over and one that is not, a session and a bad message, each of long ago and of now."""
    for at, boot in ((T0, "boot-1"), (NOW - 10, "boot-2")):
        node = Numbered(boot=boot)
        said = [
            node.message(at, an_event("raised", started_at=at)),
            node.message(at + 1, an_event("cleared", started_at=at)),
            node.message(at + 2, an_event("raised", started_at=at + 1, subject="window/w02")),
            node.message(at + 3, a_session(int(at - T0) // 100)),
            Numbered(boot="").message(at, a_state()),
        ]
        _take(records, metrics, said, at + 5)
    return records


def test_what_other_systems_said(records: Records, metrics: Metrics, hall: Hall) -> None:
    """The last command of a window holds, however old it is."""
    book = InputBook(records, None, metrics, clock := ManualClock(T0), Places(hall))
    for number, duty in enumerate(("open", "paused")):
        book.take("duty/set", f'{{"key": "{number}", "window": "w01", "duty": "{duty}"}}'.encode(), Sender("demo", "x"))
        clock.advance(60)
    book.take("rating", b'{"key": "1", "window": "w01", "score": 5}', Sender("demo", "x"))
    book.take("ticket", b'{"key": "1", "ticket": "A1", "event": "taken"}', Sender("demo", "x"))
    days = dict.fromkeys(("tickets", "ratings", "duty", "requests", "ticket_minutes"), 50.0)
    gone = {"ticket_minutes": 1, "tickets": 1, "ratings": 1, "duty": 1, "requests": 4}
    assert forget(records, NOW, days) == gone
    with records.reading() as connection:
        ((_, table),) = duty_tables(connection, NOW).items()
        periods = connection.scalars(select(ticket_rollups.c.period)).all()
    assert ([command.duty for command in table.commands], table.revision) == (["paused"], 2)
    assert periods == ["hour"]


def test_what_is_old_goes_and_what_is_open_stays(old_and_new: Records) -> None:
    records = old_and_new
    days = dict.fromkeys((kind.name for kind in KINDS), 50.0) | {"hours": 1000.0}
    would = forget(records, NOW, days, try_only=True)
    assert would == {
        "minutes": 1,
        "ticket_minutes": 0,
        "ticket_hours": 0,
        "hours": 0,
        "heat": 0,
        "sessions": 1,
        "stays": 0,
        "incidents": 1,
        "alerts": 0,
        "used_links": 0,
        "tickets": 0,
        "ratings": 0,
        "duty": 0,
        "requests": 0,
        "dead_letters": 1,
        "seen": 1,
    }
    assert _rows(records, "incidents") == 4
    assert forget(records, NOW, days) == would
    assert [_rows(records, table) for table in ("incidents", "sessions", "dead_letters", "seen")] == [3, 1, 1, 1]
    assert _rows(records, "incident_steps") == 4  # two that are open, and one that opened and cleared
    with records.reading() as connection:
        old = connection.execute(select(schema.incidents.c.status).where(schema.incidents.c.started_at < T0 + 10))
        assert old.scalars().all() == ["open"]
    assert not any(forget(records, NOW, days).values())


def test_a_kind_that_is_not_named_is_kept(old_and_new: Records) -> None:
    assert forget(old_and_new, NOW, {"sessions": 50.0}) == {"sessions": 1}
    assert _rows(old_and_new, "incidents") == 4


def test_alerts_that_wait_are_kept(records: Records) -> None:
    alert = {
        "event_id": "e",
        "opening": 1,
        "channel": "c",
        "title": "t",
        "body": "b",
        "created_at": T0,
        "next_at": T0,
        "attempts": 1,
    }
    rows = [
        alert | {"phase": "raised", "status": "sent", "done_at": T0},
        alert | {"phase": "cleared", "status": "waiting", "done_at": None},
    ]
    with records.writing() as connection:
        connection.execute(insert(schema.alerts), rows)
    assert forget(records, NOW, {"alerts": 1.0}) == {"alerts": 1}
    assert _rows(records, "alerts") == 1


def test_minutes_go_by_whole_hours_and_their_hour_stays(records: Records, metrics: Metrics) -> None:
    # An hour and a half, and then the box is silent: the second hour has no sums of its own yet.
    node = Numbered()
    _take(records, metrics, [node.message(T0 + at, a_state()) for at in range(0, 5410, 10)], T0 + 6000)
    assert forget(records, T0 + DAY_S + 5000, {"minutes": 1.0}) == {"minutes": 60}
    assert forget(records, T0 + DAY_S + 7200, {"minutes": 1.0}) == {"minutes": 30}
    with records.reading() as connection:
        assert read_rollups(connection, "minute", T0, T0 + DAY_S) == []
        hours = read_rollups(connection, "hour", T0, T0 + DAY_S)
    assert [hour.windows["w01"]["idle_s"] for hour in hours] == [3600, 1800]


def test_much_goes_in_parts(records: Records, metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.retention._ROWS_AT_ONCE", 3)
    node = Numbered()
    _take(records, metrics, [node.message(T0 + i, a_session(i)) for i in range(10)], T0 + 2000)
    assert forget(records, NOW, {"sessions": 1.0}) == {"sessions": 10}


def test_the_command(tmp_path: Path, metrics: Metrics) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    records = Records(url)
    node, now = Numbered(), SystemClock().now()
    said = [node.message(now - 500 * DAY_S, a_session(1)), node.message(now - 500 * DAY_S, an_event("cleared"))]
    _take(records, metrics, said, now)
    records.close()
    run = CliRunner().invoke
    tried = run(app, ["retention", "--records", url, "--keep", "sessions=30", "--keep", "incidents=30", "--dry-run"])
    assert tried.exit_code == 0, tried.output
    assert "sessions                 1 would go  kept 30 days" in tried.output
    done = run(app, ["retention", "--records", url, "--keep", "all=10", "--keep", "incidents=forever", "--json"])
    assert json.loads(done.output) == {
        "minutes": 0,
        "ticket_minutes": 0,
        "ticket_hours": 0,
        "hours": 0,
        "heat": 0,
        "sessions": 1,
        "stays": 0,
        "alerts": 0,
        "used_links": 0,
        "tickets": 0,
        "ratings": 0,
        "duty": 0,
        "requests": 0,
        "dead_letters": 0,
        "seen": 0,
    }


@pytest.mark.parametrize("text", ["sessions", "sessions=", "sessions=-1", "session=4", "sessions=4d", "=4"])
def test_a_wrong_kind_is_said(tmp_path: Path, text: str) -> None:
    done = CliRunner().invoke(app, ["retention", "--records", f"sqlite:///{tmp_path}/r.db", "--keep", text])
    assert done.exit_code == 1
    assert f"--keep {text}: expected KIND=DAYS" in str(done.exception)
    assert not (tmp_path / "r.db").exists()
