"""What all open inboxes share: read when an incident changed, not for each of them and not for what boxes say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from sqlalchemy import Connection

from hall.clock import Clock
from hall.errors import RecordsError
from hall.views import ReadModel
from ingest import inbox
from ingest.inbox import InboxFile, InboxPage, Part, Question, Shown
from ingest.records import Records

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_MOST = 200
"""Answers kept at once."""
RETRY_S = 5.0
"""After so long records that were away are asked again."""
NAMES_S = 60.0
"""So long names for suggestions are kept."""


class Shelf:
    """Answers about the incidents of a hall, kept until one of them changes.

    Args:
        records: read in threads, never on the event loop.
        hall: its id.
        reads: its version says cheaply that anything may have changed.
        clock: wall-clock time.
    """

    def __init__(self, records: Records, hall: str, reads: ReadModel, clock: Clock) -> None:
        self._records, self._hall, self._reads, self._clock = records, hall, reads, clock
        self._seen: int | None = None
        """Version of `reads` that was looked at."""
        self._number = -1
        self._again_at = 0.0
        self._kept: dict[object, object] = {}
        self._lock = asyncio.Lock()
        self.failed = False
        """Whether the records could not be read when that was last tried."""
        self.edition = 0
        """Grows whenever answers may differ from those given before."""

    async def look(self) -> int:
        """The edition as of now. Costs the comparison of two numbers while nothing changed."""
        version = self._reads.version()
        if self._is_known(version):
            return self.edition
        async with self._lock:
            if not self._is_known(version):
                await self._look(version)
        return self.edition

    def _is_known(self, version: int) -> bool:
        return self._clock.now() < self._again_at if self.failed else version == self._seen

    async def page(self, question: Question, part: Part) -> InboxPage:
        """Part of the inbox; its beginning where the cursor is none."""

        def read(connection: Connection) -> InboxPage:
            try:
                return inbox.page(connection, question, part)
            except inbox.CursorError:
                return inbox.page(connection, question, Part(part.limit))

        return await self._get(("page", question, part), read, InboxPage([], {}, None, None, more=False))

    async def counts(self, question: Question) -> Mapping[Shown, int]:
        """Rows for each status, the rest of the question as it is."""
        key = question.severity, question.rule, question.floor
        return await self._get(("counts", key), lambda c: inbox.counts(c, question), dict.fromkeys(inbox.SHOWN, 0))

    async def file(self, event_id: str) -> InboxFile | None:
        """All about an incident; None where there is none."""
        return await self._get(("file", event_id), lambda c: inbox.file_of(c, self._hall, event_id), None)

    async def names(self) -> Sequence[str]:
        """Names for suggestions."""
        slot = int(self._clock.now() // NAMES_S)
        return await self._get(("names", slot), lambda c: inbox.names(c, self._hall), ())

    async def _look(self, version: int) -> None:
        found = await asyncio.to_thread(self._read, lambda c: inbox.news_since(c, self._hall, self._number))
        had_failed, self.failed = self.failed, found is None
        is_news = False
        if found is None:
            self._again_at = self._clock.now() + RETRY_S
        else:
            is_news, number = found[0] or self._number < 0, found[1]
            self._number, self._seen = number, version
            if is_news:
                self._kept.clear()
        if is_news or had_failed != self.failed:
            self.edition += 1

    async def _get(self, key: object, read: Callable[[Connection], _T], otherwise: _T) -> _T:
        if key in self._kept:
            return cast("_T", self._kept[key])
        number = self._number
        found = await asyncio.to_thread(self._read, lambda connection: (read(connection),))
        if found is None:
            return otherwise
        if number == self._number:  # else it may be from before a change that is known by now
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = found[0]
        return found[0]

    def _read(self, read: Callable[[Connection], _T]) -> _T | None:
        try:
            with self._records.reading() as connection:
                return read(connection)
        except RecordsError as exc:
            log.warning("console: the incidents cannot be read: %s", exc)
            return None
