"""What the frame around every page says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hall.words import Language

Place = Literal[
    "floor",
    "incidents",
    "windows",
    "ratings",
    "fleet",
    "reports",
    "guide",
    "calibration",
    "users",
    "audit",
    "account",
]
"""Places of the console, in the order of its navigation."""


@dataclass(frozen=True, slots=True)
class FrameWords:
    """Every text of the frame in one language."""

    navigation: str
    to_content: str
    not_allowed: str
    back: str
    places: Mapping[Place, str]


FRAME_WORDS: Mapping[Language, FrameWords] = {
    "zh": FrameWords(
        navigation="主导航",
        to_content="跳到正文",
        not_allowed="{name} 没有权限查看此页面",
        back="返回控制台",
        places={
            "floor": "楼层",
            "incidents": "事件",
            "windows": "窗口",
            "ratings": "好差评",
            "fleet": "设备",
            "reports": "报告",
            "guide": "导览屏",
            "calibration": "标定",
            "users": "用户",
            "audit": "审计",
            "account": "我的账号",
        },
    ),
    "en": FrameWords(
        navigation="Main navigation",
        to_content="Skip to content",
        not_allowed="{name} may not see this page",
        back="Back to the console",
        places={
            "floor": "Floors",
            "incidents": "Incidents",
            "windows": "Windows",
            "ratings": "Ratings",
            "fleet": "Devices",
            "reports": "Reports",
            "guide": "Guide display",
            "calibration": "Calibration",
            "users": "Users",
            "audit": "Audit",
            "account": "My account",
        },
    ),
}
