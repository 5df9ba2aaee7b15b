"""A Grafana made from the description of its API: refuses what the description refuses, and remembers the rest."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema

TOKEN = "glsa_test"


@dataclass
class Description:
    """A Swagger 2.0 file."""

    paths: dict[str, Any]
    definitions: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Description:
        """Read it. Some of its enumerations have blanks before their words."""
        whole = json.loads(path.read_text())
        return cls(whole["paths"], _stripped(whole["definitions"]))

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        """The template of a path, and what may be done there."""
        plain = [p for p in self.paths if p == path]
        for template in plain or self.paths:
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method in self.paths[template]:
                return template, self.paths[template][method]
        return None

    def faults(self, operation: dict[str, Any], body: Any) -> list[str]:
        """What of a body is not as described."""
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "body":
                schema = {**parameter["schema"], "definitions": self.definitions}
                found = jsonschema.Draft4Validator(schema).iter_errors(body)
                return [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in found]
        return [] if body is None else ["a body; expected none"]


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: [one.strip() if isinstance(one, str) else one for one in inner] if key == "enum" else _stripped(inner)
            for key, inner in value.items()
        }
    return [_stripped(one) for one in value] if isinstance(value, list) else value


@dataclass
class FakeGrafana:
    """What it was asked and what it holds, each by id."""

    description: Description
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    folders: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    boards: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    points: dict[str, Any] = field(default_factory=dict)
    tree: dict[str, Any] = field(default_factory=lambda: {"receiver": "default", "routes": []})
    forbidden: set[str] = field(default_factory=set)
    """Paths below which nothing may be read."""
    url: str = ""

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and body of an answer."""
        found = self.description.operation(method, path)
        if found is None:
            return 404, {"message": f"{method} {path}: the API has no such thing"}
        if method == "get" and any(path.startswith(start) for start in self.forbidden):
            return 403, {"message": "no permission"}
        template, operation = found
        if faults := self.description.faults(operation, body):
            return 400, {"message": "; ".join(faults)}
        return self._known(method, template, path.rpartition("/")[2], body)

    def _known(self, method: str, template: str, uid: str, body: Any) -> tuple[int, Any]:
        match method, template:
            case "get", "/api/folders/{folder_uid}":
                return _or_404(self.folders.get(uid))
            case "post", "/api/folders":
                return self._put(self.folders, body["uid"], body)
            case "put", "/api/folders/{folder_uid}":
                return self._put(self.folders, uid, {**self.folders[uid], **body})
            case "get", "/api/datasources/uid/{uid}":
                return _or_404(self.sources.get(uid))
            case "post", "/api/datasources":
                return self._put(self.sources, body["uid"], body)
            case "put", "/api/datasources/uid/{uid}":
                return self._put(self.sources, uid, body)
            case "get", "/api/dashboards/uid/{uid}":
                return _or_404(self.boards.get(uid))
            case "post", "/api/dashboards/db":
                return self._save_board(body)
            case _:
                return self._alerting(method, template, uid, body)

    def _alerting(self, method: str, template: str, uid: str, body: Any) -> tuple[int, Any]:
        match method, template.removeprefix("/api/v1/provisioning/"):
            case "get", "alert-rules/{UID}":
                return _or_404(self.rules.get(uid))
            case "post", "alert-rules":
                return (self._put(self.rules, body["uid"], body)[0] + 1, body)
            case "put", "alert-rules/{UID}":
                return self._put(self.rules, uid, body)
            case "get", "contact-points":
                return 200, list(self.points.values())
            case "post", "contact-points":
                return (self._put(self.points, body["uid"], body)[0] + 2, body)
            case "put", "contact-points/{UID}":
                return (self._put(self.points, uid, body)[0] + 2, body)
            case "get", "policies":
                return 200, self.tree
            case "put", "policies":
                self.tree = body
                return 202, {"message": "policies updated"}
            case _:
                raise AssertionError(f"{method} {template}: nothing of ours needs it")

    def _put(self, table: dict[str, Any], uid: str, body: Any) -> tuple[int, Any]:
        table[uid] = body
        return 200, body

    def _save_board(self, body: Any) -> tuple[int, Any]:
        board, folder = body["dashboard"], body["folderUid"]
        if folder not in self.folders:
            return 400, {"message": f"folder {folder} not found"}
        if board["uid"] in self.boards and not body.get("overwrite"):
            return 412, {"message": "a board of that uid exists"}
        self.boards[board["uid"]] = {"dashboard": board, "meta": {"folderUid": folder, "provisioned": False}}
        return 200, {"uid": board["uid"], "status": "success"}


def _or_404(found: Any) -> tuple[int, Any]:
    return (404, {"message": "not found"}) if found is None else (200, found)


@contextlib.contextmanager
def serving(fake: FakeGrafana) -> Iterator[FakeGrafana]:
    """The fake on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            method, path = self.command.lower(), self.path.partition("?")[0]
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, body = 401, {"message": "Unauthorized"}
            else:
                status, body = fake.answer(method, path, json.loads(raw) if raw else None)
            fake.requests.append((method, path, status))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing: the requests are kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="fake-grafana")
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
