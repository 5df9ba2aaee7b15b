"""`hallwatch bench ingest --workers`: several processes on one broker, one PostgreSQL and one store, against one."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from cli._bench_servers import Postgres, Server, Victoria, mosquitto, postgresql, victoria_metrics
from cli._ingest_bench import _child, _folder, _last, _next, _start
from hall.broker import BrokerSettings
from hall.errors import ServiceError
from hall.topics import shared
from ingest import bench
from ingest.bench import Work, count_points, encoded, floor_messages


class Shared(msgspec.Struct, frozen=True):
    """One drain by some processes.

    Attributes:
        workers: how many.
        seconds: until the store had every point.
        taken: messages, by process.
        cpu_us: processor time per message of these processes together; of the servers below.
        rss_mb: the most memory that one of them had.
    """

    workers: int
    seconds: float
    per_s: float
    taken: list[int]
    cpu_us: float
    postgres_cpu_us: float
    store_cpu_us: float
    broker_cpu_us: float
    rss_mb: float


class WorkersFigures(msgspec.Struct, frozen=True):
    """The whole run.

    Attributes:
        several: each message of a box goes to the next process, as mosquitto deals them.
        by_box: each box's messages go to one process, as a broker deals them that goes by the sender.
        speedup, speedup_by_box: their rate over that of one.
    """

    cores: int
    work: Work
    points: int
    one: Shared
    several: Shared
    by_box: Shared
    speedup: float
    speedup_by_box: float


def bench_workers(work: Work, *, workers: int, say: Callable[[str], None]) -> WorkersFigures:
    """Measure several processes against one, each with records on PostgreSQL.

    Args:
        work: the messages. A broker that deals them in turn gives whole boxes to a process where their number can be
            divided by that of the processes: so it is, and for `several` there is one box more.
        workers: how many share them.
        say: called with what is being done.

    Raises:
        InputError: a server is not installed.
        ServiceError: one did not start, or points were lost.
    """
    even = msgspec.structs.replace(work, floors=-(-work.floors // workers) * workers)
    odd = msgspec.structs.replace(even, floors=even.floors + 1)
    one = _measure(odd, 1, say)
    several, by_box = _measure(odd, workers, say), _measure(even, workers, say)
    points = sum(count_points(message)[0] for message in floor_messages(odd, 0.0))
    cores = os.cpu_count() or 1
    return WorkersFigures(cores, odd, points, one, several, by_box, several.per_s / one.per_s, by_box.per_s / one.per_s)


def _measure(work: Work, workers: int, say: Callable[[str], None]) -> Shared:
    say(f"{workers} at work, {work.floors} boxes")
    counted = [count_points(message) for message in floor_messages(work, 0.0)]
    points, samples = (sum(column) for column in zip(*counted, strict=True))
    with (
        _folder() as folder,
        mosquitto(folder) as broker,
        victoria_metrics(folder) as victoria,
        postgresql() as postgres,
    ):
        drained = _drain(work, workers, points, broker, victoria, postgres, folder)
        stored = victoria.samples()
    if stored != samples:
        raise ServiceError(f"VictoriaMetrics holds {stored} samples; expected {samples}")
    return drained


def workers_text(figures: WorkersFigures) -> str:
    """The figures for people."""
    lines = [
        f"{figures.work.messages} floor messages from {figures.work.floors} boxes, {figures.points} points, records on "
        f"PostgreSQL, {figures.cores} cores"
    ]
    lines += [
        f"{one.workers} at work: {one.per_s:.0f} messages a second ({' + '.join(map(str, one.taken))}); processor time "
        f"per message: centre {one.cpu_us:.0f} us, PostgreSQL {one.postgres_cpu_us:.0f}, store {one.store_cpu_us:.0f}, "
        f"broker {one.broker_cpu_us:.0f}; memory {one.rss_mb:.0f} MB each"
        for one in (figures.one, figures.several, figures.by_box)
    ]
    return "\n".join(
        [*lines, f"speedup {figures.speedup:.2f}; with each box at one process {figures.speedup_by_box:.2f}"]
    )


def _drain(
    work: Work, workers: int, points: int, broker: Server, victoria: Victoria, postgres: Postgres, folder: Path
) -> Shared:
    settings = BrokerSettings("127.0.0.1", broker.port)
    names = [f"{bench.CENTRE}-{number + 1}" for number in range(workers)]
    for name in names:
        bench.remember(settings, name, shared(bench.CENTRE))
    bench.publish(settings, encoded(floor_messages(work, _start(work))))
    with contextlib.ExitStack() as stack:
        told = []
        for name in names:
            arguments = (settings, victoria.address, folder, postgres.address, name)
            told.append(stack.enter_context(_child(bench.drain_share, *arguments)))
            _next(told[-1])  # one after the other: the first makes the tables
        servers = (broker, victoria, postgres)
        before = [server.cpu_s for server in servers]
        begun = time.monotonic()
        for one in told:
            one.send("go")
        _wait_for(told, work.messages, points)
        seconds = time.monotonic() - begun
        after = [server.cpu_s for server in servers]
        for one in told:
            one.send("enough")
        drained = [_last(one) for one in told]
    broker_us, store_us, postgres_us = (
        (now - then) / work.messages * 1e6 for now, then in zip(after, before, strict=True)
    )
    return Shared(
        workers=workers,
        seconds=seconds,
        per_s=work.messages / seconds,
        taken=[one.messages for one in drained],
        cpu_us=sum(one.cpu_s for one in drained) / work.messages * 1e6,
        postgres_cpu_us=postgres_us,
        store_cpu_us=store_us,
        broker_cpu_us=broker_us,
        rss_mb=max(one.rss_mb for one in drained),
    )


def _wait_for(told: list[Connection], messages: int, points: int) -> None:
    """Until all of them have counted so many messages, and the store has taken so many lines."""
    done = [(0, 0)] * len(told)
    while sum(one[0] for one in done) < messages or sum(one[1] for one in done) < points:
        for i, one in enumerate(told):
            done[i] = _next(one)
            while one.poll():
                done[i] = _next(one)
