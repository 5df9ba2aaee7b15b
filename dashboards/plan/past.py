"""The plan at a moment of the last day, from the records: minute roll-ups, and heat of ten minutes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, select

from dashboards.plan.view import Mark, PlanView, heat_cells, heat_words
from dashboards.plan.words import PLAN_WORDS, PlanWords
from dashboards.texts import Lang, texts_in
from dashboards.widgets import STATUS_ICONS
from hall.clock import Instant
from hall.layout import Floor, Hall
from hall.messages import WindowStatus
from ingest.heat import SLOT_S, read_heat
from ingest.rollups import WINDOW_SUMS, Rollup, rollup_of
from ingest.schema import rollups

DAY_S = 86_400.0
_STATES = WINDOW_SUMS[:5]


def past_view(connection: Connection, hall: Hall, floor: Floor, at: Instant, lang: Lang) -> PlanView:
    """What the plan showed at a moment.

    A window is in the state in which it was for most of that minute, or of the one before where that is not on
    record; a zone holds its mean head count of it.
    """
    words, texts = PLAN_WORDS[lang], texts_in(lang)
    minutes = _minutes(connection, hall.hall.id, floor.id, at)
    slot = int(at // SLOT_S) * SLOT_S
    heat = read_heat(connection, hall.hall.id, floor.id, slot, slot + SLOT_S)
    windows = {name: sums for rollup in minutes for name, sums in rollup.windows.items()}
    zones = {name: sums for rollup in minutes for name, sums in rollup.zones.items()}
    return PlanView(
        windows={w.id: _window(windows.get(w.id), texts.window_status, words) for w in floor.windows},
        zones={z.id: _zone(zones.get(z.id), words) for z in floor.zones},
        heat=heat_cells(heat, words),
        heat_words=heat_words(heat, (hall_time(hall, slot), hall_time(hall, slot + SLOT_S)), words),
    )


def _minutes(connection: Connection, hall: str, floor: str, at: Instant) -> list[Rollup]:
    """Of each node of a floor, the later one last."""
    minute = int(at // 60) * 60
    mine = (rollups.c.period == "minute") & (rollups.c.hall == hall) & (rollups.c.floor == floor)
    statement = select(rollups).where(mine, rollups.c.start.between(minute - 60, minute)).order_by(rollups.c.start)
    return [rollup_of(row) for row in connection.execute(statement).mappings()]


def _window(sums: Mapping[str, float] | None, names: Mapping[WindowStatus, str], words: PlanWords) -> Mark:
    if sums is None or not any(sums[state] for state in _STATES):
        return Mark(words.none_kept, "unknown", STATUS_ICONS["unknown"])
    longest = max(_STATES, key=lambda state: sums[state])
    status = cast("WindowStatus", longest.removesuffix("_s"))
    return Mark(names[status], status, STATUS_ICONS[status])


def _zone(sums: Mapping[str, float] | None, words: PlanWords) -> Mark:
    if sums is None:
        return Mark(words.none_kept, text=words.none_kept)
    if sums["known_s"] <= 0:
        return Mark(words.unseen, text=words.unseen)
    count = f"{sums['person_s'] / sums['known_s']:.1f}".removesuffix(".0")
    return Mark(words.about.format(count=count), text=words.about.format(count=count))


def hall_time(hall: Hall, at: Instant) -> str:
    """The time of day there, such as `10:20`."""
    return f"{datetime.fromtimestamp(at, tz=hall.zone_info):%H:%M}"
