"""Wire messages, JSON. One envelope, one body per kind; docs/mqtt.md shows samples.

Instants are `datetime` in UTC here, because that is what stands on the wire; inside the rooms they are
`hall.clock.Instant`.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, get_type_hints

import msgspec

from hall.clock import Instant, to_datetime, to_iso
from hall.errors import MessageError
from hall.topics import Address
from hall.units import ID_PATTERN

SCHEMA = 1
MAX_BYTES = 1_000_000
"""A state message of 200 windows is about 40 kB; what is larger than this is an error or an attack."""

Rule = Literal[
    "clerk_absent",
    "long_wait",
    "overtime_case",
    "camera_fault",
    "overload",
    "called_but_no_clerk",
    "closed_window_with_queue",
    "node_offline",
]
"""The last three are judged by the centre, the others by the boxes."""
CameraFault = Literal["offline", "stalled", "unwatched", "frozen", "dark", "covered", "moved"]
"""Why nothing is known from a camera: the first three have no picture that was looked at, the others a wrong one."""
Severity = Literal["warning", "critical"]
Phase = Literal["raised", "updated", "cleared"]
StreamName = Literal["main", "substream"]
Seen = Literal["present", "absent", "unknown"]
ClearReason = Literal["resolved", "off_duty", "paused", "camera_lost", "reconfigured", "clock_set"]
DutyOrder = Literal["open", "paused", "leave"]
"""What a duty command may say."""
WindowDuty = Literal["open", "closed", "paused", "leave"]
"""Whether a window should be served: `closed` by the hours, the next two by command."""
WindowStatus = Literal["serving", "idle", "unstaffed", "closed", "unknown"]

Refusal = Literal["unknown", "private", "busy", "unseen"]
"""Why a box shows no picture: there is none; it keeps them to itself; not now; its camera sees nothing."""

Utc = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time without an offset would be read in the zone of whatever machine reads it, so it is refused."""

Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
"""A number that any store can hold: JSON may say 1e999, which would be read as infinite."""

Whole = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
"""A whole number that a float holds exactly; JSON has longer ones, which no sum could take."""

SeqNumber = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
BootId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

_ID = re.compile(ID_PATTERN)
_EVENT_NAMESPACE = uuid.UUID("6f3d6e0c-5f0b-5c57-9a5e-6d1c3f1a7b10")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=False, omit_defaults=False, gc=False):
    """Base of all bodies. Unknown keys are let through, so that an older centre reads a newer box.

    Nothing in a body refers back to it, so the garbage collector need not look for cycles among thousands of them.
    """


class StatusBody(Body, frozen=True):
    """Birth, stop and last will of a node. Retained."""

    status: Literal["online", "stopped", "offline"]
    version: str


class CropHealth(Body, frozen=True):
    """A part of a camera's picture that is looked at by itself, in fractions of the image.

    `areas` are the areas it is for: `<window>/clerk`, `<window>/customer`, or a zone.
    """

    areas: list[str]
    left: Number
    top: Number
    right: Number
    bottom: Number


class CameraHealth(Body, frozen=True):
    """How one camera does, over the last interval; `since_inference_s` is null before the first one.

    `fault` says why the picture of a live camera cannot be believed: frozen, dark, covered, or moved by how much.
    `stream` is the one that is read, `stream_reason` says why; `fallback`: because the one to be read fails.
    `resting`: nothing moves, so that only its key frames are looked at.
    """

    camera: str
    state: Literal["live", "connecting", "lost", "ended"]
    fps: Number
    decode_ms: Number
    inference_ms: Number
    since_inference_s: Number | None
    skipped_share: Number
    drops: Whole
    reconnects: Whole
    error: str | None = None
    fault: str | None = None
    inference_fps: Number = 0.0
    zoom: list[CropHealth] = []
    analyse_fps: Number | None = None
    stream: StreamName | None = None
    stream_reason: str | None = None
    fallback: bool = False
    resting: bool = False


class ConfigHealth(Body, frozen=True):
    """Which hall file a node goes by; `error` says why the last one that it was given was refused."""

    sha256: str
    origin: Literal["file", "message"]
    error: str | None = None


class HealthBody(Body, frozen=True):
    """How a node does, every 10 s."""

    cameras: list[CameraHealth]
    outbox_depth: Whole
    outbox_bytes: Whole
    thinned: Whole
    rss_mb: Number
    model: str
    provider: str
    config: ConfigHealth | None = None
    load: Number = 0.0
    overloaded: bool = False
    missed_share: Number = 0.0


class WindowState(Body, frozen=True):
    """One window now."""

    window: str
    duty: WindowDuty
    clerk: Seen
    clerk_since: Utc | None
    customers: Whole
    session_s: Number | None
    status: WindowStatus


class ZoneState(Body, frozen=True):
    """One zone now; `count` is null while it cannot be seen."""

    zone: str
    count: Whole | None
    longest_wait_s: Number | None
    wait_p50_s: Number | None
    wait_p90_s: Number | None
    expected_wait_s: Number | None
    over_limit: Whole


class StateBody(Body, frozen=True):
    """All windows and zones of a node, every 10 s and on change. Retained."""

    windows: list[WindowState]
    zones: list[ZoneState]


class EventBody(Body, frozen=True):
    """A rule raised, updated or cleared an event."""

    event_id: str
    rule: Rule
    subject: str
    phase: Phase
    severity: Severity
    started_at: Utc
    elapsed_s: Number
    unknown_s: Number
    limit_s: Number
    ended_at: Utc | None = None
    reason: ClearReason | None = None
    detail: dict[str, Any] = {}
    snapshot: str | None = None


class ClipBody(Body, frozen=True):
    """The clip around an event is kept now, as a file of the box; from its first picture to its last."""

    event_id: str
    clip: str
    started_at: Utc
    ended_at: Utc


class SessionBody(Body, frozen=True):
    """A finished service session."""

    session_id: str
    window: str
    started_at: Utc
    ended_at: Utc
    duration_s: Number
    overtime: bool
    unknown_s: Number = 0.0


class StayBody(Body, frozen=True):
    """A finished stay in a zone."""

    stay_id: str
    zone: str
    started_at: Utc
    ended_at: Utc
    duration_s: Number
    ended: Literal["served", "left", "lost"]
    unknown_s: Number = 0.0


class CrossingBody(Body, frozen=True):
    """Somebody crossed the line of an entrance."""

    entrance: str
    direction: Literal["in", "out"]


class HeatCell(Body, frozen=True):
    """Person-seconds in one cell: of 1 m on the plan, or of 1/16 of width and height of an uncalibrated picture."""

    x: Whole
    y: Whole
    person_s: Number


class HeatBody(Body, frozen=True):
    """Where people were, every 60 s: sparse cells on the plan, or in the picture of `camera`."""

    interval_s: Number
    camera: str | None
    cells: list[HeatCell]


class ReplyBody(Body, frozen=True):
    """What became of a request, such as `config/set`; `correlation` is that of the request, hex where it is no text."""

    request: str
    accepted: bool
    correlation: str | None = None
    error: str | None = None
    sha256: str | None = None
    changed: list[str] = []
    reason: Refusal | None = None


AnyBody = (
    StatusBody
    | HealthBody
    | StateBody
    | EventBody
    | ClipBody
    | SessionBody
    | StayBody
    | CrossingBody
    | HeatBody
    | ReplyBody
)
BODIES: dict[str, type[AnyBody]] = {
    "status": StatusBody,
    "health": HealthBody,
    "state": StateBody,
    "event": EventBody,
    "clip": ClipBody,
    "session": SessionBody,
    "stay": StayBody,
    "crossing": CrossingBody,
    "heat": HeatBody,
    "reply": ReplyBody,
}
_KINDS = {body: kind for kind, body in BODIES.items()}


class _Envelope(msgspec.Struct, frozen=True):
    schema: SeqNumber
    hall: str
    floor: str
    node: str
    boot: BootId
    seq: SeqNumber
    captured_at: Utc
    kind: str
    body: msgspec.Raw
    late: bool = False


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message as it travels.

    `boot` and `seq` number the messages of one run of a node, from 1 on; `status` and `reply`, which pass by the
    outbox, have 0. `late` marks one that waited in the
    outbox: it is history and never replaces live state.
    """

    schema: int
    hall: str
    floor: str
    node: str
    boot: BootId
    seq: SeqNumber
    captured_at: Utc
    kind: str
    body: AnyBody
    late: bool = False

    @property
    def address(self) -> Address:
        """Hall, floor and node."""
        return Address(self.hall, self.floor, self.node)

    @property
    def topic(self) -> str:
        """The topic it goes to."""
        return self.address.topic(self.kind)


def _whole(kind: str, body: type[AnyBody]) -> type[msgspec.Struct]:
    """Envelope and body of one kind, to be read in one go."""
    hints = get_type_hints(_Envelope, include_extras=True)
    known = [(name, hints[name]) for name in _Envelope.__struct_fields__ if name not in {"body", "late"}]
    return msgspec.defstruct(f"_{kind.title()}", [*known, ("body", body), ("late", bool, False)], frozen=True, gc=False)


# Deeply nested JSON overruns the stack of the decoder, which says so with RecursionError.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encoder = msgspec.json.Encoder()
_envelope_decoder = msgspec.json.Decoder(_Envelope)
_body_decoders = {kind: msgspec.json.Decoder(body) for kind, body in BODIES.items()}
MESSAGES = {kind: _whole(kind, body) for kind, body in BODIES.items()}
"""What a message of each kind is on the wire, envelope and body."""

_whole_decoders = {kind: msgspec.json.Decoder(whole) for kind, whole in MESSAGES.items()}


def compose(address: Address, boot: str, seq: int, captured_at: Instant, body: AnyBody) -> Message:
    """A message around a body."""
    return Message(
        schema=SCHEMA,
        hall=address.hall,
        floor=address.floor,
        node=address.node,
        boot=boot,
        seq=seq,
        captured_at=to_datetime(captured_at),
        kind=_KINDS[type(body)],
        body=body,
    )


def encode(message: Message) -> bytes:
    """JSON of a message."""
    return _encoder.encode(message)


def decode(payload: bytes, kind: str | None = None) -> Message:
    """Read a message.

    Args:
        payload: JSON.
        kind: what it should be, as its topic says: a good message of that kind is read in one go, in half the time.

    Raises:
        MessageError: with reason `oversized`, `malformed`, `schema`, `kind` or `body`.
    """
    if len(payload) > MAX_BYTES:
        raise MessageError("oversized", f"{len(payload)} bytes; expected {MAX_BYTES} at most")
    decoder = None if kind is None else _whole_decoders.get(kind)
    if kind is None or decoder is None:
        return _decode_in_steps(payload)
    try:
        read: Any = decoder.decode(payload)
    except _UNREADABLE:
        return _decode_in_steps(payload)  # which says what is wrong
    if read.kind != kind or read.schema != SCHEMA or not _are_ids(read.hall, read.floor, read.node):
        return _decode_in_steps(payload)
    return Message(
        SCHEMA, read.hall, read.floor, read.node, read.boot, read.seq, read.captured_at, kind, read.body, read.late
    )


@lru_cache(maxsize=10_000)
def _are_ids(*names: str) -> bool:
    return all(_ID.fullmatch(name) for name in names)


def _decode_in_steps(payload: bytes) -> Message:
    """Envelope first, so that an error says which of them is wrong."""
    try:
        outer = _envelope_decoder.decode(payload)
    except _UNREADABLE as exc:
        raise MessageError("malformed", f"no envelope: {_short(exc)}") from exc
    if outer.schema != SCHEMA:
        raise MessageError("schema", f"schema {outer.schema}; expected {SCHEMA}")
    for name, value in (("hall", outer.hall), ("floor", outer.floor), ("node", outer.node)):
        if not _ID.fullmatch(value):
            raise MessageError("malformed", f"{name} {value[:80]!r}; expected an id as topics have it")
    decoder = _body_decoders.get(outer.kind)
    if decoder is None:
        raise MessageError("kind", f"kind {outer.kind[:80]!r}; expected one of {', '.join(BODIES)}")
    try:
        body = decoder.decode(outer.body)
    except _UNREADABLE as exc:
        raise MessageError("body", f"body of {outer.kind}: {_short(exc)}") from exc
    fields = {name: getattr(outer, name) for name in _Envelope.__struct_fields__ if name != "body"}
    return Message(**fields, body=body)


def _short(exc: Exception) -> str:
    """What a decoder says; it may quote a value of any length."""
    return str(exc)[:300]


def event_id(hall: str, subject: str, rule: str, started_at: Instant) -> str:
    """UUIDv5 of what makes an event that event: a restart or a replay makes the same one again."""
    return str(uuid.uuid5(_EVENT_NAMESPACE, f"{hall}|{subject}|{rule}|{to_iso(started_at)}"))


def correlation_text(data: bytes | None) -> str | None:
    """Correlation data as a reply says it: text, or hex where it is none."""
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()
