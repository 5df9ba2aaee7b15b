"""Real servers for tests, started on loopback with their own port and folder, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path


def _ports() -> Iterator[int]:
    """In any order, some for each of pytest-xdist's workers."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + 1_000 * (worker % 12)
    return cycle(random.SystemRandom().sample(range(first, first + 1_000), 1_000))


_PORTS = _ports()


def free_port() -> int:
    """A port on loopback that nobody listens on now.

    Below those that Linux gives to outgoing connections: while a server is away, nobody else takes its port.
    """
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
        return True
    return False


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Wait for a condition; fail the test and say what did not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout_s} s: {what}")
        time.sleep(0.02)


def require(program: str, package: str) -> str:
    """Path of a server's program; a missing one fails the test and says what to install."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise AssertionError(f"{program} is not installed: apt-get install {package} (make test does it)")
    return found


@dataclass
class Server:
    """A child process that listens on one port; may be killed, stopped and started again."""

    name: str
    command: list[str]
    port: int
    folder: Path
    ready: Callable[[], bool] | None = None
    user: str | None = None
    end: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self.folder / f"{self.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder, user=self.user)
        wait_until(self._answers, f"{self.name} answers on port {self.port}")

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            text = (self.folder / f"{self.name}.log").read_text(errors="replace")
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{text[-2000:]}")
        return self.ready() if self.ready else listens(self.port)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stop it and wait; SIGKILL for a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how or self.end)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


def http_get(url: str, timeout_s: float = 5.0) -> str:
    """Body of a GET."""
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:
        return str(answer.read().decode())


def _answers_http(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            http_get(url, 1.0)
        except (OSError, urllib.error.URLError):
            return False
        return True

    return ready


def mosquitto(folder: Path, port: int | None = None, *, persistence: bool = True) -> Server:
    """A broker as the compose file configures it, but anonymous; not started yet."""
    port = port or free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
        f"max_queued_messages 200000\npersistence {'true' if persistence else 'false'}\n"
        f"persistence_location {folder}/\nautosave_interval 1\nautosave_on_changes false\nuser root\n"
    )
    return Server("mosquitto", [require("mosquitto", "mosquitto"), "-c", str(config)], port, folder)


def victoria_metrics(folder: Path) -> Server:
    """A VictoriaMetrics; not started yet."""
    port = free_port()
    command = [
        require("victoria-metrics", "victoria-metrics"),
        f"-storageDataPath={folder / 'vm'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-memory.allowedPercent=5",
        "-search.latencyOffset=0s",
        "-dedup.minScrapeInterval=1ms",
    ]
    ready = _answers_http(f"http://127.0.0.1:{port}/health")
    return Server("victoria-metrics", command, port, folder, ready)


def influxdb1(folder: Path) -> Server:
    """An InfluxDB 1.6; not started yet. Create a database before writing: `influx_query`."""
    port, rpc = free_port(), free_port()
    data = folder / "influx"
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n'
        f'[meta]\ndir = "{data}/meta"\n[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\nquery-log-enabled = false\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n'
    )
    command = [require("influxd", "influxdb"), "-config", str(config)]
    return Server("influxd", command, port, folder, _answers_http(f"http://127.0.0.1:{port}/ping"))


def influx_query(port: int, query: str, database: str | None = None) -> str:
    """Answer of InfluxDB 1.x to an InfluxQL statement, as JSON text."""
    fields = {"q": query} | ({"db": database, "epoch": "ms"} if database else {})
    data = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/query", data=data, timeout=5) as answer:
        return str(answer.read().decode())


def postgresql(folder: Path) -> Server:
    """A PostgreSQL with the user `postgres` and the password `hush`; not started yet.

    It refuses to run as root, so root gives it and the folder, which it must be able to reach, to its own user.
    """
    user = "postgres" if os.geteuid() == 0 else None
    programs = ":".join(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))
    initdb, server = (
        shutil.which(name, path=programs) or require(name, "postgresql") for name in ("initdb", "postgres")
    )
    secret, data, port = folder / "password", folder / "data", free_port()
    secret.write_text("hush\n")
    if user is not None:
        for path in (folder, secret):
            shutil.chown(path, user)
    command = [initdb, "-D", str(data), "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256"]
    subprocess.run([*command, "-N", f"--pwfile={secret}"], check=True, capture_output=True, cwd=folder, user=user)
    command = [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    asked = [str(Path(initdb).with_name("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
    ready = lambda: subprocess.run(asked, check=False).returncode == 0  # noqa: E731
    return Server("postgres", command, port, folder, ready, user=user, end=signal.SIGINT)


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server for the length of a block."""
    try:
        server.start()
        yield server
    finally:
        server.stop()
