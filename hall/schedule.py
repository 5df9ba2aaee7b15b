"""When a hall is open: hours per weekday with breaks, public holidays, extra open and closed days."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from hall.clock import Instant

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$")

Span = tuple[int, int]
"""Minutes after local midnight; an end past 1440 runs into the next day."""


def parse_days(text: str) -> tuple[int, ...]:
    """Weekdays of a key such as `mon-fri`, `sat` or `sat,sun`; 0 is Monday.

    Raises:
        ValueError: not a weekday, a range or a list of them.
    """
    days: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise ValueError("weekdays such as mon-fri, sat or sat,sun")
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(last) - start) % 7 + 1 if dash else 1
        days.extend((start + i) % 7 for i in range(length))
    return tuple(days)


def parse_span(text: str) -> Span:
    """Hours such as `09:00-12:00`; an end before the start means the next day.

    Raises:
        ValueError: no such hours.
    """
    match = _SPAN.match(text)
    if match is None or (match[3] == "24" and match[4] != "00"):
        raise ValueError('hours such as "09:00-12:00" ("22:00-06:00" runs past midnight)')
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if start == end:
        raise ValueError("an end that differs from the start")
    return start, end if end > start else end + 1440


class Schedule:
    """The open hours of a hall.

    Args:
        spans: per weekday (0 is Monday) the open spans; None means always open.
        zone: IANA name of the hall's time zone; the machine's own zone plays no part.
        country: code for public holidays as the `holidays` package knows it; they are closed, and where the
            country works on a weekend day instead (China does), that day has the hours of a Monday. China's
            holidays are on record once the State Council has announced the year; see docs/hall-yaml.md.
        closed: further closed days.
        extra_open: days open though weekday or holiday says no; hours of their weekday, else of a Monday.
    """

    def __init__(
        self,
        spans: Mapping[int, Sequence[Span]] | None,
        zone: str,
        *,
        country: str | None = None,
        closed: Sequence[date] = (),
        extra_open: Sequence[date] = (),
    ) -> None:
        self._spans = None if spans is None else {day: tuple(sorted(s)) for day, s in spans.items()}
        self._zone = ZoneInfo(zone)
        self._holidays = None if country is None else holidays.country_holidays(country)
        self._closed = frozenset(closed)
        self._extra_open = frozenset(extra_open)
        self._spans_on = lru_cache(maxsize=64)(self._find_spans)
        self._steady: tuple[Instant, Instant, bool, Instant | None] = (math.inf, -math.inf, True, None)

    @property
    def zone(self) -> ZoneInfo:
        """The hall's time zone."""
        return self._zone

    def is_open(self, at: Instant) -> bool:
        """Whether the hall is open at an instant."""
        return True if self._spans is None else self._now(at)[2]

    def open_seconds(self, start: Instant, end: Instant) -> float:
        """Open time between two instants, in seconds."""
        if self._spans is None:
            return max(0.0, end - start)
        spans = self._open_between(self._local_day(start), self._local_day(end))
        return math.fsum(max(0.0, min(b, end) - max(a, start)) for a, b in spans)

    def next_open(self, at: Instant, *, days: int = 30) -> Instant | None:
        """The next opening after an instant, or None within `days`; None too where the hall never closes."""
        if self._spans is None:
            return None
        day = self._local_day(at)
        spans = self._open_between(day, day + timedelta(days=days))
        return next((start for start, _ in spans if start > at), None)

    def working_day(self, at: Instant) -> Instant | None:
        """First opening of the working day that goes on at an instant; None while closed.

        A span that runs past midnight belongs to the day on which it began. A hall without hours has one working
        day without end, which began at 0.
        """
        return 0.0 if self._spans is None else self._now(at)[3]

    def _now(self, at: Instant) -> tuple[Instant, Instant, bool, Instant | None]:
        """From when until when nothing changes, whether the hall is open then, and the start of the working day.

        A box asks with every frame, and the answer holds for hours.
        """
        steady = self._steady
        if not steady[0] <= at < steady[1]:
            today = self._local_day(at)
            days = (today, today - timedelta(days=1))
            spans: list[tuple[Instant, Instant]] = [span for day in days for span in self._spans_on(day)]
            edges = [self._instant(today, 0), self._instant(today, 1440), *(edge for span in spans for edge in span)]
            since, until = max(e for e in edges if e <= at), min(e for e in edges if e > at)
            is_open = any(start <= at < end for start, end in spans)
            self._steady = steady = since, until, is_open, self._opened(at, days)
        return steady

    def _opened(self, at: Instant, days: Sequence[date]) -> Instant | None:
        for day in days:
            spans: list[tuple[Instant, Instant]] = self._spans_on(day)
            if any(start <= at < end for start, end in spans):
                return min(start for start, _ in spans)
        return None

    def _local_day(self, at: Instant) -> date:
        return datetime.fromtimestamp(at, tz=self._zone).date()

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        assert self._spans is not None
        own = self._spans.get(day.weekday(), ())
        if day in self._closed:
            return ()
        if day in self._extra_open:
            return own or self._spans.get(0, ())
        if self._holidays is not None and self._works_instead(day):
            return self._spans.get(0, ()) or own
        return () if self._holidays is not None and day in self._holidays else own

    def _works_instead(self, day: date) -> bool:
        assert self._holidays is not None
        _ = day in self._holidays  # fills the year, with its weekend days of work
        return day in self._holidays.weekend_workdays

    def _open_between(self, first: date, last: date) -> list[tuple[Instant, Instant]]:
        """When the hall is open on some local days: in order and apart, so nothing counts twice."""
        merged: list[tuple[Instant, Instant]] = []
        # A span that began the evening before reaches into the first day.
        for offset in range(-1, (last - first).days + 1):
            for start, end in self._spans_on(first + timedelta(days=offset)):
                if merged and start <= merged[-1][1]:
                    merged[-1] = merged[-1][0], max(merged[-1][1], end)
                else:
                    merged.append((start, end))
        return merged

    def _find_spans(self, day: date) -> list[tuple[Instant, Instant]]:
        """The spans that begin on a local day, as instants.

        A change of clock in between is respected. A time within the hour that it skips is read by the clock
        before; a span that so begins after its end is none.
        """
        spans = [(self._instant(day, a), self._instant(day, b)) for a, b in self._spans_of(day)]
        return sorted((start, end) for start, end in spans if start < end)

    def _instant(self, day: date, minutes: int) -> Instant:
        days, minute = divmod(minutes, 1440)
        local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self._zone)
        # Adding to a local time is wall time, which is what opening hours mean.
        return (local + timedelta(days=days)).astimezone(UTC).timestamp()
