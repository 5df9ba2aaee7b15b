"""The wait to expect in a zone, from how long the windows that serve it took lately."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor
from statistics import fmean

from edge.sessions import FinishedSession
from edge.watch import ServiceTimes, WindowWatch
from hall.clock import Instant
from hall.layout import Zone
from vision.stays import LedgerSettings, Stay

LEAST_SESSIONS = 5
"""From so many finished sessions on their mean says something about the next one."""

_KNOWN_LATE_S = 20.0
"""What changed longer ago is known by now: that a clerk has gone after `presence.window`, that a session has ended
after `session.close_after`. Both are 10 to 15 s."""
_CONFIRMED_S = LedgerSettings().enter_hold_s
"""Who has been there for so long waits; before, they may be passing."""


class ExpectedWaits:
    """People waiting, times the mean handling time, over the windows that serve them now.

    Args:
        windows: those of the box.
        times: recent handling times of each of them; sessions that end are added.
        open_seconds: on-duty seconds between two instants.
    """

    def __init__(
        self,
        windows: Mapping[str, WindowWatch],
        times: Mapping[str, ServiceTimes],
        open_seconds: Callable[[Instant, Instant], float],
    ) -> None:
        self._windows, self._times, self._open_seconds = windows, times, open_seconds
        self._mean_s: dict[str, float | None] = {}
        self._ended_at: dict[str, Instant] = {}

    def add(self, window: str, ended: FinishedSession) -> None:
        """A session has ended."""
        self._times[window].add(ended.duration_s)
        self._ended_at[window] = ended.ended_at
        self._mean_s.clear()

    def of(self, zone: Zone, waiting: int, now: Instant) -> float | None:
        """Seconds somebody who comes now will wait; None where that is not known, or nobody serves."""
        per_person_s = self._per_person_s(zone, now)
        return None if per_person_s is None else waiting * per_person_s

    def over_since(self, zone: Zone, stays: Sequence[Stay], now: Instant, limit_s: float) -> Instant | None:
        """Since when the wait to expect is over a limit; None where it is not.

        It is since the last of what makes it so: that so many wait, that a clerk went, that a session was so long. That
        holds where it was not over the limit, as far as was known, at the last look.

        Args:
            zone: where people wait.
            stays: of those who do, oldest first.
            now: capture time.
            limit_s: that limit.
        """
        per_person_s = self._per_person_s(zone, now)
        if per_person_s is None or len(stays) * per_person_s <= limit_s:
            return None
        last_needed = stays[min(floor(limit_s / per_person_s), len(stays) - 1)]
        turns = [self._windows[w].clerk(now).since for w in zone.serves if w in self._windows]
        ends = [self._ended_at[w] for w in zone.serves if w in self._ended_at]
        since = max([last_needed.started_at + _CONFIRMED_S, *(at for at in turns if at is not None), *ends])
        # Longer ago there was another reason, such as that the hall was closed.
        known_late = 0 <= now - since <= _KNOWN_LATE_S and self._open_seconds(since, now) >= now - since - 1e-6
        return since if known_late else now

    def _per_person_s(self, zone: Zone, now: Instant) -> float | None:
        mean_s = self._mean_session_s(zone)
        if mean_s is None:
            return None
        serving = [self._windows[w] for w in zone.serves if w in self._windows]
        seen = [watch.clerk(now).seen if watch.window.staffed else "present" for watch in serving]
        staffed = seen.count("present")
        return None if "unknown" in seen or staffed == 0 else mean_s / staffed

    def _mean_session_s(self, zone: Zone) -> float | None:
        """Worked out when a session has ended."""
        if zone.id not in self._mean_s:
            served = [self._times[w].recent_s for w in zone.serves if w in self._times]
            durations = [duration for times in served for duration in times]
            self._mean_s[zone.id] = fmean(durations) if len(durations) >= LEAST_SESSIONS else None
        return self._mean_s[zone.id]
