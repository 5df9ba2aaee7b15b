"""The wait to expect in a zone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edge._expected import LEAST_SESSIONS, ExpectedWaits
from edge.sessions import FinishedSession
from edge.watch import ServiceTimes
from hall.layout import CameraPolygon, Zone
from hall.messages import Seen

AREA = CameraPolygon(camera="c", polygon=[(0, 0), (1, 0), (1, 1)])
ZONE = Zone(id="z", serves=["w1", "w2", "of-another-box"], areas=[AREA])


def waits(*seen: Seen | None) -> ExpectedWaits:
    """Windows w1, w2, ...: what is seen of each clerk; None: a terminal."""
    windows: dict[str, Any] = {}
    for number, one in enumerate(seen, start=1):
        window = SimpleNamespace(staffed=one is not None)
        windows[f"w{number}"] = SimpleNamespace(window=window, clerk=lambda _now, one=one: SimpleNamespace(seen=one))
    found = ExpectedWaits(windows, {name: ServiceTimes() for name in windows}, lambda a, b: b - a)
    for i in range(LEAST_SESSIONS):
        found.add("w1" if i % 2 else "w2", FinishedSession(0.0, 60.0 + 30.0 * (i % 2), 0.0))
    return found


@pytest.mark.parametrize(
    ("seen", "wait_s"),
    [
        # 4 people, a mean of 72 s, two windows
        (("present", "present"), 144.0),
        # who is away serves nobody
        (("present", "absent"), 288.0),
        # a terminal always serves
        ((None, "absent"), 288.0),
        # nobody serves
        (("absent", "absent"), None),
        # it may be two
        (("present", "unknown"), None),
        # a window that serves another zone
        (("present", "present", "unknown"), 144.0),
    ],
)
def test_people_times_mean_over_windows_that_serve(seen: tuple[Seen | None, ...], wait_s: float | None) -> None:
    assert waits(*seen).of(ZONE, 4, 0.0) == wait_s


def test_a_session_that_ended_counts_from_now_on() -> None:
    found = waits("present", "absent")
    before = found.of(ZONE, 1, 0.0)
    found.add("w1", FinishedSession(0.0, 132.0, 0.0))
    assert (before, found.of(ZONE, 1, 0.0)) == (72.0, 82.0)
