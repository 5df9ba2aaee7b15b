from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import pytest

from hall.clock import Instant, ManualClock, to_datetime
from hall.messages import (
    AnyBody,
    Message,
    SessionBody,
    StateBody,
    StayBody,
    WindowState,
    WindowStatus,
    ZoneState,
    encode,
)
from ingest._hour_closer import HourCloser
from ingest._paging import Part
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.leader import Leader
from ingest.metrics import Metrics
from ingest.reader import Reader
from ingest.records import Records
from ingest.rollups import WINDOW_SUMS, ZONE_SUMS, Rollup, close_hours
from tests.support.centre import ROOT, T0, Numbered
from tests.support.rollups import read_rollups
from tests.support.servers import wait_until

Said = tuple[float, AnyBody]
HOUR = 3600.0


def _state(status: WindowStatus, customers: int = 0, count: int | None = 4) -> StateBody:
    window = WindowState("w01", "open", "present", None, customers, None, status)
    return StateBody([window], [ZoneState("waiting", count, 100.0, 50.0, 90.0, None, 2)])


def _session(at: float, overtime: bool = False) -> SessionBody:
    return SessionBody(f"session-{at}", "w01", to_datetime(T0), to_datetime(T0 + at), 45.0, overtime)


def _take(records: Records, metrics: Metrics, messages: list[Message], now: Instant = T0 + 1e5) -> None:
    """As a centre that begins now takes them."""
    intake = Intake(records, None, metrics, ManualClock(now))
    intake.take([Arrival.of(m.topic, encode(m), now) for m in messages])


def _said(*said: Said, node: Numbered | None = None) -> list[Message]:
    node = node or Numbered()
    return [node.message(T0 + at, body) for at, body in said]


def _read(records: Records, period: Literal["minute", "hour"] = "minute") -> list[Rollup]:
    close_hours(records, T0 + 2 * HOUR)
    with records.reading() as connection:
        return read_rollups(connection, period, T0 - 86_400, T0 + 86_400)


def _window(rollup: Rollup) -> dict[str, float]:
    return {name: value for name, value in rollup.windows["w01"].items() if value}


def test_a_state_holds_until_the_next_one(records: Records, metrics: Metrics) -> None:
    _take(
        records,
        metrics,
        _said(
            *((0, _state("serving", 1)), (10, _state("serving", 2)), (15, _state("unstaffed", 1))),
            *((30, _state("idle", count=None)), (50, _state("idle")), (65, _state("idle"))),
        ),
    )
    (minute,) = _read(records)
    assert (minute.hall, minute.floor, minute.node, minute.start) == ("demo", "f1", "edge-f1", T0)
    assert _window(minute) == {
        "serving_s": 15,
        "unstaffed_s": 15,
        "idle_s": 30,
        "customer_s": 10 + 2 * 5 + 15,
        "customers_most": 2,
    }
    assert minute.zones["waiting"] == {
        "known_s": 40,
        "unknown_s": 20,
        "person_s": 160,
        "count_most": 4,
        "longest_wait_most_s": 100,
        "wait_p90_most_s": 90,
        "over_limit_most": 2,
        "stays": 0,
        "stay_s": 0,
    }


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        # one look a second says the same as one in ten
        ([(float(at), _state("idle")) for at in range(0, 70, 10)], [60.0]),
        ([(float(at), _state("idle")) for at in range(70)], [60.0]),
        # a minute and a half, cut at the minute
        ([(float(at), _state("idle")) for at in range(45, 145, 20)], [15.0, 60.0]),
        # the box was away for 40 s: nobody knows
        ([(0, _state("idle")), (10, _state("idle")), (50, _state("idle")), (70, _state("idle"))], [20.0]),
        # away over the end of a minute
        ([(0, _state("idle")), (10, _state("idle")), (100, _state("idle")), (125, _state("idle"))], [10.0, 20.0]),
        # an old state comes again, from a retained message: time does not go back
        (
            [
                (0, _state("idle")),
                (20, _state("idle")),
                (10, _state("serving")),
                (40, _state("idle")),
                (60, _state("idle")),
            ],
            [60.0],
        ),
    ],
)
def test_what_is_summed(records: Records, metrics: Metrics, said: list[Said], seconds: list[float]) -> None:
    _take(records, metrics, _said(*said))
    assert [rollup.windows["w01"]["idle_s"] for rollup in _read(records)] == seconds


def test_sessions_and_stays_are_counted(records: Records, metrics: Metrics) -> None:
    stay = StayBody("stay-1", "waiting", to_datetime(T0), to_datetime(T0 + 20), 20.0, "served")
    _take(
        records,
        metrics,
        _said(
            (0, _state("idle")), (5, _session(1)), (20, stay), (25, _session(2, overtime=True)), (60, _state("idle"))
        ),
    )
    (minute,) = _read(records)
    window, zone = minute.windows["w01"], minute.zones["waiting"]
    assert (window["sessions"], window["session_s"], window["overtime"]) == (2, 90.0, 1)
    assert (zone["stays"], zone["stay_s"]) == (1, 20.0)


def test_an_hour_is_the_sum_of_its_minutes(records: Records, metrics: Metrics) -> None:
    said: list[Said] = [(at, _state("serving" if at % 120 < 60 else "idle", 1)) for at in range(0, 3700, 10)]
    _take(records, metrics, _said(*said))
    hour = _read(records, "hour")[0]
    assert hour.start == T0
    assert hour.windows["w01"]["serving_s"] == hour.windows["w01"]["idle_s"] == 1800
    assert hour.windows["w01"]["customer_s"] == 3600
    assert hour.zones["waiting"]["count_most"] == 4
    assert len(_read(records)) == 61


def test_minutes_that_come_late_are_added_to_their_hour(records: Records, metrics: Metrics) -> None:
    node, said = Numbered(), [(at, _state("idle")) for at in range(0, 3700, 10)]
    messages = [node.message(T0 + at, body) for at, body in said]
    _take(records, metrics, messages[:100])
    assert _read(records, "hour")[0].windows["w01"]["idle_s"] == 960
    _take(records, metrics, messages[100:])
    assert _read(records, "hour")[0].windows["w01"]["idle_s"] == 3600


def test_cut_anywhere_by_restarts_it_is_the_same(tmp_path: Any, metrics: Metrics) -> None:
    rng = random.Random(5)
    statuses: list[WindowStatus] = ["serving", "idle", "unknown"]
    said: list[Said] = []
    for at in range(0, 7300, 10):
        said.append((at, _state(rng.choice(statuses), rng.randrange(3))))
        if rng.random() < 0.2:
            said.append((at + 1, _session(at)))
    messages = _said(*said)
    found = []
    for name, cuts in (("whole", []), ("cut", sorted(rng.sample(range(len(messages)), 12)))):
        records = Records(f"sqlite:///{tmp_path}/{name}.db")
        edges = [0, *cuts, len(messages)]
        for begin, end in pairwise(edges):
            # What was not acknowledged comes again.
            _take(records, metrics, messages[max(0, begin - 5) : end])
        found.append((_read(records), _read(records, "hour")))
        records.close()
    assert found[0] == found[1]
    assert [len(part) for part in found[0]] == [121, 2]


def test_a_clock_that_was_ahead_is_set_right(records: Records, metrics: Metrics) -> None:
    # A box an hour ahead, set right and started again: from then on its minutes count, and none is lost.
    ahead = _said(*((HOUR + at, _state("idle")) for at in range(0, 70, 10)))
    right = _said(*((at, _state("serving")) for at in range(0, 4000, 10)), node=Numbered(boot="boot-2"))
    _take(records, metrics, ahead)
    _take(records, metrics, right)
    minutes = {rollup.start: _window(rollup) for rollup in _read(records)}
    assert minutes[T0] == {"serving_s": 60}
    assert minutes[T0 + HOUR] == {"serving_s": 60, "idle_s": 60}  # each was said
    hours = {rollup.start: _window(rollup) for rollup in _read(records, "hour")}
    assert hours[T0] == {"serving_s": 3600}


def test_hours_are_closed_while_the_centre_runs(records: Records, metrics: Metrics) -> None:
    _take(records, metrics, _said(*((at, _state("idle")) for at in range(0, 3700, 10))))
    clock = ManualClock(T0 + HOUR + 590)
    closer = HourCloser(records, Leader(records, metrics, clock), clock, every_s=0.01)
    closer.start()
    reader = Reader(records)

    def hours() -> Sequence[Rollup]:
        return reader.rollup_page(Part(), "hour", T0, T0 + HOUR, halls=None).items

    assert hours() == []  # minutes may come late
    clock.advance(20)
    wait_until(hours, "the hour")
    closer.stop()


def test_the_page_names_every_sum() -> None:
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    for names in (WINDOW_SUMS, ZONE_SUMS):
        assert ", ".join(f"`{name}`" for name in names) in page
