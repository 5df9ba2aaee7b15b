"""The console of a centre in a process: SQLite records, the HTTP API and, where asked for, the login; no broker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from dashboards.console import mount
from hall.broker import parse_broker
from hall.clock import Clock, Instant, to_datetime
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import EventBody, Message, Rule, Severity, event_id
from hall.topics import Address
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.casebook import Casebook
from ingest.changes import note_incidents
from ingest.login import stays_in
from ingest.reader import HallReader
from ingest.service import Centre
from ingest.users import Users
from tests.support.centre import Numbered
from tests.support.pages import serving_app
from tests.support.servers import free_port

PUBLIC_URL = "https://hall.example"
"""What links in alerts begin with."""
_SQUARE = "[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3], [0.1, 0.3]]"
_SERVICES = ("社保", "医保", "户籍", "出入境", "不动产登记", "工商注册", "税务", "公积金")


def large_hall(floors: int = 4, windows: int = 60) -> Hall:
    """A hall with so many floors and windows, each window with a camera of its own; `w01` is opened on demand."""
    return parse_hall(large_hall_text(floors, windows), environ={})


def large_hall_text(floors: int = 4, windows: int = 60) -> str:
    """The hall file of it."""
    lines = [
        "hall: {id: demo, name: 滨江区政务服务中心, timezone: Asia/Shanghai}",
        'hours: {mon-sun: ["00:00-23:59"]}',
        "floors:",
    ]
    for floor in range(1, floors + 1):
        numbers = range((floor - 1) * windows // floors + 1, floor * windows // floors + 1)
        lines += [f"  - id: f{floor}", "    cameras:"]
        lines += [f"      - {{id: c{n:02}, source: a.mp4, node: edge-f{floor}}}" for n in numbers]
        lines += ["    windows:"]
        for n in numbers:
            service = _SERVICES[n % len(_SERVICES)]
            more = ", on_demand: true" if n == 1 else ""
            named = f"id: w{n:02}, label: {n}号窗口, service: {service}, camera: c{n:02}"
            lines.append(f"      - {{{named}, clerk_area: {_SQUARE}{more}}}")
        areas = f"[{{camera: c{numbers[0]:02}, polygon: {_SQUARE}}}]"
        lines += ["    zones:", f"      - {{id: z{floor}, label: {floor}楼等候区, areas: {areas}}}"]
    return "\n".join(lines)


def raised(
    node: Numbered,
    rule: Rule,
    subject: str,
    started_at: Instant,
    *,
    at: Instant,
    severity: Severity = "warning",
    **more: object,
) -> Message:
    """A box raises an event."""
    body = EventBody(
        event_id=event_id(node.address.hall, subject, rule, started_at),
        rule=rule,
        subject=subject,
        phase="raised",
        severity=severity,
        started_at=to_datetime(started_at),
        elapsed_s=at - started_at,
        unknown_s=0.0,
        limit_s=300.0,
        **more,  # type: ignore[arg-type]
    )
    return node.message(at, body)


def boxes(hall: Hall) -> dict[str, Numbered]:
    """A box of each floor, by the floor."""
    return {floor.id: Numbered(Address(hall.hall.id, floor.id, floor.nodes[0])) for floor in hall.floors}


@dataclass(frozen=True)
class Console:
    """A centre with its console.

    Attributes:
        url: where it answers.
        centre: not started, so nothing but tests writes into its records.
        users: None where nobody is asked for a login.
    """

    url: str
    centre: Centre
    hall: Hall
    users: Users | None

    def take(self, messages: Sequence[Message], now: Instant) -> None:
        """Have boxes say something."""
        book = Casebook(self.centre.labels, halls=[self.hall])
        event_ids = [message.body.event_id for message in messages if isinstance(message.body, EventBody)]

        def take(connection: Connection) -> None:
            book.take(connection, messages, now)
            note_incidents(connection, event_ids)

        self.centre.records.write(take)
        self.centre.reader.changed()


@contextlib.contextmanager
def console_of(
    hall: Hall, folder: Path, clock: Clock, *, login: bool = False, hall_file: Path | None = None
) -> Iterator[Console]:
    """A console for the length of a block; in tests within `fresh_pages`."""
    broker = parse_broker(f"mqtt://127.0.0.1:{free_port()}")
    centre = Centre([hall], broker, records=f"sqlite:///{folder}/records.db", clock=clock, public_url=PUBLIC_URL)
    users = Users(centre.records, clock, Passwords(time_cost=1, memory_kib=8)) if login else None
    may_stay = None if users is None else stays_in(users, hall.hall.id)
    reads = HallReader(centre.reader, hall.hall.id)
    try:
        app = create_app(centre, users)
        mount(app, hall, reads, clock=clock, may_stay=may_stay, records=centre.records, hall_file=hall_file)
        with serving_app(app) as url:
            yield Console(url, centre, hall, users)
    finally:
        centre.stop()
