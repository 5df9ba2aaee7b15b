"""A simulated day of a hall of two floors, as messages of its boxes: a state a minute, by one seed always the same."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from hall.clock import Instant, to_datetime
from hall.messages import (
    AnyBody,
    CameraHealth,
    CrossingBody,
    EventBody,
    HealthBody,
    HeatBody,
    HeatCell,
    Message,
    Rule,
    SessionBody,
    StateBody,
    StatusBody,
    StayBody,
    WindowState,
    ZoneState,
    event_id,
)
from hall.topics import Address
from ingest._own_points import HandlingPoint, RatingPoint, TicketsPoint
from ingest.input_book import message_of
from ingest.points import points_of
from tests.support.centre import Numbered

START: Instant = 1_767_571_200.0
"""2026-01-05 08:00:00 in Shanghai."""
MINUTES = 480
END: Instant = START + 60 * MINUTES
PLAN = (6, 4)
"""Cells of the plan of either floor."""

_WINDOWS = ("w01", "w02", "w03", "w04", "w05")
_LAST = ("serving", "idle", "unstaffed", "unknown", "closed")
"""How the windows end the day: each status is there once on every floor."""
_CLERK = {"serving": "present", "idle": "present", "unstaffed": "absent", "unknown": "unknown", "closed": "absent"}
_DUTY = {"serving": "open", "idle": "paused", "unstaffed": "open", "unknown": "leave", "closed": "closed"}
_RULES: tuple[Rule, ...] = ("clerk_absent", "long_wait", "overtime_case", "camera_fault")
_SUBJECTS = {
    "clerk_absent": "window/w03",
    "long_wait": "zone/hall",
    "overtime_case": "window/w01",
    "camera_fault": "camera/c1",
}


def messages() -> Iterator[Message]:
    """Everything that the boxes of both floors say, of each box in its order."""
    for seed, floor in enumerate(("f1", "f2")):
        yield from _box(Numbered(Address("demo", floor, f"edge-{floor}")), Random(seed))


def lines() -> bytes:
    """The day as line protocol, as the centre writes it."""
    whole = [*messages(), *_of_the_centre()]
    made = [points_of(message, message.captured_at.timestamp()) for message in whole]
    return b"\n".join(points.lines for points in made if points is not None)


def _of_the_centre() -> Iterator[Message]:
    """What the centre says of its own: ratings, and how long people with tickets wait."""
    for seed, floor in enumerate(("f1", "f2")):
        random = Random(100 + seed)
        for minute in range(MINUTES):
            at = START + 60 * minute + 0.4
            for zone in ("hall", "east"):
                p50 = round(random.uniform(10, 900), 1)
                waits = (None, None) if random.random() < 0.1 else (p50, p50 * 2)
                body = TicketsPoint(zone, random.randint(0, 30), waits[0], random.randint(0, 40), *waits)
                yield message_of("demo", floor, at, "tickets", body)
            for rule in _RULES[:2]:
                yield message_of("demo", floor, at, "incident", _handling(rule, random))
            if minute % 7 == 3:
                rating = RatingPoint(f"r{floor}{minute}", random.choice(_WINDOWS), random.randint(1, 5))
                yield message_of("demo", floor, at, "rating", rating)


def _handling(rule: str, random: Random) -> HandlingPoint:
    raised = random.randint(1, 9)
    acknowledged, false = random.randint(0, raised), random.randint(0, raised)
    p50 = round(random.uniform(10, 900), 1) if acknowledged else None
    p90 = None if p50 is None else p50 * 2
    return HandlingPoint(rule, random.randint(0, 3), raised, acknowledged, p50, p90, false, round(false / raised, 3))


def _box(numbered: Numbered, random: Random) -> Iterator[Message]:
    yield numbered.message(START + 0.2, StatusBody("online", "0.1.0"))
    for minute in range(MINUTES):
        at = START + 60 * minute + 0.4
        for place, body in enumerate(_minute(minute, at, random)):
            yield numbered.message(at + place / 1000, body)
    yield numbered.message(END - 0.3, StatusBody("stopped", "0.1.0"))


def _minute(minute: int, at: Instant, random: Random) -> Iterator[AnyBody]:
    yield StateBody(
        [_window(name, place, minute, at, random) for place, name in enumerate(_WINDOWS)],
        [_zone(name, random) for name in ("hall", "east")],
    )
    cells = random.sample([(x, y) for x in range(PLAN[0]) for y in range(PLAN[1])], 8)
    yield HeatBody(60.0, None, [HeatCell(x, y, round(random.uniform(1, 120), 1)) for x, y in cells])
    yield _health(random, last=minute >= MINUTES - 2)
    if minute % 5 == 0:
        yield _session(minute, at, random)
        yield _stay(minute, at, random)
        yield CrossingBody("door", "in" if random.random() < 0.6 else "out")
    # What was raised last is still there in the evening.
    if minute % 40 in {20, 27} or (minute % 40 == 33 and minute < MINUTES - 40):
        yield _event(minute, at, random)


def _window(name: str, place: int, minute: int, at: Instant, random: Random) -> WindowState:
    last = minute >= MINUTES - 2
    status = _LAST[place] if last else random.choice(_LAST)
    clerk = _CLERK[status]
    since = to_datetime(at - random.randint(5, 600)) if clerk != "unknown" else None
    session_s = round(random.uniform(1, 1500), 1) if status == "serving" else None
    return WindowState(name, _DUTY[status], clerk, since, random.randint(0, 4), session_s, status)  # type: ignore[arg-type]


def _zone(name: str, random: Random) -> ZoneState:
    if random.random() < 0.05:
        return ZoneState(name, None, None, None, None, None, 0)
    p50 = round(random.uniform(10, 900), 1)
    return ZoneState(
        name, random.randint(1, 30), p50 * 3, p50, p50 * 2, round(random.uniform(60, 1200), 1), random.randint(1, 4)
    )


def _health(random: Random, *, last: bool) -> HealthBody:
    cameras = [
        CameraHealth(
            camera,
            ends if last else random.choice(("live", "live", "live", "lost", "connecting")),  # type: ignore[arg-type]
            round(random.uniform(0.5, 5), 2),
            round(random.uniform(1, 9), 2),
            round(random.uniform(10, 60), 2),
            round(random.uniform(0.1, 9), 2),
            round(random.random(), 3),
            random.randint(0, 9),
            random.randint(0, 3),
            fault="dark" if last else random.choice((None, None, None, "dark")),
        )
        for camera, ends in (("c1", "live"), ("c2", "lost"))
    ]
    return HealthBody(
        cameras,
        random.randint(0, 500),
        random.randint(0, 500_000),
        random.randint(0, 3),
        round(random.uniform(150, 300), 1),
        "nanodet-g-int8",
        "CPU",
        load=round(random.random(), 3),
        missed_share=round(random.random() / 4, 3),
    )


def _session(minute: int, at: Instant, random: Random) -> SessionBody:
    seconds = round(random.uniform(30, 1800), 1)
    return SessionBody(
        f"s{minute}",
        random.choice(_WINDOWS[:3]),
        to_datetime(at - seconds),
        to_datetime(at),
        seconds,
        overtime=seconds > 1200,
    )


def _stay(minute: int, at: Instant, random: Random) -> StayBody:
    seconds = round(random.uniform(30, 2400), 1)
    return StayBody(
        f"t{minute}",
        random.choice(("hall", "east")),
        to_datetime(at - seconds),
        to_datetime(at),
        seconds,
        random.choice(("served", "left", "lost")),
    )


def _event(minute: int, at: Instant, random: Random) -> EventBody:
    phase = {20: "raised", 27: "updated", 33: "cleared"}[minute % 40]
    began = at - 60 * (minute % 40 - 15)
    rule = _RULES[minute // 40 % len(_RULES)]
    subject = _SUBJECTS[rule]
    return EventBody(
        event_id("demo", subject, rule, began),
        rule,
        subject,
        phase,  # type: ignore[arg-type]
        random.choice(("warning", "critical")),
        to_datetime(began),
        round(at - began, 1),
        round(random.uniform(0, 30), 1),
        300.0,
        reason="resolved" if phase == "cleared" else None,
    )
