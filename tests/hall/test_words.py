"""The small words: durations, instants, faults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.clock import ManualClock, SystemClock, from_iso, to_datetime, to_iso
from hall.errors import ConfigError, Fault
from hall.units import parse_duration

DURATIONS = [("250ms", 0.25), ("10s", 10.0), ("5min", 300.0), ("1.5h", 5400.0), (" 5 min ", 300.0), ("0.5s", 0.5)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", 5, 5.0, None, True, "5 minutes", "min", "1:30", "5min30s", "1e3s", "∞s"])
def test_no_durations(text: object) -> None:
    with pytest.raises(ValueError, match=r"a number with a unit: 250ms, 10s, 5min or 1\.5h"):
        parse_duration(text)


INSTANTS = [
    # As on the wire, with another offset, with more digits; without an offset it is UTC on every machine.
    ("2026-01-05T01:00:07.400Z", 1767574807.4),
    ("2026-01-05T09:00:07.400+08:00", 1767574807.4),
    ("2026-01-05T01:00:07.400000Z", 1767574807.4),
    ("2026-01-05T01:00:07.4", 1767574807.4),
    ("2026-01-05", 1767571200.0),
]


@pytest.mark.parametrize(("text", "instant"), INSTANTS)
def test_instants(text: str, instant: float) -> None:
    assert from_iso(text) == instant


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "05.01.2026"])
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        from_iso(text)


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_come_back(milliseconds: int) -> None:
    instant = milliseconds / 1000
    assert from_iso(to_iso(instant)) == instant
    assert to_datetime(instant) == datetime.fromisoformat(to_iso(instant))


def test_instants_are_shown_in_utc_milliseconds() -> None:
    assert to_iso(1767574807.4) == "2026-01-05T01:00:07.400Z"
    assert to_iso(1767574807.0) == "2026-01-05T01:00:07.000Z"
    assert to_datetime(0.0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_manual_clock_stands_until_it_is_moved() -> None:
    clock = ManualClock(100.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 102.5)


def test_the_system_clock_runs_forward() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.now() > 1_700_000_000


def test_faults_read_as_sentences() -> None:
    faults = [Fault("hall.id", "'a b'", "an id", 3), Fault("the file", "nothing", "a block")]
    assert str(ConfigError("my.yaml", faults)) == (
        "my.yaml: 2 faults\n"
        "  hall.id (line 3): found 'a b'; expected an id\n"
        "  the file: found nothing; expected a block"
    )
    assert str(ConfigError("my.yaml", faults[:1])).startswith("my.yaml: 1 fault\n")
