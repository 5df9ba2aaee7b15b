"""Ratings of citizens (好差评): 5 is very good, 1 very bad."""

from __future__ import annotations

from dashboards.grafana.boards.common import HALL_FLOOR_WINDOW, NONE, SHARE, one
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Step, Text
from dashboards.grafana.words import GREEN, ORANGE, RED

_F = HALL_FLOOR_WINDOW
_GOOD = (Step(None, RED), Step(3, ORANGE), Step(4, GREEN))

RATINGS = Board(
    "ratings",
    Text("评价", "Ratings"),
    (
        Panel(
            "stat",
            Text("平均分", "Mean score"),
            (one(Query("rating.score", "mean", "mean", filters=_F), "平均", "mean"),),
            width=8,
            height=5,
            decimals=2,
            steps=_GOOD,
        ),
        Panel(
            "stat",
            Text("评价数", "Ratings"),
            (one(Query("rating.score", "count", "sum", filters=_F), "评价", "ratings"),),
            width=8,
            height=5,
            empty=NONE,
        ),
        Panel(
            "stat",
            Text("最低分", "Lowest score"),
            (one(Query("rating.score", "min", "min", filters=_F), "最低", "lowest"),),
            width=8,
            height=5,
            steps=_GOOD,
        ),
        Panel(
            "bargauge",
            Text("各窗口平均分", "Mean score by window"),
            (one(Query("rating.score", "mean", filters=_F, legend="{window}")),),
            low=1,
            high=5,
            decimals=2,
            steps=_GOOD,
            opens="window",
        ),
        Panel(
            "bargauge",
            Text("各窗口评价数", "Ratings by window"),
            (one(Query("rating.score", "count", filters=_F, legend="{window}")),),
            low=0,
            decimals=0,
        ),
        Panel(
            "timeseries",
            Text("平均分", "Mean score"),
            (one(Query("rating.score", "mean", "mean", by=("floor",), every=True, filters=_F, legend="{floor}")),),
            step="1h",
            low=1,
            high=5,
            decimals=2,
        ),
        Panel(
            "histogram",
            Text("分数分布", "Scores"),
            (one(Query("rating.score", raw=True, filters=_F), "分数", "score"),),
            bucket=1,
            decimals=0,
        ),
        Panel(
            "bargauge",
            Text("办理超时占比（旁证）", "Share of overtime, beside it"),
            (one(Query("session.overtime", "mean", filters=_F, legend="{window}")),),
            width=24,
            unit=SHARE,
            low=0,
            high=1,
            steps=(Step(None, GREEN), Step(0.05, ORANGE), Step(0.2, RED)),
        ),
    ),
    variables=("hall", "floor", "window"),
    since="now-7d",
    refresh="5m",
    incidents=False,
)
