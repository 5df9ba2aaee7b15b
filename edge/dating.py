"""When the pictures of a live camera were taken, on the box's clock.

Pictures arrive late by what coding and network take, and unevenly: each is dated by its own time stamp, moved by the
shortest delay of late. Where a camera tells the time of day along with its pictures (RTCP sender reports, RFC 3550,
section 6.4.1) and that can be true, its delay is known, too.
"""

from __future__ import annotations

from hall.clock import Instant

MOST_DELAY_S = 1.0
"""What a camera says of the time is believed where its pictures then took between nothing and so long."""
_MOST_LATE_S = 2.0
"""A picture later than this, measured by its time stamp, begins a new reckoning: time stamps have jumped."""
_HALF_S = 15.0
"""The shortest delay of the last 15 to 30 s counts: a camera's clock may drift against the box's."""


class Dating:
    """Dates the pictures of one connection, in the order of their arrival; dates never decrease."""

    def __init__(self) -> None:
        # Arrival less time stamp, at the least: in the half that is over, and in the one that runs.
        self._before: float | None = None
        self._least: float | None = None
        self._half_from: Instant = float("-inf")
        self._told_off_s: float | None = None
        self._last: Instant = float("-inf")

    def date(self, arrived: Instant, time_s: float, told: Instant | None = None) -> Instant:
        """When a picture was taken; not after `arrived`.

        Args:
            arrived: when it came, by the box's clock.
            time_s: its time stamp: seconds since any moment.
            told: when it was taken as the camera says; None where it does not.
        """
        off_s = arrived - time_s
        if self._least is not None and off_s - self._shortest() > _MOST_LATE_S:
            self._before = self._least = None
        if self._least is None or arrived - self._half_from >= _HALF_S or arrived < self._half_from:
            self._before, self._least, self._half_from = self._least, off_s, arrived
        self._least = min(self._least, off_s)
        taken = time_s + self._shortest()
        if told is not None and 0.0 <= arrived - told <= MOST_DELAY_S:
            taken = min(taken, told)
        self._last = max(self._last, min(taken, arrived)) if self._last <= arrived else arrived
        return self._last

    def _shortest(self) -> float:
        if self._least is None:
            raise RuntimeError("no picture was dated yet")
        return self._least if self._before is None else min(self._before, self._least)
