"""What several boards say."""

from __future__ import annotations

from dashboards.grafana.query import Query
from dashboards.grafana.spec import Panel, Step, Target, Text
from dashboards.grafana.words import CODE_WORDS, GREEN, ORANGE, RED
from ingest.points import CODES

HALL_FLOOR = ("hall", "floor")
HALL_FLOOR_WINDOW = ("hall", "floor", "window")
NONE = Text("0", "0")
SECONDS, SHARE = "s", "percentunit"
UNKNOWN_NOTE = Text(
    "摄像机看不见的样本所占比例；未知时间不计为离岗。",
    "Share of the samples in which no camera could see it; unknown time never counts as absence.",
)


def one(query: Query, zh: str = "", en: str = "") -> Target:
    """A target; with a legend of its own where one is given."""
    return Target(query, Text(zh, en) if zh else None)


def stat(zh: str, en: str, query: Query, *, width: int = 4, **more: object) -> Panel:
    """A single number of now, 0 where nothing answers."""
    settings: dict[str, object] = {"height": 4, "now": True, "empty": NONE, **more}
    return Panel("stat", Text(zh, en), (Target(query, Text(zh, en)),), width=width, **settings)  # type: ignore[arg-type]


def windows_that_are(word: str, **more: object) -> Panel:
    """How many windows have a status now."""
    text, colour = CODE_WORDS["window status"][word]
    query = Query("window.status", across="count", equals=CODES["window status"][word])
    steps = (Step(None, "#555555"), Step(1, colour))
    return stat(f"窗口：{text.zh}", f"Windows {text.en}", query, steps=steps, width=3, **more)


def up_to(orange: float, red: float) -> tuple[Step, ...]:
    """Green, from `orange` on orange, from `red` on red."""
    return Step(None, GREEN), Step(orange, ORANGE), Step(red, RED)
