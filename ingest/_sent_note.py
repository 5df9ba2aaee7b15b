"""A note on disk of the one alert that a channel took and that is not yet marked in the records.

Marking it there waits for the records' write lock, milliseconds in which a killed process would forget that the
alert was sent. Writing a few bytes to an open file takes microseconds, and they outlive the process.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hall.errors import RecordsError


class SentNote:
    """Holds the number of an alert, or nothing.

    Raises:
        RecordsError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise RecordsError(f"{path}: cannot be written: {exc}") from exc
        self._path = path
        text = os.pread(self._file, 32, 0).decode(errors="replace").strip()
        self.number = int(text) if text.isdecimal() else None
        """The alert noted, by this process or by an earlier one that was killed in between."""

    def write(self, number: int) -> None:
        """Note an alert that was sent. On a full disk the note is lost if this process is."""
        self.number = number
        with contextlib.suppress(OSError):
            os.pwrite(self._file, f"{number:<20}\n".encode(), 0)

    def clear(self) -> None:
        """The alert is marked in the records."""
        self.number = None
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file, and remove it where nothing is in it."""
        os.close(self._file)
        if self.number is None:
            self._path.unlink(missing_ok=True)
