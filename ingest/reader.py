"""The read side: what the records say, for the API, the console and reports."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import RowMapping, Select, select

from hall.clock import Instant
from hall.views import IncidentStatus, IncidentView, NodeView
from ingest._paging import Order, Page, Part
from ingest.incidents import from_row
from ingest.live import Live, load_live
from ingest.records import Records
from ingest.rollups import Period, Rollup, rollup_of
from ingest.schema import acknowledgements, incidents, nodes, rollups

MAX_INCIDENTS = 1_000
_NEWEST_FIRST = Order((incidents.c.raised_at, incidents.c.event_id), descending=(incidents.c.raised_at,))
_BY_PLACE = Order((nodes.c.hall, nodes.c.floor, nodes.c.node))
_BY_TIME = Order((rollups.c.start, rollups.c.hall, rollups.c.floor, rollups.c.node))


class Reader:
    """`hall.views.ReadModel` over the records. Answers are kept until something changes; any thread may ask."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._version = 1
        self._nodes: tuple[int, Sequence[NodeView]] | None = None
        self._incidents: dict[tuple[int, IncidentStatus | None], tuple[int, Sequence[IncidentView]]] = {}

    def changed(self) -> None:
        """Nodes or incidents changed on record."""
        with self._lock:
            self._version += 1

    def version(self) -> int:
        """See `ReadModel.version`."""
        return self._version

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

    def incidents(self, *, limit: int = 100, status: IncidentStatus | None = None) -> Sequence[IncidentView]:
        """See `ReadModel.incidents`. At most `MAX_INCIDENTS` at once.

        Raises:
            RecordsError: the records cannot be read.
        """
        key = (max(0, min(limit, MAX_INCIDENTS)), status)
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
        self, part: Part, *, halls: Collection[str] | None, status: IncidentStatus | None = None
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
            return _NEWEST_FIRST.page(connection, statement, part, _view)

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

    def _read_incidents(self, limit: int, status: IncidentStatus | None) -> Sequence[IncidentView]:
        order = (incidents.c.raised_at.desc(), incidents.c.event_id)
        with self._records.reading() as connection:
            rows = connection.execute(_incidents(status).order_by(*order).limit(limit)).mappings()
            return tuple(_view(row) for row in rows)


def _incidents(status: IncidentStatus | None) -> Select[Any]:
    told = (acknowledgements.c.event_id == incidents.c.event_id) & (acknowledgements.c.opening == incidents.c.openings)
    who = (acknowledgements.c.acknowledged_by, acknowledgements.c.acknowledged_at)
    statement = select(incidents, *who).outerjoin(acknowledgements, told)
    return statement if status is None else statement.where(incidents.c.status == status)


def _view(row: RowMapping) -> IncidentView:
    values = dict(row)
    by, at = values.pop("acknowledged_by"), values.pop("acknowledged_at")
    return from_row(values).view(by, at)
