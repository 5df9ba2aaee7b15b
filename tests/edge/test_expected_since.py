"""Since when the wait to expect is over a limit: what is known late is dated back."""

from __future__ import annotations

import pytest

from edge._expected import ExpectedWaits
from edge.sessions import FinishedSession
from edge.watch import ClerkView, ServiceTimes, WindowWatch
from hall.clock import Instant
from hall.layout import CameraPolygon, Presence, Session, Window, Zone
from hall.messages import Seen
from vision.stays import Stay

NOW = 10_000.0
FOUR = (9000, 9100, 9200, 9300)
PART = CameraPolygon(camera="c1", polygon=[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])


class Desk(WindowWatch):
    """A window whose clerk came or went at a moment."""

    def __init__(self, name: str, seen: Seen, since: Instant) -> None:
        seat = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
        super().__init__(Window(id=name, label=name, camera="c1", clerk_area=seat), Presence(), Session())
        self._view = NOW, ClerkView(seen, since, 0.0, 0.0, NOW)


class Expected:
    """Five cases of 200 s were served at each window; the hall opened `closed_s` after whatever is asked."""

    def __init__(self, *desks: Desk, closed_s: float = 0.0) -> None:
        windows = {desk.window.id: desk for desk in desks}
        times = {name: ServiceTimes([200.0] * 5) for name in [*windows, "elsewhere"]}
        self._zone = Zone(id="z", kind="waiting", serves=list(windows), areas=[PART])
        self._waits = ExpectedWaits(windows, times, lambda a, b: max(0.0, b - a - closed_s))

    def end_session(self, window: str, ended_at: Instant) -> None:
        self._waits.add(window, FinishedSession(ended_at - 200, ended_at, 0.0))

    def wait_s(self, waiting: int) -> float | None:
        return self._waits.of(self._zone, waiting, NOW)

    def over_since(self, *started_at: Instant) -> Instant | None:
        """Since when people who wait since some moments have to expect ten minutes."""
        stays = [Stay(i, at, NOW, NOW, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, None) for i, at in enumerate(started_at)]
        return self._waits.over_since(self._zone, stays, NOW, 600.0)


def test_one_of_two_clerks_went() -> None:
    """Four wait, 400 s with two clerks and 800 s with one; that she has gone is known nine seconds later."""
    both = Expected(Desk("w1", "present", 8000), Desk("w2", "present", 8100))
    assert both.wait_s(4) == pytest.approx(400)
    assert both.over_since(*FOUR) is None
    one = Expected(Desk("w1", "present", 8000), Desk("w2", "absent", NOW - 9))
    assert one.wait_s(4) == pytest.approx(800)
    assert one.over_since(*FOUR) == NOW - 9
    assert one.over_since(9000, 9100, 9200) is None, "at the limit, not over it"
    assert one.over_since(9000, 9100, 9200, NOW - 4, NOW - 3) == NOW - 2, "since the fourth stayed"


def test_a_long_session_ended() -> None:
    """It is told when it has been over for a while; from its end on more is to be expected."""
    expected = Expected(Desk("w1", "present", 8000))
    expected.end_session("w1", NOW - 15)
    expected.end_session("elsewhere", NOW - 1)
    assert expected.over_since(*FOUR) == NOW - 15


def test_another_reason() -> None:
    """Nothing that is known late has changed: the hall was closed up to now."""
    assert Expected(Desk("w1", "present", 8000)).over_since(*FOUR) == NOW
    assert Expected(Desk("w1", "present", NOW - 8), closed_s=8).over_since(*FOUR) == NOW


def test_nothing_is_known() -> None:
    assert Expected(Desk("w1", "unknown", 8000)).over_since(*FOUR) is None
