"""The points of the time-series store, as a declared table. docs/store.md is printed from it.

Every field is a float: a store never meets two types of one field, and VictoriaMetrics knows nothing else (it turns
text into 0). Words are numbers by the codes below, or tags where there are few of them.

Times are those of the message, in nanoseconds. The part below a millisecond tells apart things that happened in
the same millisecond and have the same tags (two people leave a zone in one frame); it is made of their ids, so that
writing them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from typing import Any, Generic, TypeVar
from zlib import crc32

from hall.clock import Instant
from hall.messages import (
    CameraHealth,
    CrossingBody,
    EventBody,
    HealthBody,
    HeatBody,
    HeatCell,
    Message,
    SessionBody,
    StateBody,
    StatusBody,
    StayBody,
    WindowState,
    ZoneState,
)

CODES: dict[str, dict[str, int]] = {
    "duty": {"closed": 0, "open": 1},
    "clerk": {"unknown": -1, "absent": 0, "present": 1},
    "window status": {"unknown": -1, "closed": 0, "idle": 1, "serving": 2, "unstaffed": 3},
    "severity": {"warning": 1, "critical": 2},
    "phase": {"cleared": 0, "raised": 1, "updated": 2},
    "camera state": {"lost": 0, "live": 1, "connecting": 2, "ended": 3},
    "stream": {"main": 0, "substream": 1},
    "node status": {"offline": 0, "online": 1, "stopped": 2},
}
"""Words as numbers."""

R = TypeVar("R")
Value = float | bool | None


@dataclass(frozen=True)
class Tag(Generic[R]):
    """A tag beside `hall` and `floor`, which every point has."""

    name: str
    meaning: str
    value: Callable[[Message, R], str]


@dataclass(frozen=True)
class Field(Generic[R]):
    """A field; None leaves it out of the point."""

    name: str
    unit: str
    meaning: str
    value: Callable[[Message, R], Value]


def _captured(message: Message, _row: Any) -> datetime:
    return message.captured_at


def _no_identity(_message: Message, _row: Any) -> str:
    return ""


@dataclass(frozen=True)
class Measurement(Generic[R]):
    """Points of one name: which messages they come from, and what stands in them.

    `identity` names what happened, for points that may share a millisecond and all tags. `telemetry` says that a
    point may be dropped while the store is away for long and the disk quota is spent.
    """

    name: str
    kind: str
    rows: Callable[[Message], Sequence[R]]
    tags: tuple[Tag[R], ...]
    fields: tuple[Field[R], ...]
    time: Callable[[Message, R], datetime] = _captured
    time_meaning: str = "captured_at"
    identity: Callable[[Message, R], str] = _no_identity
    telemetry: bool = field(default=True)


def _whole(message: Message) -> Sequence[Any]:
    return (message.body,)


def _state(message: Message) -> StateBody:
    assert isinstance(message.body, StateBody)
    return message.body


def _health(message: Message) -> HealthBody:
    assert isinstance(message.body, HealthBody)
    return message.body


def _heat(message: Message) -> HeatBody:
    assert isinstance(message.body, HeatBody)
    return message.body


def _age(message: Message, since: datetime | None) -> float | None:
    return None if since is None else (message.captured_at - since).total_seconds()


_NODE = Tag[Any]("node", "the box", lambda m, _: m.node)

WINDOW = Measurement[WindowState](
    name="window",
    kind="state",
    rows=lambda m: _state(m).windows,
    tags=(Tag("window", "id of the window", lambda _, w: w.window),),
    fields=(
        Field("duty", "code", "whether the window should be staffed now", lambda _, w: CODES["duty"][w.duty]),
        Field("clerk", "code", "whether the clerk is there", lambda _, w: CODES["clerk"][w.clerk]),
        Field("clerk_for_s", "s", "for how long that has been so", lambda m, w: _age(m, w.clerk_since)),
        Field("customers", "people", "in the customer area", lambda _, w: w.customers),
        Field("session_s", "s", "age of the session now running", lambda _, w: w.session_s),
        Field("status", "code", "window status", lambda _, w: CODES["window status"][w.status]),
    ),
)

ZONE = Measurement[ZoneState](
    name="zone",
    kind="state",
    rows=lambda m: _state(m).zones,
    tags=(Tag("zone", "id of the zone", lambda _, z: z.zone),),
    fields=(
        Field("count", "people", "in the zone; none while it cannot be seen", lambda _, z: z.count),
        Field("longest_wait_s", "s", "age of the oldest stay", lambda _, z: z.longest_wait_s),
        Field("wait_p50_s", "s", "median age of the stays", lambda _, z: z.wait_p50_s),
        Field("wait_p90_s", "s", "90th percentile of their ages", lambda _, z: z.wait_p90_s),
        Field("expected_wait_s", "s", "for who comes now", lambda _, z: z.expected_wait_s),
        Field("over_limit", "people", "who have waited past the limit", lambda _, z: z.over_limit),
    ),
)

SESSION = Measurement[SessionBody](
    name="session",
    kind="session",
    rows=_whole,
    tags=(Tag("window", "id of the window", lambda _, s: s.window),),
    fields=(
        Field("duration_s", "s", "from first to last seen", lambda _, s: s.duration_s),
        Field("unknown_s", "s", "of it while the camera saw nothing", lambda _, s: s.unknown_s),
        Field("overtime", "0 or 1", "whether it passed the limit of its window", lambda _, s: s.overtime),
    ),
    time=lambda _, s: s.ended_at,
    time_meaning="ended_at",
    identity=lambda _, s: s.session_id,
    telemetry=False,
)

EVENT = Measurement[EventBody](
    name="event",
    kind="event",
    rows=_whole,
    tags=(
        Tag("rule", "clerk_absent, long_wait, overtime_case, camera_fault or overload", lambda _, e: e.rule),
        Tag("subject", "window/ID, zone/ID, camera/ID or node/ID", lambda _, e: e.subject),
        Tag("phase", "raised, updated or cleared", lambda _, e: e.phase),
    ),
    fields=(
        Field("phase_code", "code", "phase, for stores that count", lambda _, e: CODES["phase"][e.phase]),
        Field("severity", "code", "severity", lambda _, e: CODES["severity"][e.severity]),
        Field("elapsed_s", "s", "since it began, without unknown and closed time", lambda _, e: e.elapsed_s),
        Field("unknown_s", "s", "while the camera saw nothing", lambda _, e: e.unknown_s),
        Field("limit_s", "s", "the limit that was passed", lambda _, e: e.limit_s),
    ),
    identity=lambda _, e: e.event_id,
    telemetry=False,
)

STAY = Measurement[StayBody](
    name="stay",
    kind="stay",
    rows=_whole,
    tags=(
        Tag("zone", "id of the zone", lambda _, s: s.zone),
        Tag("ended", "served, left or lost", lambda _, s: s.ended),
    ),
    fields=(
        Field("duration_s", "s", "from first to last seen", lambda _, s: s.duration_s),
        Field("unknown_s", "s", "of it while the camera saw nothing", lambda _, s: s.unknown_s),
    ),
    time=lambda _, s: s.ended_at,
    time_meaning="ended_at",
    identity=lambda _, s: s.stay_id,
    telemetry=False,
)

CROSSING = Measurement[CrossingBody](
    name="crossing",
    kind="crossing",
    rows=_whole,
    tags=(
        Tag("entrance", "id of the entrance", lambda _, c: c.entrance),
        Tag("direction", "in or out", lambda _, c: c.direction),
    ),
    fields=(Field("people", "people", "always 1: sum it", lambda _m, _c: 1.0),),
    identity=lambda m, _: f"{m.boot}/{m.seq}",
    telemetry=False,
)

HEAT = Measurement[HeatCell](
    name="heat",
    kind="heat",
    rows=lambda m: _heat(m).cells,
    tags=(
        Tag(
            "camera",
            "whose picture the cells divide; `plan` for cells of the floor plan",
            lambda m, _: _heat(m).camera or "plan",
        ),
        Tag("x", "cell, from the left", lambda _, c: str(c.x)),
        Tag("y", "cell, from the bottom of the plan or the top of the picture", lambda _, c: str(c.y)),
    ),
    fields=(Field("person_s", "s", "person-seconds since the last message", lambda _, c: c.person_s),),
)

CAMERA = Measurement[CameraHealth](
    name="camera",
    kind="health",
    rows=lambda m: _health(m).cameras,
    tags=(_NODE, Tag("camera", "id of the camera", lambda _, c: c.camera)),
    fields=(
        Field("state", "code", "camera state", lambda _, c: CODES["camera state"][c.state]),
        Field("fps", "1/s", "frames looked at", lambda _, c: c.fps),
        Field("decode_ms", "ms", "to decode a frame", lambda _, c: c.decode_ms),
        Field("inference_ms", "ms", "to find the people in it", lambda _, c: c.inference_ms),
        Field("since_inference_s", "s", "age of the last inference", lambda _, c: c.since_inference_s),
        Field("skipped_share", "0 to 1", "frames that the motion gate skipped", lambda _, c: c.skipped_share),
        Field("drops", "frames", "dropped because the box was late", lambda _, c: c.drops),
        Field("reconnects", "times", "the stream was opened again", lambda _, c: c.reconnects),
        Field("fault", "0 or 1", "its picture is not believed", lambda _, c: int(c.fault is not None)),
        Field("stream", "code", "which stream is read", lambda _, c: CODES["stream"][c.stream] if c.stream else None),
        Field("fallback", "0 or 1", "that one is read because the other one fails", lambda _, c: c.fallback),
    ),
)

NODE = Measurement[HealthBody](
    name="node",
    kind="health",
    rows=_whole,
    tags=(_NODE,),
    fields=(
        Field("outbox_depth", "messages", "waiting for the broker", lambda _, h: h.outbox_depth),
        Field("outbox_bytes", "bytes", "waiting for the broker", lambda _, h: h.outbox_bytes),
        Field("thinned", "messages", "of telemetry given up under the disk quota", lambda _, h: h.thinned),
        Field("rss_mb", "MB", "memory of the process", lambda _, h: h.rss_mb),
        Field("load", "0 to 1", "busy with frames for that share of the time", lambda _, h: h.load),
        Field("overloaded", "0 or 1", "it looks at fewer frames than it should", lambda _, h: h.overloaded),
        Field("missed_share", "0 to 1", "of the frames it should look at", lambda _, h: h.missed_share),
    ),
)

NODE_STATUS = Measurement[StatusBody](
    name="node",
    kind="status",
    rows=_whole,
    tags=(_NODE,),
    fields=(Field("status", "code", "node status", lambda _, s: CODES["node status"][s.status]),),
    time_meaning="captured_at; for `offline`, when the centre heard of it",
    telemetry=False,
)

MEASUREMENTS: tuple[Measurement[Any], ...] = (
    WINDOW,
    ZONE,
    SESSION,
    EVENT,
    STAY,
    CROSSING,
    HEAT,
    CAMERA,
    NODE,
    NODE_STATUS,
)
"""Everything that the centre writes."""

_BY_KIND = {kind: tuple(m for m in MEASUREMENTS if m.kind == kind) for kind in {m.kind for m in MEASUREMENTS}}
_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\ ", "\r": r"\ ", "\t": r"\ ", "\\": "/"})


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one message as line protocol, without a newline at the end."""

    lines: bytes
    telemetry: bool


def points_of(message: Message, received_at: Instant) -> Points | None:
    """The points of a message; None where it has none.

    Raises:
        ValueError: a number or a time that no store can hold.
    """
    measurements = _BY_KIND.get(message.kind, ())
    lines = [line for m in measurements for line in _lines(m, message, received_at)]
    if not lines:
        return None
    return Points("\n".join(lines).encode(), telemetry=all(m.telemetry for m in measurements))


def _lines(measurement: Measurement[R], message: Message, received_at: Instant) -> Iterator[str]:
    head = f"{measurement.name},hall={_escape(message.hall)},floor={_escape(message.floor)}"
    for row in measurement.rows(message):
        tags = "".join(f",{tag.name}={_escape(tag.value(message, row))}" for tag in measurement.tags)
        values = [(f.name, f.value(message, row)) for f in measurement.fields]
        fields = ",".join(f"{name}={_number(value)}" for name, value in values if value is not None)
        if fields:
            yield f"{head}{tags} {fields} {_time_ns(measurement, message, row, received_at)}"


def _time_ns(measurement: Measurement[R], message: Message, row: R, received_at: Instant) -> int:
    # A last will was written when its node came, so its own time is not when the node went.
    if isinstance(message.body, StatusBody) and message.body.status == "offline":
        return round(received_at * 1000) * 1_000_000
    at_ms = round(measurement.time(message, row).timestamp() * 1000)
    identity = measurement.identity(message, row)
    return at_ms * 1_000_000 + (crc32(identity.encode()) % 1_000_000 if identity else 0)


def _number(value: float) -> str:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value} is no number that a store can hold")
    return repr(number)


def _escape(text: str) -> str:
    """A tag value. A backslash cannot be escaped in all stores, so it becomes a slash; none is empty."""
    return text.translate(_TAG_ESCAPES) or "-"


def table_markdown() -> str:
    """The table of points and codes, as docs/store.md has it."""
    parts = []
    for m in MEASUREMENTS:
        tags = "; ".join(["`hall`", "`floor`", *(f"`{t.name}` ({t.meaning})" for t in m.tags)])
        parts += [
            f"### `{m.name}` from `{m.kind}`",
            "",
            f"Tags: {tags}. Time: {m.time_meaning}. While the store is away: "
            + ("dropped first." if m.telemetry else "dropped last."),
            "",
            "| field | unit | meaning |",
            "|---|---|---|",
            *(f"| `{f.name}` | {f.unit} | {f.meaning} |" for f in m.fields),
            "",
        ]
    parts += ["### Codes", "", "| code | values |", "|---|---|"]
    for name, codes in CODES.items():
        listed = ", ".join(f"{number} {word}" for word, number in sorted(codes.items(), key=lambda c: c[1]))
        parts.append(f"| {name} | {listed} |")
    return "\n".join(parts)
