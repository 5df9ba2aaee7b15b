"""`hallwatch bench ingest`: a real broker, a real store, the centre between them, and a bare subscriber beside it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from cli._bench_servers import START_S, Server, Victoria, mosquitto, victoria_metrics
from hall.broker import BrokerSettings
from hall.errors import ServiceError
from ingest import bench
from ingest.bench import Drained, Work, count_points, encoded, floor_messages

_LONGEST_S = 900.0


class Round(msgspec.Struct, frozen=True):
    """One drain of the same messages by both, and the store filled with the same lines, made before, by nobody else.

    Attributes:
        limit_s: the least that receiving and storing can take on these cores: both at once, each as fast as alone.
        broker_cpu_s, store_cpu_s: processor time while the centre drained.
        broker_peer_cpu_s: of the broker, while the peer drained.
        store_alone_cpu_s: of the store, while it was filled.
    """

    centre: Drained
    peer: Drained
    store: Drained
    ratio_to_peer: float
    ratio_to_limit: float
    limit_s: float
    broker_cpu_s: float
    store_cpu_s: float
    broker_peer_cpu_s: float
    store_alone_cpu_s: float


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
        ratio_to_limit: likewise over `limit_per_s`, what bare subscriber and store alone would let through together:
            the least of their rates, and of the cores over what broker, subscriber and store compute for a message.
        cpu_us, peer_cpu_us: processor time per message, of these processes alone.
        store_cpu_us, broker_cpu_us: what VictoriaMetrics and mosquitto spent on a message meanwhile. All of it together
            over the cores is the least time that a message can take on this machine.
        points, samples: lines and numbers written in a round; `stored` is what the store holds at the end.
    """

    cores: int
    work: Work
    ratio_to_peer: float
    ratio_to_limit: float
    per_s: float
    peer_per_s: float
    store_per_s: float
    limit_per_s: float
    cpu_us: float
    peer_cpu_us: float
    store_cpu_us: float
    store_alone_cpu_us: float
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
        say(f"round {number + 1} of {rounds}: the store alone")
        with _folder() as folder, victoria_metrics(folder) as victoria:
            alone = _fill(work, victoria)
        say(f"round {number + 1} of {rounds}: the bare subscriber, and the centre")
        with _folder() as folder, mosquitto(folder) as broker, victoria_metrics(folder) as victoria:
            done.append(_round(work, points, broker, victoria, folder, *alone))
            stored = victoria.samples()
        if stored != samples:
            raise ServiceError(f"VictoriaMetrics holds {stored} samples; expected {samples}")
    outage = None
    if away_s > 0:
        say(f"the store away for {away_s:g} s")
        with _folder() as folder, mosquitto(folder) as broker, victoria_metrics(folder) as victoria:
            outage = _outage(work, points, samples, away_s, broker, victoria, folder)
    return _figures(work, done, points, samples, stored, outage)


def _figures(
    work: Work, rounds: Sequence[Round], points: int, samples: int, stored: int, outage: Outage | None
) -> IngestFigures:
    def median(of: Callable[[Round], float]) -> float:
        return statistics.median(of(one) for one in rounds)

    return IngestFigures(
        cores=_cores(),
        work=work,
        ratio_to_peer=median(lambda r: r.ratio_to_peer),
        ratio_to_limit=median(lambda r: r.ratio_to_limit),
        per_s=median(lambda r: work.messages / r.centre.seconds),
        peer_per_s=median(lambda r: work.messages / r.peer.seconds),
        store_per_s=median(lambda r: work.messages / r.store.seconds),
        limit_per_s=median(lambda r: work.messages / r.limit_s),
        cpu_us=median(lambda r: r.centre.cpu_s / work.messages * 1e6),
        peer_cpu_us=median(lambda r: r.peer.cpu_s / work.messages * 1e6),
        store_cpu_us=median(lambda r: r.store_cpu_s / work.messages * 1e6),
        store_alone_cpu_us=median(lambda r: r.store_alone_cpu_s / work.messages * 1e6),
        broker_cpu_us=median(lambda r: r.broker_cpu_s / work.messages * 1e6),
        rss_mb=max(r.centre.rss_mb for r in rounds),
        points=points,
        samples=samples,
        stored=stored,
        rounds=list(rounds),
        outage=outage,
    )


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hallwatch-bench-") as name:
        yield Path(name)


def _fill(work: Work, victoria: Victoria) -> tuple[Drained, float]:
    """Fill the store alone; also its processor time."""
    with _child(bench.fill_store, victoria.address, work, _start(work)) as told:
        _next(told)  # everything to write is made
        before = victoria.cpu_s
        return _last(told), victoria.cpu_s - before


def _round(
    work: Work,
    points: int,
    broker: Server,
    victoria: Victoria,
    folder: Path,
    store: Drained,
    store_alone_cpu_s: float,
) -> Round:
    settings = BrokerSettings("127.0.0.1", broker.port)
    for name in (bench.PEER, bench.CENTRE):
        bench.remember(settings, name)
    bench.publish(settings, encoded(floor_messages(work, _start(work))))
    first = broker.cpu_s
    with _child(bench.drain_bare, settings, work.messages) as told:
        peer = _last(told)
    before = broker.cpu_s, victoria.cpu_s
    with _child(bench.drain_centre, settings, victoria.address, folder, work.messages, points) as told:
        centre = _last(told)
    after = broker.cpu_s, victoria.cpu_s
    computed_s = peer.cpu_s + before[0] - first + store_alone_cpu_s
    limit_s = max(peer.seconds, store.seconds, computed_s / _cores())
    return Round(
        centre=centre,
        peer=peer,
        store=store,
        ratio_to_peer=peer.seconds / centre.seconds,
        ratio_to_limit=limit_s / centre.seconds,
        limit_s=limit_s,
        broker_cpu_s=after[0] - before[0],
        store_cpu_s=after[1] - before[1],
        broker_peer_cpu_s=before[0] - first,
        store_alone_cpu_s=store_alone_cpu_s,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _outage(
    work: Work, points: int, samples: int, away_s: float, broker: Server, victoria: Victoria, folder: Path
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
        child.join(START_S)
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
        f"ratio_to_limit {figures.ratio_to_limit:.2f}: the store alone takes lines made before at "
        f"{figures.store_per_s:.0f} messages a second, {figures.store_alone_cpu_us:.0f} us each; beside a bare "
        f"subscriber these cores allow {figures.limit_per_s:.0f}, "
        f"a ratio_to_peer of {figures.limit_per_s / figures.peer_per_s:.2f}",
    ]
    if (outage := figures.outage) is not None:
        lines.append(
            f"store away for {outage.away_s:g} s at {outage.per_s:.0f} messages a second: memory "
            f"{outage.rss_before_mb:.0f} to {outage.rss_most_mb:.0f} MB, {outage.spill_mb:.1f} MB on disk, caught up "
            f"in {outage.caught_up_s:.1f} s, {outage.samples} of {outage.expected} numbers there"
        )
    return "\n".join(lines)
