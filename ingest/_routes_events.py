"""`/api/events`: what changes, as it changes, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from hall.errors import RecordsError
from ingest._answers import problems
from ingest.changes import ChangeKind
from ingest.login import HallsAsked, account_of, key_of
from ingest.reader import Reader
from ingest.streams import Scope, Stream, Streams, event

_HEARTBEAT_S = 15.0
"""Proxies close what is silent for longer, and a socket that is gone is noticed by writing to it."""
_LAST_WORD_S = 1.0
"""How long one who is too slow may take for the end of it."""
_MOST = 2**63 - 1

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_Number = Annotated[int | None, Query(ge=0, le=_MOST, description="As Last-Event-ID, where that cannot be set")]
_LastId = Annotated[int | None, Header(ge=0, le=_MOST, description="`id` of the last event that was received")]

_ANSWER = {"description": "Events, without an end.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}


def add_events(app: FastAPI, reader: Reader, streams: Streams) -> None:
    """Add the stream of events."""

    @app.get("/api/events", response_class=Response, responses={200: _ANSWER, **problems(422)})
    async def events(
        request: Request,
        halls: HallsAsked,
        kind: ChangeKind | None = None,
        after: _Number = None,
        last_event_id: _LastId = None,
    ) -> Response:
        """Incidents and nodes as they change, of the halls that the user may see, or of one.

        An event is the whole of what changed, as `/api/incidents` or `/api/nodes` has it, with the number of the
        change as its id. The first one, `hello`, has no more than the number: what lists say from then on is as new.
        After a pause, the newest change of each that changed meanwhile is told. `end` says why there is no more.
        """
        if streams.is_full:
            raise HTTPException(503, "too many streams are open; try again later", headers={"Retry-After": "10"})
        await run_in_threadpool(reader.changed)
        known = last_event_id if last_event_id is not None else after
        resumed = known is not None and known <= reader.version()
        last = known if known is not None and resumed else reader.version()
        scope = Scope(None if halls is None else tuple(halls), kind)
        return _Events(streams, Stream(scope, last, account_of(request), key_of(request)), resumed=resumed)


class _Events(Response):
    """One stream, until either side ends it."""

    def __init__(self, streams: Streams, stream: Stream, *, resumed: bool) -> None:
        super().__init__()
        self._streams, self._stream, self._resumed = streams, stream, resumed

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.create_task(self._send(send), name="event-stream")
        others = [asyncio.create_task(_gone(receive)), asyncio.create_task(self._stream.ended.wait())]
        try:
            await asyncio.wait([sending, *others], return_when=asyncio.FIRST_COMPLETED)
            if self._stream.ended.is_set():
                await asyncio.wait([sending], timeout=_LAST_WORD_S)
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunks(self) -> AsyncGenerator[bytes]:
        stream = self._stream
        async with self._streams.listening(stream) as past:
            yield event({"version": stream.last, "resumed": self._resumed}, "hello", stream.last)
            try:
                async with aclosing(past):
                    async for chunk in past:
                        yield chunk
            except RecordsError as exc:
                stream.end(str(exc))
            while stream.end_reason is None:
                chunk = await stream.next(_HEARTBEAT_S)
                # An id without data moves the number with which a reader comes back, and tells nothing.
                yield chunk or b"id: %d\n: still here\n\n" % stream.last
            yield event({"reason": stream.end_reason}, "end")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
