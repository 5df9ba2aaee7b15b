"""Incidents: which, where, how long."""

from __future__ import annotations

from dashboards.grafana.boards.common import NONE, SECONDS, SHARE, one, stat, up_to
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Row, Step, Text
from dashboards.grafana.words import ORANGE, RED
from ingest.points import CODES

_RAISED, _CLEARED = (("phase", "raised"),), (("phase", "cleared"),)

_SUMS = (
    Panel(
        "stat",
        Text("事件数", "Incidents"),
        (one(Query("event.severity", "count", "sum", where=_RAISED), "事件", "incidents"),),
        width=6,
        height=4,
        empty=NONE,
    ),
    Panel(
        "stat",
        Text("达到严重的事件源", "Subjects that became critical"),
        (
            one(
                Query(
                    "event.severity",
                    "max",
                    "count",
                    equals=CODES["severity"]["critical"],
                    where=(("phase", "updated"),),
                ),
                "严重",
                "critical",
            ),
        ),
        width=6,
        height=4,
        empty=NONE,
        steps=(Step(None, "#555555"), Step(1, RED)),
        note=Text(
            "发生后升级为严重的规则与对象。", "Rules and subjects whose incidents turned critical after they began."
        ),
    ),
    Panel(
        "stat",
        Text("平均持续", "Mean duration"),
        (one(Query("event.elapsed_s", "mean", "mean", where=_CLEARED), "平均", "mean"),),
        width=6,
        height=4,
        unit=SECONDS,
        steps=up_to(600, 1800),
    ),
    Panel(
        "stat",
        Text("其中未知时间", "Unknown time in them"),
        (one(Query("event.unknown_s", "sum", "sum", where=_CLEARED), "未知", "unknown"),),
        width=6,
        height=4,
        unit=SECONDS,
        empty=NONE,
    ),
)

_PANELS = (
    Panel(
        "timeseries",
        Text("发生（按规则）", "Raised, by rule"),
        (one(Query("event.severity", "count", "sum", by=("rule",), every=True, where=_RAISED, legend="{rule}")),),
        width=24,
        stacked=True,
        step="10m",
        low=0,
        decimals=0,
    ),
    Panel(
        "bargauge",
        Text("最多的对象", "Where most of them are"),
        (
            one(
                Query(
                    "event.severity",
                    "count",
                    "sum",
                    by=("floor", "subject", "rule"),
                    where=_RAISED,
                    legend="{floor} {subject} {rule}",
                )
            ),
        ),
        low=0,
        decimals=0,
        steps=(Step(None, ORANGE), Step(5, RED)),
    ),
    Panel(
        "bargauge",
        Text("持续时长：第90百分位", "Duration: 90th percentile"),
        (one(Query("event.elapsed_s", "p90", where=_CLEARED, legend="{floor} {subject} {rule}")),),
        unit=SECONDS,
        low=0,
    ),
    Panel(
        "timeseries",
        Text("最长持续", "Longest duration"),
        (one(Query("event.elapsed_s", "max", "max", by=("rule",), every=True, where=_CLEARED, legend="{rule}")),),
        unit=SECONDS,
        step="10m",
        low=0,
        stacked=True,
    ),
    Panel(
        "bargauge",
        Text("平均持续与限值", "Mean duration beside the limit"),
        (
            one(Query("event.elapsed_s", "mean", "mean", by=("rule",), where=_CLEARED), "{rule} 持续", "{rule} lasted"),
            one(Query("event.limit_s", "mean", "mean", by=("rule",), where=_CLEARED), "{rule} 限值", "{rule} limit"),
        ),
        unit=SECONDS,
        low=0,
    ),
)

_HANDLING = (
    stat(
        "无人处理",
        "Nobody sees to them",
        Query("incident.unattended", across="sum"),
        width=6,
        height=8,
        steps=up_to(1, 5),
    ),
    Panel(
        "timeseries",
        Text("响应时间（近一天）", "Time to acknowledge, of the last day"),
        (
            one(Query("incident.ack_p50_s", every=True, legend="{floor} {rule} p50")),
            one(Query("incident.ack_p90_s", every=True, legend="{floor} {rule} p90")),
        ),
        width=18,
        unit=SECONDS,
        low=0,
        note=Text(
            "从中心得知事件到有人表示处理。",
            "From when the centre learned of an incident until somebody saw to it.",
        ),
    ),
    Panel(
        "bargauge",
        Text("误报占比（近一天）", "Share of false alarms, of the last day"),
        (one(Query("incident.false_share", legend="{floor} {rule}")),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.1, 0.3),
    ),
    Panel(
        "timeseries",
        Text("近一天：发生、已响应、误报", "Of the last day: raised, acknowledged, false alarms"),
        (
            one(Query("incident.raised", "last", "sum", every=True), "发生", "raised"),
            one(Query("incident.acknowledged", "last", "sum", every=True), "已响应", "acknowledged"),
            one(Query("incident.false_alarms", "last", "sum", every=True), "误报", "false alarms"),
        ),
        low=0,
        decimals=0,
    ),
)

INCIDENTS = Board(
    "incidents",
    Text("事件", "Incidents"),
    (
        Row(Text("所选时间", "In the time range")),
        *_SUMS,
        Row(Text("处理", "How they are dealt with")),
        *_HANDLING,
        Row(Text("事件", "Incidents")),
        *_PANELS,
    ),
    since="now-24h",
)
