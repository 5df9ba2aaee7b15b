"""The thread that hands each box the duty commands of its floor, retained at the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import func, select

from hall.clock import Clock
from hall.duty import REQUEST, encode_table
from hall.errors import RecordsError
from hall.topics import Address
from ingest._tables_inputs import duty
from ingest.duty import duty_tables
from ingest.leader import Leader
from ingest.live import NodeKey
from ingest.places import Places
from ingest.records import Records

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
_BOXES_EVERY_S = 30.0
"""Boxes that the hall file does not name may have come."""


class DutyForwarder:
    """Publishes a table when it has changed; all of them once when this process starts or becomes the leader.

    Args:
        publish: retains a payload on a topic.
        places: knows the boxes.
    """

    def __init__(
        self,
        records: Records,
        leader: Leader,
        clock: Clock,
        places: Places,
        publish: Callable[[str, bytes], None],
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        self._records, self._leader, self._clock = records, leader, clock
        self._places, self._publish, self._every_s = places, publish, every_s
        self._published: dict[NodeKey, int] = {}
        self._newest, self._looked_s = -1, float("-inf")
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="duty-forwarder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.forward()
            except RecordsError as exc:
                _log.warning("duty commands wait: %s", exc)
            self._wake.wait(self._every_s)

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
            newest = connection.scalar(select(func.max(duty.c.id))) or 0
            is_due = self._clock.monotonic() - self._looked_s >= _BOXES_EVERY_S
            if newest == 0 or (newest == self._newest and not is_due):
                return
            tables = duty_tables(connection, self._clock.now())
            boxes = self._places.floors_by_node(connection)
        for box, floor in boxes.items():
            table = tables.get((box[0], floor))
            if table is not None and self._published.get(box) != table.revision:
                self._publish(Address(*box).topic(REQUEST), encode_table(table))
                self._published[box] = table.revision
        self._newest, self._looked_s = newest, self._clock.monotonic()
