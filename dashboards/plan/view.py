"""What stands on the plan at a moment: states of windows, people in zones, heat. As JSON, for the browser draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from dashboards.board import Board, Tile, ZoneCard
from dashboards.plan.words import PLAN_WORDS, PlanWords
from dashboards.texts import Lang
from dashboards.widgets import STATUS_ICONS, worst
from hall.messages import Severity, WindowStatus

HEAT_STEPS = (0.02, 0.1, 0.25, 0.5, 1.0)
"""People per square metre on average from which on a cell has the next colour. The first is one person for twelve
seconds of ten minutes: less is somebody who passed."""

Heat = Mapping[tuple[int, int], float]


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """A window or zone: its state in a word, an icon of it, a short text beside its name."""

    word: str
    status: WindowStatus | None = None
    icon: str = ""
    text: str = ""
    severity: Severity | None = None
    stale: bool = False


class HeatCell(msgspec.Struct, frozen=True, array_like=True):
    """A square metre: its lower left corner, which colour it has (1 to 5), and what it means."""

    x: int
    y: int
    step: int
    word: str


class PlanView(msgspec.Struct, frozen=True):
    """All that moves on the plan."""

    windows: Mapping[str, Mark]
    zones: Mapping[str, Mark]
    heat: Sequence[HeatCell]
    heat_words: str


def step_of(people: float) -> int:
    """Which colour a cell has; 0 is none."""
    return sum(people >= least for least in HEAT_STEPS)


def heat_cells(heat: Heat, words: PlanWords) -> list[HeatCell]:
    """The cells that have a colour, row by row."""
    cells = [(x, y, step_of(people), people) for (x, y), people in sorted(heat.items())]
    return [HeatCell(x, y, step, words.cell.format(people=people)) for x, y, step, people in cells if step]


def heat_words(heat: Heat, span: tuple[str, str], words: PlanWords) -> str:
    """From when to when the heat is."""
    return words.heat_when.format(start=span[0], end=span[1]) if heat else words.no_heat


def live_view(board: Board, heat: Heat, span: tuple[str, str], lang: Lang) -> PlanView:
    """The plan now, as the tiles and cards of the page say it.

    Args:
        board: of the floor, in the same language.
        heat: people per square metre on average, by cell.
        span: from when to when that is, in words.
        lang: of all words.
    """
    words = PLAN_WORDS[lang]
    return PlanView(
        windows={tile.window: _window(tile) for tile in board.tiles},
        zones={card.zone: _zone(card, words) for card in board.zones},
        heat=heat_cells(heat, words),
        heat_words=heat_words(heat, span, words),
    )


def _window(tile: Tile) -> Mark:
    return Mark(
        tile.status_word, tile.status, STATUS_ICONS[tile.status], severity=worst(tile.alerts), stale=bool(tile.stale)
    )


def _zone(card: ZoneCard, words: PlanWords) -> Mark:
    known = card.count.isdigit()
    text = words.people.format(count=card.count) if known else words.unseen
    return Mark(card.count_words, text=text, severity=worst(card.alerts), stale=bool(card.stale))
