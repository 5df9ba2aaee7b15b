"""The leader takes in what waits at the broker for processes of its group that are gone.

A broker keeps dealing messages to a session of which nobody is connected (mosquitto 2.0), and what waits there waits
until its owner is back. So the leader connects in its name, gives the subscription back, after which nothing more is
dealt to it, and takes in what there is. The owner that comes back takes its session back by connecting, and subscribes.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

from hall.clock import Clock
from hall.errors import RecordsError
from ingest._sql import upsert
from ingest.leader import Leader, who_runs_not
from ingest.records import Records
from ingest.schema import workers
from ingest.subscriber import Subscriber

_log = logging.getLogger(__name__)

EVERY_S = 5.0
_LOOKS = 3
"""Who was not there so many times in a row is not just being restarted."""


class Heirs:
    """Subscribers in the name of others, one for each that is gone.

    Args:
        share: the group.
        leader: this process, and whether it is the one that does it.
        subscribe: makes the subscriber for a name; it connects as long as the function that it gets says so.
    """

    def __init__(
        self,
        share: str,
        records: Records,
        leader: Leader,
        clock: Clock,
        subscribe: Callable[[str, Callable[[], bool]], Subscriber],
    ) -> None:
        self._share = share
        self._records = records
        self._leader = leader
        self._clock = clock
        self._subscribe = subscribe
        self._missed: Counter[str] = Counter()
        self._heirs: dict[str, Subscriber] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heirs", daemon=True)

    def start(self) -> None:
        """Say that this process is one of the group, and start the thread.

        Raises:
            RecordsError: the records cannot be written.
        """
        self._leader.held()
        row = {"name": self._leader.name, "share": self._share, "started_at": self._clock.now()}
        self._records.write(lambda connection: upsert(connection, workers, [row]))
        self._thread.start()

    def stop(self) -> None:
        """End the thread and what it began."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            gone = self._gone() if self._leader.held() else set()
            for name in self._heirs.keys() - gone:
                self._heirs.pop(name).stop()
            self._missed = Counter({name: self._missed[name] + 1 for name in gone})
            for name in {name for name in gone if self._missed[name] >= _LOOKS} - self._heirs.keys():
                _log.warning("%s is gone; what waits for it is taken in here", name)
                self._heirs[name] = heir = self._subscribe(name, lambda name=name: name in self._gone())  # type: ignore[misc]
                heir.start()
        for heir in self._heirs.values():
            heir.stop()

    def _gone(self) -> set[str]:
        try:
            with self._records.reading() as connection:
                return set(who_runs_not(connection, self._share)) - {self._leader.name}
        except RecordsError:
            return set()
