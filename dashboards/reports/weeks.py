"""Weeks as reports know them: Monday to Sunday by the clocks of the hall, named as in ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from hall.clock import Instant
from hall.errors import InputError

_TEXT = re.compile(r"^(2\d{3})-W(\d{2})$")
"""No centre has records from before, and the calendar of Python ends with 9999."""


class Week(NamedTuple):
    """A week of a year, such as 2026-W47."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-W{self.number:02}"

    @classmethod
    def parse(cls, text: str) -> Week:
        """A week of `2026-W47`.

        Raises:
            InputError: it is none.
        """
        match = _TEXT.match(text)
        try:
            date.fromisocalendar(int(match[1]), int(match[2]), 1) if match else None
        except ValueError:
            match = None
        if match is None:
            raise InputError(f"week {text}: expected one of ISO 8601, such as 2026-W47")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Week:
        """The week that a day is in."""
        year, number, _ = day.isocalendar()
        return cls(year, number)

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    @property
    def days(self) -> tuple[date, ...]:
        """Its days."""
        return tuple(self.monday + timedelta(days=i) for i in range(7))

    def earlier(self, weeks: int = 1) -> Week:
        """The week that is so many before it."""
        return Week.of(self.monday - timedelta(weeks=weeks))

    def span(self, zone: tzinfo) -> tuple[Instant, Instant]:
        """From when to before when it lasts in a time zone; 167 to 169 hours where the clocks change."""
        return midnight(self.monday, zone), midnight(self.monday + timedelta(days=7), zone)


def midnight(day: date, zone: tzinfo) -> Instant:
    """When a day begins in a time zone."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).timestamp()


def local_day(at: Instant, zone: tzinfo) -> date:
    """The day of an instant in a time zone."""
    return datetime.fromtimestamp(at, tz=zone).date()
