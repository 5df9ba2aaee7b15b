"""The time of a box: that of its wall clock, without the steps a wall clock makes."""

from __future__ import annotations

import threading

from hall.clock import Clock, Instant

SMALL_STEP_S = 10.0
"""A step up to this is worked off little by little; after a larger one the box has slept, or starts anew."""
_SLEW = 0.05
"""How much faster or slower time passes meanwhile: no duration is wrong by more than this share."""


class SteadyClock:
    """Follows a wall clock through its steps. Between steps both go alike: the kernel disciplines both clocks.

    A small step, either way, is worked off at 5 %. A large step forward is taken at once: nobody knows what was in
    the time that never was, so it is unknown like any gap. A large step back is taken at once, too; whoever keeps
    instants has to drop those that are in the future then.

    Args:
        clock: the machine's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = clock.monotonic()
        self._offset_s = clock.now() - self._read_at

    def now(self) -> Instant:
        """Wall-clock time, Unix seconds, UTC."""
        with self._lock:
            at = self._clock.monotonic()
            off_s = self._clock.now() - at - self._offset_s
            if abs(off_s) <= SMALL_STEP_S:
                most_s = _SLEW * max(0.0, at - self._read_at)
                off_s = min(max(off_s, -most_s), most_s)
            self._offset_s += off_s
            self._read_at = at
            return at + self._offset_s

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never steps."""
        return self._clock.monotonic()


def due(last: Instant, every_s: float, now: Instant) -> bool:
    """Whether something is due again; a clock that was set back must not put it off."""
    return now - last >= every_s or now < last
