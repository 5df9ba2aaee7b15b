"""The way of points to the time-series store: straight there while it answers, through the spill while it does not.

A message is acknowledged when its points are in the store or in the spill. So a killed process loses none, and
while the store is well nothing is written to disk twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from hall.clock import Clock
from hall.errors import RecordsError, StoreError
from ingest.dead_letters import DeadLetter, save_dead_letters
from ingest.metrics import Metrics
from ingest.points import Points
from ingest.records import Records
from ingest.spill import Spill
from ingest.store import LinesRefusedError, Store

_log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long a batch waits for the store before it goes to the spill: alerts wait with it."""

WRITERS = 2
"""Batches that are written at the same time."""

_IDLE_S = 5.0


@dataclass(slots=True)
class Sending:
    """Points on their way. `letters` are lines that the store refused."""

    points: Sequence[Points]
    written: Future[list[DeadLetter]] | None
    done: bool = False


class Outlet:
    """Brings points to the store.

    Args:
        records: where refused lines go, as dead letters.
        patience_s: how long to wait for an answer before points go to the spill.
        first_wait_s: after the first failure; it doubles up to `longest_wait_s`.
    """

    def __init__(
        self,
        store: Store,
        spill: Spill,
        records: Records,
        metrics: Metrics,
        clock: Clock,
        *,
        patience_s: float = PATIENCE_S,
        first_wait_s: float = 0.5,
        longest_wait_s: float = 30.0,
    ) -> None:
        self._store = store
        self._spill = spill
        self._records = records
        self._metrics = metrics
        self._clock = clock
        self._patience_s = patience_s
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._pool = ThreadPoolExecutor(WRITERS, "store-writer")
        self._stop = threading.Event()
        self._filled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-spill", daemon=True)
        self.trouble: str | None = None
        """Why the store does not take points now; None while it does."""

    def start(self) -> None:
        """Start the thread that empties the spill."""
        self._thread.start()

    def stop(self) -> None:
        """Try the spill once more, if the store is well, and end the threads."""
        self._stop.set()
        self._filled.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        self._store.close()
        self._spill.close()

    def send(self, points: Sequence[Points]) -> Sending:
        """Set points on their way; `finish` says that they have arrived. Never waits."""
        written = self._pool.submit(self._write, points) if points and self.trouble is None else None
        return Sending(points, written, done=not points)

    def finish(self, sending: Sending) -> list[DeadLetter]:
        """Wait until points are in the store or in the spill; may be asked again after an error.

        Returns:
            The lines that the store refused.

        Raises:
            RecordsError: they are in neither.
        """
        if sending.written is not None:
            try:
                return sending.written.result(self._patience_s)
            except StoreError as exc:
                self._failed(str(exc))
            except FutureTimeoutError:
                self._failed(f"{self._store.name}: no answer within {self._patience_s:g} s")
            sending.written = None
        if not sending.done:
            self._spill.put(sending.points)
            sending.done = True
            self._filled.set()
        return []

    def _write(self, points: Sequence[Points]) -> list[DeadLetter]:
        lines = b"\n".join([p.lines for p in points])
        return self._write_lines(lines, sum(p.count for p in points))

    def _write_lines(self, lines: bytes, count: int) -> list[DeadLetter]:
        """Write lines; what the store refuses is found by halving, so that good lines are not lost with bad."""
        try:
            self._store.write(lines)
        except LinesRefusedError as exc:
            if count <= 1:
                _log.warning("a point was refused: %s", exc)
                return [DeadLetter.of(self._clock.now(), "store", "point", str(exc), lines)]
            each = lines.split(b"\n")
            middle = len(each) // 2
            halves = each[:middle], each[middle:]
            return [letter for half in halves for letter in self._write_lines(b"\n".join(half), len(half))]
        self._metrics.points.inc(count)
        return []

    # The rest runs in the thread that empties the spill.

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            if self._drain():
                wait_s = 0.0
                self._filled.wait(_IDLE_S)
                self._filled.clear()
            else:
                wait_s = min(max(wait_s * 2, self._first_wait_s), self._longest_wait_s)
        if self.trouble is None:
            self._drain()

    def _drain(self) -> bool:
        """Write until the spill is empty; False where the store or the disk is in the way."""
        try:
            while spilled := self._spill.oldest():
                letters = self._write_lines(spilled.lines, spilled.lines.count(b"\n") + 1)
                if letters:
                    with self._records.writing() as connection:
                        save_dead_letters(connection, letters)
                    for letter in letters:
                        self._metrics.dead_letters.labels(letter.reason).inc()
                self._spill.remove(spilled)
                self._recovered()
        except (StoreError, RecordsError) as exc:
            self._failed(str(exc))
            return False
        return True

    def _failed(self, why: str) -> None:
        self._metrics.store_errors.inc()
        if self.trouble is None:
            _log.warning("points wait: %s", why)
        self.trouble = why

    def _recovered(self) -> None:
        if self.trouble is not None:
            _log.info("points flow again to %s", self._store.name)
        self.trouble = None
