"""A floor: where people are, what the windows do, how many stand in each zone."""

from __future__ import annotations

from hashlib import sha256

from dashboards.grafana.boards.common import SECONDS, one
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, PlanPicture, Row, Step, Text

HEAT_STEPS = (
    Step(None, "rgba(255, 235, 59, 0.25)"),
    Step(0.02, "rgba(255, 193, 7, 0.5)"),
    Step(0.1, "rgba(255, 112, 67, 0.6)"),
    Step(0.3, "rgba(229, 57, 53, 0.7)"),
    Step(1, "rgba(136, 14, 79, 0.8)"),
)
"""How many people stood in a square metre, on average over the time range, so that no range needs other colours."""
_HEAT = Query(
    "heat.person_s",
    "sum",
    "sum",
    by=("x", "y"),
    where=(("camera", "plan"),),
    per_second=True,
    legend="{x}_{y}",
)
_NOTE = Text(
    "每平方米平均人数（所选时间范围内）。只有平面坐标，没有视频。",
    "People in each square metre, on average over the time range. Coordinates of the plan only, no video.",
)


def heat_panel(plan: PlanPicture | None) -> Panel:
    """The heatmap: over the plan where there is one, or as squares over axes in metres."""
    title = Text("位置热力图", "Where people are")
    height = 14 if plan is None else min(30, max(8, round(24 * plan.depth_m / plan.width_m)))
    kind = "xychart" if plan is None else "canvas"
    return Panel(
        kind,  # type: ignore[arg-type]
        title,
        (one(_HEAT),),
        height=height,
        steps=HEAT_STEPS,
        decimals=2,
        note=_NOTE,
        plan=plan,
    )


_PANELS = (
    Panel(
        "timeseries",
        Text("各区域人数", "People by zone"),
        (one(Query("zone.count", every=True, legend="{zone}")),),
        height=7,
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("各区域最长等候", "Longest wait by zone"),
        (one(Query("zone.longest_wait_s", "max", every=True, legend="{zone}")),),
        height=7,
        unit=SECONDS,
        low=0,
    ),
    Row(Text("窗口", "Windows")),
    Panel(
        "state-timeline",
        Text("窗口状态", "State of the windows"),
        (one(Query("window.status", every=True, legend="{window}")),),
        width=24,
        height=10,
        code="window status",
        opens="window",
    ),
    Panel(
        "timeseries",
        Text("窗前人数", "People at the windows"),
        (one(Query("window.customers", "max", every=True, legend="{window}")),),
        low=0,
        decimals=0,
    ),
    Panel(
        "timeseries",
        Text("进出人次", "In and out"),
        (
            one(
                Query(
                    "crossing.people",
                    "sum",
                    "sum",
                    by=("entrance", "direction"),
                    every=True,
                    legend="{entrance} {direction}",
                )
            ),
        ),
        step="10m",
        low=0,
        decimals=0,
    ),
)


_LONGEST_SUFFIX = 21
"""Grafana takes ids of 40 characters; the rest of one is `hallwatch-floor` and `-en`."""


def _suffix(hall: str, floor: str) -> str:
    text = f"-{hall}-{floor}"
    return text if len(text) <= _LONGEST_SUFFIX else f"-{sha256(text.encode()).hexdigest()[:20]}"


def floor_board(plan: PlanPicture | None = None, hall: str = "", floor: str = "", name: str = "") -> Board:
    """The board of any floor, or of one whose plan is known."""
    fixed = (("hall", hall), ("floor", floor)) if plan else ()
    title = Text("楼层", "Floor") if plan is None else Text(f"楼层平面图 {name}", f"Floor plan {name}")
    return Board(
        "floor",
        title,
        (heat_panel(plan), *_PANELS),
        many=("window",),
        since="now-1h",
        suffix=_suffix(hall, floor) if plan else "",
        fixed=fixed,  # type: ignore[arg-type]
    )
