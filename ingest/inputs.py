"""What other systems of a hall may say: duty commands, tickets of the ticket machine, ratings.

A request is one JSON object, the same by MQTT and by HTTP. Keys that are not named here are refused, for hallwatch
keeps nothing about who somebody is: no names, no phone numbers, no ids of clerks. A ticket is its number.

`key` is the sender's own: a request that comes again under its key counts once and gets the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from hall.clock import Instant
from hall.errors import Fault, InputError
from hall.messages import DutyOrder
from hall.units import ID_PATTERN

InputKind = Literal["ticket", "rating", "duty/set"]
TicketEvent = Literal["taken", "called", "missed", "done"]

_WORD = re.compile(r"[A-Za-z0-9:+./_-]{0,40}")
_TIME = re.compile(r"\d{4}-\d\d")

MAX_BYTES = 16_384
"""Of a request; a real one has 200."""

Key = Annotated[
    str, Field(pattern=r"^[!-~]{1,64}$", description="the sender's own: the same request again has the same one")
]
Place = Annotated[str, Field(pattern=ID_PATTERN)]
_ON_TICKET = "what stands on the ticket: 4 letters at most and a number of 6 digits at most"
TicketNumber = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z\u4e00-\u9fff]{0,4}-?[0-9]{1,6}$",
        description=_ON_TICKET,
    ),
]
Moment = Annotated[AwareDatetime, Field(description="RFC 3339 with an offset; when it came, where left out")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    kind: ClassVar[InputKind]

    key: Key
    at: Moment | None = None


class TicketRequest(_Request):
    """Something that happened to a ticket.

    It was taken, called to a window (again, perhaps), missed (nobody came), or its case is done.
    """

    kind: ClassVar[InputKind] = "ticket"

    ticket: TicketNumber
    event: TicketEvent
    window: Place | None = Field(None, description="the window it was called to; needed for `called`")
    service: str | None = Field(
        None, min_length=1, max_length=32, description="what it was taken for, as the windows of hall.yaml say it"
    )
    zone: Place | None = Field(
        None, description="where its holder waits; left out: the zone that serves its window or service"
    )
    day: date | None = Field(
        None, description="the day by which numbers are counted; left out: that of `at` in the hall's time zone"
    )

    @model_validator(mode="after")
    def _has_a_window(self) -> Self:
        if self.event == "called" and self.window is None:
            raise _wrong("window", "nothing", "the window that it was called to")
        return self


def _whole(value: object) -> object:
    """JSON knows no whole numbers: 5.0 is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class RatingRequest(_Request):
    """A citizen rated the service at a window (好差评)."""

    kind: ClassVar[InputKind] = "rating"

    window: Place
    score: Annotated[int, BeforeValidator(_whole)] = Field(
        ge=1, le=5, description="5 very good (非常满意), 1 very bad (非常不满意)"
    )
    ticket: TicketNumber | None = Field(None, description=_ON_TICKET)
    comment: str | None = Field(
        None, max_length=4_000, exclude=True, description="dropped: free text may name people, so nobody keeps it"
    )


class DutyRequest(_Request):
    """A window is to be open by the hours, paused, or on leave until a moment."""

    kind: ClassVar[InputKind] = "duty/set"

    window: Place
    duty: DutyOrder
    until: Moment | None = Field(None, description="needed for `leave`, allowed for `paused`")
    by: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="who or what says so, an account or a device; not by HTTP, where it is whoever asks",
    )

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.duty == "leave" and self.until is None:
            raise _wrong("until", "nothing", "when the leave ends")
        if self.duty == "open" and self.until is not None:
            raise _wrong("until", self.until.isoformat(), "nothing: `open` holds until the next command")
        if self.until is not None and self.at is not None and self.until <= self.at:
            raise _wrong("until", self.until.isoformat(), "a time after `at`")
        return self


AnyRequest = TicketRequest | RatingRequest | DutyRequest
REQUESTS: Mapping[InputKind, type[AnyRequest]] = MappingProxyType(
    {model.kind: model for model in (DutyRequest, TicketRequest, RatingRequest)}
)


def schema_text(kind: InputKind) -> str:
    """The JSON schema of a request, as docs/schemas has it."""
    return json.dumps(REQUESTS[kind].model_json_schema(), ensure_ascii=False, indent=2) + "\n"


class RefusedError(InputError):
    """A request that was not taken, with every reason.

    Args:
        kind: what it should be.
        faults: at least one.
        conflict: it is as the schema says and does not fit: part of it another part, or all of it the windows and zones
            there are, the time, or a request that had its key before.
    """

    def __init__(self, kind: InputKind, faults: Sequence[Fault], *, conflict: bool = False) -> None:
        self.faults = tuple(faults)
        self.conflict = conflict
        super().__init__(f"{kind}: " + "; ".join(map(str, self.faults)))


def read_request(kind: InputKind, payload: bytes) -> AnyRequest:
    """A request from its JSON.

    Raises:
        RefusedError: it is none; says every fault.
    """
    if len(payload) > MAX_BYTES:
        raise RefusedError(kind, [Fault("the request", f"{len(payload)} bytes", f"{MAX_BYTES} at most")])
    if b"\\u0000" in payload:
        raise RefusedError(kind, [Fault("the request", "a text with the character NUL", "none")])
    try:
        return REQUESTS[kind].model_validate_json(payload)
    except ValidationError as exc:
        found = exc.errors(include_url=False)
        faults = [_fault(error, REQUESTS[kind]) for error in found[:20]]
        fits_the_schema = all(error["type"] == "request" for error in found)
        raise RefusedError(kind, faults, conflict=fits_the_schema) from None


def check_time(kind: InputKind, name: str, at: Instant, *, earliest: Instant, latest: Instant) -> None:
    """Whether a time can be meant.

    Raises:
        RefusedError: it cannot.
    """
    if not earliest <= at <= latest:
        away_s = at - (latest if at > latest else earliest)
        found = f"a time {abs(away_s):.0f} s {'after' if away_s > 0 else 'before'} what is taken"
        expected = "a time of the last 7 days, or of the next 24 h for duty"
        raise RefusedError(kind, [Fault(name, found, expected)], conflict=True)


def without_secrets(kind: InputKind, payload: bytes) -> bytes:
    """What may be kept of a request that was refused: the keys that are known, with their values where they are short.

    What nobody asked for may be about a person.
    """
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(said, dict):
        return b""
    fields = REQUESTS[kind].model_fields
    kept = {name: _kept(said[name]) for name, field in fields.items() if name in said and not field.exclude}
    return json.dumps(kept)[:1_000].encode()


def _kept(value: Any) -> Any:
    """Ids, times and small numbers; other text may be a name, long digits those of a phone."""
    if isinstance(value, str) and _WORD.fullmatch(value) and (sum(map(str.isdigit, value)) < 7 or _TIME.match(value)):
        return value
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 1e6):
        return value
    return f"<{type(value).__name__}>"


def _wrong(path: str, found: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("request", "{expected}", {"path": path, "found": found, "expected": expected})


_EXPECTED = {
    "missing": "this key",
    "extra_forbidden": "no such key; nothing about who somebody is may stand in a request",
    "string_type": "text",
    "int_type": "a whole number",
    "json_invalid": "a JSON object",
    "model_type": "a JSON object",
}


def _fault(error: Any, model: type[BaseModel]) -> Fault:
    """One pydantic error in our words."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "request":
        return Fault(context["path"], context["found"], context["expected"])
    path = ".".join(map(str, error["loc"])) or "the request"
    if kind == "extra_forbidden":
        return Fault(path[:64], "a key", _EXPECTED[kind])
    found = "nothing" if kind == "missing" else shown(error.get("input"))
    if kind == "json_invalid":
        found = str(error["msg"]).removeprefix("Invalid JSON: ")[:120]
    expected = _EXPECTED.get(kind) or error["msg"].replace("Input should be ", "").replace("Input should have ", "")
    field = model.model_fields.get(path)
    if kind == "string_pattern_mismatch" and field is not None:
        expected = f"{field.description or 'an id'} ({context['pattern']})"
    return Fault(path, found, expected)


def shown(value: Any) -> str:
    """A value as errors show it: what may be about a person is not."""
    kept = _kept(value)
    return kept if isinstance(kept, str) and kept.startswith("<") else repr(kept)
