"""Pictures of a window's past, as SVG; the tables beside them say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dashboards.history.figures import WindowPast
from dashboards.svg import Shape, picture, shape, words
from hall.clock import Instant

WIDTH, _TOP, _BAND = 1000.0, 6.0, 34.0
_HOURS = 24
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60)
_LEAST_BINS, _MOST_BINS = 8, 16


def timeline(
    past: WindowPast, title: str, described: str, names: Callable[[str], str], time: Callable[[Instant], str]
) -> Shape:
    """States over a day, with cases and incidents below.

    Args:
        past: of the window.
        title: of the picture.
        described: what it shows.
        names: of states and rules.
        time: of an instant.
    """
    scale = WIDTH / (past.end - past.start)

    def at(instant: Instant) -> float:
        return (min(max(instant, past.start), past.end) - past.start) * scale

    def bar(start: Instant, end: Instant, y: float, height: float, kind: str, told: str) -> Shape:
        tip = words("title", f"{told} {time(start)}–{time(end)}")
        return shape("rect", tip, x=at(start), y=y, width=max(1.0, at(end) - at(start)), height=height, class_=kind)

    low = _TOP + _BAND + 8
    states = [bar(s.start, s.end, _TOP, _BAND, f"state-{s.status}", names(s.status)) for s in past.spans]
    cases = [
        bar(c.started_at, c.ended_at, low, 14.0, "case-over" if c.overtime else "case", names("case"))
        for c in past.cases
    ]
    events = [
        bar(
            i.started_at, i.ended_at or i.started_at + i.elapsed_s, low + 20, 10.0, f"event-{i.severity}", names(i.rule)
        )
        for i in past.incidents
    ]
    hours = []
    for hour in range(0, _HOURS + 1, 2):
        x = hour / _HOURS * WIDTH
        hours.append(shape("line", x1=x, x2=x, y1=_TOP, y2=low + 32, class_="rule"))
        place = "start" if hour == 0 else "end" if hour == _HOURS else "middle"
        hours.append(words("text", f"{hour:02}", x=x, y=low + 50, text_anchor=place, class_="tick"))
    return picture(WIDTH, low + 56, title, described, *hours, *states, *cases, *events, class_="chart chart-wide")


def bin_minutes(longest_s: float) -> int:
    """Width of a column, so that there are not too many."""
    return next((s for s in _STEPS_MIN if longest_s / 60 / s <= _MOST_BINS), 120)


def histogram(durations_s: Sequence[float], limit_s: float, title: str, described: str, unit: str) -> Shape:
    """How many cases took how long; the limit is a line."""
    longest_s = max(*durations_s, limit_s)
    step = bin_minutes(longest_s)
    columns = min(_MOST_BINS * 2, max(_LEAST_BINS, math.ceil((longest_s + 0.001) / 60 / step)))
    counts = [0] * columns
    for lasted_s in durations_s:
        counts[min(columns - 1, int(lasted_s / 60 // step))] += 1
    wide, high, foot = 560.0 / columns, 150.0, 172.0
    drawn = []
    for i, count in enumerate(counts):
        tall = high * count / max(counts)
        tip = words("title", f"{i * step}–{(i + 1) * step}: {count}")
        drawn.append(shape("rect", tip, x=i * wide + 1, y=foot - tall, width=wide - 2, height=tall, class_="case"))
        if i % max(1, columns // 8) == 0:
            drawn.append(words("text", str(i * step), x=i * wide, y=foot + 18, class_="tick"))
    drawn.append(words("text", unit, x=560.0, y=foot + 36, text_anchor="end", class_="tick"))
    x = min(560.0, limit_s / 60 / step * wide)
    drawn.append(shape("line", x1=x, x2=x, y1=8, y2=foot, class_="limit"))
    return picture(560, foot + 42, title, described, *drawn, class_="chart")
