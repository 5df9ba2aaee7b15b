"""Incidents in words: the rows of the list, and the short form on a window or zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.scene import Elapsed, Scene, elapsed
from hall.messages import Rule, Severity
from hall.views import ONGOING, IncidentStatus, IncidentView

SEPARATOR = "\N{NO-BREAK SPACE}· "
"""Between figures; the dot stays at the end of a line."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An open incident as it stands on its window or zone."""

    event_id: str
    severity: Severity
    severity_word: str
    rule_word: str
    elapsed: Elapsed


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident as it stands in the list, with those that it is the cause of."""

    event_id: str
    rule: Rule
    rule_word: str
    subject: str
    severity: Severity
    severity_word: str
    status: IncidentStatus
    status_word: str
    is_over: bool
    since: str
    elapsed: Elapsed
    limit: str
    outcome: str
    detail: str
    members: tuple[IncidentRow, ...] = ()


def build_alerts(scene: Scene, subject: str) -> tuple[Alert, ...]:
    """The open incidents of one window or zone, critical ones first."""
    texts = scene.texts
    return tuple(
        Alert(i.event_id, i.severity, texts.severity[i.severity], texts.rule[i.rule], run_of(scene, i))
        for i in scene.open_by_subject.get(subject, ())
    )


def build_row(scene: Scene, incident: IncidentView, members: Sequence[IncidentView] = ()) -> IncidentRow:
    """One row of the list."""
    texts = scene.texts
    return IncidentRow(
        event_id=incident.event_id,
        rule=incident.rule,
        rule_word=texts.rule[incident.rule],
        subject=subject_label(scene, incident.subject),
        severity=incident.severity,
        severity_word=texts.severity[incident.severity],
        status=incident.status,
        status_word=texts.incident_status[incident.status],
        is_over=incident.status not in ONGOING,
        since=texts.since.format(time=scene.time(incident.started_at)),
        elapsed=run_of(scene, incident),
        limit=texts.limit.format(limit=scene.limit(incident.limit_s)) if incident.limit_s > 0 else "",
        outcome=_outcome(scene, incident),
        detail=_detail(scene, incident),
        members=tuple(build_row(scene, member) for member in members),
    )


def run_of(scene: Scene, incident: IncidentView) -> Elapsed:
    """How long it has lasted, without the time that did not count.

    One that is over lasted what its box says. An open one runs on: an absence in open hours only, and never
    in time that could not be seen. Where its box is silent it stands still at the last message.
    """
    start = incident.started_at
    if incident.status not in ONGOING:
        return elapsed(start, start + incident.elapsed_s)
    age = scene.age_of_node(incident.node)
    until = age.until if age is not None else None
    end = scene.now if until is None else until
    in_hours = incident.rule == "clerk_absent"
    counted = scene.hall.schedule.open_seconds(start, end) if in_hours else end - start
    return elapsed(end - max(0.0, counted - incident.unknown_s), until)


def subject_label(scene: Scene, subject: str) -> str:
    """`window/w01` as people know it, e.g. `1号窗口 · 社保`."""
    kind, _, identity = subject.partition("/")
    if kind == "window":
        for window in scene.floor.windows:
            if window.id == identity:
                return f"{window.label} · {window.service}" if window.service else window.label
    if kind == "zone":
        for zone in scene.floor.zones:
            if zone.id == identity:
                return zone.label or zone.id
    if kind == "node":
        return scene.texts.node.format(node=identity)
    return scene.texts.camera.format(camera=identity) if kind == "camera" else subject


def _outcome(scene: Scene, incident: IncidentView) -> str:
    """When and why it cleared; else who sees to it, or closed it."""
    texts = scene.texts
    if incident.label is not None:
        return texts.false_alarm.format(by=incident.closed_by or "")
    if incident.cleared_at is None and incident.closed_at is not None:
        return texts.closed_by.format(by=incident.closed_by)
    if incident.cleared_at is None:
        who = incident.acknowledged_by
        return "" if who is None else texts.seen_to_by.format(by=who, time=scene.time(incident.acknowledged_at or 0.0))
    when = texts.cleared_at.format(time=scene.time(incident.cleared_at))
    reason = incident.reason
    if reason is None or reason == "resolved":
        return f"{when} · {texts.resolved[incident.rule]}"
    # A newer box may know reasons that this console has no words for.
    return f"{when} · {texts.reason.get(reason, reason)}"


def _detail(scene: Scene, incident: IncidentView) -> str:
    """The figures an event carries, those that we have words for, then unknown time."""
    texts = scene.texts
    parts = [word for key, word in texts.fault.items() if key == incident.detail.get("fault")]
    parts += [_figure(scene, key, name, incident.detail.get(key)) for key, name in texts.detail.items()]
    if incident.unknown_s >= 1:
        parts.append(texts.unknown_time.format(duration=scene.duration(incident.unknown_s)))
    return SEPARATOR.join(part for part in parts if part)


def _figure(scene: Scene, key: str, name: str, value: object) -> str:
    """One figure with its name; a flag is its name alone. Whatever else a box may send is left out."""
    if value is True:
        return name
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    words = scene.wait(value) if key.endswith("_s") else f"{value:g}"
    return scene.texts.detail_part.format(name=name, value=words)
