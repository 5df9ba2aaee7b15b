"""When a state is told again: every so often, and at once when something changed."""

from __future__ import annotations

from collections.abc import Callable

from hall.clock import Instant

STATE_EVERY_S = 10.0
STATE_AT_MOST_EVERY_S = 0.5


class StatePace:
    """Remembers when a state was told, and the gist of it."""

    def __init__(self) -> None:
        self._at: Instant | None = None
        self._told: list[object] | None = None
        self._owes = False

    def is_due(self, now: Instant, gist: Callable[[], list[object]], *, urgent: bool) -> bool:
        """Whether a state is to be told now; if so, it counts as told.

        Args:
            now: capture time.
            gist: what of the state nobody can work out from an earlier one and the time.
            urgent: something else was told, which the state must not lag behind.
        """
        since = None if self._at is None else now - self._at
        urgent = urgent or self._owes
        if since is not None and since <= 0:
            # Two states of one moment would be two values of one point; the later one follows with the next frame.
            self._owes = urgent
            return False
        if since is not None and since < STATE_AT_MOST_EVERY_S and not urgent:
            return False
        told = gist()
        if since is not None and since < STATE_EVERY_S and not urgent and told == self._told:
            return False
        self._at, self._told, self._owes = now, told, False
        return True
