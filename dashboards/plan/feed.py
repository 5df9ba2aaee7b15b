"""What all open pages of one floor share: the plan, its heat, and the view of now, made once per change."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec

from dashboards.board import Board
from dashboards.plan.geometry import floor_plan
from dashboards.plan.past import hall_time
from dashboards.plan.view import Heat, live_view
from dashboards.plan_picture import read_picture
from dashboards.site import Site
from dashboards.texts import Lang
from hall.clock import Instant
from hall.errors import HallwatchError, InputError
from hall.layout import Floor
from ingest.heat import SLOT_S, read_heat

log = logging.getLogger(__name__)

HEAT_EVERY_S = 30.0
"""Heat comes once a minute; so often it is read while somebody looks."""
HEAT_FOR_S = 600.0
"""Heat of now is of so long, from the beginning of its slot."""


class PlanFeed:
    """The plan of a floor.

    Args:
        site: what pages are built from.
        floor: which floor.
    """

    def __init__(self, site: Site, floor: Floor) -> None:
        self._site, self._floor = site, floor
        self.plan = floor_plan(floor)
        self.picture = None if self.plan is None else _picture(site.hall_file, floor)
        self._heat: Heat = {}
        self._span: tuple[Instant, Instant] = (0.0, 0.0)
        self._read_at = float("-inf")
        self._views: dict[Lang, tuple[Board, Heat, str]] = {}
        self._lock = asyncio.Lock()

    @property
    def image(self) -> str | None:
        """Where browsers find the picture of the plan."""
        return None if self.picture is None else f"/plan/{self._floor.id}/picture"

    async def live(self, board: Board, lang: Lang) -> str:
        """The view of now as JSON; the same text while nothing changed."""
        async with self._lock:
            now = self._site.clock.now()
            if self._site.records is not None and not 0 <= now - self._read_at < HEAT_EVERY_S:
                self._read_at = now
                heat = await asyncio.to_thread(self._read, now)
                if heat != self._heat:
                    self._heat = heat
            known = self._views.get(lang)
            if known is None or known[0] is not board or known[1] is not self._heat:
                start, end = (hall_time(self._site.hall, at) for at in self._span)
                view = live_view(board, self._heat, (start, end), lang)
                known = self._views[lang] = board, self._heat, msgspec.json.encode(view).decode()
            return known[2]

    def _read(self, now: Instant) -> Heat:
        assert self._site.records is not None
        start = (now - HEAT_FOR_S) // SLOT_S * SLOT_S
        try:
            with self._site.records.reading() as connection:
                heat = read_heat(connection, self._site.hall.hall.id, self._floor.id, start, now)
        except HallwatchError as exc:
            log.warning("floor plan: the heat cannot be read: %s", exc)
            return self._heat
        self._span = start, now
        return heat


def _picture(hall_file: Path | None, floor: Floor) -> tuple[str, bytes] | None:
    """Media type and content of the picture that hall.yaml names; None where there is none that can be shown."""
    if hall_file is None or floor.plan is None or floor.plan.image is None:
        return None
    try:
        return read_picture(hall_file.parent / floor.plan.image, f"floors.{floor.id}.plan")
    except InputError as exc:
        log.warning("floor plan: lines in place of the picture: %s", exc)
        return None
