"""Waiting: how long, how many, and whether the tickets say the same as the cameras."""

from __future__ import annotations

from dashboards.grafana.boards.common import SECONDS, one, stat, up_to
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Row, Text

_NOW = (
    stat("等候人数", "People waiting", Query("zone.count", across="sum"), width=6),
    stat(
        "最长等候",
        "Longest wait",
        Query("zone.longest_wait_s", across="max"),
        width=6,
        unit=SECONDS,
        steps=up_to(900, 1800),
    ),
    stat(
        "预计等候",
        "Expected wait",
        Query("zone.expected_wait_s", across="max"),
        width=6,
        unit=SECONDS,
        steps=up_to(900, 1800),
    ),
    stat("超时等候", "Waiting past the limit", Query("zone.over_limit", across="sum"), width=6, steps=up_to(1, 5)),
)

_DAY = (
    Panel(
        "timeseries",
        Text("最长等候", "Longest wait"),
        (one(Query("zone.longest_wait_s", "max", every=True, legend="{zone}")),),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("等候时间：中位数与第90百分位", "Wait: median and 90th percentile"),
        (
            one(Query("zone.wait_p50_s", "mean", every=True, legend="{zone} p50")),
            one(Query("zone.wait_p90_s", "mean", every=True, legend="{zone} p90")),
        ),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("等候人数", "People waiting"),
        (one(Query("zone.count", every=True, legend="{zone}")),),
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("预计等候", "Expected wait"),
        (one(Query("zone.expected_wait_s", "mean", every=True, legend="{zone}")),),
        unit=SECONDS,
        low=0,
    ),
)

_TICKETS = (
    Panel(
        "timeseries",
        Text("最长等候：叫号与摄像机", "Longest wait: tickets and cameras"),
        (
            one(Query("tickets.longest_wait_s", "max", every=True, legend="{zone}"), "{zone} 叫号", "{zone} tickets"),
            one(Query("zone.longest_wait_s", "max", every=True, legend="{zone}"), "{zone} 摄像机", "{zone} cameras"),
        ),
        unit=SECONDS,
        low=0,
        note=Text(
            "叫号数据从取号算起，摄像机从进入等候区算起。",
            "Tickets count from when they were taken, cameras from when somebody entered the zone.",
        ),
    ),
    Panel(
        "timeseries",
        Text("第90百分位：叫号与摄像机", "90th percentile: tickets and cameras"),
        (
            one(Query("tickets.wait_p90_s", "mean", every=True, legend="{zone}"), "{zone} 叫号", "{zone} tickets"),
            one(Query("zone.wait_p90_s", "mean", every=True, legend="{zone}"), "{zone} 摄像机", "{zone} cameras"),
        ),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("人数：叫号与摄像机", "People: tickets and cameras"),
        (
            one(Query("tickets.waiting", every=True, legend="{zone}"), "{zone} 叫号", "{zone} tickets"),
            one(Query("zone.count", every=True, legend="{zone}"), "{zone} 摄像机", "{zone} cameras"),
        ),
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("近一小时叫号人数", "Called within the last hour"),
        (one(Query("tickets.called", every=True, legend="{zone}")),),
        low=0,
        decimals=0,
    ),
)

_STAYS = (
    Panel(
        "bargauge",
        Text("停留时长：中位数", "Stays: median"),
        (one(Query("stay.duration_s", "p50", legend="{zone} {ended}")),),
        width=8,
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "bargauge",
        Text("停留时长：第90百分位", "Stays: 90th percentile"),
        (one(Query("stay.duration_s", "p90", legend="{zone} {ended}")),),
        width=8,
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "bargauge",
        Text("停留如何结束", "How stays ended"),
        (one(Query("stay.duration_s", "count", "sum", by=("ended",), legend="{ended}")),),
        width=8,
        low=0,
        decimals=0,
        note=Text("served 已办理，left 离开，lost 跟丢。", "served at a window, left the hall, or lost from sight."),
    ),
)

WAITING = Board(
    "waiting",
    Text("等候", "Waiting"),
    (
        Row(Text("现在", "Now")),
        *_NOW,
        Row(Text("全天", "The day")),
        *_DAY,
        Row(Text("叫号与摄像机", "Tickets beside cameras")),
        *_TICKETS,
        Row(Text("停留", "Stays")),
        *_STAYS,
    ),
)
