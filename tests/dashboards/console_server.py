"""The console on a real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fastapi import FastAPI

from dashboards.console import mount
from hall.clock import Clock
from hall.layout import Hall
from hall.views import ReadModel
from ingest.records import Records
from tests.support.pages import fresh_pages, serving_app


@contextlib.contextmanager
def serving(hall: Hall, reads: ReadModel, clock: Clock, *, records: Records | None = None) -> Iterator[str]:
    """Address of a console."""
    with fresh_pages():
        app = FastAPI()
        mount(app, hall, reads, clock=clock, records=records)
        with serving_app(app) as url:
            yield url
