"""Pages of NiceGUI on a real server: uvicorn in a thread, on a free port of loopback."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals

from tests.support.servers import free_port, wait_until


@contextlib.contextmanager
def fresh_pages() -> Iterator[None]:
    """A NiceGUI without pages, for the length of a block: it is one application per process, and modules share one.

    For tests only: without pytest NiceGUI does not do it.
    """
    with nicegui_reset_globals():
        try:
            yield
        finally:
            # Else the modules that made pages were forgotten, and whoever imports them later has others.
            Client.page_routes.clear()


@contextlib.contextmanager
def serving_app(app: FastAPI, port: int | None = None) -> Iterator[str]:
    """Address of an application; on a free port where none is said."""
    port = port or free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="console-under-test")
    thread.start()
    try:
        wait_until(lambda: server.started, "the console answers")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the console did not stop"
