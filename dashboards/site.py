"""What every page of the console is built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI, Request

from dashboards.feed import Feed
from dashboards.frame_words import Place
from dashboards.views import Views
from hall.clock import Clock
from hall.layout import Hall
from hall.views import ReadModel
from ingest.records import Records
from ingest.users import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation: where it leads, and who may go there."""

    place: Place
    path: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every page is built from.

    Attributes:
        app: where pages and their routes go.
        hall: the layout.
        feed: the boards of floors, shared by all open pages.
        reads: what the centre knows now.
        clock: wall-clock time.
        views: pictures of the cameras with people blurred, for a rendered hall only.
        may_stay: whether who opened a page by this request may still see it; None asks nobody.
        records: the SQL records; None for a console that shows live state only.
        hall_file: the file of the layout, where this process has it.
        entries: places in the navigation so far.
    """

    app: FastAPI
    hall: Hall
    feed: Feed
    reads: ReadModel
    clock: Clock
    views: Views | None = None
    may_stay: Callable[[Request], bool] | None = None
    records: Records | None = None
    hall_file: Path | None = None
    entries: dict[Place, Entry] = field(default_factory=dict)

    def lead_to(self, place: Place, path: str, role: Role = "viewer") -> None:
        """Put a place into the navigation, once."""
        self.entries.setdefault(place, Entry(place, path, role))
