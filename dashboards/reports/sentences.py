"""The sentences of a report: what its figures mean, in words."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.reports.compare import Compared, Effect
from dashboards.reports.figures import MOST_UNKNOWN, Report, WindowWeek
from dashboards.reports.forms import Forms
from dashboards.reports.staffing import Queue, QueueHour

_MOST_HOURS = 3
_MUCH_ABSENT = 0.05
_MUCH_OVERTIME = 0.1
_MOST_NAMED = 3


def window_name(window: WindowWeek) -> str:
    """A window as people call it."""
    return window.window.label


def queue_name(queue: Queue, forms: Forms) -> str:
    """A queue by its waiting areas."""
    return forms.words.comma.join(zone.label or zone.id for zone in queue.zones)


def summary(report: Report, forms: Forms) -> list[str]:
    """What matters most, a sentence each."""
    words = forms.words
    said = _moves(report, forms)
    if report.most_absent:
        first = report.most_absent[0]
        known, share = forms.time(first.sums.known_s), forms.share(first.absent_share)
        said.append(words.sum_absent.format(window=window_name(first), known=known, share=share, count=first.absences))
    if report.most_overtime:
        first = report.most_overtime[0]
        share = forms.share(first.overtime_share)
        said.append(words.sum_overtime.format(window=window_name(first), sessions=first.sums.sessions, share=share))
    waits = [zone for zone in report.zones if zone.p90_s is not None]
    if waits:
        worst = max(waits, key=lambda zone: (zone.p90_s or 0.0, zone.zone.id))
        said.append(
            words.sum_wait.format(
                zone=worst.zone.label or worst.zone.id,
                p50=forms.time(worst.p50_s),
                p90=forms.time(worst.p90_s),
                over=worst.over,
                limit=forms.time(worst.limit_s),
            )
        )
    if short := _short(report):
        queue, hour = short[0]
        said.append(words.sum_short.format(count=len(short), **_hour_fields(queue, hour, forms)))
    if report.unknown_share:
        said.append(words.sum_unknown.format(share=forms.share(report.unknown_share)))
    if report.excused:
        said.append(words.sum_excused.format(count=report.excused))
    return said


def _moves(report: Report, forms: Forms) -> list[str]:
    words = forms.words
    moved = [one for one in report.figures if one.verdict in {"better", "worse"}]
    if moved:
        return [
            words.sum_moved.format(
                figure=words.figures[one.name],
                before=forms.value(one.name, one.before),
                now=forms.value(one.name, one.now),
                verdict=words.verdicts[one.verdict],
            )
            for one in moved
        ]
    if all(one.verdict == "few" for one in report.figures):
        return [words.sum_few]
    return [words.sum_quiet]


def _short(report: Report) -> list[tuple[Queue, QueueHour]]:
    """Hours with too few windows, the worst first."""
    found = [(one.queue, hour) for one in report.queues for hour in one.short_hours]
    return sorted(found, key=lambda pair: (-pair[1].short, pair[1].start))


def _hour_fields(queue: Queue, hour: QueueHour, forms: Forms) -> dict[str, object]:
    return {
        "day": forms.weekday(hour.start),
        "hour": forms.hour(hour.start),
        "queue": queue_name(queue, forms),
        "open": f"{hour.open:.1f}",
        "needed": hour.needed,
    }


def causes(report: Report, forms: Forms) -> list[str]:
    """What falls together."""
    return [*_absence(report, forms), *_waits(report, forms), *_overtime(report, forms), *_unknown(report, forms)]


def _absence(report: Report, forms: Forms) -> list[str]:
    words, found = forms.words, report.causes.absence
    if not found.count:
        return [words.absence_none]
    lead = words.absence_near if found.is_near_breaks else words.absence_spread
    said = lead.format(
        count=found.count,
        total=forms.time(found.total_s),
        share=forms.share(found.near_share),
        open=forms.share(found.near_open_share),
    )
    parts = [said]
    if found.before_people:
        parts.append(words.absence_people.format(count=found.before_people))
    if found.called:
        parts.append(words.absence_called.format(count=found.called))
    return parts


def _waits(report: Report, forms: Forms) -> list[str]:
    words, found = forms.words, report.causes.waits
    if not found.count:
        return [words.waits_none]
    counts = (
        (words.with_absent, found.absent),
        (words.with_closed, found.closed),
        (words.with_short, found.short),
        (words.alone, found.alone),
    )
    parts = words.stop.join(text.format(count=count) for text, count in counts if count)
    return [words.waits_with.format(count=found.count, parts=parts)]


def _overtime(report: Report, forms: Forms) -> list[str]:
    named = [one for one in report.causes.overtime if one.overtime and one.service]
    if not named or len(report.causes.overtime) < 2:
        return []
    parts = forms.words.stop.join(
        f"{one.service} {forms.share(one.overtime / one.sessions)} ({one.overtime}/{one.sessions})" for one in named[:5]
    )
    return [forms.words.overtime_service.format(parts=parts)]


def _unknown(report: Report, forms: Forms) -> list[str]:
    words, found = forms.words, report.causes.unknown
    if not found:
        return []
    parts = words.stop.join(
        words.unknown_by[rule].format(time=forms.time(seconds))
        for rule, seconds in sorted(found.items(), key=lambda one: -one[1])
        if rule in words.unknown_by
    )
    return [words.unknown_lead.format(total=forms.time(sum(found.values())), parts=parts)]


def advice(report: Report, forms: Forms) -> list[str]:
    """What to do, as far as the figures say."""
    words = forms.words
    said = [_more_windows(queue, hour, forms) for queue, hour in _short(report)[:_MOST_HOURS]]
    if report.causes.absence.is_near_breaks:
        said.append(words.do_breaks)
    said += [
        words.do_window.format(window=window_name(window), share=forms.share(window.absent_share))
        for window in report.most_absent[:_MOST_NAMED]
        if (window.absent_share or 0) >= _MUCH_ABSENT
    ]
    for service in report.causes.overtime[:_MOST_NAMED]:
        share = service.overtime / service.sessions
        if service.service and service.overtime >= 3 and share >= _MUCH_OVERTIME:
            said.append(words.do_overtime.format(service=service.service, share=forms.share(share)))
    if report.causes.waits.closed:
        said.append(words.do_tidal.format(count=report.causes.waits.closed))
    if called := report.incidents.get("called_but_no_clerk"):
        said.append(words.do_called.format(count=called))
    said += _repairs(report, forms)
    return said or [words.do_nothing]


def _more_windows(queue: Queue, hour: QueueHour, forms: Forms) -> str:
    assert hour.needed is not None
    assert hour.open is not None
    fields = _hour_fields(queue, hour, forms)
    if hour.needed > len(queue.windows):
        return forms.words.do_more.format(all=len(queue.windows), **fields)
    return forms.words.do_open.format(more=max(1, round(hour.needed - hour.open)), **fields)


def _repairs(report: Report, forms: Forms) -> list[str]:
    words, unknown = forms.words, report.causes.unknown
    said = []
    if unknown.get("camera_fault"):
        cameras = sorted({w.window.camera for w in report.windows if w.unknown_share > MOST_UNKNOWN / 4})
        if cameras:
            said.append(words.do_camera.format(cameras=words.comma.join(cameras)))
    if boxes_s := unknown.get("node_offline", 0.0) + unknown.get("overload", 0.0):
        said.append(words.do_node.format(time=forms.time(boxes_s)))
    return said


def effects(effect: Effect, forms: Forms) -> list[tuple[str, str]]:
    """What a change did, a sentence for each figure, with its verdict."""
    return [(one.verdict, _effect(one, forms)) for one in effect.figures if one.moved.verdict != "few"]


def _effect(one: Compared, forms: Forms) -> str:
    words, moved = forms.words, one.moved
    assert moved.low is not None
    assert moved.high is not None
    fields = {
        "figure": words.figures[one.name],
        "before": forms.value(one.name, one.before),
        "now": forms.value(one.name, one.now),
    }
    if moved.verdict == "noise":
        return words.change_same.format(**fields, range=forms.between(one.name, moved.low, moved.high))
    low, high = sorted((abs(moved.low), abs(moved.high)))
    told = words.change_rose if moved.verdict == "up" else words.change_fell
    return told.format(**fields, range=forms.between(one.name, low, high, signed=False))


def unranked(windows: Sequence[WindowWeek], forms: Forms) -> str:
    """The windows of which too little is known."""
    words = forms.words
    return words.comma.join(
        words.unranked.format(window=window_name(one), share=forms.share(one.unknown_share)) for one in windows
    )
