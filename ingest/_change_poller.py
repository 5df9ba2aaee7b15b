"""The thread that sees what other processes changed. There is one in each process, however many ask."""

from __future__ import annotations

import threading

from ingest.reader import Reader

_EVERY_S = 0.25


class ChangePoller:
    """Lets a reader look for changes, a few times a second."""

    def __init__(self, reader: Reader, *, every_s: float = _EVERY_S) -> None:
        self._reader = reader
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="change-poller", daemon=True)

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
            self._reader.changed()
