"""A fortnight that is known to the second: each figure of the report is what was put in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from dashboards.reports.compare import Change
from dashboards.reports.figures import Report, TicketWaits, WindowWeek, make_report
from dashboards.reports.weeks import Week, midnight
from hall.clock import Instant
from hall.errors import InputError
from hall.layout import Hall
from hall.load import parse_hall
from ingest.records import Records
from tests.support.weeks import Weeks, hall_text

WEEK = Week(2026, 10)
"""2 to 8 March: no holiday in it."""
OPEN = ((9, 3600), (10, 3600), (11, 3600), (13, 1800), (14, 3600), (15, 3600), (16, 3600), (17, 1800))
"""Hours of a workday and how long the hall is open in each; 13:30 and 17:30 lie within one."""
HALL = parse_hall(hall_text())


def at(day: date, hour: float, hall: Hall = HALL) -> Instant:
    return midnight(day, hall.zone_info) + 3600 * hour


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records(f"sqlite:///{tmp_path / 'records.db'}")
    yield opened
    opened.close()


def fill_day(weeks: Weeks, day: date, *, hall: Hall = HALL, absent_s: float = 0.0, wait_s: float = 600.0) -> None:
    """All windows attended but w01, which is empty for so long in each whole hour; 3 cases and 3 waits an hour."""
    for hour, open_s in OPEN:
        start = at(day, hour, hall)
        for number, window in enumerate(("w01", "w02", "w03")):
            gone_s = absent_s if number == 0 and open_s == 3600 else 0.0
            weeks.window(start, window, serving_s=open_s / 2, idle_s=open_s / 2 - gone_s, unstaffed_s=gone_s)
            weeks.window(start, window, closed_s=3600 - open_s)
            begin = start + 3600 - open_s + 60 * number
            weeks.session(window, begin + 60, 300.0)
            weeks.stay("hall", begin, wait_s + 60 * (hour - 13) + 10 * number)
        weeks.zone(start, "hall", known_s=3600)


def fill_week(weeks: Weeks, week: Week, *, hall: Hall = HALL, absent_s: float = 0.0, wait_s: float = 600.0) -> None:
    for day in week.days[:5]:
        fill_day(weeks, day, hall=hall, absent_s=absent_s, wait_s=wait_s)


def report_of(records: Records, week: Week = WEEK, *, hall: Hall = HALL, change: Change | None = None) -> Report:
    return make_report(records, hall, week, week.span(hall.zone_info)[1] + 3600, change)


def window(report: Report, name: str) -> WindowWeek:
    return next(one for one in report.windows if one.window.id == name)


def test_shares_are_what_was_put_in(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK, absent_s=360.0)
    for number, score in enumerate((5, 4, 3)):
        weeks.rating("w02", at(WEEK.monday, 10) + number, score)
    weeks.session("w02", at(WEEK.monday, 10.5), 1500.0, overtime=True)
    weeks.stay("hall", at(WEEK.monday, 10), 9000.0, "lost")  # ended nobody knows when: no wait
    weeks.write()
    report = report_of(records)
    first, second = window(report, "w01"), window(report, "w02")
    # Six whole hours a day, of each 360 s; 7 h a day are open.
    assert first.sums.absent_s == 5 * 6 * 360.0
    assert first.sums.known_s == 5 * 7 * 3600.0
    assert first.absent_share == pytest.approx(6 * 360 / (7 * 3600))
    assert (second.sums.sessions, second.sums.overtime) == (41, 1)
    assert second.overtime_share == pytest.approx(1 / 41)
    assert (second.sums.score, second.sums.ratings) == (12, 3)
    assert report.unknown_share == 0.0
    assert [one.window.id for one in report.most_absent] == ["w01"]
    (zone,) = report.zones
    assert zone.waits == 5 * 8 * 3
    assert (zone.p50_s, zone.longest_s) == (620.0, 860.0)


def test_silence_is_unknown_time_and_no_absence(records: Records) -> None:
    """w04 was seen on two days of five: its box said nothing of it on the others."""
    hall = parse_hall(hall_text(4))
    weeks = Weeks(records, hall)
    fill_week(weeks, WEEK)
    for day in WEEK.days[:2]:
        for hour, open_s in OPEN:
            weeks.window(at(day, hour), "w04", serving_s=open_s / 2, unstaffed_s=open_s / 2, closed_s=3600 - open_s)
    weeks.write()
    report = report_of(records, hall=hall)
    last = window(report, "w04")
    assert last.sums.known_s == 2 * 7 * 3600.0
    assert last.sums.unknown_s == 3 * 7 * 3600.0
    assert last.unknown_share == pytest.approx(0.6)
    assert report.not_ranked == [last]
    assert report.most_absent == []  # though nobody was there for half of the time that is known
    assert report.unknown_share == pytest.approx(3 / 20)
    assert report.causes.unknown == {None: 3 * 7 * 3600.0}


def test_unknown_time_is_put_down_to_what_was_wrong(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_day(weeks, WEEK.monday)
    day = WEEK.days[1]
    for hour, open_s in OPEN:
        for name in ("w01", "w02", "w03"):
            weeks.window(at(day, hour), name, unknown_s=open_s, closed_s=3600 - open_s)
    weeks.incident("node_offline", "node/edge-f1", at(day, 9), at(day, 10))
    weeks.incident("camera_fault", "camera/c1", at(day, 9.5), at(day, 12))
    weeks.write()
    unknown = report_of(records).causes.unknown
    # Each of three windows: one hour the box, two more the camera, four nobody knows; and three silent days.
    assert unknown["node_offline"] == 3 * 3600.0
    assert unknown["camera_fault"] == 3 * 2 * 3600.0
    assert unknown[None] == 3 * 4 * 3600.0 + 3 * 3 * 7 * 3600.0


def test_false_alarms_and_upheld_appeals_count_against_no_window(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK)
    begin = at(WEEK.monday, 10)
    weeks.window(begin, "w01", idle_s=-900.0, unstaffed_s=900.0)
    weeks.incident("clerk_absent", "window/w01", begin + 600, begin + 1500, label="false_alarm")
    weeks.window(begin, "w02", idle_s=-600.0, unstaffed_s=600.0)
    weeks.incident("clerk_absent", "window/w02", begin + 600, begin + 900, appeal="upheld")
    weeks.window(begin, "w03", idle_s=-600.0, unstaffed_s=600.0)
    weeks.incident("clerk_absent", "window/w03", begin + 600, begin + 1200, appeal="rejected")
    weeks.session("w01", begin + 100, 1500.0, overtime=True)
    weeks.incident("overtime_case", "window/w01", begin + 100, begin + 1600, label="false_alarm")
    weeks.write()
    report = report_of(records)
    sums = {one.window.id: one.sums for one in report.windows}
    assert (sums["w01"].absent_s, sums["w01"].excused_s, sums["w01"].overtime) == (0.0, 900.0, 0)
    assert (sums["w02"].absent_s, sums["w02"].excused_s) == (300.0, 300.0)
    assert (sums["w03"].absent_s, sums["w03"].excused_s) == (600.0, 0.0)
    assert sums["w01"].known_s == sums["w03"].known_s == 5 * 7 * 3600.0
    assert report.excused == 3
    assert report.incidents == {"clerk_absent": 1}
    assert [one.window.id for one in report.most_absent] == ["w03", "w02"]


def test_against_the_week_before(records: Records) -> None:
    """Waits rose by ten minutes on every day; of absence there is as much as before."""
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK.earlier(), absent_s=300.0)
    fill_week(weeks, WEEK, absent_s=300.0, wait_s=1200.0)
    weeks.write()
    figures = {one.name: one for one in report_of(records).figures}
    assert (figures["wait_p50"].before, figures["wait_p50"].now) == (620.0, 1220.0)
    assert figures["wait_p50"].verdict == "worse"
    assert figures["wait_p50"].moved[:4] == (5, 600.0, 600.0, 600.0)
    assert figures["absence"].verdict == "noise"
    assert figures["rating"].now is None
    assert figures["rating"].verdict == "few"
    assert figures["wait_p50"].earlier is None  # one week before says no more than the week before


def test_the_weeks_before_are_told_by_their_mean(records: Records) -> None:
    weeks = Weeks(records, HALL)
    for back, wait_s in ((1, 600.0), (2, 1200.0), (4, 1800.0)):
        fill_week(weeks, WEEK.earlier(back), wait_s=wait_s)
    fill_week(weeks, WEEK)
    weeks.write()
    report = report_of(records)
    assert report.weeks_before == 3
    assert report.figures[0].earlier == pytest.approx(1220.0)


def test_causes_of_absence_and_of_long_waits(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK)
    for day in WEEK.days[:3]:  # before lunch, people at the window; then one in the middle of the morning
        weeks.incident("clerk_absent", "window/w01", at(day, 11.6), at(day, 12), severity="critical")
        weeks.incident("called_but_no_clerk", "window/w01", at(day, 11.7), at(day, 11.8))
    weeks.incident("clerk_absent", "window/w02", at(WEEK.monday, 10), at(WEEK.monday, 10.4))
    weeks.incident("long_wait", "zone/hall", at(WEEK.monday, 10.2), at(WEEK.monday, 10.9))
    weeks.incident("long_wait", "zone/hall", at(WEEK.monday, 15), at(WEEK.monday, 15.5))
    weeks.incident("closed_window_with_queue", "zone/hall", at(WEEK.monday, 15.2), at(WEEK.monday, 15.4))
    weeks.incident("long_wait", "zone/hall", at(WEEK.monday, 16), at(WEEK.monday, 16.5))
    weeks.write()
    causes = report_of(records).causes
    absence = causes.absence
    assert (absence.count, absence.before_people, absence.called) == (4, 3, 3)
    assert absence.total_s == pytest.approx(4 * 1440.0)
    assert absence.near_share == pytest.approx(0.75)
    assert absence.near_open_share == pytest.approx(2 / 7)  # four half hours of seven hours a day
    assert absence.is_near_breaks
    waits = causes.waits
    assert (waits.count, waits.absent, waits.closed, waits.short, waits.alone) == (3, 1, 1, 0, 1)


def test_an_incident_that_goes_on_is_one(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK)
    weeks.incident("clerk_absent", "window/w01", at(WEEK.days[4], 17), None)
    weeks.write()
    report = report_of(records)
    assert report.causes.absence.total_s == 1800.0  # until the hall closed
    assert window(report, "w01").absences == 1


def test_a_change_that_helps_and_a_week_without_one(records: Records) -> None:
    weeks = Weeks(records, HALL)
    for back in (1, 2):
        fill_week(weeks, WEEK.earlier(back), wait_s=1200.0 + 60 * back)
    fill_week(weeks, WEEK, wait_s=600.0)
    weeks.write()
    helped = report_of(records, change=Change(at(WEEK.monday, 8), "w03 opened at lunch")).effect
    assert helped is not None
    assert (len(helped.before), len(helped.after)) == (5, 5)
    assert helped.before[0] == WEEK.earlier().monday  # the nearest days, not all
    by_name = {one.name: one for one in helped.figures}
    assert by_name["wait_p50"].verdict == "better"
    assert by_name["wait_p50"].moved.by == -660.0
    assert by_name["absence"].verdict == "noise"


def test_the_day_of_a_change_counts_only_where_the_hall_was_not_open_yet(records: Records) -> None:
    weeks = Weeks(records, HALL)
    for back in (1, 0):
        fill_week(weeks, WEEK.earlier(back))
    weeks.write()
    for hour, after in ((9, 5), (10, 4)):
        effect = report_of(records, change=Change(at(WEEK.monday, hour), "x")).effect
        assert effect is not None
        assert len(effect.after) == after


def test_too_few_days_say_nothing(records: Records) -> None:
    weeks = Weeks(records, HALL)
    for back in (1, 0):
        fill_week(weeks, WEEK.earlier(back), wait_s=600.0 * (1 + back))
    weeks.write()
    effect = report_of(records, change=Change(at(WEEK.days[2], 8), "on Wednesday")).effect
    assert effect is not None
    assert {one.verdict for one in effect.figures} == {"few"}
    assert len(effect.after) == 3


def test_a_week_of_one_day_and_one_of_none(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_day(weeks, WEEK.days[2], absent_s=60.0)
    weeks.write()
    report = report_of(records)
    assert {one.verdict for one in report.figures} == {"few"}
    assert list(report.days) == [WEEK.days[2]]
    assert report.unknown_share == pytest.approx(0.8)
    assert [one.window.id for one in report.not_ranked] == ["w01", "w02", "w03"]
    empty = report_of(records, WEEK.earlier(3))
    assert empty.is_empty
    assert empty.whole.known_s == 0.0


def test_a_week_that_goes_on_is_told_so_far(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_day(weeks, WEEK.monday)
    weeks.write()
    now = at(WEEK.days[1], 0.5)
    report = make_report(records, HALL, WEEK, now)
    assert not report.is_over
    assert report.until == now
    assert report.whole.unknown_s == 0.0
    with pytest.raises(InputError, match="has not begun"):
        make_report(records, HALL, WEEK, WEEK.span(HALL.zone_info)[0])
    with pytest.raises(InputError, match="is not before the end of week 2026-W10"):
        make_report(records, HALL, WEEK, now, Change(now + 1, "tomorrow"))


@pytest.mark.parametrize(
    ("zone", "week", "hours"),
    [
        ("Europe/Berlin", Week(2026, 13), 167),  # clocks go forward in the night to its Sunday, 29 March
        ("Europe/Berlin", Week(2026, 43), 169),
        ("America/New_York", Week(2026, 10), 167),
        ("Asia/Kolkata", Week(2026, 10), 168),  # half an hour beside the hours of the roll-ups
    ],
)
def test_other_zones_and_changes_of_clock(records: Records, zone: str, week: Week, hours: int) -> None:
    text = hall_text(timezone=zone).replace('mon-fri: ["09:00-12:00", "13:30-17:30"]', 'mon-sun: ["09:00-17:00"]')
    hall = parse_hall(text)
    weeks = Weeks(records, hall)
    start, end = week.span(hall.zone_info)
    assert end - start == 3600 * hours
    for day in week.days:
        for hour in range(8, 18):
            begin = at(day, hour, hall) // 3600 * 3600
            open_s = hall.schedule.open_seconds(begin, begin + 3600)
            weeks.window(begin, "w01", serving_s=open_s * 0.75, unstaffed_s=open_s * 0.25, closed_s=3600 - open_s)
    # A case late on the last evening, by the clocks of the hall, and one just after the week.
    weeks.session("w01", end - 600, 300.0)
    weeks.session("w01", end + 600, 300.0)
    weeks.write()
    report = report_of(records, week, hall=hall)
    first = window(report, "w01")
    assert first.sums.known_s == pytest.approx(7 * 8 * 3600.0)
    assert first.sums.unknown_s == pytest.approx(0.0)
    assert first.absent_share == pytest.approx(0.25)
    assert first.sums.sessions == 1
    assert list(report.days) == list(week.days)


def test_another_hall_in_the_same_records_is_none_of_ours(records: Records) -> None:
    other = parse_hall(hall_text().replace("id: demo", "id: other"))
    weeks = Weeks(records, other)
    fill_week(weeks, WEEK, hall=other)
    weeks.incident("clerk_absent", "window/w01", at(WEEK.monday, 10), at(WEEK.monday, 11))
    weeks.rating("w01", at(WEEK.monday, 10), 1)
    weeks.ticket("hall", at(WEEK.monday, 10), 60.0)
    weeks.write()
    assert report_of(records).is_empty
    assert not report_of(records, hall=other).is_empty


def test_tickets_give_exact_waits(records: Records) -> None:
    weeks = Weeks(records, HALL)
    fill_week(weeks, WEEK)
    for number in range(100):
        weeks.ticket("hall", at(WEEK.monday, 10) + number, 10.0 * (number + 1))
    weeks.write()
    report = report_of(records)
    assert report.tickets == TicketWaits(100, 500.0, 900.0)
    (queue,) = report.queues
    assert queue.by_ticket
    assert sum(hour.arrivals for hour in queue.hours) == 100


def test_the_days_of_a_week() -> None:
    assert Week.parse("2026-W01").monday == date(2025, 12, 29)
    assert Week.of(date(2026, 1, 1)) == Week(2026, 1)
    assert Week(2026, 1).earlier() == Week(2025, 52)
    assert str(Week.of(date(2026, 1, 1) - timedelta(days=30))) == "2025-W49"
    for text in ("2026-W54", "2026-47", "W47", "2025-W53", "2026-W00"):
        with pytest.raises(InputError, match="expected one of ISO 8601"):
            Week.parse(text)
