"""The hall at a glance: what is now, and how the day went."""

from __future__ import annotations

from dashboards.grafana.boards.common import SECONDS, SHARE, UNKNOWN_NOTE, one, stat, up_to, windows_that_are
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Row, Text

_NOW = (
    *(windows_that_are(word) for word in ("serving", "idle", "unstaffed", "unknown", "closed")),
    stat("等候人数", "People waiting", Query("zone.count", across="sum"), width=3),
    stat(
        "超时等候",
        "Waiting past the limit",
        Query("zone.over_limit", across="sum"),
        width=3,
        steps=up_to(1, 5),
    ),
    stat(
        "最长等候",
        "Longest wait",
        Query("zone.longest_wait_s", across="max"),
        width=3,
        unit=SECONDS,
        steps=up_to(900, 1800),
    ),
)

_DAY = (
    Panel(
        "state-timeline",
        Text("窗口状态", "State of the windows"),
        (one(Query("window.status", every=True, legend="{floor} / {window}")),),
        width=24,
        height=10,
        code="window status",
        opens="window",
    ),
    Panel(
        "timeseries",
        Text("各楼层人数", "People by floor"),
        (one(Query("zone.count", across="sum", by=("floor",), every=True, legend="{floor}")),),
        low=0,
        opens="floor",
        opens_tag="floor",
    ),
    Panel(
        "timeseries",
        Text("等候时间（最长与第90百分位）", "Wait: the longest and the 90th percentile"),
        (
            one(Query("zone.longest_wait_s", "max", "max", every=True), "最长", "longest"),
            one(Query("zone.wait_p90_s", "max", "max", every=True), "第90百分位", "p90"),
        ),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("事件（按规则）", "Incidents by rule"),
        (
            one(
                Query(
                    "event.severity",
                    "count",
                    "sum",
                    by=("rule",),
                    every=True,
                    where=(("phase", "raised"),),
                    legend="{rule}",
                )
            ),
        ),
        stacked=True,
        step="10m",
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("办结件数", "Sessions finished"),
        (
            one(
                Query("session.duration_s", "count", "sum", by=("floor",), every=True, legend="{floor}"),
            ),
        ),
        stacked=True,
        step="10m",
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("进出人次", "In and out"),
        (one(Query("crossing.people", "sum", "sum", by=("direction",), every=True, legend="{direction}")),),
        step="10m",
        low=0,
        decimals=0,
    ),
    Panel(
        "bargauge",
        Text("窗口未知时间占比", "Unknown time of the windows"),
        (one(Query("window.clerk", "mean", "mean", by=("floor",), share_of=-1, legend="{floor}")),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.05, 0.2),
        note=UNKNOWN_NOTE,
    ),
)

OVERVIEW = Board(
    "overview",
    Text("大厅总览", "Hall overview"),
    (Row(Text("现在", "Now")), *_NOW, Row(Text("全天", "The day")), *_DAY),
)
