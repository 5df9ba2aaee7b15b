"""Words and colours of the codes in `ingest.points.CODES`, for panels."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.grafana.spec import CodeName, Text

GREEN, BLUE, ORANGE, RED, PURPLE, GREY = "green", "blue", "orange", "red", "purple", "#8e8e8e"

CODE_WORDS: Mapping[CodeName, Mapping[str, tuple[Text, str]]] = {
    "duty": {
        "closed": (Text("未开放", "closed"), GREY),
        "open": (Text("开放", "open"), GREEN),
        "paused": (Text("暂停", "paused"), ORANGE),
        "leave": (Text("登记离岗", "on leave"), BLUE),
    },
    "clerk": {
        "unknown": (Text("未知", "unknown"), PURPLE),
        "absent": (Text("不在岗", "absent"), RED),
        "present": (Text("在岗", "present"), GREEN),
    },
    "window status": {
        "unknown": (Text("未知", "unknown"), PURPLE),
        "closed": (Text("未开放", "closed"), GREY),
        "idle": (Text("空闲", "free"), BLUE),
        "serving": (Text("办理中", "serving"), GREEN),
        "unstaffed": (Text("无人值守", "unstaffed"), RED),
    },
    "severity": {
        "warning": (Text("提醒", "warning"), ORANGE),
        "critical": (Text("严重", "critical"), RED),
    },
    "camera state": {
        "lost": (Text("断开", "lost"), RED),
        "live": (Text("正常", "live"), GREEN),
        "connecting": (Text("连接中", "connecting"), ORANGE),
        "ended": (Text("已结束", "ended"), GREY),
    },
    "node status": {
        "offline": (Text("离线", "offline"), RED),
        "online": (Text("在线", "online"), GREEN),
        "stopped": (Text("已停止", "stopped"), GREY),
    },
    "fault": {
        "fine": (Text("可信", "believed"), GREEN),
        "fault": (Text("不可信", "not believed"), RED),
    },
}
"""Every word of a code, what people read and its colour. A test compares the words with the codes of the store."""

FAULT_CODES = {"fine": 0, "fault": 1}
"""`camera.fault` is no code of the store but a yes or no."""
