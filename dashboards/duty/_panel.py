"""The line of duty on each window, and the dialog by which it is changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from dashboards.duty._words import DUTY_WORDS
from dashboards.frame import Visit
from dashboards.markup import Part, templates_in
from dashboards.site import Site
from dashboards.texts import format_time
from hall.clock import Clock
from hall.errors import RecordsError
from hall.layout import Window
from ingest.duty import DutyView, in_force
from ingest.records import Records

log = logging.getLogger(__name__)

_TEMPLATES = templates_in(Path(__file__).parent / "templates")
HEAD_FOLDER = Path(__file__).parent / "static"
"""Style and script, for the head of pages that show duty; see `dashboards.markup.head_of`."""
EVERY_S = 1.0
"""So often commands are read, for all pages together."""


class DutyFeed:
    """The commands in force, read once for all open pages.

    Args:
        records: read in a thread.
        hall: its id.
        clock: tells what has ended.
    """

    def __init__(self, records: Records, hall: str, clock: Clock) -> None:
        self._records, self._hall, self._clock = records, hall, clock
        self._slot: int | None = None
        self._known: Mapping[str, DutyView] = {}
        self._lock = asyncio.Lock()

    async def look(self) -> Mapping[str, DutyView]:
        """The command in force of each window that has one; the same object while nothing changed."""
        async with self._lock:
            slot = int(self._clock.now() // EVERY_S)
            if slot != self._slot:
                self._slot = slot
                found = await asyncio.to_thread(self._read)
                if found != self._known:
                    self._known = found
        return self._known

    def _read(self) -> Mapping[str, DutyView]:
        try:
            with self._records.reading() as connection:
                return in_force(connection, self._hall, self._clock.now())
        except RecordsError as exc:
            log.warning("console: the duty commands cannot be read, showing the last ones: %s", exc)
            return self._known


def feed_of(site: Site) -> DutyFeed | None:
    """The feed of a site; None where it has no records."""
    return None if site.records is None else DutyFeed(site.records, site.hall.hall.id, site.clock)


class DutyPanel:
    """The duty of the windows of one open page.

    Args:
        visit: by whom it was opened; managers set duty, all see it.
        feed: shared by all pages; None shows nothing.
    """

    def __init__(self, visit: Visit, feed: DutyFeed | None) -> None:
        self._visit, self._feed = visit, feed
        self._words = DUTY_WORDS[visit.lang]
        self._may = feed is not None and visit.may("manager")
        self._lines: dict[str, tuple[Window, Part]] = {}
        self._shown: tuple[Mapping[str, DutyView], int] | None = None
        if self._may:
            hall = visit.site.hall.hall
            Part("dialogs", self._render("dialog", hall=hall.id, zone=hall.timezone))

    def line(self, window: Window) -> None:
        """Put the line of a window into the current slot."""
        self._lines[window.id] = window, Part("duty", self._line(window, None))

    async def refresh(self) -> None:
        """Send what changed since last time."""
        if self._feed is None:
            return
        found = await self._feed.look()
        day = int(self._visit.site.clock.now() // 3600)  # times of another day are told with their date
        if self._shown is not None and self._shown[0] is found and self._shown[1] == day:
            return
        self._shown = found, day
        for window, part in self._lines.values():
            part.show(self._line(window, found.get(window.id)))

    def _line(self, window: Window, command: DutyView | None) -> str:
        words = self._words
        said = ""
        if command is not None:
            now = (words.now_on_demand if window.on_demand else words.now)[command.duty]
            until = "" if command.until is None else words.until.format(time=self._time(command.until))
            said = " · ".join(part for part in (f"{now} {until}".strip(), words.by.format(by=command.by)) if part)
        duty = "" if command is None else command.duty
        return self._render("line", window=window, said=said, duty=duty, may=self._may)

    def _time(self, at: float) -> str:
        site = self._visit.site
        return format_time(at, site.clock.now(), site.hall.zone_info, self._visit.lang).removesuffix(":00")

    def _render(self, name: str, **values: object) -> str:
        return _TEMPLATES.get_template(f"{name}.html").render(words=self._words, **values).strip()
