"""A server of files on loopback that can break off, ignore ranges, send something else, or want a password."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FilesServer:
    """What it serves and how; `asked` are the paths and ranges of the requests so far."""

    files: dict[str, bytes]
    break_after: list[int] = field(default_factory=list)
    """Bytes after which one answer each breaks off."""
    ranges: bool = True
    codes: list[int] = field(default_factory=list)
    """Answers of the first requests, instead of a file."""
    authorization: str | None = None
    length: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(server: FilesServer) -> Iterator[FilesServer]:
    """Run it on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Range")
            server.asked.append((self.path, given))
            content = server.files.get(self.path.lstrip("/"))
            if server.codes:
                self.send_error(server.codes.pop(0))
            elif server.authorization not in {None, self.headers.get("Authorization")}:
                self.send_error(401)
            elif content is None:
                self.send_error(404)
            else:
                self._send(content, int(found[1]) if server.ranges and (found := _from(given)) else 0)

        def _send(self, content: bytes, start: int) -> None:
            if start >= len(content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if server.length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            stop = start + server.break_after.pop(0) if server.break_after else len(content)
            self.wfile.write(content[start:stop])
            self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = httpd.server_address[1]
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _from(given: str | None) -> re.Match[str] | None:
    return re.fullmatch(r"bytes=(\d+)-", given or "")
