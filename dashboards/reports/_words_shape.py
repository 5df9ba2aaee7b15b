"""The texts of a report, as each language has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dashboards.reports.compare import FigureName
from hall.messages import Rule

Verdict = Literal["better", "worse", "changed", "noise", "few"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWords:
    """Every text of a report and of the page that lists them, in one language."""

    html_lang: str
    title: str
    week: str
    so_far: str
    read_until: str
    known: str
    nothing_known: str
    no_data: str
    page: str
    weekdays: tuple[str, ...]
    seconds: str
    minutes: str
    hours: str
    score: str
    points: str
    none: str
    summary: str
    found: str
    analysed: str
    improve: str
    evaluated: str
    all_windows: str
    notes: str
    figures: Mapping[FigureName, str]
    verdicts: Mapping[Verdict, str]
    now: str
    before: str
    mean_before: str
    moved: str
    judged: str
    to: str
    sum_moved: str
    sum_quiet: str
    sum_few: str
    sum_absent: str
    sum_overtime: str
    sum_wait: str
    sum_short: str
    sum_unknown: str
    sum_excused: str
    level_note: str
    waits_by_day: str
    legend_p50: str
    legend_p90: str
    legend_before: str
    most_absent: str
    most_overtime: str
    nobody_absent: str
    no_overtime: str
    bar_absent: str
    bar_overtime: str
    not_ranked: str
    unranked: str
    by_zone: str
    zone: str
    waits: str
    median: str
    p90: str
    longest: str
    over_limit: str
    wait_events: str
    by_ticket: str
    causes_lead: str
    absence_none: str
    absence_near: str
    absence_spread: str
    absence_people: str
    absence_called: str
    waits_none: str
    waits_with: str
    with_absent: str
    with_closed: str
    with_short: str
    alone: str
    overtime_service: str
    unknown_lead: str
    unknown_by: Mapping[Rule | None, str]
    comma: str
    stop: str
    short_title: str
    short_lead: str
    short_cell: str
    short_key_enough: str
    short_key_short: str
    short_key_unknown: str
    short_key_over: str
    short_no_cases: str
    short_none: str
    do_open: str
    do_more: str
    do_breaks: str
    do_window: str
    do_overtime: str
    do_tidal: str
    do_called: str
    do_camera: str
    do_node: str
    do_nothing: str
    no_change: str
    change: str
    change_days: str
    change_few: str
    change_fell: str
    change_rose: str
    change_same: str
    change_chart: str
    change_key: str
    change_noted: str
    window: str
    service: str
    known_time: str
    absent: str
    absences: str
    cases: str
    mean_case: str
    overtime: str
    rating: str
    unknown: str
    marked: str
    notes_text: tuple[str, ...]
    list_lead: str
    list_empty: str
    list_running: str
    list_older: str
    open_html: str
    open_pdf: str
    pdf_missing: str
    form_title: str
    form_lead: str
    form_about: str
    form_example: str
    form_since: str
    form_week: str
    form_go: str
