"""Several `hallwatch ingest` of one group on real servers, and what must be on record in the end.

What must be there is what one intake on a file of its own makes of the same messages in their order, undisturbed.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Table, select

from hall.clock import ManualClock, to_datetime
from hall.messages import Message, StateBody, WindowState, encode
from hall.topics import Address
from ingest import schema
from ingest.arrivals import Arrival
from ingest.channels import Channel
from ingest.incidents import Incident
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.points import points_of
from ingest.records import Records
from ingest.rollups import Sums
from tests.support.centre import T0, IngestProcess, Numbered, Publisher, a_session, an_event
from tests.support.servers import Server, http_get
from tests.support.webhook import Webhook

_BY_PEOPLE_AND_TIME = Incident.__struct_fields__[Incident.__struct_fields__.index("opened_at") :]

_COLUMNS: dict[Table, Sequence[str]] = {
    schema.incidents: [name for name in Incident.__struct_fields__ if name not in _BY_PEOPLE_AND_TIME],
    schema.sessions: [column.name for column in schema.sessions.columns],
    schema.nodes: ["hall", "floor", "node", "boot", "status", "state_at", "state"],
    schema.seen: ["hall", "floor", "node", "boot", "ranges"],
    schema.rollups: ["hall", "floor", "node", "period", "start", "body"],
    schema.alerts: ["event_id", "phase", "opening", "channel"],
    schema.dead_letters: ["topic", "reason"],
}
"""What must not depend on who took in what, and when."""


class Workers:
    """Child processes that share the work."""

    def __init__(self, folder: Path, broker_port: int, database: str, *options: str, count: int = 2) -> None:
        self.each: list[IngestProcess] = []
        for name in (f"worker-{i + 1}" for i in range(count)):
            place = folder / name
            place.mkdir()
            mine = ("--share=test", f"--name={name}", f"--spool={place}")
            self.each.append(IngestProcess(place, broker_port, *mine, *options, records=database, hall=None))

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """All of them, for the length of a block."""
        with ThreadPoolExecutor(len(self.each)) as pool:
            starts = [pool.submit(one.start) for one in self.each]
        try:
            for start in starts:
                start.result()
            yield
        finally:
            for one in self.each:
                one.kill()


@dataclass
class Found:
    """What is on record, by table; `differences` compares two of them."""

    rows: dict[str, set[tuple[Any, ...]]] = field(default_factory=dict)

    def differences(self, expected: Found) -> list[str]:
        """What is not as it should be, in words."""
        wrong = []
        for table, theirs in expected.rows.items():
            mine = self.rows[table]
            for what, rows in (("missing", theirs - mine), ("too many or other", mine - theirs)):
                if rows:
                    wrong.append(f"{table}: {len(rows)} {what}, such as {min(rows, key=str)}")
        return wrong


def found_in(records: Records) -> Found:
    """What is on record."""
    with records.reading() as connection:
        rows = {
            table.name: [tuple(row) for row in connection.execute(select(*(table.c[name] for name in names)))]
            for table, names in _COLUMNS.items()
        }
    rows[schema.rollups.name] = [(*row[:-1], Sums.decode(row[-1]).encode()) for row in rows[schema.rollups.name]]
    assert all(len(set(some)) == len(some) for some in rows.values()), "a row is there twice"
    return Found({name: set(some) for name, some in rows.items()})


def undisturbed(folder: Path, messages: Sequence[Message], *channels: Channel) -> Found:
    """What one process makes of the messages in their order."""
    records = Records(f"sqlite:///{folder}/undisturbed.db")
    clock = ManualClock(T0 + 30 * 86_400)  # nothing is of the future
    intake = Intake(records, None, Metrics(CollectorRegistry()), clock, channels=channels)
    intake.take([Arrival.of(m.topic, encode(m), clock.now()) for m in messages])
    try:
        return found_in(records)
    finally:
        records.close()


def a_day(seed: int, *, boxes: int = 3, rounds: int = 100) -> list[Message]:
    """What boxes say in a day of few rounds: a state each, and now and then an event or a session."""
    rng = random.Random(seed)
    nodes = [Numbered(Address("demo", f"f{i}", f"edge-f{i}"), boot=f"boot-{i}") for i in range(boxes)]
    for node in nodes:
        node.next_seq = 1
    said: list[Message] = []
    for i in range(rounds):
        for number, node in enumerate(nodes):
            at = T0 + 10 * i + number
            started_at = T0 + 10 * (i - i % 4)
            said.append(node.message(at, _state(rng)))
            # An event is raised, updated and cleared within four rounds; each of these may go to another process.
            phase = ("raised", "updated", "updated", "cleared")[i % 4]
            body = an_event(phase, started_at=started_at, subject=f"window/f{number}", elapsed_s=300.0 + i % 4)  # type: ignore[arg-type]
            said.append(node.message(at, body))
            if rng.random() < 0.2:
                said.append(node.message(at, a_session(i * boxes + number, window=f"w{number}")))
    return said


def _state(rng: random.Random) -> StateBody:
    status = rng.choice(["serving", "idle", "unstaffed", "closed", "unknown"])
    window = WindowState("w01", "open", "present", to_datetime(T0), rng.randrange(4), None, status)  # type: ignore[arg-type]
    return StateBody([window], [])


def points_in(victoria: Server) -> set[tuple[str, frozenset[tuple[str, str]], int, float]]:
    """Every number of a VictoriaMetrics that comes of a message: name, tags, ms and value.

    Without `incident`, which the centre says of itself as time goes by.
    """
    http_get(f"http://127.0.0.1:{victoria.port}/internal/force_flush")
    text = http_get(f"http://127.0.0.1:{victoria.port}/api/v1/export?match[]=%7Bhall=%22demo%22%7D", 30)
    found = set()
    for line in text.splitlines():
        series = json.loads(line)
        tags = dict(series["metric"])
        name = tags.pop("__name__")
        if name.startswith("incident_"):
            continue
        tags.pop("db", None)
        for at, value in zip(series["timestamps"], series["values"], strict=True):
            found.add((name, frozenset(tags.items()), at, float(value)))
    return found


def points_wanted(messages: Sequence[Message]) -> set[tuple[str, frozenset[tuple[str, str]], int, float]]:
    """The numbers that these messages make."""
    wanted = set()
    for message in messages:
        points = points_of(message, T0)
        for line in [] if points is None else points.lines.decode().split("\n"):
            where, numbers, at = re.split(r"(?<!\\) ", line)
            measurement, *tags = where.split(",")
            named = frozenset(tuple(tag.split("=")) for tag in tags)
            for name, value in (number.split("=") for number in numbers.split(",")):
                wanted.add((f"{measurement}_{name}", named, int(at) // 1_000_000, float(value)))
    return wanted


def disturbed(
    folder: Path,
    servers: tuple[Server, Server, Server],
    database: str,
    webhook: Webhook,
    *,
    seed: int,
    rounds: int,
    kills: int,
    restarts: int,
) -> list[str]:
    """Let two workers take in a day while PostgreSQL is stopped and started and workers are killed; what is wrong then.

    Args:
        folder: for their files.
        servers: mosquitto, VictoriaMetrics and PostgreSQL, which run.
        database: an address on the last.
        webhook: gets the alerts.
        seed: of the day and of when something happens.
        rounds: how long the day is.
        kills: how often a worker is killed and started again.
        restarts: how often PostgreSQL is, one half of them as in a crash.
    """
    broker, victoria, postgres = servers
    rng = random.Random(seed)
    messages = a_day(seed, rounds=rounds)
    parts = [messages[i : i + 20] for i in range(0, len(messages), 20)]
    what: list[Callable[[], None]] = []
    store = f"--store=victoria+http://127.0.0.1:{victoria.port}"
    workers = Workers(folder, broker.port, database, store, f"--alert={webhook.url}")
    stops = islice(cycle((signal.SIGINT, signal.SIGQUIT)), restarts)
    what += [partial(_restart, postgres, how, rng.uniform(0.1, 0.6)) for how in stops]
    what += [partial(_kill_a_follower, workers, rng.uniform(0.0, 0.3))] * kills
    rng.shuffle(what)
    when = dict(zip(sorted(rng.sample(range(1, len(parts)), len(what))), what, strict=True))
    with workers.running(), Publisher(broker.port) as box:
        for number, part in enumerate(parts):
            box.send(*part)
            when.get(number, lambda: time.sleep(0.02))()
        return _settled(undisturbed(folder, messages, Channel(webhook.url)), messages, database, victoria, webhook)


def _restart(server: Server, how: signal.Signals, away_s: float) -> None:
    server.stop(how)
    time.sleep(away_s)
    server.start()


def _kill_a_follower(workers: Workers, away_s: float) -> None:
    """Not the leader: one that dies before it has noted what it sent sends it again, with the same key."""
    follower = next(one for one in workers.each if one.metrics()["hallwatch_leader"] == 0)
    follower.stop(signal.SIGKILL)
    time.sleep(away_s)
    follower.start()


def _settled(
    expected: Found, messages: Sequence[Message], database: str, victoria: Server, webhook: Webhook
) -> list[str]:
    """What is wrong, once all is there or nothing comes any more."""
    records = Records(database)
    alerts = {alert_key(*row[:3]) for row in expected.rows["alerts"]}
    deadline = time.monotonic() + 60
    while True:
        time.sleep(0.3)
        wrong = found_in(records).differences(expected)
        lacking = alerts - set(webhook.delivered)
        if (not wrong and not lacking) or time.monotonic() > deadline:
            break
    records.close()
    points, wanted = points_in(victoria), points_wanted(messages)
    wrong += [f"{len(wanted - points)} points missing, {len(points - wanted)} too many"] if points != wanted else []
    wrong += [f"alert {key} was not sent" for key in lacking]
    wrong += [f"alert {key} was sent {n} times" for key, n in Counter(webhook.delivered).items() if n > 1]
    return wrong


def alert_key(event_id: str, phase: str, opening: int) -> str:
    return f"{event_id}:{phase}{'' if opening == 1 else f':{opening}'}"
