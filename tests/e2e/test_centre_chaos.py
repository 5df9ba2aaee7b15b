"""A short form of each case of `make chaos` that disturbs the centre."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.centre_chaos import CASES, centre_chaos


@pytest.mark.parametrize("name", CASES)
def test_afterwards_all_is_as_if_nothing_had_happened(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    verdict = centre_chaos(tmp_path, case, seed=7, times=case.short)
    assert verdict.wrong == []
    assert verdict.alerts >= 4
    assert (verdict.dropped > 0) is case.drops
