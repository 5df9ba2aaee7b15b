"""The console on a real server: uvicorn in a thread, on a free port of loopback."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from dashboards.console import mount
from hall.clock import Clock
from hall.layout import Hall
from hall.views import ReadModel
from tests.support.servers import free_port, wait_until


@contextlib.contextmanager
def serving(hall: Hall, reads: ReadModel, clock: Clock) -> Iterator[str]:
    """Address of a console."""
    app = FastAPI()
    mount(app, hall, reads, clock=clock)
    port = free_port()
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
