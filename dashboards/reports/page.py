"""The report as one HTML page that needs nothing else: style and pictures are in it, and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import jinja2

from dashboards.reports import charts, sentences
from dashboards.reports.compare import Compared, Effect
from dashboards.reports.figures import MOST_UNKNOWN, Report, WindowWeek
from dashboards.reports.forms import Forms
from dashboards.reports.staffing import QueueHour, QueueWeek
from hall.words import WORDS, Language

_HERE = Path(__file__).parent
_MOST_BARS = 8
_DARKEST_SHORT = 3
"""So many windows too few and more are the darkest cell."""
_CELLS_WIDE = 12
"""More hours than that make the cells small."""

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    # Labels of the hall file are texts, whatever stands in them.
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of the hall in a line of the table."""

    name: str
    now: str
    before: str
    earlier: str
    moved: str
    likely: str
    verdict: str
    said: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A window in a ranking; `width` is in percent of the longest."""

    name: str
    service: str
    width: float
    said: str
    verdict: str
    judged: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A queue in an hour of a weekday."""

    kind: str
    text: str
    title: str
    over: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """Hours with too few windows: a row for each weekday."""

    title: str
    lead: str
    hours: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    is_small: bool


def render(report: Report, lang: Language) -> str:
    """The page in a language."""
    forms = Forms(lang, report.hall)
    words = forms.words
    first, last = report.week.days[0], report.week.days[-1]
    return _ENVIRONMENT.get_template("report.html.j2").render(
        report=report,
        w=words,
        f=forms,
        css=(_HERE / "static" / "report.css").read_text(encoding="utf-8"),
        page_css=_page_css(words.page),
        week=words.week.format(
            year=report.week.year, number=report.week.number, first=forms.day(first), last=forms.day(last)
        ),
        summary=[] if report.is_empty else sentences.summary(report, forms),
        rows=[_row(one, forms) for one in report.figures],
        chart=charts.waits_by_day(report, forms),
        absent=_absent_bars(report, forms),
        overtime=_overtime_bars(report, forms),
        unranked=sentences.unranked(report.not_ranked, forms),
        most_unknown=f"{MOST_UNKNOWN:.0%}",
        causes=sentences.causes(report, forms),
        strips=[_strip(one, forms) for one in report.queues if one.hours],
        few_cases=[sentences.queue_name(one.queue, forms) for one in report.queues if not one.hours],
        advice=sentences.advice(report, forms),
        effects=[] if report.effect is None else sentences.effects(report.effect, forms),
        effect_chart=None if report.effect is None else charts.effect_by_day(report.effect, forms),
        pairs=0 if report.effect is None else _pairs(report.effect),
        rules=_rules(report, lang),
    )


def _page_css(page: str) -> str:
    """The number of the page at its foot, in the reader's language."""
    before, rest = page.split("{page}")
    between, after = rest.split("{pages}")
    content = f'"{before}" counter(page) "{between}" counter(pages) "{after}"'
    return f"@page {{ @bottom-right {{ content: {content}; }} }}"


def _pairs(effect: Effect) -> int:
    return max((one.moved.pairs for one in effect.figures), default=0)


def _rules(report: Report, lang: Language) -> Sequence[tuple[str, int]]:
    names: Mapping[str, str] = {str(rule): name for rule, name in WORDS[lang].rules.items()}
    return sorted(((names[rule], count) for rule, count in report.incidents.items()), key=lambda one: -one[1])


def _row(one: Compared, forms: Forms) -> Row:
    words, moved = forms.words, one.moved
    by = words.none if moved.by is None else forms.move(one.name, moved.by)
    likely = ""
    if moved.low is not None and moved.high is not None:
        likely = forms.between(one.name, moved.low, moved.high)
    return Row(
        words.figures[one.name],
        forms.value(one.name, one.now),
        forms.value(one.name, one.before),
        forms.value(one.name, one.earlier),
        by,
        likely,
        one.verdict,
        words.verdicts[one.verdict],
    )


def _absent_bars(report: Report, forms: Forms) -> list[Bar]:
    shown = report.most_absent[:_MOST_BARS]
    most = max((window.absent_share or 0 for window in shown), default=1.0)
    return [
        _bar(
            window,
            window.moved["absence"],
            (window.absent_share or 0) / most,
            forms,
            forms.words.bar_absent.format(
                share=forms.share(window.absent_share),
                known=forms.time(window.sums.known_s),
                before=forms.share(window.moved["absence"].before),
            ),
        )
        for window in shown
    ]


def _overtime_bars(report: Report, forms: Forms) -> list[Bar]:
    shown = report.most_overtime[:_MOST_BARS]
    most = max((window.overtime_share or 0 for window in shown), default=1.0)
    return [
        _bar(
            window,
            window.moved["overtime"],
            (window.overtime_share or 0) / most,
            forms,
            forms.words.bar_overtime.format(
                share=forms.share(window.overtime_share),
                count=window.sums.overtime,
                sessions=window.sums.sessions,
                before=forms.share(window.moved["overtime"].before),
            ),
        )
        for window in shown
    ]


def _bar(window: WindowWeek, compared: Compared, part: float, forms: Forms, said: str) -> Bar:
    verdict = compared.verdict if compared.verdict in {"better", "worse"} else ""
    judged = forms.words.verdicts[compared.verdict] if verdict else ""
    return Bar(window.window.label, window.window.service, round(100 * part, 1), said, verdict, judged)


def _strip(week: QueueWeek, forms: Forms) -> Strip:
    words = forms.words
    by_place: dict[tuple[int, str], QueueHour] = {}
    for hour in week.hours:
        local = datetime.fromtimestamp(hour.start, tz=forms.hall.zone_info)
        place = (local.weekday(), forms.clock(hour.start))
        # Where clocks are set back an hour comes twice: the worse one is shown.
        if place not in by_place or hour.short > by_place[place].short:
            by_place[place] = hour
    hours = sorted({clock for _, clock in by_place})
    days = sorted({day for day, _ in by_place})
    rows = [(words.weekdays[day], [_cell(by_place.get((day, clock)), forms) for clock in hours]) for day in days]
    name = sentences.queue_name(week.queue, forms)
    lead = words.short_lead.format(handling=forms.time(week.handling_s), limit=forms.time(week.queue.limit_s))
    return Strip(words.short_title.format(queue=name), lead, hours, rows, len(hours) > _CELLS_WIDE)


def _cell(hour: QueueHour | None, forms: Forms) -> Cell | None:
    if hour is None:
        return None
    if hour.open is None or hour.needed is None:
        return Cell("unknown", "?", forms.words.short_key_unknown, over=hour.over > 0)
    kind = f"short{min(_DARKEST_SHORT, max(1, round(hour.short)))}" if hour.short else "enough"
    title = forms.words.short_cell.format(
        day=forms.weekday(hour.start),
        hour=forms.hour(hour.start),
        arrivals=f"{hour.arrivals:.0f}",
        open=f"{hour.open:.1f}",
        needed=hour.needed,
        over=hour.over,
    )
    return Cell(kind, f"{hour.open:.1f}/{hour.needed}", title, over=hour.over > 0)
