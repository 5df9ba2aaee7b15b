"""Time. Instants are Unix seconds in UTC as float, so that differences are plain seconds.

Only capture, alerts and HTTP read a clock; every other stage is given instants.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

Instant = float
"""Unix seconds, UTC."""


class Clock(Protocol):
    """What tells the time; passed in, never read from a module."""

    def now(self) -> Instant:
        """Wall-clock time, Unix seconds, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never steps."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Instant:
        """Wall-clock time, Unix seconds, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never steps."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, start: Instant = 0.0) -> None:
        self._now = start

    def now(self) -> Instant:
        """Wall-clock time, Unix seconds, UTC."""
        return self._now

    def monotonic(self) -> float:
        """The same time: it never steps on its own."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += seconds


def to_datetime(instant: Instant) -> datetime:
    """An instant as an aware UTC datetime, rounded to milliseconds as on the wire."""
    return datetime.fromtimestamp(round(instant * 1000) / 1000, tz=UTC)


def to_iso(instant: Instant) -> str:
    """An instant as it stands on the wire, e.g. `2026-01-05T01:00:07.400Z`."""
    return to_datetime(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> Instant:
    """Read an ISO 8601 time; one without an offset is UTC.

    Raises:
        ValueError: the text is no ISO 8601 time.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
