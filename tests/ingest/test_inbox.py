"""The inbox over real records: what is a row, what fits a question, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

import pytest

from hall.views import IncidentView
from ingest import inbox
from ingest.casebook import Casebook
from ingest.changes import note_incidents
from ingest.desk import Act, ActKind, ActRefusedError, Desk, Verdict, needs_note, open_acts
from ingest.history import steps_of
from ingest.inbox import Part, Question
from ingest.labels import Labels
from ingest.records import Records
from tests.support.centre import T0
from tests.support.consoles import boxes, large_hall, raised

HALL = large_hall(2, 4)
NOW = T0 + 3_600
MANY = Part(100)


def fill(records: Records) -> list[str]:
    """A camera fault with two consequences, a critical absence on f1, a wait on f2; ids in this order."""
    nodes = boxes(HALL)
    told = [
        raised(nodes["f1"], "camera_fault", "camera/c01", T0, at=T0 + 10, detail={"fault": "offline"}),
        raised(nodes["f1"], "clerk_absent", "window/w01", T0 + 5, at=T0 + 305, severity="critical"),
        raised(nodes["f1"], "overtime_case", "window/w01", T0 + 20, at=T0 + 320),
        raised(nodes["f1"], "clerk_absent", "window/w02", T0 + 30, at=T0 + 330, severity="critical"),
        raised(nodes["f2"], "long_wait", "zone/z2", T0 + 40, at=T0 + 340),
    ]
    book = Casebook(Labels(HALL), halls=[HALL])
    records.write(lambda connection: book.take(connection, told, NOW))
    ids = [message.body.event_id for message in told]  # type: ignore[union-attr]
    records.write(lambda connection: note_incidents(connection, ids))
    return ids


def rows(records: Records, part: Part = MANY, **asked: object) -> list[str]:
    with records.reading() as connection:
        return [row.event_id for row in inbox.page(connection, Question("demo", **asked), part).rows]  # type: ignore[arg-type]


def test_consequences_are_folded_under_their_cause(records: Records) -> None:
    fault, absent, overtime, alone, wait = fill(records)
    assert rows(records) == [wait, alone, fault]
    with records.reading() as connection:
        members = inbox.page(connection, Question("demo"), MANY).members
    assert {head: [one.event_id for one in theirs] for head, theirs in members.items()} == {fault: [absent, overtime]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"rule": "overtime_case"}, ["fault"]),  # only a consequence fits: its cause is shown with it
        ({"rule": "clerk_absent", "shown": "all"}, ["alone", "fault"]),
        ({"severity": "critical", "floor": "f1", "shown": "all"}, ["alone", "fault"]),
        ({"floor": "f2"}, ["wait"]),
        ({"shown": "acknowledged"}, ["wait"]),
        ({"shown": "closed"}, ["alone"]),
        ({"shown": "appealed"}, ["fault"]),
        ({"shown": "all"}, ["wait", "alone", "fault"]),
        ({"rule": "clerk_absent"}, ["fault"]),
        ({"shown": "cleared"}, []),
    ],
)
def test_a_row_fits_where_it_or_a_consequence_does(
    records: Records, asked: dict[str, str], expected: Sequence[str]
) -> None:
    fault, _absent, overtime, alone, wait = fill(records)
    act(records, wait, Act(kind="acknowledge", actor="li"))
    act(records, alone, Act(kind="false_alarm", actor="li"))
    act(records, overtime, Act(kind="appeal", actor="li", note="no"))
    names = {"fault": fault, "alone": alone, "wait": wait}
    assert rows(records, MANY, **asked) == [names[name] for name in expected]
    with records.reading() as connection:
        question = Question("demo", **asked)  # type: ignore[arg-type]
        assert inbox.counts(connection, question)[question.shown] == len(expected)


def test_a_hall_sees_only_its_own(records: Records) -> None:
    fault, *_ = fill(records)
    with records.reading() as connection:
        assert inbox.page(connection, Question("other"), MANY).rows == []
        assert inbox.file_of(connection, "other", fault) is None
        assert inbox.counts(connection, Question("other"))["all"] == 0
        assert inbox.names(connection, "other") == []


def test_pages_follow_each_other(records: Records) -> None:
    fault, _absent, _overtime, alone, wait = fill(records)
    with records.reading() as connection:
        first = inbox.page(connection, Question("demo"), Part(2))
        assert (first.more, [row.event_id for row in first.rows]) == (True, [wait, alone])
    assert rows(records, Part(2, after=first.last)) == [fault]
    assert rows(records, Part(2, before=first.last)) == [wait]
    with records.reading() as connection, pytest.raises(inbox.CursorError):
        inbox.page(connection, Question("demo"), Part(2, after="nonsense"))


def test_the_file_of_an_incident_has_its_history_its_cause_and_who_had_to_do_with_it(records: Records) -> None:
    fault, absent, overtime, *_ = fill(records)
    act(records, absent, Act(kind="assign", actor="li", to="王芳"))
    with records.reading() as connection:
        head, member = inbox.file_of(connection, "demo", fault), inbox.file_of(connection, "demo", absent)
        names = inbox.names(connection, "demo")
    assert head is not None
    assert member is not None
    assert member.head is not None
    assert (head.head, [one.event_id for one in head.members], member.head.event_id) == (
        None,
        [absent, overtime],
        fault,
    )
    assert [(step.kind, step.actor) for step in member.history][-1] == ("assigned", "li")
    assert sorted(names) == ["li", "王芳"]


def test_news_are_of_incidents_of_this_hall_only(records: Records) -> None:
    with records.reading() as connection:
        assert inbox.news_since(connection, "demo", 0) == (False, 0)
    *_, wait = fill(records)
    with records.reading() as connection:
        is_news, number = inbox.news_since(connection, "demo", 0)
        assert is_news
        assert inbox.news_since(connection, "demo", number) == (False, number)
        assert inbox.news_since(connection, "other", 0) == (False, number)
    act(records, wait, Act(kind="note", actor="li", note="seen"))
    with records.reading() as connection:
        assert inbox.news_since(connection, "demo", number)[0]


ACTS = get_args(ActKind)
BEFORE: tuple[tuple[ActKind, ...], ...] = (
    (),
    ("acknowledge",),
    ("appeal",),
    ("close",),
    ("false_alarm",),
    ("appeal", "decide"),
    ("appeal", "close"),
    ("appeal", "false_alarm"),
    ("acknowledge", "appeal"),
    ("close", "false_alarm"),
    ("false_alarm", "unlabel"),
)


def an_act(kind: ActKind, note: str = "because") -> Act:
    actor, verdict = ("chen", "rejected") if kind == "decide" else ("li", None)
    return Act(kind=kind, actor=actor, note=note, to="王芳", verdict=cast("Verdict | None", verdict))


@pytest.mark.parametrize("before", BEFORE, ids=lambda kinds: "-".join(kinds) or "new")
def test_open_acts_are_those_that_the_desk_takes_and_that_change_something(
    records: Records, before: tuple[ActKind, ...]
) -> None:
    event_id = fill(records)[3]
    for kind in before:
        act(records, event_id, an_act(kind))
    view = view_of(records, event_id)
    offered = open_acts(view)
    for kind in ACTS:
        assert changes(records, event_id, an_act(kind)) == (kind in offered), kind
        if kind in offered:
            assert changes(records, event_id, an_act(kind, note="")) != needs_note(view, kind), kind


def act(records: Records, event_id: str, one: Act) -> None:
    records.write(lambda connection: Desk().act(connection, event_id, one, NOW))


def view_of(records: Records, event_id: str) -> IncidentView:
    with records.reading() as connection:
        found = inbox.file_of(connection, "demo", event_id)
    assert found is not None
    return found.incident


class _UndoneError(Exception):
    """Ends a transaction that is not to be kept."""


def changes(records: Records, event_id: str, one: Act) -> bool:
    """Whether an act is taken and adds a step; it is undone."""
    found: list[bool] = []
    with pytest.raises((_UndoneError, ActRefusedError)), records.writing() as connection:  # noqa: PT012
        before = len(steps_of(connection, event_id))
        Desk().act(connection, event_id, one, NOW)
        found.append(len(steps_of(connection, event_id)) > before)
        raise _UndoneError
    return found == [True]
