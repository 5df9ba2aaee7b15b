"""What an alert says, in Chinese or English: plain text that every channel shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hall.clock import Instant
from hall.words import WORDS, Language
from ingest.incidents import Incident
from ingest.labels import Labels

AlertPhase = Literal["raised", "escalated", "cleared"]

LINK_WORDS: Mapping[Language, str] = {"zh": "我来处理：", "en": "I see to it: "}
"""Before the link by which whoever reads an alert says so."""

INBOX_WORDS: Mapping[Language, str] = {"zh": "逐条处理请到控制台：", "en": "See to each at the console: "}
"""Before the link of a digest, to where its incidents are shown."""


@dataclass(frozen=True, slots=True)
class AlertText:
    """One alert."""

    title: str
    body: str


def alert_text(
    incident: Incident,
    phase: AlertPhase,
    language: Language,
    labels: Labels,
    *,
    late: bool,
    now: Instant | None = None,
) -> AlertText:
    """What, where, since when, how long and how to act; or that it is over.

    Args:
        incident: as it is now.
        phase: what it is told for.
        language: that of the text; labels of windows stay as the hall file has them.
        labels: what people call its parts.
        late: the message waited in the outbox of its box, so this is history.
        now: of an escalation, when.
    """
    if phase == "escalated":
        text = alert_text(incident, "raised", language, labels, late=late)
        return AlertText(_escalated_title(text.title, language), f"{_why(incident, language, now)}\n{text.body}")
    if phase == "cleared":
        return (
            _cleared_zh(incident, labels, late=late) if language == "zh" else _cleared_en(incident, labels, late=late)
        )
    return _opened_zh(incident, labels, late=late) if language == "zh" else _opened_en(incident, labels, late=late)


def _opened_zh(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    words, name = WORDS["zh"], labels.subject(incident.hall, incident.floor, incident.subject, "zh")
    lines = [
        f"{_spaced(name)}{_what(incident, 'zh')}，自 {labels.local(incident.hall, incident.started_at)} 起，"
        f"已 {duration(incident.elapsed_s, 'zh')}（时限 {duration(incident.limit_s, 'zh')}）。",
    ]
    if incident.unknown_s >= 1:
        lines.append(f"其中画面不可见 {duration(incident.unknown_s, 'zh')}，未计入。")
    lines += [f"地点：{labels.place(incident.hall, incident.floor)}", f"处理：{_action(incident, 'zh')}"]
    kind = f"{words.rules[incident.rule]}·{words.severities[incident.severity]}"
    mark = "（补报）" if late else ""
    return AlertText(f"【{kind}】{name}{mark}", "\n".join([*lines, f"编号 {incident.event_id[:8]}"]))


def _opened_en(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    words, name = WORDS["en"], labels.subject(incident.hall, incident.floor, incident.subject, "en")
    lines = [
        f"{name}: {_what(incident, 'en')} since {labels.local(incident.hall, incident.started_at)}, "
        f"for {duration(incident.elapsed_s, 'en')} (limit {duration(incident.limit_s, 'en')}).",
    ]
    if incident.unknown_s >= 1:
        lines.append(f"Besides, nothing could be seen for {duration(incident.unknown_s, 'en')}, which does not count.")
    lines += [f"Where: {labels.place(incident.hall, incident.floor)}", f"What to do: {_action(incident, 'en')}"]
    kind = f"{words.rules[incident.rule]}, {words.severities[incident.severity]}"
    mark = " (reported late)" if late else ""
    return AlertText(f"[{kind}] {name}{mark}", "\n".join([*lines, f"No. {incident.event_id[:8]}"]))


def _cleared_zh(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    words, name = WORDS["zh"], labels.subject(incident.hall, incident.floor, incident.subject, "zh")
    rule = words.rules[incident.rule]
    lines = [
        f"{_spaced(name)}{rule}已解除：{words.reasons.get(incident.reason or '', words.ended)}。",
        f"自 {labels.local(incident.hall, incident.started_at)} 至 {labels.local(incident.hall, _end(incident))}，"
        f"历时 {duration(incident.elapsed_s, 'zh')}。",
        f"地点：{labels.place(incident.hall, incident.floor)}",
        f"编号 {incident.event_id[:8]}",
    ]
    return AlertText(f"【解除】{name} {rule}{'（补报）' if late else ''}", "\n".join(lines))


def _cleared_en(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    words, name = WORDS["en"], labels.subject(incident.hall, incident.floor, incident.subject, "en")
    rule = words.rules[incident.rule]
    lines = [
        f"{name}: {rule.lower()} is over: {words.reasons.get(incident.reason or '', words.ended)}.",
        f"From {labels.local(incident.hall, incident.started_at)} to {labels.local(incident.hall, _end(incident))}, "
        f"for {duration(incident.elapsed_s, 'en')}.",
        f"Where: {labels.place(incident.hall, incident.floor)}",
        f"No. {incident.event_id[:8]}",
    ]
    return AlertText(f"[Cleared] {name}, {rule.lower()}{' (reported late)' if late else ''}", "\n".join(lines))


def _escalated_title(title: str, language: Language) -> str:
    """`【升级】【离岗·提醒】1号窗口`; `[Escalated] [Clerk absent, Warning] 1号窗口`."""
    return f"【升级】{title}" if language == "zh" else f"[Escalated] {title}"


def _why(incident: Incident, language: Language, now: Instant | None) -> str:
    """Why more people are told."""
    since = incident.raised_at if incident.opened_at is None else incident.opened_at
    lasted = duration(0.0 if now is None else now - since, language)
    who = incident.acknowledged_by
    if language == "zh":
        return f"{lasted}内无人确认。" if who is None else f"{who} 已确认，{lasted}后仍未解除。"
    if who is None:
        return f"Nobody has acknowledged it for {lasted}."
    return f"{who} acknowledged it; after {lasted} it still goes on."


def digest_line(incident: Incident, phase: AlertPhase, language: Language, labels: Labels) -> str:
    """One incident in a digest: what, where, since when (and until when), and its number."""
    words = WORDS[language]
    name = f"{incident.floor} {labels.subject(incident.hall, incident.floor, incident.subject, language)}"
    since, until = (labels.local(incident.hall, at)[5:16] for at in (incident.started_at, _end(incident)))
    rule, number = words.rules[incident.rule], incident.event_id[:8]
    if phase == "cleared":
        return f"{'已解除' if language == 'zh' else 'cleared:'} {rule} {name} {since}–{until[6:]} {number}"
    severity = words.severities[incident.severity]
    if phase == "escalated":
        severity = f"{severity}·升级" if language == "zh" else f"{severity}, escalated"
    if language == "zh":
        return f"{rule}·{severity} {name} {since}起 {number}"
    return f"{rule}, {severity} {name} since {since} {number}"


def digest_title(count: int, language: Language) -> str:
    """The title of a digest of so many incidents."""
    return f"【汇总】{count} 起事件" if language == "zh" else f"[Digest] {count} incidents"


def duration(seconds: float, language: Language) -> str:
    """A duration as people say it, e.g. `5 分钟`, `1 小时 2 分钟`, `8 分 12 秒`; `5 min`, `1 h 2 min`, `8 min 12 s`."""
    total = round(max(0.0, seconds))
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    hour, minute, minute_before_seconds, second = (
        ("小时", "分钟", "分", "秒") if language == "zh" else ("h", "min", "min", "s")
    )
    if hours:
        return f"{hours} {hour} {minutes} {minute}" if minutes else f"{hours} {hour}"
    if minutes:
        return f"{minutes} {minute_before_seconds} {rest} {second}" if rest else f"{minutes} {minute}"
    return f"{rest} {second}"


def _what(incident: Incident, language: Language) -> str:
    """What is wrong; of a camera, in which way, as far as there is a word for it."""
    words = WORDS[language]
    fault = next((word for fault, word in words.faults.items() if fault == incident.detail.get("fault")), None)
    return (fault if incident.rule == "camera_fault" else None) or words.what[incident.rule]


def _action(incident: Incident, language: Language) -> str:
    words = WORDS[language]
    fault = next((word for fault, word in words.fault_actions.items() if fault == incident.detail.get("fault")), None)
    return (fault if incident.rule == "camera_fault" else None) or words.actions[incident.rule]


def _end(incident: Incident) -> float:
    return incident.started_at if incident.ended_at is None else incident.ended_at


def _spaced(name: str) -> str:
    """A name that ends in Latin letters is set apart from the Chinese that follows."""
    return f"{name} " if name[-1:].isascii() else name
