"""Servers that `hallwatch bench ingest` starts for itself on loopback: mosquitto, VictoriaMetrics, PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from hall.errors import InputError, ServiceError
from ingest import bench

START_S = 10.0
"""A server that takes longer to start or to end is in trouble."""

_COLLECT_PERCENT = "100"
"""GOGC of VictoriaMetrics. Left to itself it takes 30, which saves memory and costs processor time: docs/store.md."""


class Server:
    """A server on loopback with a port and a folder of its own."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self._command = command
        self._user = user
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command, stdout=log, stderr=log, env=self._environment, cwd=self._log.parent, user=self._user
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(f"{self._command[0]} did not start:\n{self._log.read_text()[-1000:]}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether somebody listens."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return True
        return False

    @property
    def cpu_s(self) -> float:
        """Processor time that it has taken."""
        assert self._process is not None
        # proc(5): after the name in brackets, user and system time are the twelfth and the thirteenth.
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(START_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class Victoria(Server):
    """A VictoriaMetrics that can be asked what it holds."""

    @property
    def address(self) -> str:
        """As `--store` takes it."""
        return f"victoria+http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether it is well."""
        try:
            self._get("/health")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def samples(self) -> int:
        """How many numbers of ours it holds."""
        self._get("/internal/force_flush")
        query = {"query": f'sum(count_over_time({{hall="{bench.HALL}"}}[60d]))', "time": f"{time.time() + 60:.0f}"}
        answer = json.loads(self._get(f"/api/v1/query?{urllib.parse.urlencode(query)}"))
        found = answer["data"]["result"]
        return int(found[0]["value"][1]) if found else 0

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return bytes(answer.read())


class Postgres(Server):
    """A PostgreSQL with its defaults, and so safe against a power cut."""

    @property
    def address(self) -> str:
        """As `--records` takes it."""
        return f"postgresql+psycopg://postgres:bench@127.0.0.1:{self.port}/postgres"

    @property
    def cpu_s(self) -> float:
        """Processor time of the server and of all its processes, those that have ended, too."""
        assert self._process is not None
        total = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # proc(5): after the name in brackets the parent is the second field, then see `Server.cpu_s`; the two
                # that follow are those of children that were waited for.
                fields = path.read_text().rpartition(") ")[2].split()
                if path.parent.name == str(self._process.pid):
                    total += sum(map(int, fields[11:15]))
                elif fields[1] == str(self._process.pid):
                    total += sum(map(int, fields[11:13]))
        return total / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Server]:
    """A broker that queues without bounds and writes nothing to disk.

    Raises:
        InputError: it is not installed.
        ServiceError: it did not start.
    """
    port = _free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        "persistence false\n"
    )
    with _running(Server([_program("mosquitto"), "-c", str(config)], port, folder / "mosquitto.log")) as server:
        yield server


@contextlib.contextmanager
def victoria_metrics(folder: Path) -> Iterator[Victoria]:
    """A store in a folder.

    Raises:
        InputError: it is not installed.
        ServiceError: it did not start.
    """
    port = _free_port()
    command = [
        _program("victoria-metrics"),
        f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-memory.allowedPercent=5",
        "-search.latencyOffset=0s",
        "-dedup.minScrapeInterval=1ms",
        "-search.maxUniqueTimeseries=10000000",
        "-search.maxSamplesPerQuery=1000000000",
        "-search.maxQueryDuration=60s",
    ]
    environment = {**os.environ, "GOGC": os.environ.get("GOGC", _COLLECT_PERCENT)}
    with _running(Victoria(command, port, folder / "victoria.log", environment)) as server:
        yield server


@contextlib.contextmanager
def postgresql() -> Iterator[Postgres]:
    """A PostgreSQL with its defaults, in a folder of its own: the user that it runs as cannot reach ours.

    Raises:
        InputError: it is not installed.
        ServiceError: it did not start.
    """
    initdb, server = (_program("postgresql", name, "/usr/lib/postgresql/*/bin") for name in ("initdb", "postgres"))
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="hallwatch-bench-", ignore_cleanup_errors=True) as text:
        if user is not None:
            shutil.chown(text, user)
        data, port = f"{text}/data", _free_port()
        command = [initdb, "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "trust"]
        subprocess.run(command, check=True, capture_output=True, cwd=text, user=user)  # noqa: S603
        command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""]
        with _running(Postgres(command, port, Path(text) / "postgres.log", user=user)) as postgres:
            yield postgres


ServerT = TypeVar("ServerT", bound=Server)


@contextlib.contextmanager
def _running(server: ServerT) -> Iterator[ServerT]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _program(package: str, name: str | None = None, folders: str = "/usr/sbin") -> str:
    name = name or package
    more = ":".join([*map(str, sorted(Path("/").glob(folders.removeprefix("/")))), "/usr/local/sbin"])
    found = shutil.which(name) or shutil.which(name, path=more)
    if found is None:
        raise InputError(f"{name} is not installed; expected the Debian package {package}: apt-get install {package}")
    return found


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
