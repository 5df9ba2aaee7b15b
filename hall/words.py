"""What things are called in Chinese, for everything that people read: console, alerts, reports."""

from __future__ import annotations

from collections.abc import Mapping

from hall.messages import CameraFault, Rule, Severity

SEVERITIES: Mapping[Severity, str] = {"warning": "提醒", "critical": "严重"}

RULES: Mapping[Rule, str] = {
    "clerk_absent": "离岗",
    "long_wait": "等候过久",
    "overtime_case": "办理超时",
    "camera_fault": "摄像机故障",
    "overload": "边缘盒过载",
}

FAULTS: Mapping[CameraFault, str] = {
    "offline": "无法连接",
    "stalled": "没有画面",
    "unwatched": "画面未被分析",
    "frozen": "画面静止",
    "dark": "画面全黑",
    "covered": "被遮挡",
    "moved": "已移位",
}
"""What is wrong with a camera; a word that may follow its name."""

REASONS: Mapping[str, str] = {
    "resolved": "已恢复正常",
    "off_duty": "已到非工作时间",
    "camera_lost": "摄像机中断，无法继续判断",
    "reconfigured": "配置已更改，不再判断",
}
"""Why an event was cleared."""

CAMERA, NODE = "摄像机", "边缘盒"
