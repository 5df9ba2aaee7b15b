"""`hallwatch bench ingest`: a real broker, a real store, the centre between them, and a bare subscriber beside it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from hall.broker import BrokerSettings
from hall.errors import InputError, ServiceError
from ingest import bench
from ingest.bench import Drained, Work, count_points, encoded, floor_messages

_START_S = 10.0
_LONGEST_S = 900.0


class Round(msgspec.Struct, frozen=True):
    """One drain of the same messages by both. Broker and store: their processor time while the centre drained."""

    centre: Drained
    peer: Drained
    ratio_to_peer: float
    broker_cpu_s: float
    store_cpu_s: float


class Outage(msgspec.Struct, frozen=True):
    """The store away while messages come.

    Attributes:
        away_s: for so long.
        messages: so many came meanwhile, at `per_s`.
        rss_before_mb, rss_most_mb: memory of the centre before the store went, and the most while it was away.
        spill_mb: what waited on disk at most.
        caught_up_s: from its return until it had everything.
        samples, expected: numbers in the store at the end, and how many there should be.
    """

    away_s: float
    messages: int
    per_s: float
    rss_before_mb: float
    rss_most_mb: float
    spill_mb: float
    caught_up_s: float
    samples: int
    expected: int


class IngestFigures(msgspec.Struct, frozen=True):
    """The whole run.

    Attributes:
        ratio_to_peer: the median of the rounds: messages a second of the centre, through to the store, over those
            of the bare subscriber.
        cpu_us, peer_cpu_us: processor time per message, of these processes alone.
        store_cpu_us, broker_cpu_us: what VictoriaMetrics and mosquitto spent on a message meanwhile. All of it together
            over the cores is the least time that a message can take on this machine.
        points, samples: lines and numbers written in a round; `stored` is what the store holds at the end.
    """

    cores: int
    work: Work
    ratio_to_peer: float
    per_s: float
    peer_per_s: float
    cpu_us: float
    peer_cpu_us: float
    store_cpu_us: float
    broker_cpu_us: float
    rss_mb: float
    points: int
    samples: int
    stored: int
    rounds: list[Round]
    outage: Outage | None


def bench_ingest(work: Work, *, rounds: int, away_s: float, say: Callable[[str], None]) -> IngestFigures:
    """Measure the centre beside the bare subscriber, and with the store away.

    Args:
        work: the messages of a round.
        rounds: how often both drain them.
        away_s: how long the store is away after that; 0 leaves it out.
        say: called with what is being done.

    Raises:
        InputError: a server is not installed.
        ServiceError: one did not start, or points were lost.
    """
    done: list[Round] = []
    stored = 0
    counted = [count_points(message) for message in floor_messages(work, 0.0)]
    points, samples = (sum(column) for column in zip(*counted, strict=True))
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="hallwatch-bench-") as text, _servers(Path(text)) as (broker, victoria):
            say(f"round {number + 1} of {rounds}")
            done.append(_round(work, points, broker, victoria, Path(text)))
            stored = victoria.samples()
        if stored != samples:
            raise ServiceError(f"VictoriaMetrics holds {stored} samples; expected {samples}")
    outage = None
    if away_s > 0:
        say(f"the store away for {away_s:g} s")
        with tempfile.TemporaryDirectory(prefix="hallwatch-bench-") as text, _servers(Path(text)) as (broker, victoria):
            outage = _outage(work, points, samples, away_s, broker, victoria, Path(text))
    return _figures(work, done, points, samples, stored, outage)


def _figures(
    work: Work, rounds: Sequence[Round], points: int, samples: int, stored: int, outage: Outage | None
) -> IngestFigures:
    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(of(one) for one in rounds)

    return IngestFigures(
        cores=os.cpu_count() or 1,
        work=work,
        ratio_to_peer=median(lambda r: r.ratio_to_peer),
        per_s=median(lambda r: work.messages / r.centre.seconds),
        peer_per_s=median(lambda r: work.messages / r.peer.seconds),
        cpu_us=median(lambda r: r.centre.cpu_s / work.messages * 1e6),
        peer_cpu_us=median(lambda r: r.peer.cpu_s / work.messages * 1e6),
        store_cpu_us=median(lambda r: r.store_cpu_s / work.messages * 1e6),
        broker_cpu_us=median(lambda r: r.broker_cpu_s / work.messages * 1e6),
        rss_mb=max(r.centre.rss_mb for r in rounds),
        points=points,
        samples=samples,
        stored=stored,
        rounds=list(rounds),
        outage=outage,
    )


def _round(work: Work, points: int, broker: _Server, victoria: _Victoria, folder: Path) -> Round:
    settings = BrokerSettings("127.0.0.1", broker.port)
    for name in (bench.PEER, bench.CENTRE):
        bench.remember(settings, name)
    bench.publish(settings, encoded(floor_messages(work, _start(work))))
    with _child(bench.drain_bare, settings, work.messages) as told:
        peer = _last(told)
    before = broker.cpu_s, victoria.cpu_s
    with _child(bench.drain_centre, settings, victoria.address, folder, work.messages, points) as told:
        centre = _last(told)
    after = broker.cpu_s, victoria.cpu_s
    return Round(
        centre=centre,
        peer=peer,
        ratio_to_peer=peer.seconds / centre.seconds,
        broker_cpu_s=after[0] - before[0],
        store_cpu_s=after[1] - before[1],
    )


def _outage(
    work: Work, points: int, samples: int, away_s: float, broker: _Server, victoria: _Victoria, folder: Path
) -> Outage:
    settings = BrokerSettings("127.0.0.1", broker.port)
    bench.remember(settings, bench.CENTRE)
    per_s = work.messages / away_s
    memory: list[float] = []
    spilled: list[float] = []
    with _child(bench.drain_centre, settings, victoria.address, folder, work.messages, points) as told:
        before = _next(told)[1]
        victoria.stop()
        publishing = threading.Thread(
            target=bench.publish, args=(settings, encoded(floor_messages(work, _start(work))), per_s), name="publish"
        )
        publishing.start()
        ends = time.monotonic() + away_s
        while time.monotonic() < ends or publishing.is_alive():
            _, rss_mb, spill_bytes = _next(told)
            memory.append(rss_mb)
            spilled.append(spill_bytes / 1e6)
        publishing.join()
        victoria.start()
        returned = time.monotonic()
        drained = _last(told)
        caught_up_s = time.monotonic() - returned
    found = victoria.samples()
    if found != samples:
        raise ServiceError(f"VictoriaMetrics holds {found} samples after the outage; expected {samples}")
    return Outage(
        away_s=away_s,
        messages=work.messages,
        per_s=per_s,
        rss_before_mb=before,
        rss_most_mb=max(*memory, drained.rss_mb),
        spill_mb=max(spilled),
        caught_up_s=caught_up_s,
        samples=found,
        expected=samples,
    )


def _start(work: Work) -> float:
    """Such that the last message is of now."""
    return time.time() - (work.messages / work.floors + 1) * bench.EVERY_S


@contextlib.contextmanager
def _child(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Run something in a process of its own; what it sends can be received."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        yield ours
        child.join(_START_S)
    finally:
        child.kill()
        child.join()
        ours.close()


def _next(told: Connection) -> Any:
    try:
        if told.poll(_LONGEST_S):
            return told.recv()
    except EOFError:
        raise ServiceError("what is measured ended on a fault; its own words stand above") from None
    raise ServiceError(f"what is measured did not end within {_LONGEST_S:.0f} s")


def _last(told: Connection) -> Drained:
    while not isinstance(said := _next(told), Drained):
        pass
    return said


class _Server:
    """A server on loopback with a port and a folder of its own."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)  # noqa: S603
        deadline = time.monotonic() + _START_S
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
                self._process.wait(_START_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class _Victoria(_Server):
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


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[tuple[_Server, _Victoria]]:
    port = _free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        "persistence false\n"
    )
    broker = _Server([_program("mosquitto"), "-c", str(config)], port, folder / "mosquitto.log")
    victoria_port = _free_port()
    command = [
        _program("victoria-metrics"),
        f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{victoria_port}",
        "-retentionPeriod=100y",
        "-memory.allowedPercent=5",
        "-search.latencyOffset=0s",
        "-search.maxUniqueTimeseries=10000000",
        "-search.maxSamplesPerQuery=1000000000",
        "-search.maxQueryDuration=60s",
    ]
    victoria = _Victoria(command, victoria_port, folder / "victoria.log")
    try:
        broker.start()
        victoria.start()
        yield broker, victoria
    finally:
        victoria.stop()
        broker.stop()


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise InputError(f"{name} is not installed; expected the Debian package of this name: apt-get install {name}")
    return found


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ingest_text(figures: IngestFigures) -> str:
    """The figures for people."""
    work = figures.work
    lines = [
        f"{work.messages} floor messages of {work.windows} windows and {work.zones} zones from {work.floors} boxes: "
        f"{figures.points} points, {figures.samples} numbers, {figures.stored} of them in VictoriaMetrics",
        f"{figures.per_s:.0f} messages a second through to the store; bare paho with msgspec: {figures.peer_per_s:.0f}",
        f"ratio_to_peer {figures.ratio_to_peer:.2f} on {figures.cores} cores; processor time per message: centre "
        f"{figures.cpu_us:.0f} us, store {figures.store_cpu_us:.0f}, broker {figures.broker_cpu_us:.0f}; peer "
        f"{figures.peer_cpu_us:.0f}; memory of the centre {figures.rss_mb:.0f} MB",
    ]
    if (outage := figures.outage) is not None:
        lines.append(
            f"store away for {outage.away_s:g} s at {outage.per_s:.0f} messages a second: memory "
            f"{outage.rss_before_mb:.0f} to {outage.rss_most_mb:.0f} MB, {outage.spill_mb:.1f} MB on disk, caught up "
            f"in {outage.caught_up_s:.1f} s, {outage.samples} of {outage.expected} numbers there"
        )
    return "\n".join(lines)
