"""Somebody who listens to server-sent events, without a socket: what the application sends is kept until it is read."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, NamedTuple, Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Event(NamedTuple):
    """An event as a browser has it: without data it only moves the id."""

    id: int | None
    name: str
    data: Any


class Listener:
    """One request for events.

    Args:
        app: the application.
        query: of the request.
        headers: of the request.
    """

    def __init__(self, app: ASGIApp, query: str = "", **headers: str) -> None:
        self._app, self._query = app, query
        self._headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.reads = asyncio.Event()
        """While it is not set, what is sent is not taken, as by a socket that is full."""
        self.reads.set()
        self.status = 0
        self._text = b""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/api/events",
            "raw_path": b"/api/events",
            "root_path": "",
            "query_string": self._query.encode(),
            "headers": [(b"host", b"centre"), *self._headers],
        }
        self._task = asyncio.create_task(_answer(self._app, scope, self._receive, self._send))
        self.status = (await self._sent.get())["status"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gone.set()
        assert self._task is not None
        await self._task

    async def next(self) -> Event | None:
        """The next event with data; None at the end of the stream."""
        while b"\n\n" not in self._text:
            message = await self._sent.get()
            if not message.get("more_body"):
                return None
            self._text += message["body"]
        block, self._text = self._text.split(b"\n\n", 1)
        fields = dict(line.split(": ", 1) for line in block.decode().splitlines())
        if "data" not in fields:
            return await self.next()
        return Event(int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"]))

    async def ended(self) -> None:
        """Wait until the application is done with it."""
        assert self._task is not None
        await self._task

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        self._sent.put_nowait(message)


async def _answer(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)
