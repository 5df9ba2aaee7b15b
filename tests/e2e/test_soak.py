"""What a soak calls wrong."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.bench_soak import Sample, Soak


def soaked(*, growth_mb_h: float = 0.0, more: int = 0, missing: int = 0) -> Soak:
    """An hour, sampled every half minute; every third sample is in trouble and has ten threads more."""
    samples = [
        Sample(
            30.0 * k,
            200.0 + growth_mb_h * k / 120 + k % 2,
            20 + (more if k > 80 else 0) + 10 * (k % 3 == 0),
            30,
            k % 3 != 0,
        )
        for k in range(120)
    ]
    events = {"clerk_absent": 100, "camera_fault": 50}
    return Soak(samples, {}, 1000, missing, events, never_cleared=0, reconnects=40)


def test_noise_and_trouble_are_nothing() -> None:
    assert soaked().wrong() == []


def test_memory_that_grows() -> None:
    assert soaked(growth_mb_h=30.0).wrong() == ["memory grows by 30.1 MB an hour"]


def test_what_is_left_behind() -> None:
    assert soaked(more=3).wrong() == ["3 threads more than before"]


def test_what_was_lost() -> None:
    assert soaked(missing=1).wrong() == ["1 messages are missing"]
    assert "clerk_absent" in replace(soaked(), events={"camera_fault": 1}).wrong()[0]
