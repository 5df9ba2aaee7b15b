"""What people do with incidents."""

from __future__ import annotations

from typing import Any

import pytest

from hall.messages import Message, Phase
from ingest import audit
from ingest.casebook import Casebook
from ingest.desk import Act, ActRefusedError, Desk, NoIncidentError
from ingest.history import steps_of
from ingest.incidents import Incident
from ingest.labels import Labels
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event

EVENT = an_event("raised").event_id


class Case:
    """One incident, and who deals with it."""

    def __init__(self, records: Records) -> None:
        self.records, self.now = records, T0 + 300
        self._node, self._book, self._desk = Numbered(), Casebook(Labels()), Desk()

    def say(self, phase: Phase, at: float, **more: Any) -> Message:
        """Its box says something."""
        message = self._node.message(T0 + at, an_event(phase, **more))
        self.hear(message)
        return message

    def hear(self, message: Message) -> None:
        """The centre gets a message, maybe again."""
        self.records.write(lambda connection: self._book.take(connection, [message], self.now))

    def act(self, kind: Any, actor: str = "li", **more: Any) -> Incident:
        """Somebody does something, a minute later."""
        self.now += 60
        act = Act(kind=kind, actor=actor, **more)
        return self.records.write(lambda connection: self._desk.act(connection, EVENT, act, self.now))

    @property
    def history(self) -> list[tuple[str, str]]:
        """Kinds and actors of its steps."""
        with self.records.reading() as connection:
            return [(step.kind, step.actor) for step in steps_of(connection, EVENT)]

    @property
    def audited(self) -> list[str]:
        """What stands in the audit log."""
        with self.records.reading() as connection:
            assert audit.verify(connection).faults == []
            return [row.action for row in audit.rows(connection)][::-1]


@pytest.fixture
def case(records: Records) -> Case:
    found = Case(records)
    found.say("raised", 300)
    return found


def test_from_the_alert_to_the_end(case: Case) -> None:
    taken = case.act("acknowledge")
    assert (taken.status, taken.acknowledged_by, taken.acknowledged_at) == ("acknowledged", "li", T0 + 360)
    assert case.act("assign", to="王芳").assigned_to == "王芳"
    assert case.act("note", note="she is on her way").status == "acknowledged"
    case.say("cleared", 600)
    closed = case.act("close", "chen")
    assert (closed.status, closed.closed_by, closed.assigned_to) == ("closed", "chen", "王芳")
    assert case.history == [
        ("opened", ""),
        ("acknowledged", "li"),
        ("assigned", "li"),
        ("noted", "li"),
        ("cleared", ""),
        ("closed", "chen"),
    ]
    assert case.audited == ["incident.acknowledge", "incident.assign", "incident.note", "incident.close"]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("acknowledge", {}),
        ("assign", {"to": "wang"}),
        ("false_alarm", {}),
        ("appeal", {"note": "I was there"}),
        ("close", {"note": "the box is gone"}),
        ("note", {"note": "once", "key": "k1"}),
    ],
)
def test_what_is_done_twice_is_done_once(case: Case, kind: str, more: dict[str, str]) -> None:
    first = case.act(kind, **more)
    again = case.act(kind, "chen", **more)
    assert again == first
    assert len(case.history) == 2
    assert len(case.audited) == 1


def test_a_false_alarm_is_closed_and_stays_one_when_its_box_sees_it_again(case: Case) -> None:
    wrong = case.act("false_alarm", note="the clerk sat there")
    assert (wrong.status, wrong.label) == ("closed", "false_alarm")
    case.say("cleared", 600)
    case.say("raised", 900)
    assert case.act("note", note="again").status == "closed"


def test_a_label_that_was_a_mistake_is_taken_back(case: Case) -> None:
    case.act("acknowledge")
    case.act("false_alarm")
    case.say("cleared", 600)
    case.say("raised", 900)  # nobody is told
    again = case.act("unlabel", "chen", note="the wrong row")
    assert (again.status, again.label, again.closed_by, again.closed_at) == ("acknowledged", None, None, None)
    assert case.act("unlabel") == again
    assert case.history[-1] == ("unlabelled", "chen")
    assert case.audited[-1] == "incident.unlabel"
    case.say("cleared", 1000)
    case.act("close")
    case.act("false_alarm")
    assert case.act("unlabel").status == "closed"  # that somebody closed it holds


def test_what_was_upheld_stays_a_false_alarm(case: Case) -> None:
    case.act("appeal", note="I was there")
    case.act("decide", "chen", verdict="upheld", note="so it is")
    with pytest.raises(ActRefusedError, match="the appeal was upheld"):
        case.act("unlabel")


@pytest.mark.parametrize("decider", ["li", "zhao"])
def test_who_appealed_does_not_decide(case: Case, decider: str) -> None:
    case.act("appeal", to="zhao", note="I was behind the pillar")
    with pytest.raises(ActRefusedError, match=f"{decider} appealed; expected somebody else to decide"):
        case.act("decide", decider, verdict="upheld", note="I am right")
    assert case.history[1:] == [("appealed", "li")]
    assert case.act("decide", "chen", verdict="rejected", note="the picture").appeal == "rejected"


def test_an_incident_that_opens_again_begins_anew(case: Case) -> None:
    case.act("acknowledge")
    case.say("cleared", 600)
    assert case.act("close").status == "closed"
    case.say("raised", 900)
    again = case.act("note", note="look")
    assert (again.status, again.openings, again.acknowledged_by, again.closed_by) == ("open", 2, None, None)
    with pytest.raises(ActRefusedError, match="opened again"):
        case.act("acknowledge", opening=1)
    assert case.act("acknowledge", opening=2).status == "acknowledged"


def test_old_messages_that_come_again_undo_nothing(case: Case) -> None:
    raised = case.say("updated", 400)
    cleared = case.say("cleared", 600)
    closed = case.act("close")
    before = case.history
    for message in (raised, cleared, raised):
        case.hear(message)
    assert case.act("close") == closed
    assert case.history == before


@pytest.mark.parametrize(
    ("verdict", "status", "label"), [("upheld", "closed", "false_alarm"), ("rejected", "open", None)]
)
def test_an_appeal_is_decided_once(case: Case, verdict: Any, status: str, label: str | None) -> None:
    assert case.act("appeal", to="zhao", note="I was behind the pillar").appeal == "pending"
    decided = case.act("decide", "chen", verdict=verdict, note="looked at the picture")
    assert (decided.appeal, decided.status, decided.label) == (verdict, status, label)
    assert case.act("decide", "chen", verdict=verdict, note="again") == decided
    other = "rejected" if verdict == "upheld" else "upheld"
    with pytest.raises(ActRefusedError, match=f"the appeal was {verdict}"):
        case.act("decide", "chen", verdict=other, note="no")
    with pytest.raises(ActRefusedError, match=f"an appeal was {verdict}"):
        case.act("appeal", note="still")
    assert case.history[1:] == [("appealed", "li"), ("decided", "chen")]


@pytest.mark.parametrize(
    ("kind", "more", "why"),
    [
        ("close", {}, "it still is wrong; expected a note"),
        ("note", {}, "note without a note"),
        ("appeal", {}, "appeal without a note"),
        ("assign", {}, "assigned to nobody"),
        ("decide", {"note": "x"}, "without a verdict"),
        ("decide", {"note": "x", "verdict": "upheld"}, "nobody appealed"),
    ],
)
def test_what_cannot_be_done_changes_nothing(case: Case, kind: str, more: dict[str, str], why: str) -> None:
    with pytest.raises(ActRefusedError, match=why):
        case.act(kind, **more)
    assert case.history == [("opened", "")]
    assert case.audited == []


@pytest.mark.parametrize("kind", ["acknowledge", "assign"])
def test_what_is_closed_is_nobodys_any_more(case: Case, kind: str) -> None:
    case.act("close", "chen", note="moved")
    with pytest.raises(ActRefusedError, match="closed by chen"):
        case.act(kind, to="wang")


def test_an_incident_that_is_not_there(records: Records) -> None:
    with pytest.raises(NoIncidentError, match="there is none"):
        Case(records).act("acknowledge")
