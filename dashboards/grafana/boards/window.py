"""One window or several: who is there, what they do, how long a case takes."""

from __future__ import annotations

from dashboards.grafana.boards.common import HALL_FLOOR_WINDOW, SECONDS, SHARE, UNKNOWN_NOTE, one, up_to
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Row, Text

_F = HALL_FLOOR_WINDOW
_NAME = "{window}"

_PRESENCE = (
    Panel(
        "state-timeline",
        Text("在岗情况", "Presence of the clerk"),
        (one(Query("window.clerk", every=True, filters=_F, legend=_NAME)),),
        width=24,
        code="clerk",
    ),
    Panel(
        "state-timeline",
        Text("排班", "Duty"),
        (one(Query("window.duty", every=True, filters=_F, legend=_NAME)),),
        width=24,
        height=6,
        code="duty",
    ),
    Panel(
        "bargauge",
        Text("不在岗样本占比", "Share of samples without the clerk"),
        (one(Query("window.clerk", "mean", share_of=0, filters=_F, legend=_NAME)),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.2, 0.5),
        note=Text(
            "含未开放时间；未知时间另计。是否违规由离岗规则按排班判断。",
            "Closed hours included, unknown time apart. Whether it was an absence is for the rule, which knows duty.",
        ),
    ),
    Panel(
        "bargauge",
        Text("未知时间占比", "Unknown time"),
        (one(Query("window.clerk", "mean", share_of=-1, filters=_F, legend=_NAME)),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.05, 0.2),
        note=UNKNOWN_NOTE,
    ),
)

_SESSIONS = (
    Panel(
        "stat",
        Text("办结件数", "Sessions finished"),
        (one(Query("session.duration_s", "count", "sum", filters=_F), "件", "sessions"),),
        width=6,
        height=5,
        empty=Text("0", "0"),
    ),
    Panel(
        "stat",
        Text("平均办理时长", "Mean service time"),
        (one(Query("session.duration_s", "mean", "mean", filters=_F), "平均", "mean"),),
        width=6,
        height=5,
        unit=SECONDS,
    ),
    Panel(
        "stat",
        Text("办理超时件数", "Overtime cases"),
        (one(Query("session.overtime", "sum", "sum", filters=_F), "件", "cases"),),
        width=6,
        height=5,
        steps=up_to(1, 5),
        empty=Text("0", "0"),
    ),
    Panel(
        "stat",
        Text("超时占比", "Share of overtime"),
        (one(Query("session.overtime", "mean", "mean", filters=_F), "占比", "share"),),
        width=6,
        height=5,
        unit=SHARE,
        steps=up_to(0.05, 0.2),
    ),
    Panel(
        "histogram",
        Text("办理时长分布", "Service time"),
        (one(Query("session.duration_s", raw=True, filters=_F), "办理时长", "service time"),),
        unit=SECONDS,
        bucket=60,
    ),
    Panel(
        "bargauge",
        Text("各窗口办理时长（第90百分位）", "Service time by window, 90th percentile"),
        (one(Query("session.duration_s", "p90", filters=_F, legend=_NAME)),),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("正在办理的时长", "Age of the running session"),
        (one(Query("window.session_s", "max", every=True, filters=_F, legend=_NAME)),),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("窗前人数", "People at the window"),
        (one(Query("window.customers", "max", every=True, filters=_F, legend=_NAME)),),
        low=0,
        decimals=0,
    ),
)

WINDOW = Board(
    "window",
    Text("窗口", "Window"),
    (
        Row(Text("在岗", "Presence")),
        *_PRESENCE,
        Row(Text("办理", "Service")),
        *_SESSIONS,
    ),
    variables=("hall", "floor", "window"),
)
