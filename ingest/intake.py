"""From what arrived to what is on record: one batch, one transaction.

After the commit every message of the batch is either counted, with all that it causes, or among the dead
letters, and may be acknowledged. A batch that came before changes nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from hall.clock import Clock
from hall.errors import MessageError
from hall.layout import Hall
from hall.messages import EventBody, Message, ReplyBody, SessionBody, StatusBody, StayBody
from ingest import schema
from ingest._alert_text import AlertText, cleared_text, opened_text
from ingest.alerts import Channel, queue_alert
from ingest.arrivals import Arrival, read_arrival
from ingest.dead_letters import DeadLetter, save_dead_letters
from ingest.incidents import Incident, load_incidents, merge, save_incidents
from ingest.labels import Labels
from ingest.live import Live, NodeKey, load_live, save_live, watch
from ingest.metrics import Metrics
from ingest.points import Points, points_of
from ingest.points_queue import PointsQueue
from ingest.records import Records
from ingest.seen import SeenBook

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Item:
    """A message that can be counted, and its points."""

    message: Message
    arrival: Arrival
    points: Points | None

    @property
    def node(self) -> NodeKey:
        return self.message.hall, self.message.floor, self.message.node


@dataclass(slots=True)
class _Batch:
    """What one transaction reads and is about to write."""

    nodes: dict[NodeKey, Live]
    incidents: dict[str, Incident]
    changed_nodes: set[NodeKey] = field(default_factory=set)
    changed_incidents: set[str] = field(default_factory=set)
    alerts: list[tuple[Incident, str, AlertText]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    stays: list[dict[str, Any]] = field(default_factory=list)
    points: list[Points] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0


class Intake:
    """Takes batches of arrivals into the records.

    Args:
        hall: with it, a node that is not in it is refused, and alerts name windows as people do.
        queue: where points go; None without a time-series store.
        on_change: called after a commit that changed nodes or incidents.
        on_alert: called after a commit that made an alert.
    """

    def __init__(
        self,
        records: Records,
        queue: PointsQueue | None,
        metrics: Metrics,
        clock: Clock,
        *,
        hall: Hall | None = None,
        channels: Sequence[Channel] = (),
        on_change: Callable[[], None] = lambda: None,
        on_alert: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._queue = queue
        self._metrics = metrics
        self._clock = clock
        self._hall = hall
        self._labels = Labels(hall)
        self._channels = tuple(channels)
        self._on_change = on_change
        self._on_alert = on_alert

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Count a batch. When this returns, all of it is on record.

        Raises:
            RecordsError: nothing of it is; give the same batch again.
        """
        items, letters = self._read(arrivals)
        with self._records.writing() as connection:
            batch = self._work_out(connection, items)
            self._write(connection, batch)
            save_dead_letters(connection, letters)
            queued_bytes = self._queue.put(connection, batch.points) if self._queue is not None else 0
        if self._queue is not None:
            self._queue.committed(queued_bytes)
        self._report(batch, letters)

    def _read(self, arrivals: Sequence[Arrival]) -> tuple[list[_Item], list[DeadLetter]]:
        """The messages among the arrivals; the others become dead letters."""
        items, letters = [], []
        for arrival in arrivals:
            try:
                message = read_arrival(arrival, self._hall)
                points = None if self._queue is None else points_of(message, arrival.received_at)
            except MessageError as exc:
                letters.append(arrival.refused(exc.reason, str(exc)))
            except (ValueError, OverflowError) as exc:
                letters.append(arrival.refused("body", str(exc)))
            else:
                items.append(_Item(message, arrival, points))
        return items, letters

    def _work_out(self, connection: Connection, items: Sequence[_Item]) -> _Batch:
        book = SeenBook(connection)
        events = {i.message.body.event_id for i in items if isinstance(i.message.body, EventBody)}
        batch = _Batch(
            nodes=load_live(connection, {item.node for item in items}),
            incidents=load_incidents(connection, sorted(events)),
        )
        for item in items:
            # Status has no number of its own, for a last will is written in advance; a reply is said once and not kept.
            numbered = not isinstance(item.message.body, StatusBody | ReplyBody)
            if numbered and not book.add((*item.node, item.message.boot), item.message.seq):
                batch.duplicates += 1
            else:
                self._count(batch, item)
        book.save(self._clock.now())
        return batch

    def _count(self, batch: _Batch, item: _Item) -> None:
        """One message that was not counted before."""
        message = item.message
        batch.kinds[message.kind] += 1
        if item.points is not None:
            batch.points.append(item.points)
        before = batch.nodes.get(item.node)
        after = watch(before, message, item.arrival.received_at)
        if after != before:
            batch.nodes[item.node] = after
            batch.changed_nodes.add(item.node)
        match message.body:
            case EventBody(event_id=event_id):
                self._count_event(batch, message, event_id)
            case SessionBody() as session:
                batch.sessions.append(_session_row(message, session))
            case StayBody() as stay:
                batch.stays.append(_stay_row(message, stay))
            case _:
                pass

    def _count_event(self, batch: _Batch, message: Message, event_id: str) -> None:
        before = batch.incidents.get(event_id)
        after = merge(before, message)
        batch.incidents[event_id] = after
        batch.changed_incidents.add(event_id)
        if before is None or after.openings > before.openings:
            batch.alerts.append((after, "raised", opened_text(after, self._labels, late=message.late)))
        if after.status == "cleared" and (before is None or before.status == "open"):
            batch.alerts.append((after, "cleared", cleared_text(after, self._labels, late=message.late)))

    def _write(self, connection: Connection, batch: _Batch) -> None:
        save_live(connection, [batch.nodes[key] for key in batch.changed_nodes])
        save_incidents(connection, [batch.incidents[key] for key in batch.changed_incidents])
        for table, rows in ((schema.sessions, batch.sessions), (schema.stays, batch.stays)):
            if rows:
                connection.execute(insert(table).on_conflict_do_nothing(), rows)
        for incident, phase, text in batch.alerts:
            queue_alert(connection, self._channels, incident, phase, text, self._clock.now())

    def _report(self, batch: _Batch, letters: Sequence[DeadLetter]) -> None:
        """Tell those who wait, after the commit."""
        for kind, count in batch.kinds.items():
            self._metrics.messages.labels(kind).inc(count)
        self._metrics.duplicates.inc(batch.duplicates)
        for letter in letters:
            self._metrics.dead_letters.labels(letter.reason).inc()
        if letters:
            newest = letters[-1]
            _log.warning("%d refused, the last on %s: %s: %s", len(letters), newest.topic, newest.reason, newest.detail)
        if batch.changed_nodes or batch.changed_incidents:
            self._on_change()
        if batch.alerts:
            self._on_alert()


def _session_row(message: Message, body: SessionBody) -> dict[str, Any]:
    return {
        "session_id": body.session_id,
        "hall": message.hall,
        "floor": message.floor,
        "node": message.node,
        "window": body.window,
        "started_at": body.started_at.timestamp(),
        "ended_at": body.ended_at.timestamp(),
        "duration_s": body.duration_s,
        "unknown_s": body.unknown_s,
        "overtime": body.overtime,
    }


def _stay_row(message: Message, body: StayBody) -> dict[str, Any]:
    return {
        "stay_id": body.stay_id,
        "hall": message.hall,
        "floor": message.floor,
        "node": message.node,
        "zone": body.zone,
        "started_at": body.started_at.timestamp(),
        "ended_at": body.ended_at.timestamp(),
        "duration_s": body.duration_s,
        "unknown_s": body.unknown_s,
        "ended": body.ended,
    }
