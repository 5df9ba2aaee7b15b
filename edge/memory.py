"""Memory that a box has let go of, back to the system.

The C library keeps what was freed for later, an arena for every few threads, and after weeks of cameras that come and
go it keeps a good deal: a leak, as far as anybody can see from outside. Only glibc has the two calls (malloc_trim(3),
mallopt(3)); elsewhere nothing is done, and nothing is needed.
"""

from __future__ import annotations

import ctypes
from functools import cache

_M_ARENA_MAX = -8
_ARENAS = 2
"""By default there are eight for each processor."""


def few_arenas() -> None:
    """Have all threads of this process share two arenas. It belongs to who owns the process, before threads start."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> bool:
    """Give whole pages that nobody uses back; whether there were any."""
    return (libc := _glibc()) is not None and bool(libc.malloc_trim(ctypes.c_size_t(0)))


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
    except OSError:
        return None
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None
