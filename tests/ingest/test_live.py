from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from hall.messages import HealthBody, Message, StatusBody
from ingest.live import Live, load_live, save_live, watch
from ingest.records import Records
from tests.support.centre import T0, Numbered, a_state


def _state(at: float, customers: int, late: bool = False) -> Message:
    message = Numbered().message(T0 + at, a_state(customers))
    return msgspec.structs.replace(message, late=late)


def _status(at: float, status: str, boot: str = "boot-1") -> Message:
    body = msgspec.convert({"status": status, "version": "0.1.0"}, StatusBody)
    return Numbered(boot=boot).message(T0 + at, body)


def _watched(*messages: Message, now: float = T0 + 1000) -> Live:
    live = None
    for message in messages:
        live = watch(live, message, now)
    assert live is not None
    return live


@pytest.mark.parametrize(
    ("messages", "customers"),
    [
        # the newest stands
        ([_state(0, 1), _state(10, 2)], 2),
        # an older one comes after it, from a retained message or a second path
        ([_state(10, 2), _state(0, 1)], 2),
        # history from the outbox of a box, though it be the newest
        ([_state(0, 1), _state(10, 2, late=True)], 1),
        # a changed state of the same instant
        ([_state(0, 1), _state(0, 2)], 2),
        # a clock that was an hour ahead is set right: the past hour must not be blind
        ([_state(5000, 1), _state(900, 2)], 2),
    ],
)
def test_which_state_stands(messages: list[Message], customers: int) -> None:
    state = _watched(*messages).view().state
    assert state is not None
    assert state.windows[0].customers == customers


def test_history_alone_is_no_live_state() -> None:
    live = _watched(_state(0, 1, late=True))
    assert (live.state, live.seen_at) == (None, T0)


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        # the will is as old as its connection, and counts when it comes
        ([_status(10, "online"), _status(9, "offline")], "offline"),
        # the box comes back as a new run
        ([_status(10, "online"), _status(9, "offline"), _status(50, "online", "boot-2")], "online"),
        # the will of the earlier run comes after the next run said hello
        ([_status(10, "online"), _status(50, "online", "boot-2"), _status(9, "offline")], "online"),
        # a run of which only the will was retained
        ([_status(10, "online"), _status(60, "offline", "boot-2")], "offline"),
        ([_status(10, "online"), _status(20, "stopped")], "stopped"),
    ],
)
def test_which_status_stands(messages: list[Message], status: str) -> None:
    assert _watched(*messages).status == status


@pytest.mark.parametrize(("count", "status"), [(2, "offline"), (3, "online"), (4, "offline"), (5, "online")])
def test_status_does_not_depend_on_the_order_in_which_several_processes_take_it(count: int, status: str) -> None:
    """Three connections of a box after the one that is known, and what became of the first two of them."""
    told = [_status(10, "online"), _status(9, "offline"), _status(20, "online"), _status(19, "offline")]
    told.append(_status(60, "online", "boot-2"))
    newest = [10, 20, 20, 60][count - 2]
    for order in permutations(told[:count]):
        live = _watched(_status(0, "online"), *order)
        assert (live.status, live.status_at) == (status, T0 + newest)


def test_health_is_kept_beside_state() -> None:
    health = HealthBody([], 1, 2, 3, 4.0, "nanodet", "CPU")
    view = _watched(_state(0, 3), Numbered().message(T0 + 5, health)).view()
    assert view.health == health
    assert (view.state_at, view.seen_at) == (T0, T0 + 5)


def test_nodes_come_back_from_the_records(records: Records) -> None:
    live = _watched(_status(0, "online"), _state(1, 4))
    key = (live.hall, live.floor, live.node)
    with records.writing() as connection:
        save_live(connection, [Live("demo", "f2", "edge-f2", "b")])
        save_live(connection, [live])
        save_live(connection, [live])
        assert [known.view() for known in load_live(connection, [key]).values()] == [live.view()]
        assert list(load_live(connection)) == [key, ("demo", "f2", "edge-f2")]
