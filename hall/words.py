"""What things are called, in Chinese and English, for everything that people read: console, alerts, reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hall.messages import CameraFault, Rule, Severity

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        rules: name of each rule.
        what: what is wrong; follows the name of what it is about.
        faults: what is wrong with a camera; follows its name, too.
        actions: what whoever is told should do.
        fault_actions: the same for each fault of a camera.
        reasons: why an event was cleared.
        ended: the same where no reason is known.
        subjects: `camera` and `node`, to stand before an id.
    """

    severities: Mapping[Severity, str]
    rules: Mapping[Rule, str]
    what: Mapping[Rule, str]
    faults: Mapping[CameraFault, str]
    actions: Mapping[Rule, str]
    fault_actions: Mapping[CameraFault, str]
    reasons: Mapping[str, str]
    ended: str
    subjects: Mapping[str, str]


_ZH = Words(
    severities={"warning": "提醒", "critical": "严重"},
    rules={
        "clerk_absent": "离岗",
        "long_wait": "等候过久",
        "overtime_case": "办理超时",
        "camera_fault": "摄像机故障",
        "overload": "边缘盒过载",
        "called_but_no_clerk": "叫号无人应",
        "closed_window_with_queue": "建议开窗",
        "node_offline": "边缘盒离线",
    },
    what={
        "clerk_absent": "无人值守",
        "long_wait": "有人等候过久",
        "overtime_case": "办理超时",
        "camera_fault": "画面不可用",
        "overload": "未能分析全部画面",
        "called_but_no_clerk": "已叫号，窗口无人",
        "closed_window_with_queue": "排队超限，而有窗口未开放",
        "node_offline": "没有消息，其窗口和区域无法判断",
    },
    faults={
        "offline": "无法连接",
        "stalled": "没有画面",
        "unwatched": "画面未被分析",
        "frozen": "画面静止",
        "dark": "画面全黑",
        "covered": "被遮挡",
        "moved": "已移位",
    },
    actions={
        "clerk_absent": "请通知该窗口人员返岗，或安排替岗；暂停服务的，请摆放告示并引导群众到其他窗口。",
        "long_wait": "请到现场引导，增开窗口或分流到空闲窗口。",
        "overtime_case": "请到窗口了解情况，必要时派人协助，或请群众到专窗办理。",
        "camera_fault": "请检查摄像机。",
        "overload": "请检查边缘盒的负载、散热和电源；可减少该盒的摄像机，或更换性能更高的设备。",
        "called_but_no_clerk": "请通知该窗口人员返岗接待，或将该号改派其他窗口。",
        "closed_window_with_queue": "请开启潮汐窗口：打开备用窗口，通知暂停的窗口恢复服务，或增派人员。",
        "node_offline": "请检查边缘盒的电源和网络；恢复之前请到现场巡视。",
    },
    fault_actions={
        "offline": "请检查摄像机的电源、网线和地址、账号。",
        "stalled": "请检查摄像机的网络，必要时重启摄像机。",
        "unwatched": "请检查边缘盒的负载和日志。",
        "frozen": "请重启摄像机，并核对画面时间是否走动。",
        "dark": "请检查现场照明、镜头和摄像机夜视设置。",
        "covered": "请移开遮挡物，并清洁镜头。",
        "moved": "请将摄像机转回原位，或按现在的画面重新划定区域。",
    },
    reasons={
        "resolved": "已恢复正常",
        "off_duty": "已到非工作时间",
        "paused": "窗口已暂停或批准离岗",
        "camera_lost": "摄像机中断，无法继续判断",
        "reconfigured": "配置已更改，不再判断",
        "clock_set": "边缘盒时钟被回拨，已重新开始判断",
    },
    ended="已结束",
    subjects={"camera": "摄像机", "node": "边缘盒"},
)

_EN = Words(
    severities={"warning": "Warning", "critical": "Critical"},
    rules={
        "clerk_absent": "Clerk absent",
        "long_wait": "Long wait",
        "overtime_case": "Overtime",
        "camera_fault": "Camera fault",
        "overload": "Box overloaded",
        "called_but_no_clerk": "Called, no clerk",
        "closed_window_with_queue": "Open a window",
        "node_offline": "Box offline",
    },
    what={
        "clerk_absent": "nobody attends the window",
        "long_wait": "somebody has waited too long",
        "overtime_case": "a case takes too long",
        "camera_fault": "no usable picture",
        "overload": "not every picture is looked at",
        "called_but_no_clerk": "a ticket was called and nobody is at the window",
        "closed_window_with_queue": "people wait past the limit while a window is not open",
        "node_offline": "nothing is heard, so nobody judges its windows and zones",
    },
    faults={
        "offline": "cannot be reached",
        "stalled": "no picture comes",
        "unwatched": "not looked at",
        "frozen": "picture frozen",
        "dark": "picture dark",
        "covered": "covered",
        "moved": "moved",
    },
    actions={
        "clerk_absent": "Call the clerk back or send a stand-in; if the window pauses, put up its sign and lead people "
        "to other windows.",
        "long_wait": "Go and see; open another window, or lead people to free ones.",
        "overtime_case": "Ask at the window; send help, or move the case to a window for difficult ones.",
        "camera_fault": "Check the camera.",
        "overload": "Check load, cooling and power of the box; give it fewer cameras, or replace it by a faster one.",
        "called_but_no_clerk": "Call the clerk back, or call the ticket to another window.",
        "closed_window_with_queue": "Open a window kept for this, end a pause of one that serves them, or send help.",
        "node_offline": "Check power and network of the box; walk the hall until it is back.",
    },
    fault_actions={
        "offline": "Check the camera's power, network cable, address and password.",
        "stalled": "Check the camera's network; restart the camera if need be.",
        "unwatched": "Check load and log of the box.",
        "frozen": "Restart the camera and see whether the clock in its picture goes on.",
        "dark": "Check the lights of the place, the lens, and the camera's night mode.",
        "covered": "Take away what covers it and clean the lens.",
        "moved": "Turn the camera back, or draw its areas anew on the picture of now.",
    },
    reasons={
        "resolved": "resolved",
        "off_duty": "the window went off duty",
        "paused": "the window was paused, or the clerk has leave",
        "camera_lost": "the camera lost sight",
        "reconfigured": "no longer watched: the hall file changed",
        "clock_set": "the clock of the box was set back, and it began anew",
    },
    ended="it ended",
    subjects={"camera": "Camera", "node": "Box"},
)

WORDS: Mapping[Language, Words] = {"zh": _ZH, "en": _EN}
