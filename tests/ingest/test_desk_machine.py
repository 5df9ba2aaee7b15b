"""Any messages in any order, any acts and the passing of time: an incident never goes where it may not."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from hall.messages import Message, Phase, Severity
from hall.views import IncidentStatus, IncidentStep
from ingest import audit, schema
from ingest._tables_users import audit as audit_rows
from ingest.casebook import Casebook
from ingest.desk import Act, ActKind, ActRefusedError, Desk
from ingest.escalation import Chain, ChainStep
from ingest.history import steps_of
from ingest.incidents import Incident, load_incidents, merge
from ingest.labels import Labels
from ingest.records import Records
from tests.support.centre import T0, Numbered, an_event

CHAINS = (
    Chain("bad", (ChainStep(0.0, ()), ChainStep(120.0, (), "cleared")), severities=frozenset({"critical"})),
    Chain("rest", (ChainStep(60.0, ()), ChainStep(300.0, (), "cleared"))),
)
BY_MESSAGE: dict[IncidentStatus, set[IncidentStatus]] = {
    "open": {"cleared", "escalated"},
    "acknowledged": {"cleared", "escalated"},  # it became critical, and a step of its other chain was due long ago
    "escalated": {"cleared"},
    "cleared": {"open", "escalated"},
    "closed": {"open", "escalated"},
}
BY_ACT: dict[IncidentStatus, set[IncidentStatus]] = {
    "open": {"acknowledged", "closed"},
    "acknowledged": {"closed"},
    "escalated": {"acknowledged", "closed"},
    "cleared": {"closed"},
    "closed": {"open", "acknowledged", "escalated", "cleared"},
}
"""What was called a false alarm by mistake is what it was."""
BY_TIME: dict[IncidentStatus, set[IncidentStatus]] = {"open": {"escalated"}, "acknowledged": {"escalated"}}
_events = itertools.count()


class Machine(RuleBasedStateMachine):
    """One incident."""

    records: Records

    def __init__(self) -> None:
        super().__init__()
        self.now = T0 + 100_000.0
        self.started_at = T0 + next(_events)
        self.event = an_event("raised", started_at=self.started_at).event_id
        self.node = Numbered()
        self.known: list[Message] = []
        self.heard: list[Message] = []
        self.before: Incident | None = None
        self.changes = 0
        self.book, self.desk = Casebook(Labels(), chains=CHAINS), Desk()

    @property
    def incident(self) -> Incident | None:
        with self.records.reading() as connection:
            return load_incidents(connection, [self.event]).get(self.event)

    @property
    def history(self) -> Sequence[IncidentStep]:
        with self.records.reading() as connection:
            return steps_of(connection, self.event)

    def _went(self, allowed: dict[IncidentStatus, set[IncidentStatus]]) -> None:
        after = self.incident
        if self.before is not None and after is not None and after.status != self.before.status:
            assert after.status in allowed.get(self.before.status, set()), (self.before.status, after.status)
        self.before = after

    def _hear(self, *messages: Message) -> None:
        self.records.write(lambda connection: self.book.take(connection, messages, self.now))
        self.heard += messages
        self._went(BY_MESSAGE)

    @rule(
        phase=st.sampled_from(["raised", "updated", "cleared"]),
        at=st.integers(0, 20),
        severity=st.sampled_from(["warning", "critical"]),
        is_heard=st.booleans(),
    )
    def say(self, phase: Phase, at: int, severity: Severity, is_heard: bool) -> None:
        """Its box says something, which comes now or later."""
        body = an_event(phase, started_at=self.started_at, severity=severity)
        message = self.node.message(self.started_at + 300 + at, body)
        self.known.append(message)
        if is_heard:
            self._hear(message)

    @precondition(lambda self: self.known)
    @rule(which=st.integers(0, 99), count=st.integers(1, 3))
    def deliver(self, which: int, count: int) -> None:
        """Old messages come, maybe again, maybe together."""
        self._hear(*(self.known[(which + i) % len(self.known)] for i in range(count)))

    @precondition(lambda self: self.before is not None)
    @rule(
        kind=st.sampled_from(get_args(ActKind)),
        note=st.sampled_from(["", "why"]),
        verdict=st.sampled_from([None, "upheld", "rejected"]),
        key=st.sampled_from([None, None, "k1", "k2"]),
        opening=st.sampled_from([None, None, 1, 2]),
    )
    def act(self, kind: Any, note: str, verdict: Any, key: str | None, opening: int | None) -> None:
        """Somebody does something that may not be possible."""
        actor = "chen" if kind == "decide" else "li"
        what = Act(kind=kind, actor=actor, note=note, to="wang", verdict=verdict, key=key, opening=opening)
        try:
            self.records.write(lambda connection: self.desk.act(connection, self.event, what, self.now))
        except ActRefusedError:
            assert self.incident == self.before
        self._went(BY_ACT)

    @precondition(lambda self: self.before is not None)
    @rule(seconds=st.sampled_from([1.0, 59.0, 60.0, 240.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds
        for _ in range(2):  # the second time nothing is due any more
            self.records.write(lambda connection: self.book.escalate(connection, [self.event], self.now))
        self._went(BY_TIME)

    @invariant()
    def the_history_says_it_all(self) -> None:
        """Whoever reads the history knows status, opening and label."""
        if self.before is not None:
            told = _told(self.history)
            shown = self.before
            assert told == (shown.status, shown.openings, shown.label, shown.appeal, shown.acknowledged_by)

    @invariant()
    def the_order_of_messages_does_not_matter(self) -> None:
        """What the box said is the same as if it had been heard in order."""
        if self.before is None:
            return
        alone: Incident | None = None
        for message in sorted(self.heard, key=lambda m: (m.captured_at, m.seq)):
            alone = merge(alone, message)
        assert alone is not None
        names = ("holds", "severity", "last_raised_at", "last_cleared_at", "raised_at", "latest_at")
        assert [getattr(alone, name) for name in names] == [getattr(self.before, name) for name in names]

    def teardown(self) -> None:
        """Every act, and no more, stands in the audit log."""
        kinds = Counter(step.kind for step in self.history)
        mine = audit_rows.c.subject == f"incident/{self.event}"
        with self.records.reading() as connection:
            wanted = select(audit_rows.c.action, func.count()).where(mine).group_by(audit_rows.c.action)
            written = {row[0]: row[1] for row in connection.execute(wanted)}
        words = {
            "acknowledged": "acknowledge",
            "assigned": "assign",
            "noted": "note",
            "false_alarm": "false_alarm",
            "unlabelled": "unlabel",
            "appealed": "appeal",
            "decided": "decide",
            "closed": "close",
            "escalated": "escalate",
        }
        assert written == {f"incident.{words[kind]}": count for kind, count in kinds.items() if kind in words}


def _told(history: Sequence[IncidentStep]) -> tuple[Any, ...]:  # noqa: C901 - a table of steps
    """Status, opening, label, appeal and who sees to it, by the history alone."""
    holds = closed = apart = escalated = False
    by: str | None = None
    label: str | None = None
    appeal: str | None = None
    for step in history:
        match step.kind:
            case "opened":
                holds, apart = True, False
                if label is None:
                    closed, escalated, by = False, False, None
            case "cleared":
                holds = False
            case "escalated":
                escalated, by = True, None
            case "acknowledged":
                by = step.actor
            case "false_alarm":
                closed, label = True, "false_alarm"
            case "unlabelled":
                closed, label = apart, None
            case "closed":
                closed = apart = True
            case "appealed":
                appeal = "pending"
            case "decided":
                appeal = cast("str", step.detail["verdict"])
                if appeal == "upheld":
                    closed, label = True, "false_alarm"
            case _:
                pass
    status = (
        "closed"
        if closed
        else "cleared"
        if not holds
        else "acknowledged"
        if by
        else "escalated"
        if escalated
        else "open"
    )
    return status, max(step.opening for step in history), label, appeal, by


@pytest.fixture(scope="module")
def shared() -> Iterator[Records]:
    with tempfile.TemporaryDirectory() as folder:
        records = Records(f"sqlite:///{Path(folder)}/records.db")
        yield records
        records.close()


def test_whatever_happens(shared: Records) -> None:
    Machine.records = shared
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, derandomize=True, suppress_health_check=checks
        ),
    )
    with shared.reading() as connection:
        assert (connection.scalar(select(func.count()).select_from(schema.incidents)) or 0) > 10
        assert audit.verify(connection).faults == []
