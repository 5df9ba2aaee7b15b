"""A time-series store in a bad mood: it stands before a real one and lets through what it likes."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

import urllib3

from tests.support.servers import free_port

Mood = Literal["well", "failing", "hanging", "swallowing"]
"""It works; answers 500; takes requests and does not answer; writes what it gets and does not answer."""


class MoodyStore:
    """Passes requests on to the store on `port` while it is well. Whom it let hang gets 500 when its mood changes."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self.asked = 0
        self._store = urllib3.PoolManager(maxsize=8)
        self._target = f"http://127.0.0.1:{port}"
        self._mood: Mood = "well"
        self._changed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="moody-store")

    @property
    def address(self) -> str:
        """As `--store` takes it."""
        return f"victoria+http://127.0.0.1:{self.port}"

    @property
    def mood(self) -> Mood:
        """How it is."""
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        changed, self._changed = self._changed, threading.Event()
        self._mood = mood
        changed.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.mood = "failing"
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._store.clear()

    def _answer(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        changed, mood = self._changed, self._mood
        self.asked += 1
        status = 500
        if mood in {"well", "swallowing"}:
            status = self._store.request("POST", f"{self._target}{path}", body=body, headers=headers).status
        if mood in {"hanging", "swallowing"}:
            changed.wait()
            status = 500
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # whoever asked was killed
                    super().handle()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = {name: value for name in ("Content-Encoding",) if (value := self.headers[name])}
                try:
                    self.send_response(store._answer(self.path, body, kept))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    self.close_connection = True  # who asked waits no more

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
