"""Reports that were made, for whoever asks for the same one again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from dashboards.reports.compare import Change
from dashboards.reports.figures import make_report
from dashboards.reports.page import render
from dashboards.reports.pdf import to_pdf_apart
from dashboards.reports.weeks import Week, local_day
from hall.clock import Clock, Instant
from hall.layout import Hall
from hall.words import Language
from ingest.facts import hours_on_record
from ingest.records import Records

OVER_S = 600.0
"""So long a report of a week that is over is good: boxes may tell late, and appeals are decided after it."""
RUNNING_S = 60.0
"""The same for the week that goes on."""
_MOST = 24
_MOST_WEEKS = 160


class Asked(NamedTuple):
    """Which report."""

    week: Week
    lang: Language
    change: Change | None = None


@dataclass(slots=True)
class _Kept:
    """A report, made or being made; one at a time makes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0.0
    page: str = ""
    pdf: bytes | None = None


class Shelf:
    """Makes reports of one hall and keeps the newest; any thread may ask.

    Args:
        records: where everything is.
        hall: the layout.
        clock: the time.
        draw: makes a PDF of a page.
    """

    def __init__(
        self, records: Records, hall: Hall, clock: Clock, *, draw: Callable[[str], bytes] = to_pdf_apart
    ) -> None:
        self._records, self._hall, self._clock, self._draw = records, hall, clock, draw
        self._lock = threading.Lock()
        # A report costs seconds of a core: however many people ask, the centre spends no more than one on it.
        self._working = threading.Lock()
        self._kept: OrderedDict[Asked, _Kept] = OrderedDict()

    def page(self, asked: Asked) -> str:
        """A report as HTML.

        Raises:
            InputError: there is none for this week, or not of this change.
            RecordsError: the records cannot be read.
        """
        return self._find(asked).page

    def pdf(self, asked: Asked) -> bytes:
        """The same as PDF.

        Raises:
            InputError: likewise, or what makes it is not installed.
            RecordsError: the records cannot be read.
        """
        kept = self._find(asked)
        with kept.lock:
            if kept.pdf is None:
                with self._working:
                    kept.pdf = self._draw(kept.page)
            return kept.pdf

    def weeks(self) -> Sequence[Week]:
        """The weeks between the first and the last hour on record, the newest first.

        Raises:
            RecordsError: the records cannot be read.
        """
        found = hours_on_record(self._records, self._hall.hall.id)
        if found is None:
            return ()
        first, last = (Week.of(local_day(at, self._hall.zone_info)) for at in (found[0], found[1] - 1))
        count = (last.monday - first.monday).days // 7 + 1
        newest = min(count, _MOST_WEEKS)
        return tuple(Week.of(last.monday - timedelta(weeks=i)) for i in range(newest))

    def is_over(self, week: Week) -> bool:
        """Whether a week has ended."""
        return self._end(week) <= self._clock.now()

    def _end(self, week: Week) -> Instant:
        return week.span(self._hall.zone_info)[1]

    def _find(self, asked: Asked) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(asked, _Kept())
            self._kept.move_to_end(asked)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        with kept.lock:
            if kept.until <= self._clock.monotonic():
                with self._working:
                    report = make_report(self._records, self._hall, asked.week, self._clock.now(), asked.change)
                    kept.page, kept.pdf = render(report, asked.lang), None
                kept.until = self._clock.monotonic() + (OVER_S if report.is_over else RUNNING_S)
        return kept
