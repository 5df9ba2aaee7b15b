"""What an alert says, in Chinese: plain text that every channel shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.messages import Rule
from hall.words import FAULTS, REASONS, RULES, SEVERITIES
from ingest.incidents import Incident
from ingest.labels import Labels

_WHAT: Mapping[Rule, str] = {
    "clerk_absent": "无人值守",
    "long_wait": "有人等候过久",
    "overtime_case": "办理超时",
    "camera_fault": "画面不可用",
    "overload": "未能分析全部画面",
}


@dataclass(frozen=True, slots=True)
class AlertText:
    """One alert."""

    title: str
    body: str


def opened_text(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    """An incident opened. `late` says that the message waited in the outbox of its box."""
    name = labels.subject(incident.floor, incident.subject)
    lines = [
        f"{_spaced(name)}{_what(incident)}，自 {labels.local(incident.started_at)} 起，"
        f"已 {duration(incident.elapsed_s)}（时限 {duration(incident.limit_s)}）。",
    ]
    if incident.unknown_s >= 1:
        lines.append(f"其中画面不可见 {duration(incident.unknown_s)}，未计入。")
    kind = f"{RULES[incident.rule]}·{SEVERITIES[incident.severity]}"
    return AlertText(f"【{kind}】{name}{_late_mark(late=late)}", "\n".join([*lines, _number(incident)]))


def cleared_text(incident: Incident, labels: Labels, *, late: bool) -> AlertText:
    """An incident cleared."""
    name = labels.subject(incident.floor, incident.subject)
    ended_at = incident.started_at if incident.ended_at is None else incident.ended_at
    lines = [
        f"{_spaced(name)}{RULES[incident.rule]}已解除：{REASONS.get(incident.reason or '', '已结束')}。",
        f"自 {labels.local(incident.started_at)} 至 {labels.local(ended_at)}，历时 {duration(incident.elapsed_s)}。",
    ]
    return AlertText(
        f"【解除】{name} {RULES[incident.rule]}{_late_mark(late=late)}", "\n".join([*lines, _number(incident)])
    )


def duration(seconds: float) -> str:
    """A duration as people say it, e.g. `5 分钟`, `1 小时 2 分钟`, `8 分 12 秒`."""
    total = round(max(0.0, seconds))
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    if hours:
        return f"{hours} 小时 {minutes} 分钟" if minutes else f"{hours} 小时"
    if minutes:
        return f"{minutes} 分 {rest} 秒" if rest else f"{minutes} 分钟"
    return f"{rest} 秒"


def _what(incident: Incident) -> str:
    """What is wrong; of a camera, in which way, as far as there is a word for it."""
    fault = next((word for fault, word in FAULTS.items() if fault == incident.detail.get("fault")), None)
    return (fault if incident.rule == "camera_fault" else None) or _WHAT[incident.rule]


def _spaced(name: str) -> str:
    """A name that ends in Latin letters is set apart from the Chinese that follows."""
    return f"{name} " if name[-1:].isascii() else name


def _late_mark(*, late: bool) -> str:
    return "（补报）" if late else ""


def _number(incident: Incident) -> str:
    return f"编号 {incident.event_id[:8]}"
