from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from hall.clock import ManualClock
from hall.messages import Message, encode
from hall.topics import Address
from ingest import changes
from ingest._change_poller import ChangePoller
from ingest.arrivals import Arrival
from ingest.changes import Change, Subject, node_subject
from ingest.desk import Act, Desk
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.reader import Reader
from ingest.records import Records
from ingest.retention import DAY_S, forget
from tests.support.centre import T0, Numbered, a_state, an_event
from tests.support.servers import wait_until

_WRITERS, _TIMES = 4, 60


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Records, Records]]:
    """The same records, opened by two processes."""
    address = request.getfixturevalue("database" if request.param == "postgresql" else "sqlite_address")
    opened = Records(address), Records(address)
    yield opened
    for one in opened:
        one.close()


@pytest.fixture
def sqlite_address(tmp_path: object) -> str:
    return f"sqlite:///{tmp_path}/records.db"


def _since(records: Records, number: int, **more: object) -> list[Change]:
    with records.reading() as connection:
        return list(changes.since(connection, number, limit=1000, **more))  # type: ignore[arg-type]


def _take(records: Records, *messages: Message) -> None:
    metrics = Metrics(CollectorRegistry())
    Intake(records, None, metrics, ManualClock(T0 + 60)).take(
        [Arrival.of(m.topic, encode(m), T0 + 60) for m in messages]
    )


def test_numbers_are_in_the_order_of_commits_whoever_writes(both: tuple[Records, Records]) -> None:
    """Whoever reads up to a number has read all before it: a reader beside four writers misses none."""
    subjects = [Subject("incident", f"{i}", f"hall-{i % 2}") for i in range(_WRITERS)]

    def write(i: int) -> None:
        for n in range(_TIMES):
            mine = subjects[i], Subject("node", f"hall-{i}/f1/{n}", f"hall-{i}")
            both[i % 2].write(lambda connection, mine=mine: changes.note(connection, mine))  # type: ignore[misc]

    writers = [threading.Thread(target=write, args=(i,)) for i in range(_WRITERS)]
    for writer in writers:
        writer.start()
    up_to, found = 0, []
    while any(writer.is_alive() for writer in writers) or _since(both[0], up_to):
        news = _since(both[0], up_to)
        assert [one.number for one in news] == sorted({one.number for one in news})
        found += news
        up_to = news[-1].number if news else up_to
    assert up_to == 2 * _WRITERS * _TIMES
    nodes = [one.subject.key for one in found if one.subject.kind == "node"]
    assert sorted(nodes) == sorted(f"hall-{i}/f1/{n}" for i in range(_WRITERS) for n in range(_TIMES))
    assert {one.subject for one in _since(both[0], 0, kind="incident")} == set(subjects)
    assert {one.subject.key for one in _since(both[0], 0, halls=["hall-1"], kind="incident")} == {"1", "3"}


def test_what_messages_change_has_numbers(both: tuple[Records, Records]) -> None:
    records, other = both
    reader = Reader(other)
    told: list[int] = []
    reader.listen(lambda: told.append(reader.version()))
    reader.changed()
    assert (reader.version(), told) == (0, [])
    node, there = Numbered(), Numbered(Address("b", "f1", "edge-f1"))
    raised = an_event("raised")
    _take(records, node.message(T0, a_state()), node.message(T0, raised), there.message(T0, a_state()))
    reader.changed()
    reader.changed()
    assert (reader.version(), told) == (3, [3])
    news = reader.news(0, limit=10)
    assert (news.changes[0][0].number, news.changes[0][0].subject.kind) == (1, "incident")
    assert {one.subject for one, _ in news.changes[1:]} == {
        node_subject(("demo", "f1", "edge-f1")),
        node_subject(("b", "f1", "edge-f1")),
    }
    assert ([view.hall for _, view in reader.news(0, limit=10, halls=["b"]).changes], news.up_to) == (["b"], 3)
    _take(records, node.message(T0 + 5, an_event("cleared")))
    (change, view), *_ = reader.news(3, limit=10, kind="incident").changes
    assert (change.subject.key, view.status) == (raised.event_id, "cleared")
    assert reader.news(3, limit=1).up_to == 4  # the node, which was heard too, is yet to be told
    assert reader.news(4, limit=1).up_to == 5


def test_acknowledging_has_a_number_and_what_is_forgotten_has_none(records: Records) -> None:
    node, raised = Numbered(), an_event("raised")
    _take(records, node.message(T0, raised), node.message(T0 + 5, an_event("cleared")))
    before = _since(records, 0)[-1].number
    seen = Act(kind="acknowledge", actor="li")
    records.write(lambda connection: Desk().act(connection, raised.event_id, seen, T0))
    assert [one.subject for one in _since(records, before)] == [Subject("incident", raised.event_id, "demo")]
    forget(records, T0 + 10 * DAY_S, {"incidents": 1})
    assert [one.subject.kind for one in _since(records, 0)] == ["node"]


def test_what_another_process_changes_is_seen(both: tuple[Records, Records]) -> None:
    reader = Reader(both[1])
    poller = ChangePoller(reader, every_s=0.01)
    poller.start()
    _take(both[0], Numbered().message(T0, a_state()))
    wait_until(lambda: reader.version() == 1, "the poller looks")
    poller.stop()
    assert [node.node for node in reader.nodes()] == ["edge-f1"]
