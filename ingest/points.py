"""The points of the time-series store, as a declared table. docs/store.md is printed from it.

Every field is a float: a store never meets two types of one field, and VictoriaMetrics knows nothing else (it turns
text into 0). Words are numbers by the codes below, or tags where there are few of them.

Times are those of the message, in nanoseconds. The part below a millisecond tells apart things that happened in
the same millisecond and have the same tags (two people leave a zone in one frame); it is made of their ids, so that
writing them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar
from zlib import crc32

import msgspec

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
from ingest._lines import TAGS, LineWriter
from ingest._own_points import HandlingPoint, RatingPoint, TicketsPoint

CODES: dict[str, dict[str, int]] = {
    "duty": {"closed": 0, "open": 1, "paused": 2, "leave": 3},
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


@dataclass(frozen=True)
class Tag(Generic[R]):
    """A tag beside `hall` and `floor`, which every point has: an attribute of the row, unless `value` works it out."""

    name: str
    meaning: str
    value: Callable[[Message, R], str] | None = None


@dataclass(frozen=True)
class Field(Generic[R]):
    """A field: an attribute of the row, unless `value` works it out.

    `code` names the numbers of its words in `CODES`. Where it is `optional`, None leaves it out of the point; where it
    is `whole`, it is an int and always there.
    """

    name: str
    unit: str
    meaning: str
    value: Callable[[Message, R], float | str | None] | None = None
    code: str = ""
    optional: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Measurement(Generic[R]):
    """Points of one name: which messages they come from, and what stands in them.

    `time` is when a point was, `captured_at` where it is None. `identity` names what happened, for points that may
    share a millisecond and all tags; where many `gather` in one frame, and a store of milliseconds must tell them
    apart, the thousandths of their second are the number of their message. `telemetry` says that a point may be
    dropped while the store is away for long and the disk quota is spent.
    """

    name: str
    kind: str
    rows: Callable[[Message], Sequence[R]]
    tags: tuple[Tag[R], ...]
    fields: tuple[Field[R], ...]
    time: Callable[[R], datetime] | None = None
    time_meaning: str = "captured_at"
    identity: Callable[[Message, R], str] | None = None
    gather: bool = False
    telemetry: bool = True

    @cached_property
    def write(self) -> LineWriter:
        """Writes rows as lines; a field that is in every row goes first."""
        fields = sorted(self.fields, key=lambda f: f.optional)
        assert not fields[0].optional, f"{self.name}: no field is in every row"
        return LineWriter(self.name, self.tags, fields, {f.name: CODES[f.code] for f in fields if f.code})


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


_NODE = Tag[Any]("node", "the box", lambda m, _: m.node)

WINDOW = Measurement[WindowState](
    name="window",
    kind="state",
    rows=lambda m: _state(m).windows,
    tags=(Tag("window", "id of the window"),),
    fields=(
        Field("duty", "code", "whether the window should be staffed now", code="duty"),
        Field("clerk", "code", "whether the clerk is there", code="clerk"),
        Field("customers", "people", "in the customer area", whole=True),
        Field("session_s", "s", "age of the session now running", optional=True),
        Field("status", "code", "window status", code="window status"),
    ),
)

ZONE = Measurement[ZoneState](
    name="zone",
    kind="state",
    rows=lambda m: _state(m).zones,
    tags=(Tag("zone", "id of the zone"),),
    fields=(
        Field("count", "people", "in the zone; none while it cannot be seen", optional=True),
        Field("longest_wait_s", "s", "age of the oldest stay", optional=True),
        Field("wait_p50_s", "s", "median age of the stays", optional=True),
        Field("wait_p90_s", "s", "90th percentile of their ages", optional=True),
        Field("expected_wait_s", "s", "for who comes now", optional=True),
        Field("over_limit", "people", "who have waited past the limit", whole=True),
    ),
)

SESSION = Measurement[SessionBody](
    name="session",
    kind="session",
    rows=_whole,
    tags=(Tag("window", "id of the window"),),
    fields=(
        Field("duration_s", "s", "from first to last seen"),
        Field("unknown_s", "s", "of it while the camera saw nothing"),
        Field(
            "overtime", "0 or 1", "whether it passed the limit of its window", lambda _, s: int(s.overtime), whole=True
        ),
    ),
    time=lambda s: s.ended_at,
    time_meaning="ended_at",
    identity=lambda _, s: s.session_id,
    telemetry=False,
)

EVENT = Measurement[EventBody](
    name="event",
    kind="event",
    rows=_whole,
    tags=(
        Tag("rule", "as in docs/mqtt.md"),
        Tag("subject", "window/ID, zone/ID, camera/ID or node/ID"),
        Tag("phase", "raised, updated or cleared"),
    ),
    fields=(
        Field("phase_code", "code", "phase, for stores that count", lambda _, e: e.phase, code="phase"),
        Field("severity", "code", "severity", code="severity"),
        Field("elapsed_s", "s", "since it began, without unknown and closed time"),
        Field("unknown_s", "s", "while the camera saw nothing"),
        Field("limit_s", "s", "the limit that was passed"),
    ),
    identity=lambda _, e: e.event_id,
    telemetry=False,
)

STAY = Measurement[StayBody](
    name="stay",
    kind="stay",
    rows=_whole,
    tags=(
        Tag("zone", "id of the zone"),
        Tag("ended", "served, left or lost"),
    ),
    fields=(
        Field("duration_s", "s", "from first to last seen"),
        Field("unknown_s", "s", "of it while the camera saw nothing"),
    ),
    time=lambda s: s.ended_at,
    time_meaning="the second of ended_at",
    gather=True,
    telemetry=False,
)

CROSSING = Measurement[CrossingBody](
    name="crossing",
    kind="crossing",
    rows=_whole,
    tags=(
        Tag("entrance", "id of the entrance"),
        Tag("direction", "in or out"),
    ),
    fields=(Field("people", "people", "always 1: sum it", lambda _m, _c: 1.0),),
    time_meaning="the second of captured_at",
    gather=True,
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
    fields=(Field("person_s", "s", "person-seconds since the last message"),),
)

CAMERA = Measurement[CameraHealth](
    name="camera",
    kind="health",
    rows=lambda m: _health(m).cameras,
    tags=(_NODE, Tag("camera", "id of the camera")),
    fields=(
        Field("state", "code", "camera state", code="camera state"),
        Field("fps", "1/s", "frames looked at"),
        Field("decode_ms", "ms", "to decode a frame"),
        Field("inference_ms", "ms", "to find the people in it"),
        Field("since_inference_s", "s", "age of the last inference", optional=True),
        Field("skipped_share", "0 to 1", "frames that the motion gate skipped"),
        Field("drops", "frames", "dropped because the box was late", whole=True),
        Field("reconnects", "times", "the stream was opened again", whole=True),
        Field("fault", "0 or 1", "its picture is not believed", lambda _, c: int(c.fault is not None), whole=True),
        Field(
            "stream",
            "code",
            "which stream is read",
            lambda _, c: CODES["stream"][c.stream] if c.stream else None,
            optional=True,
        ),
        Field(
            "fallback",
            "0 or 1",
            "that one is read because the other one fails",
            lambda _, c: int(c.fallback),
            whole=True,
        ),
    ),
)

NODE = Measurement[HealthBody](
    name="node",
    kind="health",
    rows=_whole,
    tags=(_NODE,),
    fields=(
        Field("outbox_depth", "messages", "waiting for the broker", whole=True),
        Field("outbox_bytes", "bytes", "waiting for the broker", whole=True),
        Field("thinned", "messages", "of telemetry given up under the disk quota", whole=True),
        Field("rss_mb", "MB", "memory of the process"),
        Field("load", "0 to 1", "busy with frames for that share of the time"),
        Field(
            "overloaded",
            "0 or 1",
            "it looks at fewer frames than it should",
            lambda _, h: int(h.overloaded),
            whole=True,
        ),
        Field("missed_share", "0 to 1", "of the frames it should look at"),
    ),
)

NODE_STATUS = Measurement[StatusBody](
    name="node",
    kind="status",
    rows=_whole,
    tags=(_NODE,),
    fields=(Field("status", "code", "node status", code="node status"),),
    time_meaning="captured_at; for `offline`, when the centre heard of it",
    telemetry=False,
)

RATING = Measurement[RatingPoint](
    name="rating",
    kind="rating",
    rows=_whole,
    tags=(Tag("window", "id of the window"),),
    fields=(Field("score", "1 to 5", "5 is very good", whole=True),),
    time_meaning="when it was given",
    identity=lambda _, r: r.key,
    telemetry=False,
)

TICKETS = Measurement[TicketsPoint](
    name="tickets",
    kind="tickets",
    rows=_whole,
    tags=(Tag("zone", "id of the zone"),),
    fields=(
        Field("waiting", "people", "who have a ticket and were not called", whole=True),
        Field("longest_wait_s", "s", "of those, since they took it", optional=True),
        Field("called", "people", "within the last hour", whole=True),
        Field("wait_p50_s", "s", "from taking a ticket to being called, median of these", optional=True),
        Field("wait_p90_s", "s", "likewise, 90th percentile", optional=True),
    ),
    time_meaning="every minute",
)

HANDLING = Measurement[HandlingPoint](
    name="incident",
    kind="incident",
    rows=_whole,
    tags=(Tag("rule", "as in docs/mqtt.md"),),
    fields=(
        Field("unattended", "incidents", "open or escalated: nobody has said that they see to it", whole=True),
        Field("raised", "incidents", "raised within the last day", whole=True),
        Field("acknowledged", "incidents", "of these, that somebody has said to see to", whole=True),
        Field("ack_p50_s", "s", "from when the centre learned of one until somebody said so, median", optional=True),
        Field("ack_p90_s", "s", "likewise, 90th percentile", optional=True),
        Field("false_alarms", "incidents", "of these, that somebody called false alarms", whole=True),
        Field("false_share", "0 to 1", "share of them", optional=True),
    ),
    time_meaning="every minute",
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
    RATING,
    TICKETS,
    HANDLING,
)
"""Everything that the centre writes."""

_BY_KIND = {kind: tuple(m for m in MEASUREMENTS if m.kind == kind) for kind in {m.kind for m in MEASUREMENTS}}


class Points(msgspec.Struct, frozen=True, gc=False):
    """The points of one message as line protocol, without a newline at the end."""

    lines: bytes
    telemetry: bool
    count: int = 1


def points_of(message: Message, received_at: Instant) -> Points | None:
    """The points of a message; None where it has none.

    Raises:
        ValueError: a whole number of thousands of digits.
    """
    measurements = _BY_KIND.get(message.kind, ())
    head = f",hall={TAGS[message.hall]},floor={TAGS[message.floor]}"
    lines: list[bytes] = []
    count = 0
    for m in measurements:
        if rows := m.rows(message):
            lines.append(m.write(message, rows, head, f" {_time_ns(m, message, rows[0], received_at)}"))
            count += len(rows)
    if not lines:
        return None
    return Points(b"\n".join(lines), all(m.telemetry for m in measurements), count)


def _time_ns(measurement: Measurement[R], message: Message, row: R, received_at: Instant) -> int:
    """When the points of a message were; where there may be several rows, they are of one moment."""
    # A last will was written when its node came, so its own time is not when the node went.
    if isinstance(message.body, StatusBody) and message.body.status == "offline":
        return round(received_at * 1000) * 1_000_000
    at = message.captured_at if measurement.time is None else measurement.time(row)
    if measurement.gather:
        return (int(at.timestamp()) * 1000 + message.seq % 1000) * 1_000_000
    identity = "" if measurement.identity is None else measurement.identity(message, row)
    return round(at.timestamp() * 1000) * 1_000_000 + (crc32(identity.encode()) % 1_000_000 if identity else 0)


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
