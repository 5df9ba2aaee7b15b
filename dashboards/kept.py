"""What many pages show alike: read in a thread by whoever asks first, and kept for a while for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from hall.clock import Clock
from hall.errors import RecordsError

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
_MOST = 64


class Look(NamedTuple, Generic[Value]):
    """What was read; `failed` where it could not be read again, and None where it never was."""

    value: Value | None
    failed: bool = False


class Kept(Generic[Key, Value]):
    """Reads of the records, one per key and while.

    Args:
        read: asked in a thread; may raise RecordsError, then what was read before stays.
        clock: tells when to read again.
        every_s: how long what was read is good.
    """

    def __init__(self, read: Callable[[Key], Value], clock: Clock, every_s: float) -> None:
        self._read, self._clock, self._every_s = read, clock, every_s
        self._known: dict[Key, tuple[float, Look[Value]]] = {}
        self._lock = asyncio.Lock()

    async def get(self, key: Key) -> Look[Value]:
        """What there is; the same object while it is not read again, or reads the same."""
        async with self._lock:
            now = self._clock.monotonic()
            at, look = self._known.get(key, (float("-inf"), Look[Value](None)))
            if now - at >= self._every_s:
                found = await asyncio.to_thread(self._look, key, look)
                look = look if found == look else found
                self._known.pop(key, None)
                self._known[key] = now, look
                while len(self._known) > _MOST:
                    self._known.pop(next(iter(self._known)))
            return look

    def _look(self, key: Key, before: Look[Value]) -> Look[Value]:
        try:
            return Look(self._read(key))
        except RecordsError as exc:
            log.warning("console: the records cannot be read, showing what was read last: %s", exc)
            return Look(before.value, failed=True)
