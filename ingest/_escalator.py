"""The thread that takes the steps of escalation chains when they are due, in the process that runs the timers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Connection, select

from hall.clock import Clock
from hall.errors import RecordsError
from ingest import changes
from ingest.casebook import Casebook, Turn
from ingest.leader import Leader
from ingest.records import Records
from ingest.schema import incidents

_log = logging.getLogger(__name__)

_EVERY_S = 1.0
_AT_ONCE = 100
"""Incidents in one transaction, for which the intake waits."""


class Escalator:
    """Looks once a second for what is due.

    Args:
        records: where incidents are.
        casebook: takes the steps.
        leader: says whether this process does.
        clock: the time.
        on_alert: told after a commit that made alerts.
    """

    def __init__(
        self, records: Records, casebook: Casebook, leader: Leader, clock: Clock, on_alert: Callable[[], None]
    ) -> None:
        self._records, self._casebook, self._leader, self._clock = records, casebook, leader, clock
        self._on_alert = on_alert
        self._refreshed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="escalator", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> int:
        """Take what is due, now; how many incidents that were.

        Raises:
            RecordsError: the records cannot be written; what was taken until then is.
        """
        if not self._leader.held():
            self._refreshed = False
            return 0
        if not self._refreshed:
            self._do(lambda connection: self._casebook.refresh(connection, self._clock.now()))
            self._refreshed = True
        count = 0
        while due := self._due():
            count += len(due)
            self._do(lambda connection, due=due: self._casebook.escalate(connection, due, self._clock.now()))  # type: ignore[misc]
            self._on_alert()
        return count

    def _due(self) -> list[str]:
        now = self._clock.now()
        wanted = select(incidents.c.event_id).where(incidents.c.next_at <= now).order_by(incidents.c.next_at)
        with self._records.reading() as connection:
            return list(connection.scalars(wanted.limit(_AT_ONCE)))

    def _do(self, work: Callable[[Connection], Turn]) -> None:
        def whole(connection: Connection) -> None:
            changes.note(connection, work(connection).subjects)

        self._records.write(whole)

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            try:
                self.look()
            except RecordsError as exc:
                _log.warning("escalation waits: %s", exc)
