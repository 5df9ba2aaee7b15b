"""Requests on record: once, whatever comes how often and in which order; the same on SQLite and PostgreSQL."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from hall.clock import ManualClock, to_iso
from hall.layout import Hall
from hall.messages import encode
from ingest import audit
from ingest._hall_view import open_calls
from ingest._paging import Part
from ingest._tables_inputs import duty, ratings, tickets
from ingest.arrivals import Arrival
from ingest.duty import duty_tables
from ingest.input_book import InputAnswer, InputBook, Sender
from ingest.inputs import InputKind, RefusedError
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.places import Places
from ingest.reader import Reader
from ingest.records import Records
from ingest.rollups import Period
from ingest.schema import dead_letters
from ingest.ticket_sums import SUMS, TicketRollup
from ingest.tickets import TicketWaits, ticket_view, ticket_waits
from tests.support.centre import T0, Numbered, a_state

SENDER = Sender("demo", "hallwatch/1/demo/ticket")


class Desk:
    """A book, and short words for what is said to it."""

    def __init__(self, records: Records, hall: Hall | None) -> None:
        self.records, self.clock = records, ManualClock(T0)
        self.woken = 0
        self.book = InputBook(
            records,
            None,
            Metrics(CollectorRegistry()),
            self.clock,
            Places(*filter(None, [hall])),
            on_duty=self._commanded,
        )
        self._keys = itertools.count(1)

    def _commanded(self) -> None:
        self.woken += 1

    def ask(self, kind: InputKind, sender: Sender = SENDER, **said: Any) -> InputAnswer:
        said.setdefault("key", f"k-{next(self._keys)}")
        return self.book.take(kind, json.dumps(said).encode(), sender)

    def ticket(self, number: str, event: str, at_s: float, **more: Any) -> InputAnswer:
        return self.ask("ticket", ticket=number, event=event, at=to_iso(T0 + at_s), **more)

    def refused(self, kind: InputKind, sender: Sender = SENDER, **said: Any) -> str:
        with pytest.raises(RefusedError) as caught:
            self.ask(kind, sender, **said)
        return str(caught.value)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.records.reading() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def rollups(self, period: Period) -> Sequence[TicketRollup]:
        return Reader(self.records).ticket_rollup_page(Part(), period, T0 - 3600, T0 + 7200, halls=["demo"]).items

    def waits(self) -> dict[tuple[str, str | None, str | None], TicketWaits]:
        with self.records.reading() as connection:
            return ticket_waits(connection, self.clock.now())


@pytest.fixture(params=["sqlite", "postgresql"])
def any_records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    sqlite = request.param == "sqlite"
    opened = Records(f"sqlite:///{tmp_path}/records.db" if sqlite else request.getfixturevalue("database"))
    yield opened
    opened.close()


@pytest.fixture
def desk(records: Records, hall: Hall) -> Desk:
    return Desk(records, hall)


def test_the_same_request_counts_once_and_gets_the_same_answer(any_records: Records, hall: Hall) -> None:
    desk = Desk(any_records, hall)
    first = desk.ask("rating", key="r-1", window="w01", score=5)
    desk.clock.advance(3600)
    assert desk.ask("rating", key="r-1", window="w01", score=5) == first == InputAnswer("rating", True, "r-1")
    assert [(row["score"], row["at"]) for row in desk.rows(ratings)] == [(5, T0)]
    # the same key of another kind, and of another hall, is another key
    desk.ask("duty/set", key="r-1", window="w01", duty="paused")
    desk.ask("duty/set", key="r-1", window="w01", duty="paused")
    assert [row["duty"] for row in desk.rows(duty)] == ["paused"]
    assert desk.woken == 1
    with pytest.raises(RefusedError, match="key: found r-1, which another request had") as caught:
        desk.ask("rating", key="r-1", window="w01", score=1)
    assert caught.value.conflict
    assert len(desk.rows(ratings)) == 1


def test_what_was_right_once_is_answered_so_later(desk: Desk) -> None:
    """The end of the leave is over and the ticket a week old by now; their sender got no answer."""
    leave: dict[str, Any] = {"key": "d-1", "window": "w01", "duty": "leave", "until": to_iso(T0 + 60)}
    first = desk.ask("duty/set", **leave), desk.ticket("A1", "taken", 0, key="t-1")
    desk.clock.advance(8 * 86_400)
    assert (desk.ask("duty/set", **leave), desk.ticket("A1", "taken", 0, key="t-1")) == first
    assert (len(desk.rows(duty)), len(desk.rows(tickets)), len(desk.rows(dead_letters))) == (1, 1, 0)


def test_a_comment_is_nowhere(desk: Desk) -> None:
    desk.ask("rating", key="1", window="w01", score=2, comment="李四让我等了很久")
    desk.ask("rating", key="1", window="w01", score=2, comment="别的话")  # which makes no other request
    desk.refused("rating", window="w01", score=0, comment="李四让我等了很久", phone="13812345678")
    everything = f"{desk.rows(ratings)} {desk.rows(dead_letters)}"
    assert len(desk.rows(ratings)) == 1
    assert "李四" not in everything
    assert "13812345678" not in everything
    (letter,) = desk.rows(dead_letters)
    assert (letter["reason"], letter["topic"]) == ("input", "hallwatch/1/demo/ticket")
    assert "score: found 0" in letter["detail"]
    assert json.loads(letter["payload"]) == {"key": "k-3", "window": "w01", "score": 0}
    assert letter["size_bytes"] > len(letter["payload"])


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_ticket_in_any_order(desk: Desk, order: tuple[int, ...]) -> None:
    said: list[dict[str, Any]] = [
        {"event": "taken", "at_s": 0, "service": "社保"},
        {"event": "called", "at_s": 60, "window": "w01"},
        {"event": "called", "at_s": 90, "window": "w01"},
        {"event": "done", "at_s": 300},
    ]
    desk.clock.advance(400)
    for number in order:
        desk.ticket("A012", **said[number])
    with desk.records.reading() as connection:
        (view,) = map(ticket_view, connection.execute(select(tickets)).mappings())
    assert (view.day, view.floor, view.zone) == ("2026-01-05", "f1", "waiting")
    assert (view.service, view.window) == ("社保", "w01")
    assert (view.taken_at, view.called_at, view.last_called_at, view.done_at) == (T0, T0 + 60, T0 + 90, T0 + 300)
    assert view.wait_s == 60


MISSED: list[tuple[str, list[tuple[str, float]], tuple[int, int, int, int], bool]] = [
    # what is said, and then: waiting, called, of these missed, known waits; whether the call goes on
    ("it was called and nobody came", [("called", 60), ("missed", 120)], (0, 1, 1, 0), False),
    ("who came back is called again", [("called", 60), ("missed", 120), ("called", 180)], (0, 1, 0, 1), True),
    (
        "and does not come again",
        [("called", 60), ("missed", 120), ("called", 180), ("missed", 200)],
        (0, 1, 1, 0),
        False,
    ),
    ("it was served after all", [("called", 60), ("missed", 120), ("done", 300)], (0, 1, 0, 1), False),
    ("the call was never told", [("missed", 120)], (0, 0, 0, 0), False),
]


@pytest.mark.parametrize(("said", "expected", "goes_on"), [row[1:] for row in MISSED], ids=[row[0] for row in MISSED])
def test_a_ticket_that_is_missed(
    any_records: Records, hall: Hall, said: list[tuple[str, float]], expected: tuple[int, ...], goes_on: bool
) -> None:
    orders = list(itertools.permutations([("taken", 0.0), *said]))
    desk = Desk(any_records, hall)
    desk.clock.advance(400)
    for number, order in enumerate(orders):
        for event, at_s in order:
            desk.ticket(f"A{number}", event, at_s, service="社保", **({"window": "w01"} if event == "called" else {}))
    (waits,) = desk.waits().values()
    (minutes, (hour,)) = desk.rollups("minute"), desk.rollups("hour")
    waiting, called, missed, known = (one * len(orders) for one in expected)
    assert (waits.waiting, waits.called, waits.missed, waits.called - waits.missed) == (waiting, called, missed, known)
    assert waits.wait_p50_s == (60.0 if known else None)
    assert (hour.taken, hour.called, hour.waits, hour.wait_s) == (len(orders), called, known, 60.0 * known)
    assert hour.missed == (missed if called else len(orders))
    assert (hour.floor, hour.zone, hour.start) == ("f1", "waiting", T0)
    for name in SUMS:
        assert sum(getattr(one, name) for one in minutes) == getattr(hour, name), name
    with desk.records.reading() as connection:
        assert bool(open_calls(connection, T0 + 400)) is goes_on


def test_a_ticket_counts_where_its_holder_waits_once_that_is_known(desk: Desk) -> None:
    desk.clock.advance(400)
    desk.ticket("A1", "taken", 0, key="t")
    desk.ticket("A1", "taken", 0, key="t")  # once
    assert [(one.floor, one.zone, one.taken) for one in desk.rollups("hour")] == [(None, None, 1)]
    desk.ticket("A1", "called", 130, window="w01")
    assert [(one.floor, one.zone, one.taken, one.called) for one in desk.rollups("hour")] == [("f1", "waiting", 1, 1)]
    assert [(one.start - T0, one.taken, one.called, one.wait_s) for one in desk.rollups("minute")] == [
        (0, 1, 0, 0.0),
        (120, 0, 1, 130.0),
    ]


def test_numbers_begin_anew_each_day(desk: Desk) -> None:
    desk.ticket("A001", "taken", 0)
    desk.clock.advance(86_400)
    desk.ticket("A001", "taken", 86_400)
    # a hall that serves past midnight says itself which day it is
    desk.ticket("A001", "called", 86_460, window="w01", day="2026-01-05")
    assert [(row["day"], row["called_at"]) for row in desk.rows(tickets)] == [
        ("2026-01-05", T0 + 86_460),
        ("2026-01-06", None),
    ]


def test_waits_by_ticket(desk: Desk) -> None:
    desk.clock.advance(4000)
    for number, taken, called in ((1, 0, 100), (2, 3000, 3100), (3, 3000, 3300), (4, 3000, 3500), (5, 3100, None)):
        desk.ticket(f"A{number}", "taken", taken, service="社保")
        if called is not None:
            desk.ticket(f"A{number}", "called", called, window="w01")
    desk.ticket("B1", "called", 3600, window="w01")  # nobody told when it was taken
    desk.ticket("C1", "taken", 3900)  # nor for what
    desk.ticket("C2", "taken", 3950)
    desk.ticket("C2", "done", 3960)  # it was given back
    # the call at 100 s is more than an hour ago
    assert desk.waits() == {
        ("demo", "f1", "waiting"): TicketWaits(1, 900.0, 3, 300.0, 460.0),
        ("demo", None, None): TicketWaits(1, 100.0, 0, None, None),
    }
    desk.clock.advance(8 * 3600)
    nobody = TicketWaits(0, None, 0, None, None)
    assert set(desk.waits().values()) <= {nobody}
    desk.clock.advance(3600)
    assert desk.waits() == {}


@pytest.mark.parametrize(
    ("kind", "said", "fault"),
    [
        ("rating", {"window": "w99", "score": 5}, "window: found 'w99'; expected w01"),
        ("ticket", {"ticket": "A1", "event": "taken", "service": "户籍"}, "service: found <str>; expected 社保"),
        ("ticket", {"ticket": "A1", "event": "taken", "zone": "hall"}, "zone: found 'hall'; expected waiting"),
        ("ticket", {"ticket": "A1", "event": "taken", "at": to_iso(T0 + 301)}, "at: found a time 1 s after"),
        ("ticket", {"ticket": "A1", "event": "taken", "at": to_iso(T0 - 604801)}, "at: found a time 1 s before"),
        ("duty/set", {"window": "w01", "duty": "leave", "until": to_iso(T0)}, "until: found 2026-01-05T01:00:00+00:00"),
    ],
)
def test_what_no_hall_has_is_refused(desk: Desk, kind: InputKind, said: dict[str, Any], fault: str) -> None:
    assert fault in desk.refused(kind, **said)
    assert len(desk.rows(dead_letters)) == 1
    assert "hall: found 'other'; expected demo" in desk.refused(kind, Sender("other", "x"), **said)


def test_a_refused_request_may_be_put_right_under_its_key(desk: Desk) -> None:
    desk.refused("rating", key="r-1", window="w01", score=9)
    assert desk.ask("rating", key="r-1", window="w01", score=4).accepted


def test_without_a_hall_file_windows_are_those_that_boxes_told_of(records: Records) -> None:
    desk = Desk(records, None)
    assert "window: found 'w01'; expected one that a box has told of; none has" in desk.refused(
        "rating", window="w01", score=5
    )
    message = Numbered().message(T0, a_state())
    intake = Intake(records, None, Metrics(CollectorRegistry()), desk.clock)
    intake.take([Arrival.of(message.topic, encode(message), T0)])
    assert desk.ask("rating", window="w01", score=5).accepted
    assert "expected one that a box has told of" in desk.refused("rating", Sender("b", "x"), window="w01", score=5)
    desk.ticket("A1", "taken", 0, service="户籍")
    assert desk.waits() == {("demo", None, None): TicketWaits(1, 0.0, 0, None, None)}


def test_who_commanded_stands_in_the_audit_log(desk: Desk) -> None:
    desk.ask("duty/set", Sender("demo", "POST", "li"), window="w01", duty="paused")
    desk.ask("duty/set", window="w01", duty="open", by="caller-1")
    desk.ask("duty/set", window="w01", duty="paused")
    assert [row["by"] for row in desk.rows(duty)] == ["li", "caller-1", "mqtt"]
    with desk.records.reading() as connection:
        rows = audit.rows(connection)
        assert audit.verify(connection).faults == []
    told = [(row.actor, row.action, row.subject) for row in rows if row.action == "duty.set"]
    assert sorted(told) == [(who, "duty.set", "window/demo/w01") for who in ("caller-1", "li", "mqtt")]
    li = Sender("demo", "POST", "li")
    assert "by: found wang; expected nothing" in desk.refused("duty/set", li, window="w01", duty="open", by="wang")


def test_the_table_of_a_box(any_records: Records, hall: Hall) -> None:
    """Two days of commands, and what held before them."""
    desk = Desk(any_records, hall)
    commands: list[tuple[float, dict[str, Any]]] = [
        (0, {"duty": "leave", "until": to_iso(T0 + 60)}),
        (100, {"duty": "paused"}),
        (3 * 86_400, {"duty": "open"}),
        (3 * 86_400 + 10, {"duty": "leave", "until": to_iso(T0 + 3 * 86_400 + 60)}),
    ]
    for at_s, said in commands:
        desk.clock.advance(T0 + at_s - desk.clock.now())
        desk.ask("duty/set", window="w01", **said)
    with desk.records.reading() as connection:
        (table,) = duty_tables(connection, desk.clock.now()).values()
        assert list(duty_tables(connection, desk.clock.now())) == [("demo", "f1")]
    assert [(c.duty, c.since.timestamp() - T0) for c in table.commands] == [
        ("paused", 100),
        ("open", 3 * 86_400),
        ("leave", 3 * 86_400 + 10),
    ]
    assert table.revision == 4


def test_two_processes_that_get_the_same_request_take_it_once(database: str, hall: Hall) -> None:
    both = [Records(database), Records(database)]
    desks = [Desk(records, hall) for records in both]
    start = threading.Barrier(2)

    def ask(desk: Desk) -> None:
        start.wait()
        for number in range(20):
            desk.ask("duty/set", key=f"d-{number}", window="w01", duty="paused")
            event: dict[str, Any] = {"event": "taken"} if desk is desks[0] else {"event": "called", "window": "w01"}
            desk.ask("ticket", key=f"{id(desk)}-{number}", ticket=f"A{number}", **event)

    threads = [threading.Thread(target=ask, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desks[0].rows(duty)) == 20
    assert desks[0].woken + desks[1].woken == 20
    found = desks[0].rows(tickets)
    assert len(found) == 20
    assert all(row["taken_at"] == row["called_at"] == T0 for row in found)
    assert [(one.taken, one.called, one.waits) for one in desks[0].rollups("hour")] == [(20, 20, 20)]
    for records in both:
        records.close()
