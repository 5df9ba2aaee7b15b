"""When a hall is open: breaks, nights, holidays, make-up days, changes of clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.schedule import Schedule, Span, parse_days, parse_span

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
WORK = [parse_span("09:00-12:00"), parse_span("13:30-17:30")]
NIGHT = [parse_span("22:00-06:00")]
HOUR_S = 3600.0


def at(text: str, zone: str = SHANGHAI) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def workdays(spans: list[Span], **settings: object) -> Schedule:
    zone = str(settings.pop("zone", SHANGHAI))
    return Schedule(dict.fromkeys(range(5), spans), zone, **settings)  # type: ignore[arg-type]


OFFICE = workdays(WORK, country="CN", closed=[date(2026, 3, 5)], extra_open=[date(2026, 3, 7)])
SATURDAYS = Schedule(
    {**dict.fromkeys(range(5), WORK), 5: [parse_span("09:00-11:00")]},
    SHANGHAI,
    country="CN",
    extra_open=[date(2026, 2, 17), date(2026, 3, 7)],
)
NIGHTS = workdays(NIGHT)

OPEN = [
    # An ordinary Monday: open with the first second, closed with the last.
    (OFFICE, "2026-03-02T08:59:59", False),
    (OFFICE, "2026-03-02T09:00:00", True),
    (OFFICE, "2026-03-02T11:59:59", True),
    # Lunch.
    (OFFICE, "2026-03-02T12:00:00", False),
    (OFFICE, "2026-03-02T13:29:59", False),
    (OFFICE, "2026-03-02T13:30:00", True),
    (OFFICE, "2026-03-02T17:30:00", False),
    # A Sunday.
    (OFFICE, "2026-03-01T10:00:00", False),
    # New Year's day of the Chinese calendar, a Tuesday.
    (OFFICE, "2026-02-17T10:00:00", False),
    # The Saturday before it, worked in exchange; also where Saturdays have shorter hours of their own.
    (OFFICE, "2026-02-14T16:00:00", True),
    (SATURDAYS, "2026-02-14T16:00:00", True),
    # A Saturday of those shorter hours.
    (SATURDAYS, "2026-03-14T10:00:00", True),
    (SATURDAYS, "2026-03-14T11:30:00", False),
    # An extra closed day, a Thursday.
    (OFFICE, "2026-03-05T10:00:00", False),
    # An extra open Saturday has Monday's hours, or its own where it has some.
    (OFFICE, "2026-03-07T16:00:00", True),
    (SATURDAYS, "2026-03-07T10:00:00", True),
    (SATURDAYS, "2026-03-07T16:00:00", False),
    # An extra open day within the holidays.
    (SATURDAYS, "2026-02-17T10:00:00", True),
    # A hall across midnight: Monday evening, Tuesday early, the gap at noon.
    (NIGHTS, "2026-03-02T21:59:59", False),
    (NIGHTS, "2026-03-02T22:00:00", True),
    (NIGHTS, "2026-03-03T00:00:00", True),
    (NIGHTS, "2026-03-03T05:59:59", True),
    (NIGHTS, "2026-03-03T06:00:00", False),
    # Friday's night ends on Saturday; Monday's early hours belong to Sunday, which is closed.
    (NIGHTS, "2026-03-07T05:00:00", True),
    (NIGHTS, "2026-03-07T23:00:00", False),
    (NIGHTS, "2026-03-02T05:00:00", False),
    # The night before a closed day goes on into it; the night of the closed day does not begin.
    (workdays(NIGHT, closed=[date(2026, 3, 4)]), "2026-03-04T05:00:00", True),
    (workdays(NIGHT, closed=[date(2026, 3, 4)]), "2026-03-04T23:00:00", False),
    (workdays(NIGHT, closed=[date(2026, 3, 4)]), "2026-03-05T05:00:00", False),
    # Closed wins over open.
    (workdays(WORK, closed=[date(2026, 3, 2)], extra_open=[date(2026, 3, 2)]), "2026-03-02T10:00:00", False),
    # Round the clock.
    (workdays([parse_span("00:00-24:00")]), "2026-03-02T23:59:59", True),
]


@pytest.mark.parametrize(("schedule", "when", "is_open"), OPEN)
def test_open(schedule: Schedule, when: str, is_open: bool) -> None:
    assert schedule.is_open(at(when)) is is_open


SECONDS = [
    # Within the morning.
    (OFFICE, "2026-03-02T10:00:00", "2026-03-02T10:20:00", 1200),
    # An absence through lunch counts only before and after.
    (OFFICE, "2026-03-02T11:50:00", "2026-03-02T13:40:00", 1200),
    # Lunch alone.
    (OFFICE, "2026-03-02T12:00:00", "2026-03-02T13:30:00", 0),
    # A whole day, a whole week with its closed Thursday and its open Saturday.
    (OFFICE, "2026-03-02T00:00:00", "2026-03-03T00:00:00", 7 * HOUR_S),
    (OFFICE, "2026-03-02T00:00:00", "2026-03-09T00:00:00", 5 * 7 * HOUR_S),
    # From Friday evening until Monday morning.
    (workdays(WORK), "2026-03-06T17:00:00", "2026-03-09T09:10:00", 1800 + 600),
    # The Spring Festival of 2026: 14 and 28 February are worked, 16 to 20 and the 23rd are free.
    (OFFICE, "2026-02-14T00:00:00", "2026-03-01T00:00:00", 6 * 7 * HOUR_S),
    # A night, a part of it on both sides of midnight, and five of them.
    (NIGHTS, "2026-03-02T12:00:00", "2026-03-03T12:00:00", 8 * HOUR_S),
    (NIGHTS, "2026-03-02T23:30:00", "2026-03-03T00:30:00", HOUR_S),
    (NIGHTS, "2026-03-03T01:00:00", "2026-03-03T02:00:00", HOUR_S),
    (NIGHTS, "2026-03-02T12:00:00", "2026-03-09T12:00:00", 5 * 8 * HOUR_S),
    # The end before the start, and no time at all.
    (OFFICE, "2026-03-02T11:00:00", "2026-03-02T10:00:00", 0),
    (OFFICE, "2026-03-02T10:00:00", "2026-03-02T10:00:00", 0),
    # Hours that one day hands to a make-up day count once where they meet another night.
    (
        Schedule({0: NIGHT, 5: [parse_span("01:00-08:00")]}, SHANGHAI, country="CN", extra_open=[date(2026, 3, 6)]),
        "2026-03-06T12:00:00",
        "2026-03-07T12:00:00",
        10 * HOUR_S,
    ),
]


@pytest.mark.parametrize(("schedule", "start", "end", "seconds"), SECONDS)
def test_open_seconds(schedule: Schedule, start: str, end: str, seconds: float) -> None:
    assert schedule.open_seconds(at(start), at(end)) == seconds


EVERY_NIGHT = Schedule(dict.fromkeys(range(7), NIGHT), BERLIN)
CLOCK_CHANGES = [
    # 29 March 2026, 02:00 becomes 03:00: the night is an hour short.
    (EVERY_NIGHT, "2026-03-28T12:00:00", "2026-03-29T12:00:00", 7 * HOUR_S),
    # 25 October 2026, 03:00 becomes 02:00: an hour longer.
    (EVERY_NIGHT, "2026-10-24T12:00:00", "2026-10-25T12:00:00", 9 * HOUR_S),
    # An office by day notices nothing.
    (Schedule(dict.fromkeys(range(7), WORK), BERLIN), "2026-03-29T00:00:00", "2026-03-30T00:00:00", 7 * HOUR_S),
    # Hours that begin within the hour that is skipped and end where it ends.
    (Schedule({6: [parse_span("02:30-03:00")]}, BERLIN), "2026-03-29T00:00:00", "2026-03-30T00:00:00", 0.0),
]


@pytest.mark.parametrize(("schedule", "start", "end", "seconds"), CLOCK_CHANGES)
def test_changes_of_clock(schedule: Schedule, start: str, end: str, seconds: float) -> None:
    assert schedule.open_seconds(at(start, BERLIN), at(end, BERLIN)) == seconds


NEXT = [
    # In the morning, the afternoon; at noon too; in the evening, tomorrow.
    (OFFICE, "2026-03-02T10:00:00", "2026-03-02T13:30:00"),
    (OFFICE, "2026-03-02T12:30:00", "2026-03-02T13:30:00"),
    (OFFICE, "2026-03-02T18:00:00", "2026-03-03T09:00:00"),
    # At the moment of opening, the one after it.
    (OFFICE, "2026-03-02T09:00:00", "2026-03-02T13:30:00"),
    # Over a closed day, over the Spring Festival.
    (OFFICE, "2026-03-04T18:00:00", "2026-03-06T09:00:00"),
    (OFFICE, "2026-02-14T18:00:00", "2026-02-24T09:00:00"),
    # In the early morning of a night shift, this evening.
    (NIGHTS, "2026-03-03T03:00:00", "2026-03-03T22:00:00"),
    # Hours that touch are one opening.
    (workdays([parse_span("09:00-12:00"), parse_span("12:00-17:00")]), "2026-03-02T10:00:00", "2026-03-03T09:00:00"),
]


@pytest.mark.parametrize(("schedule", "when", "opens"), NEXT)
def test_next_open(schedule: Schedule, when: str, opens: str) -> None:
    assert schedule.next_open(at(when)) == at(opens)


WORKING_DAYS = [
    # The afternoon belongs to the working day that began in the morning; at noon none goes on.
    (OFFICE, "2026-03-02T16:00:00", "2026-03-02T09:00:00"),
    (OFFICE, "2026-03-02T12:30:00", None),
    (OFFICE, "2026-03-03T09:00:00", "2026-03-03T09:00:00"),
    # A night belongs to its evening.
    (NIGHTS, "2026-03-03T05:00:00", "2026-03-02T22:00:00"),
    (NIGHTS, "2026-03-03T06:00:00", None),
    # A holiday has none.
    (OFFICE, "2026-02-17T10:00:00", None),
]


@pytest.mark.parametrize(("schedule", "when", "began"), WORKING_DAYS)
def test_working_day(schedule: Schedule, when: str, began: str | None) -> None:
    assert schedule.working_day(at(when)) == (None if began is None else at(began))


def test_a_hall_without_hours_has_one_working_day() -> None:
    assert Schedule(None, SHANGHAI).working_day(at("2026-03-02T10:00:00")) == 0.0


def test_hours_that_the_clock_skips_are_no_opening() -> None:
    schedule = Schedule({6: [parse_span("02:30-03:00")]}, BERLIN)
    assert schedule.next_open(at("2026-03-28T12:00:00", BERLIN)) == at("2026-04-05T02:30:00", BERLIN)


def test_a_hall_that_never_opens() -> None:
    assert Schedule({}, SHANGHAI).next_open(at("2026-03-02T10:00:00")) is None
    assert Schedule({}, SHANGHAI).open_seconds(0.0, 1e6) == 0.0


@pytest.fixture(params=["America/New_York", "Pacific/Kiritimati", "UTC"])
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """The machine stands in another time zone than the hall."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_zone_of_the_machine_plays_no_part(machine_zone: str) -> None:
    if machine_zone == "America/New_York":
        assert datetime.fromtimestamp(0.0).hour == 19  # noqa: DTZ006 -- the zone is really in force
    fresh = workdays(WORK, country="CN", closed=[date(2026, 3, 5)], extra_open=[date(2026, 3, 7)])
    for schedule, when, is_open in OPEN:
        if schedule is OFFICE:
            assert fresh.is_open(at(when)) is is_open, when
    assert fresh.open_seconds(at("2026-03-02T00:00:00"), at("2026-03-03T00:00:00")) == 7 * HOUR_S


WORDS = [
    ("mon", (0,)),
    ("mon-fri", (0, 1, 2, 3, 4)),
    ("sat,sun", (5, 6)),
    ("mon-wed, fri", (0, 1, 2, 4)),
    # Over the weekend.
    ("sat-mon", (5, 6, 0)),
]


@pytest.mark.parametrize(("text", "days"), WORDS)
def test_weekdays(text: str, days: tuple[int, ...]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "monday", "Mon", "mon-", "-fri", "mon--fri", "mon,,tue", "mon fri"])
def test_no_weekdays(text: str) -> None:
    with pytest.raises(ValueError, match="weekdays such as"):
        parse_days(text)


SPANS = [("09:00-12:00", (540, 720)), ("22:00-06:00", (1320, 1800)), ("00:00-24:00", (0, 1440))]


@pytest.mark.parametrize(("text", "span"), SPANS)
def test_spans(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["9:00-12:00", "09:00", "09:60-10:00", "24:00-01:00", "09:00-24:30", "9-5", ""])
def test_no_spans(text: str) -> None:
    with pytest.raises(ValueError, match="hours such as"):
        parse_span(text)


_minutes = st.integers(0, 1439)
_spans = st.lists(
    st.tuples(_minutes, _minutes).filter(lambda s: s[0] != s[1]).map(lambda s: (s[0], s[1] + 1440 * (s[1] < s[0]))),
    max_size=3,
)
_schedules = st.builds(
    Schedule,
    st.dictionaries(st.integers(0, 6), _spans),
    st.sampled_from([SHANGHAI, BERLIN, "Australia/Lord_Howe"]),
    country=st.sampled_from([None, "CN"]),
    closed=st.lists(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=2),
    extra_open=st.lists(st.dates(date(2026, 3, 20), date(2026, 4, 10)), max_size=2),
)
# Around the change of clock in Berlin (29 March 2026) and on Lord Howe Island (5 April).
_instants = st.integers(int(at("2026-03-24T00:00:00")), int(at("2026-04-08T00:00:00"))).map(float)


@given(_schedules, st.lists(_instants, min_size=3, max_size=3).map(sorted))
def test_open_time_is_the_sum_of_its_parts(schedule: Schedule, instants: list[float]) -> None:
    a, b, c = instants
    whole = schedule.open_seconds(a, c)
    assert whole == schedule.open_seconds(a, b) + schedule.open_seconds(b, c)
    assert 0 <= whole <= c - a


@given(_schedules, _instants)
def test_every_second_is_open_or_not(schedule: Schedule, start: float) -> None:
    # Hours change at whole minutes of the hall's clock, so a whole second is open or closed throughout.
    assert schedule.open_seconds(start, start + 1) == (1.0 if schedule.is_open(start) else 0.0)


@given(_schedules, _instants)
def test_until_the_next_opening_nothing_opens(schedule: Schedule, start: float) -> None:
    opens = schedule.next_open(start, days=10)
    if opens is None:
        return
    assert opens > start
    assert schedule.is_open(opens)
    assert not schedule.is_open(opens - 1)
    if not schedule.is_open(start):
        assert schedule.open_seconds(start, opens) == 0.0
