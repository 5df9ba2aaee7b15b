"""What is the consequence of what: by itself, and on record in whatever order it is heard."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, update

from hall.clock import ManualClock, to_datetime
from hall.layout import Hall
from hall.messages import EventBody, Message, Rule, event_id
from ingest import schema
from ingest.casebook import TOGETHER_S, Casebook
from ingest.channels import Channel
from ingest.grouping import heads, sees_of
from ingest.history import steps_of
from ingest.incidents import Incident, load_incidents, merge
from ingest.labels import Labels
from ingest.recipients import Recipient, Roster
from ingest.records import Records
from tests.support.centre import T0, Numbered


def _event(rule: Rule, subject: str, phase: Any, began: float, **more: Any) -> EventBody:
    return EventBody(
        event_id=event_id("demo", subject, rule, T0 + began),
        rule=rule,
        subject=subject,
        phase=phase,
        severity="warning",
        started_at=to_datetime(T0 + began),
        elapsed_s=10.0,
        unknown_s=0.0,
        limit_s=10.0,
        **more,
    )


NODE = Numbered()


def _said(rule: Rule, subject: str, phase: Any, at: float, began: float, **more: Any) -> Message:
    return NODE.message(T0 + at, _event(rule, subject, phase, began, **more))


def _incident(rule: Rule, subject: str, began: float, at: float, until: float | None = None, **detail: Any) -> Incident:
    known = merge(None, _said(rule, subject, "raised", at, began, detail=detail))
    return known if until is None else merge(known, _said(rule, subject, "cleared", until, began, detail=detail))


C1, C2, C3 = (f"camera/c{i}" for i in (1, 2, 3))
SEES = {"c1": {"window/w01", "zone/waiting"}}


@pytest.mark.parametrize(
    ("incidents", "expected"),
    [
        # a camera that was knocked, and what it seems to see since
        ([("camera_fault", C1, 0, 10), ("clerk_absent", "window/w01", -200, 100)], {1: 0}),
        # what it saw well before is no consequence
        ([("camera_fault", C1, 0, 10), ("clerk_absent", "window/w01", -900, -600)], {}),
        # nor is what another camera sees
        ([("camera_fault", C1, 0, 10), ("clerk_absent", "window/w02", -200, 100)], {}),
        # the camera is back, and the seat is still empty
        ([("camera_fault", C1, 0, 10, 200), ("clerk_absent", "window/w01", -200, 100)], {}),
        # the camera is back, and so is the clerk: it was one matter
        ([("camera_fault", C1, 0, 10, 200), ("clerk_absent", "window/w01", -200, 100, 210)], {1: 0}),
        # the box is gone, with everything of it, however long that lasts
        (
            [
                ("node_offline", "node/n", 0, 60),
                ("clerk_absent", "window/w02", -900, -600),
                ("overload", "node/n", -9, -5),
            ],
            {1: 0, 2: 0},
        ),
        # a consequence of a consequence
        (
            [("clerk_absent", "window/w01", -200, 15), ("camera_fault", C1, 0, 10), ("node_offline", "node/n", 20, 80)],
            {0: 2, 1: 2},
        ),
        # a switch: all cameras behind it
        (
            [
                ("camera_fault", C3, 5, 15, None, "offline"),
                ("camera_fault", C1, 2, 12, None, "stalled"),
                ("camera_fault", C2, 9, 19, None, "offline"),
            ],
            {0: 1, 2: 1},
        ),
        # two that have nothing to do with each other
        ([("camera_fault", C1, 0, 10, None, "offline"), ("camera_fault", C2, 90, 100, None, "offline")], {}),
        ([("camera_fault", C1, 0, 10, None, "moved"), ("camera_fault", C2, 5, 15, None, "dark")], {}),
        # a box that cannot keep up, and the camera that it does not look at
        (
            [
                ("overload", "node/n", 0, 60),
                ("camera_fault", C1, 30, 40, None, "unwatched"),
                ("camera_fault", C2, 30, 40, None, "dark"),
            ],
            {1: 0},
        ),
    ],
)
def test_scenes(incidents: list[tuple[Any, ...]], expected: dict[int, int]) -> None:
    made = [
        _incident(rule, subject, began, at, *more[:1], **({"fault": more[1]} if len(more) > 1 else {}))
        for rule, subject, began, at, *more in incidents
    ]
    found = heads(made, lambda _, camera: SEES.get(camera, set()))
    ids = [incident.event_id for incident in made]
    assert {ids.index(member): ids.index(head) for member, head in found.items() if head} == expected
    assert heads(made[::-1], lambda _, camera: SEES.get(camera, set())) == found


def test_what_a_camera_sees(hall: Hall) -> None:
    assert set(sees_of(hall)("demo", "c1")) == {"window/w01", "zone/waiting"}
    assert not sees_of(hall)("other", "c1")
    assert not sees_of()("demo", "c1")


class Centre:
    """Takes messages, one transaction each or in one."""

    def __init__(self, records: Records, hall: Hall) -> None:
        self.records, self.clock = records, ManualClock(T0)
        self.book = Casebook(Labels(hall), Roster([Recipient(Channel("json://desk/"))]), halls=[hall])

    def hear(self, *messages: Message) -> None:
        self.records.write(lambda connection: self.book.take(connection, messages, self.clock.now()))

    def groups(self) -> dict[str, str]:
        """Subjects by subjects."""
        with self.records.reading() as connection:
            rows = connection.execute(select(schema.incidents)).all()
        subjects = {row.event_id: row.subject for row in rows}
        return {row.subject: subjects[row.head] for row in rows if row.head is not None}

    def alerts(self) -> list[tuple[str, str]]:
        """Whether each is about what, and for what."""
        with self.records.reading() as connection:
            named = select(schema.incidents.c.subject, schema.alerts.c.phase).join_from(
                schema.alerts, schema.incidents, schema.alerts.c.event_id == schema.incidents.c.event_id
            )
            return [(row[0], row[1]) for row in connection.execute(named.order_by(schema.alerts.c.id))]


@pytest.fixture
def centre(records: Records, hall: Hall) -> Centre:
    return Centre(records, hall)


FAULT = _said("camera_fault", C1, "raised", 10, 0, detail={"fault": "covered"})
EMPTY = _said("clerk_absent", "window/w01", "raised", 100, -200)
WAITS = _said("long_wait", "zone/waiting", "raised", 110, -1700)
MENDED = _said("camera_fault", C1, "cleared", 300, 0, detail={"fault": "covered"})


@pytest.mark.parametrize("order", list(itertools.permutations([FAULT, EMPTY, WAITS])))
@pytest.mark.parametrize("together", [True, False])
def test_in_whatever_order_it_is_heard_the_group_is_the_same(
    order: tuple[Message, ...], together: bool, centre: Centre
) -> None:
    if together:
        centre.hear(*order, *order)
        assert centre.alerts() == [(C1, "raised")]
    else:
        for message in (*order, *order):
            centre.hear(message)
    assert centre.groups() == {"window/w01": C1, "zone/waiting": C1}


def test_one_fault_is_told_once_and_what_remains_afterwards_is_told_then(centre: Centre, records: Records) -> None:
    for message in (FAULT, EMPTY, WAITS):
        centre.hear(message)
    assert centre.alerts() == [(C1, "raised")]
    centre.hear(_said("long_wait", "zone/waiting", "cleared", 250, -1700))
    assert centre.alerts() == [(C1, "raised")]  # nobody knew of it
    centre.clock.advance(300)
    centre.hear(MENDED)
    assert centre.alerts()[1:] == [(C1, "cleared"), ("window/w01", "raised")] or centre.alerts()[1:] == [
        ("window/w01", "raised"),
        (C1, "cleared"),
    ]
    assert centre.groups() == {"zone/waiting": C1}
    with records.reading() as connection:
        event = EMPTY.body.event_id  # type: ignore[union-attr]
        assert load_incidents(connection, [event])[event].opened_at == T0 + 300
        assert [step.kind for step in steps_of(connection, event)] == ["opened", "grouped", "ungrouped"]


def test_ten_cameras_behind_a_switch_are_told_as_one(centre: Centre) -> None:
    faults = [
        _said("camera_fault", f"camera/c{i}", "raised", 12 + i, 2 + i, detail={"fault": "offline"}) for i in range(10)
    ]
    for message in faults[5:] + faults[:5]:
        centre.hear(message)
        centre.clock.advance(TOGETHER_S / 20)
    assert centre.alerts() == [("camera/c0", "raised")]
    assert Counter(centre.groups().values()) == {"camera/c0": 9}
    centre.hear(_said("node_offline", "node/edge-f1", "raised", 70, 15))
    assert centre.alerts() == [("node/edge-f1", "raised")]
    assert Counter(centre.groups().values()) == {"node/edge-f1": 10}


def test_what_people_were_told_of_before_is_told_when_it_is_over(centre: Centre) -> None:
    centre.hear(EMPTY)
    centre.records.write(lambda connection: connection.execute(update(schema.alerts).values(status="sent")))
    centre.hear(_said("node_offline", "node/edge-f1", "raised", 200, 120))
    centre.hear(_said("clerk_absent", "window/w01", "cleared", 250, -200))
    assert centre.alerts() == [
        ("window/w01", "raised"),
        ("node/edge-f1", "raised"),
        ("window/w01", "cleared"),
    ]
