"""The read side: what the records say, for the API, the console and reports."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from hall.clock import Instant
from hall.errors import RecordsError
from hall.views import ONGOING, IncidentFilter, IncidentStep, IncidentView, NodeView
from ingest import changes
from ingest._paging import Order, Page, Part
from ingest._tables_inputs import ticket_rollups
from ingest.changes import Change, ChangeKind, Subject, node_key
from ingest.history import steps_of
from ingest.incidents import Incident, from_row, load_incidents
from ingest.live import Live, load_live
from ingest.records import Records
from ingest.rollups import Period, Rollup, rollup_of
from ingest.schema import incidents, nodes, rollups
from ingest.ticket_sums import TicketRollup, ticket_rollup

MAX_INCIDENTS = 1_000
_NEWEST_FIRST = Order((incidents.c.raised_at, incidents.c.event_id), descending=(incidents.c.raised_at,))
_BY_PLACE = Order((nodes.c.hall, nodes.c.floor, nodes.c.node))
_BY_TIME = Order((rollups.c.start, rollups.c.hall, rollups.c.floor, rollups.c.node))

_TICKETS_BY_TIME = Order((ticket_rollups.c.start, ticket_rollups.c.hall, ticket_rollups.c.floor, ticket_rollups.c.zone))


class News(NamedTuple):
    """Changes with what changed as it is now, the oldest first. Whoever knows them knows all up to number `up_to`."""

    changes: Sequence[tuple[Change, IncidentView | NodeView]]
    up_to: int


_Question = tuple[int, IncidentFilter | None, tuple[str, ...] | None]
"""Limit, status and halls."""


class Reader:
    """`hall.views.ReadModel` over the records. Answers are kept until something changes; any thread may ask.

    Its version is the number of the newest change, see `ingest.changes`; `changed` looks for it.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._version = 0
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._nodes: tuple[int, Sequence[NodeView]] | None = None
        self._incidents: dict[_Question, tuple[int, Sequence[IncidentView]]] = {}

    def changed(self) -> None:
        """Nodes or incidents may have changed on record. While that cannot be read, all stays as it was."""
        with contextlib.suppress(RecordsError):
            with self._records.reading() as connection:
                number = changes.latest(connection)
            with self._lock:
                grown, self._version = number > self._version, max(number, self._version)
            if grown:
                for tell in self._listeners:
                    tell()

    def listen(self, tell: Callable[[], None]) -> None:
        """Have something called whenever the version has grown, in any thread."""
        with self._lock:
            self._listeners += (tell,)

    def version(self) -> int:
        """See `ReadModel.version`."""
        return self._version

    def news(
        self, after: int, *, limit: int, halls: Collection[str] | None = None, kind: ChangeKind | None = None
    ) -> News:
        """What changed after a number, of these halls and this kind only, where they are named.

        Raises:
            RecordsError: the records cannot be read.
        """
        with self._records.reading() as connection:
            found = changes.since(connection, after, limit=limit, halls=halls, kind=kind)
            views = _now(connection, [change.subject for change in found])
            up_to = found[-1].number if len(found) == limit else changes.latest(connection)
        return News([(change, views[change.subject]) for change in found if change.subject in views], up_to)

    def nodes(self) -> Sequence[NodeView]:
        """See `ReadModel.nodes`.

        Raises:
            RecordsError: the records cannot be read.
        """
        version, kept = self._version, self._nodes
        if kept is None or kept[0] != version:
            with self._records.reading() as connection:
                kept = (version, tuple(live.view() for live in load_live(connection).values()))
            self._nodes = kept
        return kept[1]

    def incidents(
        self, *, limit: int = 100, status: IncidentFilter | None = None, halls: Collection[str] | None = None
    ) -> Sequence[IncidentView]:
        """See `ReadModel.incidents`; of these halls only, where some are named. At most `MAX_INCIDENTS` at once.

        Raises:
            RecordsError: the records cannot be read.
        """
        key = (max(0, min(limit, MAX_INCIDENTS)), status, None if halls is None else tuple(sorted(halls)))
        version, kept = self._version, self._incidents.get(key)
        if kept is None or kept[0] != version:
            kept = (version, self._read_incidents(*key))
            with self._lock:
                # Few different questions are asked; whoever asks for each limit there is gets no memory for it.
                if len(self._incidents) >= 16:
                    self._incidents.clear()
                self._incidents[key] = kept
        return kept[1]

    def incident_page(
        self, part: Part, *, halls: Collection[str] | None, status: IncidentFilter | None = None
    ) -> Page[IncidentView]:
        """Part of the incidents of these halls, or of all, newest first by `raised_at`.

        Raises:
            InputError: the cursor is none.
            RecordsError: the records cannot be read.
        """
        statement = _incidents(status)
        if halls is not None:
            statement = statement.where(incidents.c.hall.in_(halls))
        with self._records.reading() as connection:
            page = _NEWEST_FIRST.page(connection, statement, part, from_row)
            return Page(_views(connection, page.items), page.first, page.last, page.more)

    def node_page(self, part: Part, *, halls: Collection[str] | None) -> Page[NodeView]:
        """Part of the nodes of these halls, or of all, by hall, floor and node.

        Raises:
            InputError: the cursor is none.
            RecordsError: the records cannot be read.
        """
        statement = select(nodes)
        if halls is not None:
            statement = statement.where(nodes.c.hall.in_(halls))
        with self._records.reading() as connection:
            return _BY_PLACE.page(connection, statement, part, lambda row: Live(**row).view())

    def rollup_page(
        self, part: Part, period: Period, start: Instant, end: Instant, *, halls: Collection[str] | None
    ) -> Page[Rollup]:
        """Part of the roll-ups of these halls, or of all, that begin from `start` to before `end`, oldest first.

        Raises:
            InputError: the cursor is none.
            RecordsError: the records cannot be read.
        """
        statement = select(rollups).where(rollups.c.period == period, rollups.c.start >= start, rollups.c.start < end)
        if halls is not None:
            statement = statement.where(rollups.c.hall.in_(halls))
        with self._records.reading() as connection:
            return _BY_TIME.page(connection, statement, part, rollup_of)

    def ticket_rollup_page(
        self, part: Part, period: Period, start: Instant, end: Instant, *, halls: Collection[str] | None
    ) -> Page[TicketRollup]:
        """Part of what happened to the tickets of these halls, or of all, from `start` to before `end`, oldest first.

        Raises:
            InputError: the cursor is none.
            RecordsError: the records cannot be read.
        """
        table = ticket_rollups
        counts = table.c.taken + table.c.called + table.c.missed + table.c.done
        statement = select(table).where(
            table.c.period == period, table.c.start >= start, table.c.start < end, counts > 0
        )
        if halls is not None:
            statement = statement.where(table.c.hall.in_(halls))
        with self._records.reading() as connection:
            return _TICKETS_BY_TIME.page(connection, statement, part, ticket_rollup)

    def incident(self, event_id: str) -> tuple[IncidentView, list[IncidentStep], Sequence[IncidentView]] | None:
        """An incident, its history and its members; None where there is none.

        Raises:
            RecordsError: the records cannot be read.
        """
        theirs = select(incidents).where(incidents.c.head == event_id).order_by(incidents.c.started_at)
        with self._records.reading() as connection:
            found = load_incidents(connection, [event_id]).get(event_id)
            if found is None:
                return None
            members = [from_row(row) for row in connection.execute(theirs).mappings()]
            (view,) = _views(connection, [found])
            return view, steps_of(connection, event_id), _views(connection, members)

    def _read_incidents(
        self, limit: int, status: IncidentFilter | None, halls: tuple[str, ...] | None
    ) -> Sequence[IncidentView]:
        statement = _incidents(status).order_by(incidents.c.raised_at.desc(), incidents.c.event_id).limit(limit)
        if halls is not None:
            statement = statement.where(incidents.c.hall.in_(halls))
        with self._records.reading() as connection:
            return _views(connection, [from_row(row) for row in connection.execute(statement).mappings()])


class HallReader:
    """`hall.views.ReadModel` of one hall, where the records have several."""

    def __init__(self, reader: Reader, hall: str) -> None:
        self._reader, self._hall = reader, hall

    def version(self) -> int:
        """See `ReadModel.version`."""
        return self._reader.version()

    def nodes(self) -> Sequence[NodeView]:
        """See `ReadModel.nodes`."""
        return [node for node in self._reader.nodes() if node.hall == self._hall]

    def incidents(self, *, limit: int = 100, status: IncidentFilter | None = None) -> Sequence[IncidentView]:
        """See `ReadModel.incidents`."""
        return self._reader.incidents(limit=limit, status=status, halls=[self._hall])


def _now(connection: Connection, subjects: Sequence[Subject]) -> dict[Subject, IncidentView | NodeView]:
    """Those of the subjects that are on record."""
    events = {subject.key: subject for subject in subjects if subject.kind == "incident"}
    places = {subject.key: subject for subject in subjects if subject.kind == "node"}
    found: dict[Subject, IncidentView | NodeView] = {}
    if events:
        known = load_incidents(connection, list(events)).values()
        found |= {events[view.event_id]: view for view in _views(connection, list(known))}
    if places:
        live = load_live(connection, [node_key(subject) for subject in places.values()])
        found |= {places["/".join(key)]: node.view() for key, node in live.items()}
    return found


def _incidents(status: IncidentFilter | None) -> Select[Any]:
    statement = select(incidents)
    if status is None:
        return statement
    return statement.where(incidents.c.status.in_(sorted(ONGOING) if status == "ongoing" else [status]))


def _views(connection: Connection, found: Sequence[Incident]) -> Sequence[IncidentView]:
    """Incidents as others see them, each with what it is the cause of."""
    members: dict[str, list[str]] = {}
    theirs = select(incidents.c.head, incidents.c.event_id).order_by(incidents.c.event_id)
    for head, member in connection.execute(theirs.where(incidents.c.head.in_([i.event_id for i in found]))):
        members.setdefault(head, []).append(member)
    return tuple(incident.view(members.get(incident.event_id, ())) for incident in found)
