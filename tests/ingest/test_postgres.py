"""The records on PostgreSQL, where several processes write at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, func, select

from hall.clock import ManualClock
from hall.errors import InputError, RecordsError
from hall.messages import Message, encode
from ingest import audit, schema
from ingest._rollup_order import WAIT_S, sum_up_overdue
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.intake import Intake
from ingest.links import Links, LinkUsed
from ingest.live import lock_live
from ingest.metrics import Metrics
from ingest.records import Records
from ingest.rollups import Sums
from tests.support.centre import T0, Numbered, a_session, a_state, an_event
from tests.support.rollups import read_rollups
from tests.support.servers import Server, free_port, wait_until
from tests.support.workers import a_day, found_in, undisturbed

EVENTS = 1_000


class _Clock:
    def now(self) -> float:
        return T0 + 10_000.0

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def shared(database: str) -> Iterator[tuple[Records, Records]]:
    """The same records, opened by two processes."""
    both = Records(database), Records(database)
    yield both
    for one in both:
        one.close()


def _intake(records: Records, *channels: Channel) -> Intake:
    return Intake(records, None, Metrics(CollectorRegistry()), _Clock(), channels=channels)


def _arrivals(messages: list[Message]) -> list[Arrival]:
    return [Arrival.of(m.topic, encode(m), T0 + 10_000) for m in messages]


def _take_at_once(parts: list[tuple[Intake, list[Message]]], batch: int = 50) -> None:
    """Let each take its messages, all at the same time."""
    failures: list[Exception] = []
    ready = threading.Barrier(len(parts))

    def take(intake: Intake, messages: list[Message]) -> None:
        try:
            ready.wait()
            for i in range(0, len(messages), batch):
                intake.take(_arrivals(messages[i : i + batch]))
        except Exception as exc:  # noqa: BLE001 - told to the test
            failures.append(exc)

    threads = [threading.Thread(target=take, args=part, name=f"worker-{i}") for i, part in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_two_workers_with_the_same_events_make_one_incident_and_one_alert_each(
    shared: tuple[Records, Records],
) -> None:
    """Each event comes to both, twice, in an order of its own, and two boxes tell of it in turn."""
    boxes = [Numbered(boot="boot-1"), Numbered(boot="boot-2")]
    events = [boxes[i % 2].message(T0 + i, an_event("raised", started_at=T0 + i)) for i in range(EVENTS)]
    channel = Channel("json://127.0.0.1:9/")
    parts = []
    for seed, records in enumerate(shared):
        theirs = events * 2
        random.Random(seed).shuffle(theirs)
        parts.append((_intake(records, channel), theirs))
    _take_at_once(parts)
    with shared[0].reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.incidents)) == EVENTS
        assert connection.scalar(select(func.count()).select_from(schema.alerts)) == EVENTS
        assert connection.scalar(select(func.max(schema.incidents.c.openings))) == 1
        ranges = connection.scalars(select(schema.seen.c.ranges)).all()
    assert ranges == ["[[0,499]]", "[[0,499]]"]


def test_phases_that_go_to_different_workers_make_one_incident(shared: tuple[Records, Records]) -> None:
    box = Numbered()
    raised, cleared = [], []
    for i in range(200):
        raised.append(box.message(T0 + i, an_event("raised", started_at=T0 + i)))
        cleared.append(box.message(T0 + i + 300, an_event("cleared", started_at=T0 + i)))
    one, other = (_intake(records) for records in shared)
    _take_at_once([(one, raised), (other, cleared)], batch=10)
    with shared[0].reading() as connection:
        rows = connection.execute(select(schema.incidents)).all()
        assert connection.scalars(select(schema.seen.c.ranges)).all() == ["[[0,399]]"]
    assert len(rows) == 200
    assert {(row.status, row.raised_at == row.started_at) for row in rows} == {("cleared", True)}


def test_two_phones_with_one_link_acknowledge_once(shared: tuple[Records, Records]) -> None:
    _intake(shared[0]).take(_arrivals([Numbered().message(T0, an_event("raised"))]))
    both = [Links(records, "https://hall.example", _Clock()) for records in shared]
    token = both[0].url(an_event("raised").event_id, 1, 1, "zh").rpartition("/")[2]
    assert both[1].open(token).acknowledged_by is None
    said: list[str] = []

    def use(links: Links, by: str) -> None:
        try:
            said.append(links.use(token, by).acknowledged_by or "nobody")
        except LinkUsed as exc:
            said.append("nobody" if exc.incident is None else exc.incident.acknowledged_by or "nobody")

    phones = [threading.Thread(target=use, args=(links, f"by-{i}")) for i, links in enumerate(both)]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.join()
    assert len(said) == 2
    assert len(set(said)) == 1
    with shared[0].reading() as connection:
        assert [row.actor for row in audit.rows(connection)] == said[:1]


def test_rollups_of_two_workers_are_those_of_one(shared: tuple[Records, Records]) -> None:
    """The messages of a box go to both in turn; a session that comes to both counts once."""
    box = Numbered()
    messages = [box.message(T0 + 10 * i, a_state(customers=2)) for i in range(13)]
    session = box.message(T0 + 121, a_session(1))
    end = box.message(T0 + 185, a_state())
    one, other = (_intake(records) for records in shared)
    for i, message in enumerate([*messages, session, session, end]):
        (one, other)[i % 2].take(_arrivals([message]))
    with shared[0].reading() as connection:
        minutes = read_rollups(connection, "minute", T0 - 60, T0 + 1_000)
    assert [(m.start - T0, m.windows["w01"]["serving_s"] + m.windows["w01"]["idle_s"]) for m in minutes][:2] == [
        (0, 60.0),
        (60, 60.0),
    ]
    assert sum(m.windows["w01"]["sessions"] for m in minutes) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_does_not_matter_who_takes_what_and_when(shared: tuple[Records, Records], tmp_path: Path, seed: int) -> None:
    """Each message goes to one of two by chance, and one may be far ahead of the other."""
    messages = a_day(seed, boxes=2, rounds=60)
    rng = random.Random(seed)
    queues: tuple[list[Message], list[Message]] = ([], [])
    for message in messages:
        rng.choice(queues).append(message)
    takers = [_intake(records) for records in shared]
    while any(queues):
        one = rng.choice([i for i in (0, 1) if queues[i]])
        count = rng.choice([1, 3, 40])
        takers[one].take(_arrivals(queues[one][:count]))
        del queues[one][:count]
    assert found_in(shared[0]).differences(undisturbed(tmp_path, messages)) == []


def test_what_was_said_before_a_message_that_never_comes_is_waited_for_a_while(
    shared: tuple[Records, Records],
) -> None:
    """Number 3 was thinned by its box; number 5 is taken in before number 4."""
    records, clock = shared[0], ManualClock(T0 + 1_000)
    box = Numbered()
    said = [box.message(T0 + 10 * i, a_state()) for i in range(10)]
    intake = Intake(records, None, Metrics(CollectorRegistry()), clock)

    def take(*numbers: int) -> float:
        intake.take([Arrival.of(said[i].topic, encode(said[i]), clock.now()) for i in numbers])
        return summed()

    def summed() -> float:
        with records.reading() as connection:
            return sum(sum(row[:5]) for row in open_windows(connection))

    def open_windows(connection: Connection) -> list[list[float]]:
        bodies = connection.scalars(select(schema.rollup_open.c.body))
        return [row for body in bodies for row in Sums.decode(body).windows.values()]

    assert take(0, 1, 2) == 20
    assert take(5) == 20
    assert take(4) == 20
    clock.advance(WAIT_S - 1)
    sum_up_overdue(records, clock.now())
    assert summed() == 20
    clock.advance(1)
    sum_up_overdue(records, clock.now())
    assert summed() == 50
    with records.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.rollup_waiting)) == 0


def test_what_two_writers_cross_each_other_in_is_done_again(shared: tuple[Records, Records]) -> None:
    """They lock two nodes in opposite order, which PostgreSQL ends for one of them."""
    places = [("demo", "f1", "a"), ("demo", "f1", "b")]
    with shared[0].writing() as connection:
        lock_live(connection, places)
    met, runs = threading.Barrier(2), []

    def cross(records: Records, order: list[tuple[str, str, str]]) -> None:
        tries = 0

        def work(connection: object) -> None:
            nonlocal tries
            tries += 1
            lock_live(connection, order[:1])  # type: ignore[arg-type]
            if tries == 1:
                met.wait(10)
            lock_live(connection, order[1:])  # type: ignore[arg-type]

        records.write(work)
        runs.append(tries)

    threads = [
        threading.Thread(target=cross, args=(shared[0], places)),
        threading.Thread(target=cross, args=(shared[1], places[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runs) == [1, 2]


def test_a_server_that_is_away_is_told_without_the_password() -> None:
    port = free_port()
    with pytest.raises(RecordsError, match=f"records postgresql://127.0.0.1:{port}/hall: .*refused") as caught:
        Records(f"postgresql+psycopg://user:hush@127.0.0.1:{port}/hall")
    assert "hush" not in str(caught.value)


def test_an_address_with_a_port_that_is_none_is_told_without_the_password() -> None:
    with pytest.raises(InputError, match="expected sqlite") as caught:
        Records("postgresql+psycopg://user:hush@db:port/hall")
    assert "hush" not in str(caught.value)


def test_a_server_that_comes_back_is_used_again(postgres: Server, database: str, tmp_path: Path) -> None:
    records = Records(database)
    intake = _intake(records)
    box = Numbered()
    prepared = intake.prepare(_arrivals([box.message(T0, an_event("raised"))]))
    postgres.stop()
    try:
        with pytest.raises(RecordsError, match="cannot be written"):
            intake.settle(prepared)
    finally:
        postgres.start()

    def settled() -> bool:
        try:
            intake.settle(prepared)
        except RecordsError:
            return False
        return True

    wait_until(settled, "the batch is on record")
    with records.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.incidents)) == 1
    records.close()


def test_a_text_that_postgresql_cannot_keep_is_a_dead_letter(shared: tuple[Records, Records]) -> None:
    box = Numbered()
    bad = box.message(T0, an_event("raised", subject="window/\0"))
    long = box.message(T0, a_session(1, window="w" * 100))
    _intake(shared[0]).take(_arrivals([bad, long]))
    with shared[0].reading() as connection:
        reasons = connection.scalars(select(schema.dead_letters.c.reason).order_by(schema.dead_letters.c.id)).all()
    assert reasons == ["malformed", "body"]
