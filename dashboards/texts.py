"""What the console says, in Chinese and English. Pure: words, and numbers and times as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from hall.clock import Instant
from hall.messages import CameraFault, Rule, Seen, Severity, StreamName, WindowStatus
from hall.views import IncidentStatus
from hall.words import WORDS, Language

Lang = Language
NodeState = Literal["online", "stopped", "offline", "waiting"]
"""Status of a box; `waiting` until its first message."""

DEFAULT_LANG: Lang = "zh"
_ZH, _EN = WORDS["zh"], WORDS["en"]
_PICTURE_FAULTS: tuple[CameraFault, ...] = ("frozen", "dark", "covered", "moved")


@dataclass(frozen=True, slots=True)
class Texts:
    """Every text of the page in one language; `{…}` parts are filled in."""

    lang: Lang
    html_lang: Literal["zh-CN", "en-US"]
    own_name: str
    switch: str
    logout: str
    floors: str
    floor: str
    boxes: str
    windows: str
    zones: str
    view: str
    incidents: str
    overview: str
    filter: str
    all: str
    open_only: str
    open_incidents: str
    all_floors: str
    related: str
    none_yet: str
    none_open: str
    waiting_for: str
    no_figures: str
    figures_from: str
    records_away: str
    window_status: Mapping[WindowStatus, str]
    node_state: Mapping[NodeState, str]
    since: str
    camera_away: str
    camera_fault: Mapping[str, str]
    fallback: Mapping[StreamName, str]
    fault: Mapping[CameraFault, str]
    camera: str
    node: str
    overloaded: str
    clerk_seen: Mapping[Seen, str]
    self_service: str
    customers: str
    session: str
    next_open: str
    severity: Mapping[Severity, str]
    rule: Mapping[Rule, str]
    incident_status: Mapping[IncidentStatus, str]
    duration: str
    limit: str
    cleared_at: str
    seen_to_by: str
    closed_by: str
    false_alarm: str
    resolved: Mapping[Rule, str]
    reason: Mapping[str, str]
    unknown_time: str
    waiting_now: str
    longest: str
    median: str
    p90: str
    expected: str
    over_limit: str
    none_over: str
    cannot_see: str
    detail: Mapping[str, str]
    detail_part: str
    floor_unknown: str


ZH = Texts(
    lang="zh",
    html_lang="zh-CN",
    own_name="中文",
    switch="切换到英文",
    logout="退出登录",
    floors="楼层",
    floor="楼层 {floor}",
    boxes="边缘盒",
    windows="窗口",
    zones="等候区",
    view="演示画面（合成影像，人物已模糊）",
    incidents="事件",
    overview="概览",
    filter="筛选事件",
    all="全部",
    open_only="未结",
    open_incidents="未结事件",
    all_floors="全部楼层",
    related="关联事件 {count} 起",
    none_yet="尚无事件",
    none_open="没有未结事件",
    waiting_for="正在等待边缘盒 {node} 的第一条消息",
    no_figures="尚无数据",
    figures_from="数据截至 {time}",
    records_away="暂时读不到记录，以下为上一次读到的数据",
    window_status={
        "serving": "办理中",
        "idle": "空闲",
        "unstaffed": "无人值守",
        "closed": "未开放",
        "unknown": "未知",
    },
    node_state={"online": "在线", "offline": "离线", "stopped": "已停止", "waiting": "等待连接"},
    since="自 {time}",
    camera_away="摄像机 {camera} 无画面",
    camera_fault={fault: f"{_ZH.subjects['camera']} {{camera}} {_ZH.faults[fault]}" for fault in _PICTURE_FAULTS},
    fallback={
        "main": "摄像机 {camera} 子码流读取失败，改用主码流",
        "substream": "摄像机 {camera} 主码流读取失败，改用子码流",
    },
    fault=_ZH.faults,
    camera=_ZH.subjects["camera"] + " {camera}",
    node=_ZH.subjects["node"] + " {node}",
    overloaded="过载，未分析 {percent}% 的画面",
    clerk_seen={"present": "人员在岗", "absent": "人员不在", "unknown": "人员未知"},
    self_service="自助终端",
    customers="窗前 {count} 人",
    session="本次办理",
    next_open="{time} 开放",
    severity=_ZH.severities,
    rule=_ZH.rules,
    incident_status={
        "open": "未结",
        "acknowledged": "处理中",
        "escalated": "已升级",
        "cleared": "已解除",
        "closed": "已关闭",
    },
    duration="持续",
    limit="时限 {limit}",
    cleared_at="{time} 解除",
    seen_to_by="{by} 处理中，{time} 确认",
    closed_by="{by} 已关闭",
    false_alarm="误报（{by}）",
    resolved={
        "clerk_absent": "工作人员已返岗",
        "long_wait": "等候已恢复正常",
        "overtime_case": "办理已结束",
        "camera_fault": "画面已恢复",
        "overload": "已能分析全部画面",
        "called_but_no_clerk": "已有人接待",
        "closed_window_with_queue": "已无需加开窗口",
        "node_offline": "已重新上线",
    },
    reason=_ZH.reasons,
    unknown_time="其中 {duration} 无法判断",
    waiting_now="正在等候",
    longest="最长等候",
    median="等候中位数",
    p90="九成不超过",
    expected="预计等候",
    over_limit="{count} 人超限",
    none_over="无人超限",
    cannot_see="看不清",
    detail={
        "citizens": "窗口前人数",
        "waiting_over_limit": "对应等候区超限",
        "over_limit": "超限人数",
        "count": "等候人数",
        "longest_s": "最长等候",
        "expected_s": "预计等候",
        "p50_s": "等候中位数",
        "p90_s": "九成不超过",
        "moved_px": "移动像素",
        "width_px": "画面宽度像素",
        "missed_percent": "未分析画面百分比",
    },
    detail_part="{name} {value}",
    floor_unknown="本大厅没有楼层 {floor}",
)

EN = Texts(
    lang="en",
    html_lang="en-US",
    own_name="English",
    switch="Switch to Chinese",
    logout="Log out",
    floors="Floors",
    floor="Floor {floor}",
    boxes="Edge boxes",
    windows="Windows",
    zones="Waiting areas",
    view="Demo view (synthetic, people blurred)",
    incidents="Incidents",
    overview="Overview",
    filter="Filter incidents",
    all="All",
    open_only="Open",
    open_incidents="Open incidents",
    all_floors="All floors",
    related="{count} related",
    none_yet="No incident so far",
    none_open="No open incident",
    waiting_for="Waiting for the first message of box {node}",
    no_figures="No figures yet",
    figures_from="Figures from {time}",
    records_away="The records cannot be read at the moment; these are the last figures read",
    window_status={
        "serving": "Serving",
        "idle": "Idle",
        "unstaffed": "Unstaffed",
        "closed": "Closed",
        "unknown": "Unknown",
    },
    node_state={"online": "online", "offline": "offline", "stopped": "stopped", "waiting": "not heard yet"},
    since="since {time}",
    camera_away="camera {camera}: no picture",
    camera_fault={
        "frozen": "camera {camera}: picture frozen",
        "dark": "camera {camera}: picture dark",
        "covered": "camera {camera}: covered",
        "moved": "camera {camera}: moved",
    },
    fallback={
        "main": "camera {camera}: substream fails, main stream is read",
        "substream": "camera {camera}: main stream fails, substream is read",
    },
    fault=_EN.faults,
    camera=_EN.subjects["camera"] + " {camera}",
    node=_EN.subjects["node"] + " {node}",
    overloaded="overloaded: {percent} % of the frames are not looked at",
    clerk_seen={"present": "Clerk present", "absent": "Clerk absent", "unknown": "Clerk unknown"},
    self_service="Self-service",
    customers="{count} at window",
    session="This case",
    next_open="opens {time}",
    severity=_EN.severities,
    rule=_EN.rules,
    incident_status={
        "open": "Open",
        "acknowledged": "Acknowledged",
        "escalated": "Escalated",
        "cleared": "Cleared",
        "closed": "Closed",
    },
    duration="for",
    limit="limit {limit}",
    cleared_at="cleared {time}",
    seen_to_by="{by} sees to it since {time}",
    closed_by="closed by {by}",
    false_alarm="false alarm ({by})",
    resolved={
        "clerk_absent": "the clerk is back",
        "long_wait": "waits are back to normal",
        "overtime_case": "the case is finished",
        "camera_fault": "the picture is back",
        "overload": "it looks at every frame again",
        "called_but_no_clerk": "somebody attends the window",
        "closed_window_with_queue": "no further window is needed",
        "node_offline": "the box is back",
    },
    reason=_EN.reasons,
    unknown_time="{duration} of it could not be seen",
    waiting_now="waiting now",
    longest="Longest wait",
    median="Median wait",
    p90="9 in 10 under",
    expected="Expected wait",
    over_limit="{count} over limit",
    none_over="none over limit",
    cannot_see="cannot be seen",
    detail={
        "citizens": "people at the window",
        "waiting_over_limit": "its waiting area is over the limit",
        "over_limit": "over the limit",
        "count": "people waiting",
        "longest_s": "longest wait",
        "expected_s": "expected wait",
        "p50_s": "median wait",
        "p90_s": "9 in 10 under",
        "moved_px": "pixels it moved",
        "width_px": "pixels across",
        "missed_percent": "percent of the frames not looked at",
    },
    detail_part="{name}: {value}",
    floor_unknown="This hall has no floor {floor}",
)

_TEXTS: dict[Lang, Texts] = {"zh": ZH, "en": EN}
_UNITS: dict[Lang, tuple[str, str, str, str]] = {
    "zh": ("{}天{}小时", "{}小时{:02}分", "{}分{:02}秒", "{}秒"),
    "en": ("{} d {} h", "{} h {:02} min", "{} min {:02} s", "{} s"),
}
_DATES: dict[Lang, str] = {"zh": "{0.month}月{0.day}日 {0:%H:%M}", "en": "{0:%b} {0.day}, {0:%H:%M}"}


def texts_in(lang: Lang) -> Texts:
    """All texts of a language."""
    return _TEXTS[lang]


def parse_lang(query: str | None) -> Lang:
    """The language a query asks for (`zh`, `en-GB` …); Chinese where it asks for none that we have."""
    primary = (query or "").strip().lower().split("-")[0]
    return "en" if primary == "en" else DEFAULT_LANG


def format_duration(seconds: float, lang: Lang) -> str:
    """A duration in whole units, e.g. `3分05秒` or `1 h 04 min`; `elapsed.js` writes running ones alike."""
    days_form, hours_form, minutes_form, seconds_form = _UNITS[lang]
    total = max(0, int(seconds))
    if total < 60:
        return seconds_form.format(total)
    if total < 3600:
        return minutes_form.format(*divmod(total, 60))
    if total < 86400:
        return hours_form.format(total // 3600, total % 3600 // 60)
    return days_form.format(total // 86400, total % 86400 // 3600)


def format_limit(seconds: float, lang: Lang) -> str:
    """A limit as people say it: `5分` rather than `5分00秒`."""
    total = int(seconds)
    if total < 60 or total % 60:
        return format_duration(seconds, lang)
    hours, minutes = divmod(total // 60, 60)
    zh = lang == "zh"
    parts = [f"{hours}小时" if zh else f"{hours} h"] if hours else []
    parts += [f"{minutes}分钟" if zh else f"{minutes} min"] if minutes else []
    return ("" if zh else " ").join(parts)


def format_wait(seconds: float, lang: Lang) -> str:
    """A wait: seconds matter to nobody from ten minutes on."""
    return format_duration(seconds, lang) if seconds < 600 else format_limit(seconds // 60 * 60, lang)


def format_time(at: Instant, now: Instant, zone: ZoneInfo, lang: Lang) -> str:
    """Local time of the hall, e.g. `12:03:10`; with the date where it is not today's."""
    local = datetime.fromtimestamp(at, tz=zone)
    if local.date() == datetime.fromtimestamp(now, tz=zone).date():
        return f"{local:%H:%M:%S}"
    return _DATES[lang].format(local)
