"""The read side: what the records say, for the API, the console and reports."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, select

from hall.clock import Instant
from hall.views import IncidentStatus, IncidentView, NodeView
from ingest.incidents import from_row
from ingest.live import load_live
from ingest.records import Records
from ingest.rollups import Period, Rollup, read_rollups
from ingest.schema import acknowledgements, incidents

MAX_INCIDENTS = 1_000
MAX_ROLLUPS = 1_000


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

    def incidents_of(
        self, halls: Collection[str], *, limit: int = 100, status: IncidentStatus | None = None
    ) -> Sequence[IncidentView]:
        """`incidents` of these halls only.

        Raises:
            RecordsError: the records cannot be read.
        """
        return self._read_incidents(max(0, min(limit, MAX_INCIDENTS)), status, halls)

    def rollups(
        self,
        period: Period,
        start: Instant,
        end: Instant,
        *,
        limit: int = MAX_ROLLUPS,
        halls: Collection[str] | None = None,
    ) -> Sequence[Rollup]:
        """Roll-ups that begin from `start` to before `end`, oldest first. At most `MAX_ROLLUPS` at once.

        Of these halls only, where some are named.

        Raises:
            RecordsError: the records cannot be read.
        """
        with self._records.reading() as connection:
            return read_rollups(connection, period, start, end, limit=max(0, min(limit, MAX_ROLLUPS)), halls=halls)

    def _read_incidents(
        self, limit: int, status: IncidentStatus | None, halls: Collection[str] | None = None
    ) -> Sequence[IncidentView]:
        told = (acknowledgements.c.event_id == incidents.c.event_id) & (
            acknowledgements.c.opening == incidents.c.openings
        )
        who = (acknowledgements.c.acknowledged_by, acknowledgements.c.acknowledged_at)
        statement = select(incidents, *who).outerjoin(acknowledgements, told)
        statement = statement.order_by(incidents.c.raised_at.desc(), incidents.c.event_id).limit(limit)
        if status is not None:
            statement = statement.where(incidents.c.status == status)
        if halls is not None:
            statement = statement.where(incidents.c.hall.in_(halls))
        with self._records.reading() as connection:
            return tuple(_view(row) for row in connection.execute(statement).mappings())


def _view(row: RowMapping) -> IncidentView:
    values = dict(row)
    by, at = values.pop("acknowledged_by"), values.pop("acknowledged_at")
    return from_row(values).view(by, at)
