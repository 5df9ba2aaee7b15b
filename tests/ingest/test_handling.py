"""How soon somebody saw to incidents, and how many were none."""

from __future__ import annotations

from typing import Any

import pytest

from ingest._own_points import HandlingPoint
from ingest.casebook import Casebook
from ingest.desk import Act, Desk
from ingest.handling import RECENT_S, handling
from ingest.labels import Labels
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event


class Floor:
    """Absences on one floor, of which the centre hears 5 s late."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self._node, self._book, self._desk = Numbered(), Casebook(Labels()), Desk()

    def raises(self, at: float) -> str:
        """Something begins; its event_id."""
        body = an_event("raised", started_at=T0 + at)
        message = self._node.message(T0 + at, body)
        self.records.write(lambda connection: self._book.take(connection, [message], T0 + at + 5))
        return body.event_id

    def act(self, event: str, kind: Any, at: float) -> None:
        """Somebody does something."""
        act = Act(kind=kind, actor="li")
        self.records.write(lambda connection: self._desk.act(connection, event, act, T0 + at))

    def told(self, at: float) -> dict[tuple[str, str], list[HandlingPoint]]:
        """What is told then."""
        with self.records.reading() as connection:
            return handling(connection, T0 + at)


@pytest.fixture
def floor(records: Records) -> Floor:
    return Floor(records)


def test_nothing_happened(floor: Floor) -> None:
    assert floor.told(0) == {}


def test_how_soon_and_how_many_were_none(floor: Floor) -> None:
    first, second, third, _ = (floor.raises(at) for at in (0, 1000, 2000, 3000))
    floor.act(first, "acknowledge", 65)
    floor.act(second, "acknowledge", 1165)
    floor.act(third, "false_alarm", 2100)
    assert floor.told(4000) == {("demo", "f1"): [HandlingPoint("clerk_absent", 1, 4, 2, 110.0, 150.0, 1, 0.25)]}


def test_what_is_older_than_a_day_counts_only_while_nobody_sees_to_it(floor: Floor) -> None:
    old, _ = floor.raises(0), floor.raises(1000)
    floor.act(old, "acknowledge", 60)
    later = RECENT_S + 5000
    assert floor.told(later) == {("demo", "f1"): [HandlingPoint("clerk_absent", 1, 0, 0, None, None, 0, None)]}
