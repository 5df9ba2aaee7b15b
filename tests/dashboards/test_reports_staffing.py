"""Load and windows: Erlang's formula beside figures from tables, and hours with too few windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.reports.figures import make_report
from dashboards.reports.staffing import delay, needed_windows, queues
from dashboards.reports.weeks import Week, midnight
from hall.load import parse_hall
from ingest.records import Records
from tests.support.weeks import SQUARE, Weeks, hall_text

WEEK = Week(2026, 10)


@pytest.mark.parametrize(
    ("load", "windows", "waits"),
    [(0.5, 1, 0.5), (1.0, 2, 1 / 3), (2.0, 3, 4 / 9), (8.0, 10, 0.4092), (0.0, 1, 0.0)],
)
def test_erlang_c(load: float, windows: int, waits: float) -> None:
    assert delay(load, windows) == pytest.approx(waits, abs=1e-4)


def test_fewest_windows() -> None:
    # 3 windows keep up with a load of 2.9 only just, and nearly everybody waits past half an hour.
    assert needed_windows(2.9, 600.0, 1800.0) == 4
    assert needed_windows(2.0, 600.0, 1800.0) == 3
    assert needed_windows(2.0, 600.0, 30.0) == 5
    assert needed_windows(0.01, 600.0, 1800.0) == 1


def test_zones_that_share_a_window_are_one_queue() -> None:
    def zone(name: str, serves: str) -> str:
        return f"      - {{id: {name}, serves: {serves}, areas: [{{camera: c1, polygon: {SQUARE}}}]}}"

    text = hall_text(5).replace("- {id: hall, label: '中央等候区',", "- {id: hall, serves: [w05],")
    more = "\n".join([zone("a", "[w01, w02]"), zone("b", "[w03]"), zone("c", "[w02, w04]")])
    found = {
        tuple(z.id for z in queue.zones): [w.id for w in queue.windows]
        for queue in queues(parse_hall(f"{text}\n{more}"))
    }
    assert found == {("hall",): ["w05"], ("b",): ["w03"], ("a", "c"): ["w01", "w02", "w04"]}


def test_an_hour_with_too_few_windows(tmp_path: Path) -> None:
    """Monday at ten 30 people come, of ten minutes each: five windows busy, and two are served."""
    hall = parse_hall(hall_text())
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    weeks = Weeks(records, hall)
    monday = midnight(WEEK.monday, hall.zone_info)
    for hour in (9, 10, 11):
        start = monday + 3600 * hour
        weeks.zone(start, "hall", known_s=3600)
        weeks.window(start, "w01", serving_s=3600)
        weeks.window(start, "w02", serving_s=3600)
        weeks.window(start, "w03", unstaffed_s=3600)
    weeks.zone(monday + 3600 * 14, "hall", known_s=3600)  # seen, but of the windows nothing was heard
    weeks.window(monday + 3600 * 14, "w01", serving_s=3600)
    for number in range(30):
        weeks.stay("hall", monday + 10 * 3600 + 100 * number, 2400.0)
        weeks.session("w01", monday + 10 * 3600 + 100 * number, 600.0)
    weeks.stay("hall", monday + 8.5 * 3600, 2400.0)  # before it opens: comes with the opening
    weeks.session("w01", monday + 9 * 3600, 600.0)
    weeks.write()
    report = make_report(records, hall, WEEK, WEEK.span(hall.zone_info)[1])
    records.close()
    (queue,) = report.queues
    assert queue.handling_s == 600.0
    by_start = {hour.start - monday: hour for hour in queue.hours}
    ten = by_start[10 * 3600]
    assert ten.load == pytest.approx(5.0)
    assert (ten.arrivals, ten.open, ten.needed) == (30, 2.0, 6)
    assert (ten.short, ten.over) == (4.0, 30)
    assert queue.short_hours == [ten]
    assert by_start[9 * 3600].arrivals == 1
    assert by_start[11 * 3600].needed == 0
    assert by_start[14 * 3600].open is None
    assert by_start[13 * 3600].open is None  # nothing was heard: unknown, not too few
