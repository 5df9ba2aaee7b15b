"""The wait to expect in a zone, from how long the windows that serve it took lately."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.watch import ServiceTimes, WindowWatch
from hall.clock import Instant
from hall.layout import Zone

LEAST_SESSIONS = 5
"""From so many finished sessions on their mean says something about the next one."""


class ExpectedWaits:
    """People waiting, times the mean handling time, over the windows that serve them now.

    Args:
        windows: those of the box.
        times: recent handling times of each of them; sessions that end are added.
    """

    def __init__(self, windows: Mapping[str, WindowWatch], times: Mapping[str, ServiceTimes]) -> None:
        self._windows, self._times = windows, times
        self._mean_s: dict[str, float | None] = {}

    def add(self, window: str, duration_s: float) -> None:
        """A session has ended."""
        self._times[window].add(duration_s)
        self._mean_s.clear()

    def of(self, zone: Zone, waiting: int, now: Instant) -> float | None:
        """Seconds somebody who comes now will wait; None where that is not known, or nobody serves."""
        mean_s = self._mean_session_s(zone)
        if mean_s is None:
            return None
        serving = [self._windows[w] for w in zone.serves if w in self._windows]
        seen = [watch.clerk(now).seen if watch.window.staffed else "present" for watch in serving]
        staffed = seen.count("present")
        return None if "unknown" in seen or staffed == 0 else waiting * mean_s / staffed

    def _mean_session_s(self, zone: Zone) -> float | None:
        """Worked out when a session has ended."""
        if zone.id not in self._mean_s:
            served = [self._times[w].recent_s for w in zone.serves if w in self._times]
            durations = [duration for times in served for duration in times]
            self._mean_s[zone.id] = float(np.mean(durations)) if len(durations) >= LEAST_SESSIONS else None
        return self._mean_s[zone.id]
