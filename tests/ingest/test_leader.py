"""Who runs the timers, of several processes and of one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from hall.clock import ManualClock
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.records import Records
from tests.support.centre import T0


@pytest.fixture
def both(database: str) -> Iterator[tuple[Leader, Leader]]:
    """Two processes on the same records."""
    opened = Records(database), Records(database)
    one, other = (Leader(records, Metrics(CollectorRegistry()), ManualClock(T0)) for records in opened)
    yield one, other
    for leader, records in ((one, opened[0]), (other, opened[1])):
        leader.close()
        records.close()


def test_it_is_one_of_two_until_it_goes(both: tuple[Leader, Leader]) -> None:
    one, other = both
    assert [leader.held() for leader in (one, other, one, other)] == [True, False, True, False]
    one.close()
    assert (other.held(), one.held()) == (True, False)


def test_who_loses_the_connection_is_it_no_more(database: str) -> None:
    """As after a restart of the server, or a network that is gone: it comes back as one of several."""
    one, other = Records(database), Records(database)
    metrics, clock = Metrics(CollectorRegistry()), ManualClock(T0)
    first, second = Leader(one, metrics, clock), Leader(other, Metrics(CollectorRegistry()), ManualClock(T0))
    assert first.held()
    assert metrics.registry.get_sample_value("hallwatch_leader") == 1
    with other.writing() as connection:
        holder = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
        assert connection.scalars(holder).all() == [True]
    assert second.held()
    assert not first.held(), "its connection is gone"
    clock.advance(1.0)
    assert not first.held(), "another has it now"
    assert metrics.registry.get_sample_value("hallwatch_leader") == 0
    second.close()
    assert first.held()
    for leader, records in ((first, one), (second, other)):
        leader.close()
        records.close()


def test_alone_on_a_file_it_always_is(records: Records, metrics: Metrics) -> None:
    assert Leader(records, metrics, ManualClock(T0)).held()
    assert metrics.registry.get_sample_value("hallwatch_leader") == 1
