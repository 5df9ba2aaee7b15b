"""Figures as people read them."""

from __future__ import annotations

from datetime import date, datetime

from dashboards.reports.compare import MEASURES, FigureName
from dashboards.reports.words import REPORT_WORDS, ReportWords
from hall.clock import Instant
from hall.layout import Hall
from hall.words import Language

_ZH_DAY, _EN_DAY = "{0.month}月{0.day}日", "%-d %b"


class Forms:
    """Writes the figures of a hall in one language."""

    def __init__(self, lang: Language, hall: Hall) -> None:
        self.lang, self.hall = lang, hall
        self.words: ReportWords = REPORT_WORDS[lang]

    def time(self, seconds: float | None) -> str:
        """A duration: `45 s`, `12.3 min`, `4.5 h`."""
        if seconds is None:
            return self.words.none
        unit, size_s, digits = self._unit(abs(seconds))
        return unit.format(_short(seconds / size_s, digits))

    def _unit(self, most_s: float) -> tuple[str, float, int]:
        """In what durations up to this are told: the text, its seconds, and its digits after the point."""
        if most_s < 90:
            return self.words.seconds, 1.0, 0
        return (self.words.minutes, 60.0, 1) if most_s < 7200 else (self.words.hours, 3600.0, 1)

    def share(self, share: float | None) -> str:
        """A share: `12.3%`."""
        return self.words.none if share is None else f"{share:.1%}"

    def value(self, name: FigureName, value: float | None) -> str:
        """A figure in its unit."""
        if value is None:
            return self.words.none
        match MEASURES[name].unit:
            case "s":
                return self.time(value)
            case "share":
                return self.share(value)
            case _:
                return self.words.score.format(_short(value, 2))

    def move(self, name: FigureName, by: float) -> str:
        """How far a figure moved, in its unit, with its sign; a share by points of a percent."""
        unit, size, digits = self._unit_of(name, abs(by))
        return unit.format(_signed(by / size, digits))

    def between(self, name: FigureName, low: float, high: float, *, signed: bool = True) -> str:
        """The bounds of a move, in one unit: `−6.9 to +1.2 min`."""
        unit, size, digits = self._unit_of(name, max(abs(low), abs(high)))
        write = _signed if signed else _short
        ends = write(low / size, digits), write(high / size, digits)
        return unit.format(ends[0] if ends[0] == ends[1] else self.words.to.format(low=ends[0], high=ends[1]))

    def _unit_of(self, name: FigureName, most: float) -> tuple[str, float, int]:
        match MEASURES[name].unit:
            case "s":
                return self._unit(most)
            case "share":
                return self.words.points, 0.01, 1
            case _:
                return self.words.score, 1.0, 2

    def day(self, day: date) -> str:
        """A day without its year: `11月16日`, `16 Nov`."""
        return _ZH_DAY.format(day) if self.lang == "zh" else day.strftime(_EN_DAY)

    def weekday(self, at: Instant) -> str:
        """The weekday of an instant in the hall."""
        return self.words.weekdays[self._local(at).weekday()]

    def clock(self, at: Instant) -> str:
        """The time of day of an instant in the hall: `10:00`."""
        return self._local(at).strftime("%H:%M")

    def hour(self, start: Instant) -> str:
        """An hour of the day: `10:00–11:00`."""
        return f"{self.clock(start)}–{self.clock(start + 3600)}"

    def moment(self, at: Instant) -> str:
        """An instant by the clocks of the hall: `2026-11-16 09:00`."""
        return self._local(at).strftime("%Y-%m-%d %H:%M")

    def _local(self, at: Instant) -> datetime:
        return datetime.fromtimestamp(at, tz=self.hall.zone_info)


def _short(value: float, digits: int) -> str:
    """A number, whole ones without a fraction."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(value: float, digits: int) -> str:
    text = _short(abs(value), digits)
    return text if text == "0" else f"{'−' if value < 0 else '+'}{text}"
