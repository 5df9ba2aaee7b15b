"""A note on disk of the alerts of one message that a channel took and that are not yet marked in the records.

Marking it there waits for the records' write lock, milliseconds in which a killed process would forget that the
message was sent. Writing a few bytes to an open file takes microseconds, and they outlive the process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from hall.errors import RecordsError


class SentNote:
    """Holds the numbers of alerts, or nothing.

    Raises:
        RecordsError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise RecordsError(f"{path}: cannot be written: {exc}") from exc
        self._path = path
        text = os.pread(self._file, os.fstat(self._file).st_size, 0).decode(errors="replace")
        # A note that a full disk cut short would name an alert that it does not mean.
        self.numbers = tuple(int(n) for n in text.split() if n.isdecimal()) if text.endswith("\n") else ()
        """The alerts noted, by this process or by an earlier one that was killed in between."""

    def write(self, numbers: Sequence[int]) -> None:
        """Note the alerts of a message that was sent. On a full disk the note is lost if this process is."""
        self.numbers = tuple(numbers)
        with contextlib.suppress(OSError):
            os.pwrite(self._file, f"{' '.join(map(str, numbers))}\n".encode(), 0)

    def clear(self) -> None:
        """The alerts are marked in the records."""
        self.numbers = ()
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file, and remove it where nothing is in it."""
        os.close(self._file)
        if not self.numbers:
            self._path.unlink(missing_ok=True)
