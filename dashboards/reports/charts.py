"""Pictures of a report as plain shapes with places in pixels; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dashboards.reports.compare import Effect, figure_value
from dashboards.reports.figures import Report
from dashboards.reports.forms import Forms

WIDTH, HEIGHT = 680, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 12, 30
_STEPS_MIN = (1, 2, 5, 10, 15, 20, 30, 60, 120, 240, 480)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a scale, with what is written beside it."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a chart with what it says; `kind` is a class of the style."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: scale, labels along the bottom (x, text), columns (x, y, width, height) and marks."""

    lines: Sequence[Line]
    labels: Sequence[tuple[float, str]]
    bars: Sequence[tuple[float, float, float, float]]
    marks: Sequence[Mark]
    upright: float | None = None

    width = WIDTH
    height = HEIGHT
    left = LEFT
    right = WIDTH - RIGHT
    bottom = HEIGHT - BOTTOM


def _scale(most_s: float, forms: Forms) -> tuple[float, list[Line]]:
    """The top of a scale of minutes in seconds, and its lines."""
    most = max(most_s / 60, 1.0)
    step = next((s for s in _STEPS_MIN if most / s <= 5), _STEPS_MIN[-1] * max(1, round(most / 5 / _STEPS_MIN[-1])))
    count = int(most / step) + 1
    top = 60.0 * step * count
    return top, [Line(_y(60.0 * step * i, top), forms.words.minutes.format(step * i)) for i in range(count + 1)]


def _y(value: float, top: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(1.0, value / top)), 1)


def waits_by_day(report: Report, forms: Forms) -> Chart | None:
    """Median and p90 wait of each day of the week, beside the median of the week before; None without waits."""
    days = report.week.days
    p50 = {d: figure_value("wait_p50", {d: report.days[d]}) for d in days if d in report.days}
    p90 = {d: figure_value("wait_p90", {d: report.days[d]}) for d in days if d in report.days}
    ago = {d: report.days_before.get(d - timedelta(days=7)) for d in days}
    was = {d: figure_value("wait_p50", {d: sums}) for d, sums in ago.items() if sums is not None}
    known = [v for row in (p50, p90, was) for v in row.values() if v is not None]
    if not known:
        return None
    top, lines = _scale(max(known), forms)
    slot = (WIDTH - LEFT - RIGHT) / len(days)
    middle = {day: round(LEFT + slot * (i + 0.5), 1) for i, day in enumerate(days)}
    bars = [
        (round(middle[d] - slot * 0.22, 1), _y(v, top), round(slot * 0.44, 1), round(HEIGHT - BOTTOM - _y(v, top), 1))
        for d, v in p50.items()
        if v is not None
    ]
    marks = [Mark(middle[d], _y(v, top), "p90", forms.time(v)) for d, v in p90.items() if v is not None]
    marks += [Mark(middle[d], _y(v, top), "was", forms.time(v)) for d, v in was.items() if v is not None]
    labels = [(middle[d], f"{forms.words.weekdays[d.weekday()]} {forms.day(d)}") for d in days]
    return Chart(lines, labels, bars, marks)


def effect_by_day(effect: Effect, forms: Forms) -> Chart | None:
    """The median wait of each day around a change; None without waits."""
    daily: Mapping[date, float] = effect.daily
    if len(daily) < 2:
        return None
    first, last = min(*daily, effect.day), max(*daily, effect.day)
    count = (last - first).days + 1
    top, lines = _scale(max(daily.values()), forms)
    slot = (WIDTH - LEFT - RIGHT) / count

    def x(day: date) -> float:
        return round(LEFT + slot * ((day - first).days + 0.5), 1)

    used = {*effect.before, *effect.after}
    marks = [
        Mark(x(d), _y(v, top), ("after" if d >= effect.day else "ago") if d in used else "out", forms.time(v))
        for d, v in daily.items()
    ]
    mondays = [d for i in range(count) if (d := first + timedelta(days=i)).weekday() == 0]
    labels = [(x(d), forms.day(d)) for d in mondays]
    return Chart(lines, labels, [], marks, round(x(effect.day) - slot / 2, 1))
