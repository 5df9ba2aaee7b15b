"""Slows down who guesses passwords, by account and by address. Kept in memory, by each process for itself."""

from __future__ import annotations

import threading

from hall.clock import Clock

FREE = 5
"""Failures in a row that cost nothing."""
FREE_ADDRESS = 20
"""Likewise of an address, behind which many people may sit."""
FIRST_S, MOST_S = 2.0, 300.0
FORGET_S = 900.0
MOST_KEPT = 10_000


class Throttle:
    """Counts failures. After the free ones each doubles the wait, up to five minutes; they are forgotten in time.

    Args:
        clock: tells how long ago it was.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[tuple[str, str], tuple[int, float]] = {}

    def wait_s(self, account: str, address: str) -> float:
        """How long this account from this address has to wait now; 0 where it may try."""
        now = self._clock.monotonic()
        with self._lock:
            return max(self._left(key, now) for key in _keys(account, address))

    def failed(self, account: str, address: str) -> None:
        """It was the wrong password."""
        now = self._clock.monotonic()
        with self._lock:
            for key in _keys(account, address):
                count, at = self._failed.pop(key, (0, now))
                self._failed[key] = (1 if now - at > FORGET_S else count + 1, now)
            while len(self._failed) > MOST_KEPT:
                del self._failed[next(iter(self._failed))]

    def passed(self, account: str, address: str) -> None:
        """It was the right one: the account begins anew; the address does not, or own logins would cover a guesser."""
        with self._lock:
            self._failed.pop(_keys(account, address)[0], None)

    def _left(self, key: tuple[str, str], now: float) -> float:
        count, at = self._failed.get(key, (0, now))
        over = count - (FREE if key[0] == "account" else FREE_ADDRESS)
        if over < 0 or now - at > FORGET_S:
            return 0.0
        wait: float = min(MOST_S, FIRST_S * 2.0 ** min(over, 30))
        return max(0.0, at + wait - now)


def _keys(account: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("account", account[:64]), ("address", address[:64])
