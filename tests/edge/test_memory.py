"""What is freed goes back to the system."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.memory import give_back

_BLOCK, _BLOCKS = 64 * 1024, 1000


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def test_what_is_freed_between_things_that_stay_is_given_back() -> None:
    blocks = [np.ones(_BLOCK, np.uint8) for _ in range(_BLOCKS)]
    # Every tenth stays: the rest is free, but nowhere is the end of the heap.
    kept = blocks[::10]
    del blocks
    before = _resident_bytes()
    assert give_back()
    assert before - _resident_bytes() > _BLOCK * _BLOCKS / 2
    assert all(block.all() for block in kept)
