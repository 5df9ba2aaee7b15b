"""What a publisher remembers of its connections: breaks between them, and what each has handed over."""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass, field

from edge.outbox import Row

_RECENT_S = 5.0
_RECENT_ROWS = 1000
_RECENT_FOR_S = 40.0
"""After a connection broke, rows acknowledged in its last `_RECENT_S` are sent again, `_RECENT_ROWS` at most; but
none that were acknowledged longer ago than it takes to notice that a broker has gone (keep-alive)."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Breaks between attempts, in seconds: doubled from `first_s` to `most_s`, each shortened by up to half.

    After a refusal that only a person can lift, such as a wrong password, the break is `refused_s`.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    refused_s: float = 30.0


class Breaks:
    """The breaks one after another."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._next_s = retry.first_s

    def take(self, *, refused: bool = False) -> float:
        """The next break, in seconds."""
        taken_s = self._retry.refused_s if refused else self._next_s
        self._next_s = min(self._next_s * 2, self._retry.most_s)
        return taken_s * random.uniform(0.5, 1.0)  # noqa: S311 (spreads the boxes of a hall, no secret)

    def reset(self) -> None:
        """Begin with the shortest again."""
        self._next_s = self._retry.first_s


@dataclass(slots=True)
class Flow:
    """What one connection has handed over: rows up to `cursor`, of which `inflight` wait for a verdict.

    Before the first of them it sends `again` what the last connection may have lost.

    Rows of `blocked` kinds are passed over, from `left_from` on, until `resume_at` (monotonic seconds); then
    these kinds are on `probation`: one row at a time.
    """

    again: deque[Row] = field(default_factory=deque)
    cursor: int = 0
    inflight: dict[int, Row] = field(default_factory=dict)
    done: list[int] = field(default_factory=list)
    status: int | None = None
    blocked: set[str] = field(default_factory=set)
    probation: set[str] = field(default_factory=set)
    left_from: int = 0
    resume_at: float = 0.0

    def leave(self, row: Row) -> None:
        """Pass over a row until `resume`."""
        self.left_from = min(self.left_from or row.id, row.id)

    def resume(self) -> None:
        """Go back to the oldest row that was passed over."""
        self.cursor, self.left_from = self.left_from - 1, 0
        self.probation, self.blocked = self.blocked, set()


class Recent:
    """Rows that the broker has acknowledged just now."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, Row]] = deque(maxlen=_RECENT_ROWS)

    def add(self, row: Row) -> None:
        """Remember one, and forget those of long before it."""
        now = time.monotonic()
        self._rows.append((now, row))
        while self._rows[0][0] < now - _RECENT_S:
            self._rows.popleft()

    def lost(self) -> None:
        """The connection broke just now: forget what the broker took while it was surely there."""
        oldest = time.monotonic() - _RECENT_FOR_S
        while self._rows and self._rows[0][0] < oldest:
            self._rows.popleft()

    def rows(self) -> deque[Row]:
        """What a broker that went away may have taken with it."""
        return deque(row for _, row in self._rows)
