"""What waits for a process that is gone is taken in by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hall.broker import parse_broker
from ingest import _heirs, schema
from ingest.service import Centre
from tests.support.centre import T0, Numbered, Publisher, a_session
from tests.support.servers import Server, wait_until


@contextmanager
def _worker(name: str, folder: Path, broker: Server, database: str) -> Iterator[Centre]:
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    with Centre((), settings, records=database, name=name, share="test", spool=folder) as centre:
        assert centre.wait_connected()
        yield centre


def _sessions(centre: Centre) -> int:
    with centre.records.reading() as connection:
        return connection.scalar(select(func.count()).select_from(schema.sessions)) or 0


def _taken(centre: Centre) -> float:
    return centre.metrics.registry.get_sample_value("hallwatch_messages_total", {"kind": "session"}) or 0


def test_the_leader_takes_in_what_waits_for_one_that_is_gone_until_it_is_back(
    tmp_path: Path, broker: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_heirs, "EVERY_S", 0.1)
    box = Numbered()

    def send(publisher: Publisher, count: int) -> None:
        publisher.send(*(box.message(T0, a_session(box.next_seq)) for _ in range(count)))

    with _worker("a", tmp_path, broker, database) as one, Publisher(broker.port) as publisher:
        with _worker("b", tmp_path, broker, database) as other:
            send(publisher, 20)
            wait_until(lambda: (_taken(one), _taken(other)) == (10, 10), "each has taken in one half")
        send(publisher, 20)
        wait_until(lambda: _sessions(one) == 40, "what waits for the other is taken in", 30)
        send(publisher, 20)
        wait_until(lambda: _sessions(one) == 60, "nothing more is dealt to the one that is gone")
        with _worker("b", tmp_path, broker, database) as other:
            send(publisher, 20)
            wait_until(partial(lambda back: _taken(back) == 10, other), "it works again")
            wait_until(lambda: _sessions(one) == 80, "all is on record")
            assert other.health()["broker"] is None
