"""The thread that makes hours of minutes. Not the intake: an hour of one box takes it milliseconds."""

from __future__ import annotations

import logging
import threading

from hall.clock import Clock
from hall.errors import RecordsError
from ingest._rollup_order import sum_up_overdue
from ingest.leader import Leader
from ingest.records import Records
from ingest.rollups import close_hours

_log = logging.getLogger(__name__)

_EVERY_S = 300.0
_GRACE_S = 600.0
"""An hour is written so long after its end; what comes later still is added to it."""


class HourCloser:
    """Writes the hours that are over, every few minutes, in the process that is the leader."""

    def __init__(self, records: Records, leader: Leader, clock: Clock, *, every_s: float = _EVERY_S) -> None:
        self._records = records
        self._leader = leader
        self._clock = clock
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hour-closer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            if not self._leader.held():
                continue
            try:
                sum_up_overdue(self._records, self._clock.now())
                close_hours(self._records, self._clock.now() - _GRACE_S)
            except RecordsError as exc:
                _log.warning("hours wait: %s", exc)
