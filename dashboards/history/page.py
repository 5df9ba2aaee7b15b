"""`/windows`: all windows today. `/windows/{floor}/{window}`: one of them over a day and over thirty days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from fastapi import Request

from dashboards.frame import Content, NoSuchPageError, Visit, add_page
from dashboards.history.charts import bin_minutes, histogram, timeline
from dashboards.history.figures import DAYS, WindowDay, WindowPast, read_past, read_today
from dashboards.history.words import HISTORY_WORDS, HistoryWords
from dashboards.kept import Kept, Look
from dashboards.markup import Part, head_of, templates_in
from dashboards.reports.weeks import local_day
from dashboards.site import Site
from dashboards.svg import markup
from dashboards.texts import Texts, format_duration, format_limit, format_time
from dashboards.widgets import Text, box
from hall.layout import Floor, Window
from hall.words import WORDS

EVERY_S = 30.0
_HERE = Path(__file__).parent
_TEMPLATES = templates_in(_HERE / "templates")
_Key = tuple[str, str, date]


def add(site: Site) -> None:
    """Add the pages, where there are records."""
    records, hall = site.records, site.hall
    if records is None:
        return
    places = {(floor.id, window.id): (floor, window) for floor, window in hall.windows()}
    today: Kept[None, list[WindowDay]] = Kept(
        lambda _: read_today(records, hall, site.clock.now()), site.clock, EVERY_S
    )
    past: Kept[_Key, WindowPast] = Kept(
        lambda key: read_past(records, hall, *places[key[:2]], key[2], site.clock.now()), site.clock, EVERY_S
    )

    def asked(request: Request) -> tuple[Floor, Window] | None:
        return places.get((request.path_params["floor"], request.path_params["window"]))

    def check(request: Request, texts: Texts) -> None:
        if asked(request) is None:
            words = HISTORY_WORDS[texts.lang]
            raise NoSuchPageError(words.no_window.format(window=request.path_params["window"]))

    async def all_windows(visit: Visit) -> Content:
        page = _Page(visit, HISTORY_WORDS[visit.lang].title, partial(_all, visit), lambda: today.get(None))
        await page.refresh()
        return page

    async def one_window(visit: Visit) -> Content:
        floor, window = places[visit.request.path_params["floor"], visit.request.path_params["window"]]
        day = _day(visit)
        key = (floor.id, window.id, day)
        page = _Page(visit, window.label, partial(_one, visit), lambda: past.get(key))
        await page.refresh()
        return page

    head = head_of(_HERE / "static")
    add_page(site, "/windows", all_windows, name="windows", head=head)
    add_page(site, "/windows/{floor}/{window}", one_window, name="windows", head=head, check=check)


def _day(visit: Visit) -> date:
    """The day that is asked for, of those there may be something of; today where none is."""
    today = local_day(visit.site.clock.now(), visit.site.hall.zone_info)
    try:
        day = date.fromisoformat(visit.request.query_params.get("day", ""))
    except ValueError:
        return today
    return min(max(day, today - timedelta(days=DAYS - 1)), today)


class _Page:
    """A page that shows what was read, anew when it reads otherwise."""

    def __init__(self, visit: Visit, title: str, render: Callable[..., str], look: Callable[..., object]) -> None:
        self._render, self._look = render, look
        self._shown: object = None
        with visit.bar:
            Text("page-name", title, "h1")
        with box("past"):
            self._part = Part("past-all")

    async def refresh(self) -> None:
        """Send what changed since last time."""
        look = await self._look()  # type: ignore[misc]
        if look is not self._shown:
            self._shown = look
            self._part.show(self._render(look))


def _all(visit: Visit, look: Look[list[WindowDay]]) -> str:
    words, site = HISTORY_WORDS[visit.lang], visit.site
    day = local_day(site.clock.now(), site.hall.zone_info)
    rows = [
        (visit.link(f"/windows/{row.floor}/{row.window.id}"), row, _figures(row, words, visit))
        for row in look.value or []
    ]
    template = _TEMPLATES.get_template("windows.html")
    empty = not any(row.sessions or row.presence is not None or row.unknown_s for _, row, _ in rows)
    return template.render(words=words, rows=rows, day=day, failed=look.failed, empty=empty).strip()


def _figures(row: WindowDay, words: HistoryWords, visit: Visit) -> dict[str, str]:
    def duration(seconds: float | None) -> str:
        return words.none if seconds is None else format_duration(seconds, visit.lang)

    return {
        "presence": words.none if row.presence is None else f"{row.presence:.0%}",
        "absences": str(row.absences),
        "sessions": str(row.sessions),
        "median": duration(row.median_s),
        "p90": duration(row.p90_s),
        "overtime": str(row.overtime),
        "unknown": duration(row.unknown_s or None),
    }


def _one(visit: Visit, look: Look[WindowPast]) -> str:
    words, past = HISTORY_WORDS[visit.lang], look.value
    template = _TEMPLATES.get_template("window.html")
    if past is None:
        return template.render(words=words, past=None, failed=look.failed, link=visit.link).strip()
    today = local_day(visit.site.clock.now(), visit.site.hall.zone_info)
    here = f"/windows/{past.floor}/{past.window.id}?day="
    days = {name: past.day + timedelta(days=step) for name, step in (("earlier", -1), ("later", 1))}
    return template.render(
        words=words,
        past=past,
        failed=look.failed,
        link=visit.link,
        earlier=visit.link(f"{here}{days['earlier']}") if days["earlier"] > today - timedelta(days=DAYS) else "",
        later=visit.link(f"{here}{days['later']}") if days["later"] <= today else "",
        timeline=_timeline(visit, past, words) if past.spans or past.cases else "",
        histogram=_histogram(past, words) if past.durations_s else "",
        limit=words.limit.format(limit=format_limit(past.limit_s, visit.lang)),
        states=visit.texts.window_status,
        happened=_happened(visit, past, words),
        month=[
            (day, visit.link(f"{here}{day}"), _figures(row, words, visit), count, _share(share, words))
            for day, row, count, share in past.days
            if day == past.day or row.sessions or row.unknown_s or row.presence is not None or count
        ],
    ).strip()


def _share(share: float | None, words: HistoryWords) -> str:
    return words.none if share is None else f"{share:.0%}"


def _timeline(visit: Visit, past: WindowPast, words: HistoryWords) -> str:
    names = {str(name): word for name, word in visit.texts.window_status.items()}
    names |= {str(name): word for name, word in WORDS[visit.lang].rules.items()} | {"case": words.case}
    told = words.timeline_more.format(label=past.window.label, day=past.day)
    return markup(timeline(past, words.timeline, told, names.__getitem__, partial(_time, visit)))


def _histogram(past: WindowPast, words: HistoryWords) -> str:
    step = bin_minutes(max(*past.durations_s, past.limit_s))
    told = words.histogram_more.format(label=past.window.label, count=len(past.durations_s), step=step)
    return markup(histogram(past.durations_s, past.limit_s, words.histogram, told, words.minutes.format(count="")))


def _happened(visit: Visit, past: WindowPast, words: HistoryWords) -> list[tuple[str, str, str]]:
    """Cases and incidents of the day in order: when, what, how long."""
    rules = WORDS[visit.lang].rules
    found = [
        (c.started_at, f"{words.case}{' · ' + words.overtime if c.overtime else ''}", c.duration_s) for c in past.cases
    ]
    found += [(i.started_at, rules[i.rule], i.elapsed_s) for i in past.incidents]
    return [(_time(visit, at), what, format_duration(lasted, visit.lang)) for at, what, lasted in sorted(found)]


def _time(visit: Visit, at: float) -> str:
    return format_time(at, at, visit.site.hall.zone_info, visit.lang).removesuffix(":00")
