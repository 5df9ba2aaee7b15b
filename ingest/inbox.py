"""The inbox: incidents of a hall as people go through them, consequences under their cause.

What belongs together is one row, that of its cause. A row fits a question where the cause or one of its members does,
so nothing that is asked for is hidden in a fold; numbers count such rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select

from hall.messages import Rule, Severity
from hall.views import ONGOING, IncidentFilter, IncidentStep, IncidentView
from ingest import changes
from ingest._paging import CursorError, Order, Page, Part
from ingest.history import steps_of
from ingest.incidents import Incident, from_row, load_incidents
from ingest.schema import incident_steps, incidents

Shown = IncidentFilter | Literal["appealed", "all"]
"""`appealed`: somebody disagrees, and it is not decided."""
SHOWN: tuple[Shown, ...] = (*get_args(IncidentFilter), "appealed", "all")
_MOST_MEMBERS = 200
_MOST_NAMES = 50

__all__ = [
    "SHOWN",
    "CursorError",
    "InboxFile",
    "InboxPage",
    "Part",
    "Question",
    "Shown",
    "counts",
    "file_of",
    "names",
    "news_since",
    "page",
]

_GROUP = func.coalesce(incidents.c.head, incidents.c.event_id)
_NEWEST_FIRST = Order((incidents.c.raised_at, incidents.c.event_id), descending=(incidents.c.raised_at,))


@dataclass(frozen=True, slots=True)
class Question:
    """Which incidents of a hall; None is any."""

    hall: str
    shown: Shown = "ongoing"
    severity: Severity | None = None
    rule: Rule | None = None
    floor: str | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Part of the inbox, newest first by `raised_at`.

    Attributes:
        rows: incidents that are no consequence of another.
        members: those of each row that has some, by its `event_id`, the oldest first; `_MOST_MEMBERS` in all.
        first: cursor of the first row; see `Part.before`.
        last: cursor of the last row; see `Part.after`.
        more: whether there is more in the direction that was asked for.
    """

    rows: Sequence[IncidentView]
    members: Mapping[str, Sequence[IncidentView]]
    first: str | None
    last: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class InboxFile:
    """All about an incident: its history, oldest first, its consequences, and what it is one of."""

    incident: IncidentView
    history: Sequence[IncidentStep]
    members: Sequence[IncidentView]
    head: IncidentView | None


def page(connection: Connection, question: Question, part: Part) -> InboxPage:
    """Part of the inbox.

    Raises:
        CursorError: the cursor is none.
    """
    fitting = select(_GROUP).where(*_fits(question), *_is(question.shown))
    statement = select(incidents).where(incidents.c.hall == question.hall, incidents.c.event_id.in_(fitting))
    found: Page[Incident] = _NEWEST_FIRST.page(connection, statement, part, from_row)
    members = _members(connection, [row.event_id for row in found.items])
    rows = [row.view([one.event_id for one in members.get(row.event_id, ())]) for row in found.items]
    return InboxPage(rows, members, found.first, found.last, found.more)


def counts(connection: Connection, question: Question) -> Mapping[Shown, int]:
    """How many rows there are for each value of `shown`, the rest of the question as it is."""
    each = [
        func.count(case((and_(*_is(shown)), _GROUP) if _is(shown) else (_GROUP.is_not(None), _GROUP)).distinct())
        for shown in SHOWN
    ]
    row = connection.execute(select(*each).where(*_fits(question))).one()
    return dict(zip(SHOWN, row, strict=True))


def file_of(connection: Connection, hall: str, event_id: str) -> InboxFile | None:
    """All about an incident of a hall; None where it has none of that id."""
    found = load_incidents(connection, [event_id]).get(event_id)
    if found is None or found.hall != hall:
        return None
    members = _members(connection, [event_id]).get(event_id, [])
    head = None if found.head is None else load_incidents(connection, [found.head]).get(found.head)
    view = found.view([member.event_id for member in members])
    return InboxFile(view, steps_of(connection, event_id), members, None if head is None else head.view())


def names(connection: Connection, hall: str) -> Sequence[str]:
    """To whom incidents of a hall are assigned, or who did something about them; for suggestions, in no order."""
    mine = select(incidents.c.event_id).where(incidents.c.hall == hall)
    actors = select(incident_steps.c.actor).where(incident_steps.c.actor != "", incident_steps.c.event_id.in_(mine))
    assigned = select(incidents.c.assigned_to).where(incidents.c.hall == hall, incidents.c.assigned_to.is_not(None))
    both = (connection.scalars(one.distinct().limit(_MOST_NAMES)) for one in (actors, assigned))
    return list(dict.fromkeys(name for found in both for name in found))


def news_since(connection: Connection, hall: str, number: int) -> tuple[bool, int]:
    """Whether incidents of a hall changed after a number of `ingest.changes`, and up to which one that is known."""
    up_to = changes.latest(connection)
    return bool(changes.since(connection, number, limit=1, halls=[hall], kind="incident")), up_to


def _fits(question: Question) -> list[ColumnElement[bool]]:
    table = incidents.c
    wanted: list[tuple[ColumnElement[Any], object]] = [(table.hall, question.hall)]
    wanted += [(table.severity, question.severity), (table.rule, question.rule), (table.floor, question.floor)]
    return [column == value for column, value in wanted if value is not None]


def _is(shown: Shown) -> list[ColumnElement[bool]]:
    if shown == "all":
        return []
    if shown == "appealed":
        return [incidents.c.appeal == "pending"]
    return [incidents.c.status.in_(sorted(ONGOING) if shown == "ongoing" else [shown])]


def _members(connection: Connection, heads: Collection[str]) -> dict[str, list[IncidentView]]:
    theirs: Select[Any] = select(incidents).where(incidents.c.head.in_(heads))
    theirs = theirs.order_by(incidents.c.started_at, incidents.c.event_id).limit(_MOST_MEMBERS)
    found: dict[str, list[IncidentView]] = {}
    for row in connection.execute(theirs).mappings():
        member = from_row(row)
        found.setdefault(member.head or "", []).append(member.view())
    return found
