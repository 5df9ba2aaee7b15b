"""Incidents on PostgreSQL: people, messages and timers of two processes at the same rows."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from hall.messages import EventBody
from ingest import audit, changes, schema
from ingest.casebook import Casebook
from ingest.desk import Act, ActRefusedError, Desk
from ingest.escalation import Chain, ChainStep
from ingest.labels import Labels
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event

EVENTS = 12
CHAINS = (Chain("all", (ChainStep(60.0, ()), ChainStep(120.0, ()))),)


@pytest.fixture
def shared(database: str) -> Iterator[tuple[Records, Records]]:
    """The same records, opened by two processes."""
    both = Records(database), Records(database)
    yield both
    for one in both:
        one.close()


def _at_once(*works: Callable[[], None]) -> None:
    failures: list[Exception] = []
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            ready.wait()
            work()
        except Exception as exc:  # noqa: BLE001 - told to the test
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _kinds(records: Records) -> Counter[str]:
    with records.reading() as connection:
        assert audit.verify(connection).faults == []
        return Counter(connection.scalars(select(schema.incident_steps.c.kind)))


def test_acts_and_messages_of_two_processes_meet(shared: tuple[Records, Records]) -> None:
    box = Numbered()
    bodies = [an_event("raised", started_at=T0 + i) for i in range(EVENTS)]
    raised = [box.message(T0 + 300 + i, body) for i, body in enumerate(bodies)]
    cleared = [box.message(T0 + 600 + i, an_event("cleared", started_at=T0 + i)) for i in range(EVENTS)]
    book, desk = Casebook(Labels()), Desk()
    shared[0].write(lambda connection: book.take(connection, raised, T0 + 300))

    def deal(records: Records, actor: str) -> Callable[[], None]:
        def work() -> None:
            for body in bodies:
                for act in (Act(kind="acknowledge", actor=actor), Act(kind="close", actor=actor, note="done")):
                    with contextlib.suppress(ActRefusedError):  # the other one has closed it
                        _act(records, desk, body, act)

        return work

    def hear(records: Records) -> Callable[[], None]:
        def work() -> None:
            for i in range(EVENTS):
                some = [raised[i], cleared[-i], raised[-i]]
                records.write(lambda connection, some=some: book.take(connection, some, T0 + 700))  # type: ignore[misc]

        return work

    _at_once(deal(shared[0], "li"), deal(shared[1], "wang"), hear(shared[0]), hear(shared[1]))
    kinds = _kinds(shared[0])
    assert {kind: kinds[kind] for kind in ("opened", "cleared", "acknowledged", "closed")} == {
        "opened": EVENTS,
        "cleared": EVENTS,
        "acknowledged": EVENTS,
        "closed": EVENTS,
    }
    with shared[0].reading() as connection:
        assert set(connection.scalars(select(schema.incidents.c.status))) == {"closed"}


def _act(records: Records, desk: Desk, body: EventBody, act: Act) -> None:
    records.write(lambda connection: desk.act(connection, body.event_id, act, T0 + 500))


def test_two_processes_that_both_take_themselves_for_the_leader_take_each_step_once(
    shared: tuple[Records, Records],
) -> None:
    bodies = [an_event("raised", started_at=T0 + i) for i in range(EVENTS)]
    box = Numbered()
    book = Casebook(Labels(), chains=CHAINS)
    told = [box.message(T0 + 300, body) for body in bodies]
    shared[0].write(lambda connection: book.take(connection, told, T0))

    def climb(records: Records) -> Callable[[], None]:
        def work() -> None:
            for now in (T0 + 60, T0 + 60, T0 + 120, T0 + 120):
                for body in bodies:
                    records.write(lambda connection, body=body, now=now: _climb(connection, body, now))  # type: ignore[misc]

        def _climb(connection: object, body: EventBody, now: float) -> None:
            turn = book.escalate(connection, [body.event_id], now)  # type: ignore[arg-type]
            changes.note(connection, turn.subjects)  # type: ignore[arg-type]

        return work

    _at_once(climb(shared[0]), climb(shared[1]))
    assert _kinds(shared[0]) == {"opened": EVENTS, "escalated": 2 * EVENTS}
