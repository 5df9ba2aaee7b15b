"""When pictures were taken."""

from __future__ import annotations

import random

import pytest

from edge.dating import Dating

START = 1_767_574_800.0


def test_bursts_and_hiccups_of_a_network_do_not_shift_pictures() -> None:
    rng, dating, errors_s, arrived = random.Random(7), Dating(), [], 0.0
    for k in range(500):
        taken = START + k / 25
        late_s = 0.02 + (1.5 if 200 <= k < 220 else rng.choice([0.0, 0.0, 0.1, 0.3]))
        arrived = max(arrived, taken + late_s)
        errors_s.append(dating.date(arrived, k / 25) - taken)
    assert max(errors_s[100:]) < 0.05, "the shortest delay is what counts"
    assert min(errors_s) > 0.019, "and none is dated before it was taken"


def test_a_camera_whose_clock_drifts_is_followed() -> None:
    dating = Dating()
    for k in range(0, 36_000, 5):
        taken = START + k
        at = dating.date(taken + 0.05, k * 1.0002)
        assert abs(at - taken) < 0.06


@pytest.mark.parametrize("step_s", [500.0, -500.0, 3.0])
def test_time_stamps_that_jump_begin_anew(step_s: float) -> None:
    dating = Dating()
    for k in range(100):
        dating.date(START + k, float(k))
    for k in range(100, 200):
        assert dating.date(START + k, k + step_s) == pytest.approx(START + k)


def test_what_a_camera_tells_counts_where_it_can_be_true() -> None:
    dating = Dating()
    assert dating.date(START + 0.3, 0.0, START) == START
    assert dating.date(START + 1.3, 1.0, START - 40.0) == pytest.approx(START + 1.3), "its clock is wrong"
    assert dating.date(START + 2.3, 2.0, START + 60.0) == pytest.approx(START + 2.3)


def test_dates_never_decrease_and_are_never_in_the_future() -> None:
    rng, dating = random.Random(3), Dating()
    arrived, last = START, float("-inf")
    for _ in range(2000):
        arrived += rng.uniform(0, 0.5)
        at = dating.date(arrived, rng.uniform(0, 1000), arrived - rng.uniform(-1, 2))
        assert last <= at <= arrived
        last = at


def test_a_clock_set_back_is_followed() -> None:
    dating = Dating()
    dating.date(START, 0.0)
    assert dating.date(START - 3600, 0.1) == START - 3600
    assert dating.date(START - 3599, 1.1) == pytest.approx(START - 3599)
