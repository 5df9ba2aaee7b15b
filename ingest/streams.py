"""Everybody who listens to changes over HTTP, and one pump for all of them.

The pump reads what is new once, makes text of it once for each scope (halls and kind), and hands it to every stream
of that scope: a stream costs a task and its socket, and no reading of its own once it has caught up. One who reads
too slowly is dropped; whoever comes back with the number of the last event gets what followed, and nothing twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from typing import NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool

from hall.errors import RecordsError
from hall.views import IncidentView, NodeView
from ingest.changes import Change, ChangeKind
from ingest.reader import News, Reader
from ingest.users import Account, Users

_log = logging.getLogger(__name__)

MAX_STREAMS = 1_000
"""Of one process."""
_MAX_BEHIND_BYTES = 1_000_000
_AT_ONCE = 100
"""Changes of one read: a node of fifty windows is 10 kB."""
_PACE_S = 0.2
"""Between two reads of the pump: what changes meanwhile goes out together."""
_CHECK_S = 2.0
"""So often it is looked whether those who listen still may."""
_RETRY_S = 1.0


class Scope(NamedTuple):
    """What a stream tells of."""

    halls: tuple[str, ...] | None
    kind: ChangeKind | None

    def has(self, change: Change) -> bool:
        """Whether a change is in it."""
        in_halls = self.halls is None or change.subject.hall in self.halls
        return in_halls and self.kind in {None, change.subject.kind}


class Stream:
    """One who listens.

    Args:
        scope: to what.
        last: the number of the last change that is known there.
        account: who it is.
        key: by which; None where nobody is asked.
    """

    def __init__(self, scope: Scope, last: int, account: Account, key: str | None) -> None:
        self.scope, self.last, self.account, self.key = scope, last, account, key
        self.end_reason: str | None = None
        self.ended = asyncio.Event()
        self._chunks: deque[bytes] = deque()
        self._waiting = asyncio.Event()

    def put(self, chunk: bytes, up_to: int) -> None:
        """More to tell, up to a number; ends a stream that is too far behind."""
        self.last = max(self.last, up_to)
        if not chunk or self.end_reason is not None:
            return
        if sum(map(len, self._chunks)) > _MAX_BEHIND_BYTES:
            self.end("too slow")
            return
        self._chunks.append(chunk)
        self._waiting.set()

    def end(self, reason: str) -> None:
        """Tell no more."""
        if self.end_reason is None:
            self.end_reason = reason
            self._chunks.clear()
            self._waiting.set()
            self.ended.set()

    async def next(self, timeout_s: float) -> bytes:
        """What there is to tell, as soon as there is something; nothing after `timeout_s` or at the end."""
        # Not `wait_for`: in Python 3.11 that swallows a cancellation that comes together with what it waits for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._waiting.wait()
        self._waiting.clear()
        told = b"".join(self._chunks)
        self._chunks.clear()
        return told


class Streams:
    """The streams of this process.

    Args:
        reader: says what changed.
        users: who may listen; None asks nobody.
    """

    def __init__(self, reader: Reader, users: Users | None) -> None:
        self._reader, self._users = reader, users
        self._open: set[Stream] = set()
        self._caught_up: set[Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pulse = asyncio.Event()
        self._position = 0
        self._tasks: list[asyncio.Task[None]] = []
        reader.listen(self._beat)

    @property
    def is_full(self) -> bool:
        """Whether there are so many that no more are taken."""
        return len(self._open) >= MAX_STREAMS

    def close(self) -> None:
        """End every stream; from any thread, or a signal handler."""
        self._call(lambda: self._end_all(list(self._open), "the centre stops"))

    @contextlib.asynccontextmanager
    async def listening(self, stream: Stream) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Have a stream open for a while.

        Yields:
            What it has to catch up with; afterwards `Stream.next` has all that follows.
        """
        if not self._open:
            await self._start()
        self._open.add(stream)
        try:
            yield self._catch_up(stream)
        finally:
            self._open.discard(stream)
            self._caught_up.discard(stream)
            if not self._open:
                self._stop()

    async def _start(self) -> None:
        await run_in_threadpool(self._reader.changed)
        if self._open:  # another one came meanwhile
            return
        self._loop, self._pulse = asyncio.get_running_loop(), asyncio.Event()
        self._position = self._reader.version()
        self._tasks = [asyncio.create_task(self._pump(), name="event-pump")]
        if self._users is not None:
            self._tasks.append(asyncio.create_task(self._check(self._users), name="event-check"))

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._loop, self._tasks = None, []

    def _beat(self) -> None:
        self._call(self._pulse.set)

    def _call(self, what: Callable[[], None]) -> None:
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                loop.call_soon_threadsafe(what)

    async def _catch_up(self, stream: Stream) -> AsyncGenerator[bytes]:
        halls, kind = stream.scope
        while True:
            news = await run_in_threadpool(self._reader.news, stream.last, limit=_AT_ONCE, halls=halls, kind=kind)
            stream.last = max(stream.last, news.up_to)
            if news.changes:
                yield _text(news.changes)
            # What the pump has read is known here too; what it reads from now on comes by itself.
            if stream.last >= self._position:
                self._caught_up.add(stream)
                return

    async def _pump(self) -> None:
        while True:
            await self._pulse.wait()
            self._pulse.clear()
            try:
                news = await run_in_threadpool(self._reader.news, self._position, limit=_AT_ONCE)
            except RecordsError as exc:
                _log.warning("events wait: %s", exc)
                await asyncio.sleep(_RETRY_S)
                self._pulse.set()
                continue
            self._deliver(news)
            if news.up_to < self._reader.version():
                self._pulse.set()
            await asyncio.sleep(_PACE_S)

    def _deliver(self, news: News) -> None:
        before, self._position = self._position, max(self._position, news.up_to)
        shared: dict[Scope, bytes] = {}
        for stream in self._caught_up:
            if stream.last > before:  # it has caught up with some of it by itself
                stream.put(_text(_part(news, stream.scope, stream.last)), news.up_to)
                continue
            if stream.scope not in shared:
                shared[stream.scope] = _text(_part(news, stream.scope, before))
            stream.put(shared[stream.scope], news.up_to)

    async def _check(self, users: Users) -> None:
        """End the streams of those who may listen no more, or to other halls."""
        while True:
            await asyncio.sleep(_CHECK_S)
            streams = [stream for stream in self._open if stream.key is not None]
            keys = {stream.key for stream in streams if stream.key is not None}
            try:
                known = await run_in_threadpool(users.who_each, keys)
            except RecordsError:
                continue  # nothing is told meanwhile either
            gone = [stream for stream in streams if known.get(stream.key or "") != stream.account]
            self._end_all(gone, "the login ended")

    def _end_all(self, streams: Iterable[Stream], reason: str) -> None:
        for stream in streams:
            stream.end(reason)


def _part(news: News, scope: Scope, after: int) -> Iterable[tuple[Change, IncidentView | NodeView]]:
    return [one for one in news.changes if scope.has(one[0]) and one[0].number > after]


def _text(changes: Iterable[tuple[Change, IncidentView | NodeView]]) -> bytes:
    return b"".join(event(view, change.subject.kind, change.number) for change, view in changes)


def event(data: object, name: str, number: int | None = None) -> bytes:
    """An event as it is sent; JSON has no line breaks. Who comes back after one with a number is told what followed."""
    said = b"" if number is None else b"id: %d\n" % number
    return b"%bevent: %b\ndata: %b\n\n" % (said, name.encode(), msgspec.json.encode(data))
