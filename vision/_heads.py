"""How many people there are in an area: more than are seen at a time, by how much of the time somebody is seen."""

from __future__ import annotations

from collections import deque
from math import ceil

from vision._settings import LedgerState

_REMEMBERS = 0.999


class Heads:
    """The head count of a ledger of stays.

    Args:
        state: of the ledger; the share of time in which somebody is seen is kept there.
        hidden_s: time for which somebody may be hidden.
    """

    def __init__(self, state: LedgerState, hidden_s: float) -> None:
        self._state, self._hidden_s = state, hidden_s
        self._counts: deque[tuple[float, int]] = deque()

    def learn(self, passed_s: float, step_s: float) -> None:
        """Note that somebody is seen clearly, for the first time since `passed_s`; frames are `step_s` apart."""
        state = self._state
        state.watched_s = _REMEMBERS * state.watched_s + passed_s
        state.found_s = _REMEMBERS * state.found_s + min(passed_s, step_s)

    def count(self, inside: int) -> None:
        """Note how many are seen inside."""
        clock_s = self._state.clock_s
        self._counts.append((clock_s, inside))
        while clock_s - self._counts[0][0] > self._hidden_s:
            self._counts.popleft()

    @property
    def number(self) -> int | None:
        """Smoothed number of people inside: the 90th percentile over the time somebody may be hidden.

        None until a third of that time was seen: after a start, nobody knows who is hidden.
        """
        state = self._state
        if not self._counts or state.clock_s - self._counts[0][0] < self._hidden_s / 3:
            return None
        counts = sorted(count for _, count in self._counts)
        heads = counts[int(0.9 * (len(counts) - 1))]
        return ceil(heads * state.watched_s / state.found_s - 0.05) if state.found_s > 0 else heads
