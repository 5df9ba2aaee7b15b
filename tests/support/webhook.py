"""A webhook that records every request, on loopback; may refuse, go away and come back."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.servers import free_port


@dataclass(frozen=True)
class Received:
    """One request. `headers` have lower-case names; `payload` is empty where the body is no JSON."""

    path: str
    headers: dict[str, str]
    payload: dict[str, Any]
    status: int

    @property
    def key(self) -> str:
        """Which alert it is: `event_id:phase`."""
        return str(self.payload["key"])


class Webhook:
    """Records what is posted, and answers `status` and `answer`, but 503 to the next `refuse_next` requests.

    Only requests answered with 200 count as delivered.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.status = 200
        self.refuse_next = 0
        self.answer = b""
        self.requests: list[Received] = []
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its address as apprise writes it."""
        return f"json://127.0.0.1:{self.port}/hall"

    @property
    def delivered(self) -> list[str]:
        """Keys of the alerts it took, in order."""
        return [r.key for r in self.requests if r.status == 200]

    def start(self) -> None:
        """Listen, on the same port each time."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="webhook")
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                is_json = headers.get("content-type", "").startswith("application/json")
                payload = json.loads(body) if is_json else {}
                status = 503 if hook.refuse_next > 0 else hook.status
                hook.refuse_next -= 1
                hook.requests.append(Received(self.path, headers, payload, status))
                self.send_response(status)
                self.send_header("Content-Length", str(len(hook.answer)))
                self.end_headers()
                self.wfile.write(hook.answer)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
