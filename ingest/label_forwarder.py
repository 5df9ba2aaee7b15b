"""Labels of events: put on record by the desk, and handed to the box that has the picture, retained at the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection, delete, func, insert, select

from hall.clock import Instant
from hall.errors import RecordsError
from hall.labels import MOST_LABELS, REQUEST, EventLabel, LabelTable, encode_labels
from hall.topics import Address
from ingest._tables_labels import labels
from ingest.incidents import Incident
from ingest.leader import Leader
from ingest.live import NodeKey
from ingest.records import Records

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
_NONE = "none"
"""What stands for a label that was taken back."""


def save_label(connection: Connection, incident: Incident, by: str, now: Instant) -> None:
    """Put a label on record, or that it was taken back, in the transaction of the act; for `Desk(on_label=...)`.

    An event has one row, and a new number whenever it changes: by that the forwarder knows.
    """
    connection.execute(delete(labels).where(labels.c.event_id == incident.event_id))
    row = {"event_id": incident.event_id, "hall": incident.hall, "floor": incident.floor, "node": incident.node}
    said = {"label": incident.label or _NONE, "snapshot": incident.snapshot, "by": by[:64], "at": now}
    connection.execute(insert(labels).values(**row, **said))


def label_table(connection: Connection, box: NodeKey) -> LabelTable:
    """The newest labels of a box that it can have pictures of."""
    mine = (labels.c.hall == box[0]) & (labels.c.floor == box[1]) & (labels.c.node == box[2])
    newest = select(labels.c.event_id, labels.c.label).where(mine, labels.c.snapshot.is_not(None))
    rows = connection.execute(newest.order_by(labels.c.id.desc()).limit(MOST_LABELS)).all()[::-1]
    taken_back = [row.event_id for row in rows if row.label == _NONE]
    return LabelTable([EventLabel(row.event_id, row.label) for row in rows if row.label != _NONE], taken_back)


class LabelForwarder:
    """Publishes the table of a box when it has grown; all of them once when this process starts or becomes the leader.

    Args:
        records: where labels are.
        leader: says whether this process publishes.
        publish: retains a payload on a topic.
    """

    def __init__(self, records: Records, leader: Leader, publish: Callable[[str, bytes], None]) -> None:
        self._records, self._leader, self._publish = records, leader, publish
        self._published: dict[NodeKey, int] = {}
        self._newest = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="label-forwarder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def forward(self) -> None:
        """Publish what is new.

        Raises:
            RecordsError: the records cannot be read.
        """
        if not self._leader.held():
            self._published.clear()
            self._newest = -1
            return
        with self._records.reading() as connection:
            newest = connection.scalar(select(func.max(labels.c.id))) or 0
            if newest == self._newest:
                return
            place = (labels.c.hall, labels.c.floor, labels.c.node)
            last = connection.execute(select(*place, func.max(labels.c.id)).group_by(*place)).all()
            due = {(row[0], row[1], row[2]): row[3] for row in last}
            for box, number in due.items():
                if self._published.get(box) != number:
                    self._publish(Address(*box).topic(REQUEST), encode_labels(label_table(connection, box)))
        self._published, self._newest = due, newest

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.forward()
            except RecordsError as exc:
                _log.warning("labels wait: %s", exc)
