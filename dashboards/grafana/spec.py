"""What a board is, before it is Grafana's: panels with their queries, in two languages, for either store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dashboards.grafana.query import Query
from hall.words import Language

Kind = Literal["stat", "timeseries", "state-timeline", "bargauge", "histogram", "xychart", "canvas"]
"""A panel type of every Grafana, under Grafana's own name."""
BoardName = Literal["overview", "floor", "window", "waiting", "incidents", "ratings", "fleet"]
VariableName = Literal["hall", "floor", "window"]
CodeName = Literal["duty", "clerk", "window status", "severity", "camera state", "node status", "fault"]
FOLDER_UID = "hallwatch"
DATA_SOURCE_UID = "hallwatch"
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True)
class Text:
    """The same in Chinese and English."""

    zh: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Step:
    """From which value on a colour holds; the first of several has none."""

    value: float | None
    colour: str


@dataclass(frozen=True)
class Target:
    """A query of a panel. A legend in two languages takes the place of that of the query."""

    query: Query
    legend: Text | None = None


@dataclass(frozen=True)
class Cell:
    """A square metre of the plan, from its lower left corner, in metres; its series is called `x_y`."""

    x: int
    y: int

    @property
    def series(self) -> str:
        """Name of its series."""
        return f"{self.x}_{self.y}"


@dataclass(frozen=True)
class PlanPicture:
    """What a heatmap lies over: the picture as an address that needs no server, and how large the floor is."""

    address: str
    width_m: float
    depth_m: float

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the plan."""
        columns, rows = -int(-self.width_m // 1), -int(-self.depth_m // 1)
        return tuple(Cell(x, y) for y in range(rows) for x in range(columns))


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes:
        width: of 24 columns.
        height: in rows of 30 px.
        code: the words that stand for the numbers.
        now: shows the last two minutes whatever the time range is: older figures are none.
        step: the shortest `$__interval`.
        empty: what stands there while the query has no answer.
        stacked: bars on top of each other, one for each step.
        opens: the board that a click on a series opens, with `opens_tag` of the series as its variable.
    """

    kind: Kind
    title: Text
    targets: tuple[Target, ...]
    width: int = 12
    height: int = 8
    unit: str | None = None
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    code: CodeName | None = None
    steps: tuple[Step, ...] = ()
    note: Text | None = None
    now: bool = False
    step: str = "1m"
    empty: Text | None = None
    stacked: bool = False
    opens: BoardName | None = None
    opens_tag: VariableName = "window"
    plan: PlanPicture | None = None
    bucket: int | None = None


@dataclass(frozen=True)
class Row:
    """A headline above the panels that follow."""

    title: Text


@dataclass(frozen=True)
class Board:
    """A board: `variables` in the order in which they stand; those in `many` take several values or all."""

    name: BoardName
    title: Text
    items: tuple[Panel | Row, ...]
    variables: tuple[VariableName, ...] = ("hall", "floor")
    many: tuple[VariableName, ...] = ("floor", "window")
    since: str = "now-12h"
    refresh: str = "30s"
    incidents: bool = True
    suffix: str = ""
    fixed: tuple[tuple[VariableName, str], ...] = ()

    def uid(self, language: Language) -> str:
        """Its id in Grafana, 40 characters at most."""
        return uid_of(self.name, language, self.suffix)

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Its panels without the headlines."""
        return tuple(item for item in self.items if isinstance(item, Panel))


def uid_of(name: BoardName, language: Language, suffix: str = "") -> str:
    """Id of a board in Grafana."""
    return f"hallwatch-{name}{suffix}" + ("" if language == "zh" else f"-{language}")
