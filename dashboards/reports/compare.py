"""What is compared between days: the figures of a hall, and before and after a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from dashboards.reports.stats import Difference, Figure, Quantile, Ratio, difference, value
from dashboards.reports.tally import DaySums, Tally, WindowSums
from dashboards.reports.weeks import local_day, midnight
from hall.clock import Instant
from hall.errors import InputError
from hall.layout import Hall

FigureName = Literal["wait_p50", "wait_p90", "wait_over", "absence", "overtime", "handling", "rating", "unknown"]
Days = Mapping[date, DaySums]
_YEARS = 2000, 2999


class Measure(NamedTuple):
    """A figure: how it follows from days, its unit, and whether more of it is worse (None: neither)."""

    of: Callable[[Sequence[DaySums]], Figure]
    unit: Literal["s", "share", "score"]
    more_is_worse: bool | None


def _share(part: Callable[[WindowSums], float], whole: Callable[[WindowSums], float]) -> Callable[..., Figure]:
    return lambda days: Ratio([part(day.sums) for day in days], [whole(day.sums) for day in days])


MEASURES: Mapping[FigureName, Measure] = {
    "wait_p50": Measure(lambda days: Quantile([day.waits_s for day in days], 0.5), "s", more_is_worse=True),
    "wait_p90": Measure(lambda days: Quantile([day.waits_s for day in days], 0.9), "s", more_is_worse=True),
    "wait_over": Measure(
        lambda days: Ratio([day.over for day in days], [len(day.waits_s) for day in days]), "share", more_is_worse=True
    ),
    "absence": Measure(_share(lambda s: s.absent_s, lambda s: s.known_s), "share", more_is_worse=True),
    "overtime": Measure(_share(lambda s: s.overtime, lambda s: s.sessions), "share", more_is_worse=True),
    "handling": Measure(_share(lambda s: s.session_s, lambda s: s.sessions), "s", more_is_worse=None),
    "rating": Measure(_share(lambda s: s.score, lambda s: s.ratings), "score", more_is_worse=False),
    "unknown": Measure(_share(lambda s: s.unknown_s, lambda s: s.known_s + s.unknown_s), "share", more_is_worse=True),
}
"""In the order in which they are shown."""

EFFECTS: tuple[FigureName, ...] = ("wait_p50", "wait_p90", "wait_over", "absence", "overtime", "handling")
"""What a change may have an effect on."""
WINDOW_LEVEL = 0.99
"""Of intervals of single windows: many are looked at, and of a hundred that did not change one is called so."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure before and now.

    Attributes:
        earlier: the mean of it over weeks before that, where there are several.
    """

    name: FigureName
    before: float | None
    now: float | None
    moved: Difference
    earlier: float | None = None

    @property
    def verdict(self) -> Literal["better", "worse", "changed", "noise", "few"]:
        """In which direction it moved."""
        if self.moved.verdict in {"noise", "few"}:
            return "noise" if self.moved.verdict == "noise" else "few"
        worse = MEASURES[self.name].more_is_worse
        if worse is None:
            return "changed"
        return "worse" if (self.moved.verdict == "up") == worse else "better"


def told_days(days: Days) -> dict[date, DaySums]:
    """The days of which anything is known."""
    return {day: sums for day, sums in days.items() if sums.sums.known_s > 0 or sums.waits_s or sums.sums.sessions}


def figure_value(name: FigureName, days: Days) -> float | None:
    """A figure over all of some days; None where they say nothing of it."""
    return value(MEASURES[name].of(list(days.values())))


def compare(
    name: FigureName, before: Days, now: Days, pairs: Sequence[tuple[date, date]], *, level: float = 0.95
) -> Compared:
    """A figure of days before and of days now, compared over pairs of them."""
    places_before = {day: place for place, day in enumerate(before)}
    places_now = {day: place for place, day in enumerate(now)}
    known = [(places_before[a], places_now[b]) for a, b in pairs if a in places_before and b in places_now]
    figures = [MEASURES[name].of(list(days.values())) for days in (before, now)]
    moved = difference(figures[0], figures[1], known, level=level)
    return Compared(name, value(figures[0]), value(figures[1]), moved)


def pair_by_weekday(before: Sequence[date], after: Sequence[date]) -> list[tuple[date, date]]:
    """Days before and after of the same weekday, the nearest of them first; each day is in one pair at most."""
    pairs: list[tuple[date, date]] = []
    for weekday in range(7):
        earlier = sorted((day for day in before if day.weekday() == weekday), reverse=True)
        later = sorted(day for day in after if day.weekday() == weekday)
        pairs.extend(zip(earlier, later, strict=False))
    return sorted(pairs, key=lambda pair: pair[1])


class Change(NamedTuple):
    """Something that was changed in a hall, and when."""

    at: Instant
    about: str


def parse_moment(text: str, hall: Hall) -> Instant:
    """An instant of an ISO 8601 text; without an offset, by the clocks of the hall.

    Raises:
        InputError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise InputError(f"--change {text}: expected a time such as 2026-11-16T09:00")
    return (moment if moment.tzinfo else moment.replace(tzinfo=hall.zone_info)).timestamp()


LOOK_BACK_DAYS = 28
"""Days before and after a change that are looked at, at most."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change did.

    Attributes:
        before: days of the pairs, before it; likewise `after`.
        figures: compared over them.
        daily: median wait of each day that is known, in seconds, for a picture.
    """

    change: Change
    day: date
    before: Sequence[date]
    after: Sequence[date]
    figures: Sequence[Compared]
    daily: Mapping[date, float]


def effect(change: Change, tally: Tally) -> Effect:
    """Compare what was before a change with what was after it, each figure over the same days.

    Args:
        change: what was changed.
        tally: of days before and after.
    """
    hall = tally.hall
    days = told_days(tally.days)
    day = local_day(change.at, hall.zone_info)
    after = [one for one in days if one > day or (one == day and _before_opening(change.at, day, hall))]
    before = [one for one in days if one < day]
    pairs = pair_by_weekday(before, after)
    chosen_before, chosen_after = {a: days[a] for a, _ in pairs}, {b: days[b] for _, b in pairs}
    figures = [compare(name, chosen_before, chosen_after, pairs) for name in EFFECTS]
    medians = {one: figure_value("wait_p50", {one: sums}) for one, sums in days.items()}
    daily = {one: median for one, median in medians.items() if median is not None}
    return Effect(change, day, sorted(chosen_before), sorted(chosen_after), figures, daily)


def _before_opening(at: Instant, day: date, hall: Hall) -> bool:
    """Whether a change came before the hall opened that day, so that the whole day is after it."""
    return hall.schedule.open_seconds(midnight(day, hall.zone_info), at) == 0
