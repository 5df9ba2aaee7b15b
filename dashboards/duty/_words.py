"""What is said of duty commands, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.messages import DutyOrder
from hall.words import Language


@dataclass(frozen=True, slots=True)
class DutyWords:
    """Every text of the room in one language; `{…}` parts are filled in.

    Attributes:
        now: what a command makes of a window, by command.
        orders: what one can do: its name, and what follows; of a window that is opened on demand the second.
        spans: how long, by minutes; None is until the next command, 0 a time to be chosen.
    """

    on_demand: str
    now: Mapping[DutyOrder, str]
    now_on_demand: Mapping[DutyOrder, str]
    until: str
    by: str
    button: str
    button_of: str
    title: str
    by_hours: str
    orders: Mapping[DutyOrder, tuple[str, str]]
    orders_on_demand: Mapping[DutyOrder, tuple[str, str]]
    span: str
    spans: Mapping[int | None, str]
    time: str
    cancel: str
    set: str
    done: str


_ZH = DutyWords(
    on_demand="潮汐窗口",
    now={"open": "按时开放", "paused": "暂停服务", "leave": "暂离"},
    now_on_demand={"open": "已开启", "paused": "已关闭", "leave": "暂离"},
    until="至 {time}",
    by="{by}",
    button="值守",
    button_of="{window} 的值守安排",
    title="值守安排",
    by_hours="目前没有安排，按开放时间值守",
    orders={
        "open": ("恢复服务", "按开放时间值守，无人时计离岗。"),
        "paused": ("暂停服务", "窗口暂不办理业务，期间不计离岗，已发出的离岗事件随即解除。"),
        "leave": ("离开至…", "人员临时离开，到时自动恢复，期间不计离岗。"),
    },
    orders_on_demand={
        "open": ("打开窗口", "潮汐窗口平时不开放，打开后按开放时间值守，无人时计离岗。"),
        "paused": ("关闭窗口", "高峰已过，关闭窗口，不再计离岗。"),
        "leave": ("离开至…", "人员临时离开，到时自动恢复为不开放，期间不计离岗。"),
    },
    span="时长",
    spans={
        None: "直到恢复服务",
        15: "15 分钟",
        30: "30 分钟",
        60: "1 小时",
        120: "2 小时",
        0: "到指定时刻",
    },
    time="时刻（大厅当地时间）",
    cancel="取消",
    set="确定",
    done="值守安排已生效",
)

_EN = DutyWords(
    on_demand="On demand",
    now={"open": "By the hours", "paused": "Paused", "leave": "On leave"},
    now_on_demand={"open": "Opened", "paused": "Closed", "leave": "On leave"},
    until="until {time}",
    by="by {by}",
    button="Duty",
    button_of="Duty of {window}",
    title="Duty",
    by_hours="Nothing is set: on duty by the opening hours",
    orders={
        "open": ("Resume", "On duty by the opening hours; an empty desk counts as an absence."),
        "paused": ("Pause", "The window does not serve; no absence is counted, and one that was raised clears."),
        "leave": ("Away until …", "The clerk leaves and comes back by then; no absence is counted meanwhile."),
    },
    orders_on_demand={
        "open": ("Open", "Closed unless it is opened; then on duty by the opening hours, and absences count."),
        "paused": ("Close", "The rush is over: the window is closed and no absence is counted."),
        "leave": ("Away until …", "The clerk leaves; then the window is closed again."),
    },
    span="How long",
    spans={None: "until it resumes", 15: "15 min", 30: "30 min", 60: "1 h", 120: "2 h", 0: "until a time"},
    time="Time (of the hall)",
    cancel="Cancel",
    set="Set",
    done="The duty is set",
)

DUTY_WORDS: Mapping[Language, DutyWords] = {"zh": _ZH, "en": _EN}
