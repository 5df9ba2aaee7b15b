"""Wire messages: byte for byte what docs/mqtt.md shows, and nothing but MessageError for anything else."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hall import messages
from hall.clock import from_iso
from hall.errors import MessageError
from hall.messages import MAX_BYTES, AnyBody, Message, compose, decode, encode, event_id
from hall.topics import Address

GOLDEN = Path(__file__).parent / "golden"
EDGE = Address("demo", "f1", "edge-f1")
BOOT = "01JH2M5W3T"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BODIES: dict[str, AnyBody] = {
    "status": messages.StatusBody("online", "0.1.0"),
    "health": messages.HealthBody(
        cameras=[
            messages.CameraHealth(
                camera="c1",
                state="live",
                fps=2.0,
                decode_ms=4.1,
                inference_ms=12.9,
                since_inference_s=0.35,
                skipped_share=0.2,
                drops=0,
                reconnects=1,
                fault="moved by 5.7 % of the picture's width",
                inference_fps=3.0,
                zoom=[messages.CropHealth(["w01/clerk", "w02/clerk"], 0.075, 0.0, 0.63, 0.992)],
                analyse_fps=2.0,
                stream="main",
                stream_reason="main stream, as the substream fails: rtsp://10.0.0.11/sub: found nobody there",
                fallback=True,
            ),
            messages.CameraHealth("c2", "lost", 0.0, 0.0, 0.0, None, 0.0, 3, 7, "no frame for 8 s"),
        ],
        outbox_depth=0,
        outbox_bytes=0,
        thinned=0,
        rss_mb=212.5,
        model="nanodet-g_416_int8",
        provider="CPUExecutionProvider",
        config=messages.ConfigHealth("5f8c" * 16, "message", "config/set: 1 fault\n  limits.long_wait: found 30"),
        load=0.31,
        overloaded=True,
        missed_share=0.36,
    ),
    "state": messages.StateBody(
        windows=[
            messages.WindowState("w01", "open", "present", at("2026-01-05T01:00:00"), 1, 42.5, "serving"),
            messages.WindowState("w02", "open", "unknown", None, 0, None, "unknown"),
        ],
        zones=[messages.ZoneState("waiting", 7, 610.0, 240.0, 580.5, 420.0, 0)],
    ),
    "event": messages.EventBody(
        event_id=event_id("demo", "window/w01", "clerk_absent", from_iso("2026-01-05T01:00:07.400Z")),
        rule="clerk_absent",
        subject="window/w01",
        phase="raised",
        severity="critical",
        started_at=at("2026-01-05T01:00:07.400"),
        elapsed_s=300.2,
        unknown_s=19.0,
        limit_s=300.0,
        detail={"citizens": 1, "waiting_over_limit": False},
        snapshot="f78421e8-eda9-5048-9ca1-4ab08db1ae4a.jpg",
    ),
    "clip": messages.ClipBody(
        "f78421e8-eda9-5048-9ca1-4ab08db1ae4a",
        "f78421e8-eda9-5048-9ca1-4ab08db1ae4a.mp4",
        at("2026-01-05T01:04:57.600"),
        at("2026-01-05T01:05:17.600"),
    ),
    "session": messages.SessionBody(
        "9b5ab356-4a0e-5f1c-93c3-44d6e6c6a3f0",
        "w01",
        at("2026-01-05T01:00:07.400"),
        at("2026-01-05T01:09:07.400"),
        540.0,
        False,
    ),
    "stay": messages.StayBody(
        "1f2d8d8e-1a60-5c6b-8f6d-5b8f2a9f1b52",
        "waiting",
        at("2026-01-05T00:50:00"),
        at("2026-01-05T01:00:00"),
        600.0,
        "served",
        12.5,
    ),
    "crossing": messages.CrossingBody("door", "in"),
    "heat": messages.HeatBody(60.0, None, [messages.HeatCell(3, 9, 41.5), messages.HeatCell(4, 9, 0.5)]),
    "reply": messages.ReplyBody("config/set", accepted=True, correlation="req-7", sha256="5f8c" * 16, changed=["c2"]),
}


def message_of(kind: str) -> Message:
    return compose(EDGE, BOOT, 12, from_iso("2026-01-05T01:05:26.600Z"), BODIES[kind])


def test_a_sample_of_every_kind() -> None:
    assert BODIES.keys() == messages.BODIES.keys()
    assert {path.stem for path in GOLDEN.glob("*.json")} == BODIES.keys()


@pytest.mark.parametrize("kind", BODIES)
def test_every_kind_byte_for_byte(kind: str) -> None:
    golden = (GOLDEN / f"{kind}.json").read_bytes().removesuffix(b"\n")
    assert encode(message_of(kind)) == golden


@pytest.mark.parametrize("kind", BODIES)
def test_every_kind_comes_back_as_it_went(kind: str) -> None:
    message = message_of(kind)
    back = decode(encode(message))
    assert back == message
    assert type(back.body) is type(BODIES[kind])
    assert back.address == EDGE
    assert back.topic == f"hallwatch/1/demo/f1/edge-f1/{kind}"


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_read_in_one_go_it_is_the_same(kind: str) -> None:
    payload = encode(message_of(kind))
    assert decode(payload, kind) == decode(payload)
    other = "stay" if kind != "stay" else "state"
    assert decode(payload, other) == decode(payload)


def test_a_late_message_says_so() -> None:
    late = msgspec.structs.replace(message_of("session"), late=True)
    assert decode(encode(late)).late
    assert not decode(encode(message_of("session"))).late


def test_instants_travel_in_milliseconds() -> None:
    message = compose(EDGE, BOOT, 0, 1767574807.4004, BODIES["crossing"])
    assert message.captured_at == at("2026-01-05T01:00:07.400")


def test_a_newer_box_may_say_more() -> None:
    data = json.loads(encode(message_of("status")))
    data["site"] = "south wing"
    data["body"]["uptime_s"] = 12
    assert decode(json.dumps(data).encode()) == message_of("status")


def test_keys_with_a_default_may_be_left_out() -> None:
    data = json.loads(encode(message_of("session")))
    del data["late"], data["body"]["unknown_s"]
    assert decode(json.dumps(data).encode()) == message_of("session")


def test_another_offset_is_the_same_instant() -> None:
    data = json.loads(encode(message_of("crossing")))
    data["captured_at"] = "2026-01-05T09:05:26.600+08:00"
    assert decode(json.dumps(data).encode()) == message_of("crossing")


def altered(kind: str, *path: str | int, to: object) -> bytes:
    """A sample with one value replaced."""
    data: Any = json.loads(encode(message_of(kind)))
    node = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = to
    return json.dumps(data).encode()


def without(kind: str, *path: str) -> bytes:
    data = node = json.loads(encode(message_of(kind)))
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    return json.dumps(data).encode()


def raw(body: bytes, kind: str = "status") -> bytes:
    """An envelope around any bytes."""
    return encode(message_of(kind)).partition(b'"body":')[0] + b'"body":' + body + b"}"


BAD = [
    # One byte too many.
    (b" " * (MAX_BYTES + 1), "oversized", "1000001 bytes; expected 1000000 at most"),
    # Nothing, no JSON, half a message, two messages, JSON but no object.
    (b"", "malformed", "truncated"),
    (b"hello", "malformed", "no envelope"),
    (encode(message_of("state"))[:-20], "malformed", "truncated"),
    (encode(message_of("status")) * 2, "malformed", "trailing characters"),
    (b"[1, 2]", "malformed", "Expected `object`"),
    # Bytes that are no UTF-8, half of a surrogate pair.
    (b'{"schema": 1, "hall": "\xff\xfe"}', "malformed", "no envelope"),
    (altered("status", "boot", to="\ud800"), "malformed", "no envelope"),
    # JSON has no NaN.
    (b'{"schema": NaN}', "malformed", "no envelope"),
    # A key of the envelope is missing or of another type.
    (without("status", "seq"), "malformed", "`seq`"),
    (without("status", "body"), "malformed", "`body`"),
    (altered("status", "seq", to="12"), "malformed", "$.seq"),
    # Numbers that no counter reaches and no database holds.
    (altered("status", "seq", to=-1), "malformed", "$.seq"),
    (altered("status", "seq", to=2**63), "malformed", "$.seq"),
    (altered("status", "seq", to=10**4000), "malformed", "$.seq"),
    (altered("status", "schema", to=10**4000), "malformed", "$.schema"),
    # Ids that would reach into other topics, or none.
    (altered("status", "hall", to="demo/f1"), "malformed", "hall 'demo/f1'; expected an id"),
    (altered("status", "floor", to="+"), "malformed", "floor '+'; expected an id"),
    (altered("status", "node", to="edge\n"), "malformed", "node 'edge\\n'; expected an id"),
    (altered("status", "node", to=""), "malformed", "node ''; expected an id"),
    (altered("status", "boot", to=""), "malformed", "$.boot"),
    # A time that everybody would read differently, no time, a number.
    (altered("status", "captured_at", to="2026-01-05T01:00:00"), "malformed", "$.captured_at"),
    (altered("status", "captured_at", to="yesterday"), "malformed", "$.captured_at"),
    (altered("status", "captured_at", to=1767574807), "malformed", "$.captured_at"),
    # A box of tomorrow.
    (altered("status", "schema", to=2), "schema", "schema 2; expected 1"),
    # A kind that nobody knows, one of enormous length.
    (altered("status", "kind", to="ticket"), "kind", "kind 'ticket'; expected one of status, health"),
    (altered("status", "kind", to="x" * 5000), "kind", "expected one of status"),
    # A body without a key, with a wrong type, a wrong word, a time without an offset, a number too large.
    (without("event", "body", "event_id"), "body", "body of event: Object missing required field `event_id`"),
    (altered("event", "body", "elapsed_s", to="long"), "body", "$.elapsed_s"),
    # As long a number as JSON likes, which no float holds.
    (altered("state", "body", "windows", 0, "customers", to=10**400), "body", "$.windows[0].customers"),
    (altered("event", "body", "rule", to="nap"), "body", "'nap'"),
    (altered("event", "body", "rule", to="z" * 5000), "body", "body of event"),
    (altered("event", "body", "started_at", to="2026-01-05T01:00:00"), "body", "$.started_at"),
    (altered("state", "body", "windows", to=[{"window": "w01"}]), "body", "$.windows[0]"),
    (raw(b'{"status": "online", "version": 1e400}'), "body", "body of status"),
    (raw(b"null"), "body", "Expected `object`"),
    # The body of another kind.
    (raw(encode(message_of("heat")).partition(b'"body":')[2].rpartition(b",")[0]), "body", "`status`"),
    # Brackets without end: in the body, where we read, where we do not, and instead of a message.
    (raw(b"[" * 200_000 + b"]" * 200_000), "malformed", "recursion"),
    (raw(b'{"status": "online", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"), "malformed", "recursion"),
    (b"[" * 500_000, "malformed", "Expected `object`"),
]


@pytest.mark.parametrize(("payload", "reason", "says"), BAD, ids=range(len(BAD)))
def test_bad_messages(payload: bytes, reason: str, says: str) -> None:
    for kind in (None, "status", "state", "event"):
        with pytest.raises(MessageError) as caught:
            decode(payload, kind)
        assert caught.value.reason == reason
        assert says in str(caught.value)
        assert len(str(caught.value)) < 500  # it goes into a log and a table


def test_the_largest_message_passes() -> None:
    payload = encode(message_of("status"))
    assert decode(payload + b" " * (MAX_BYTES - len(payload))) == message_of("status")


STARTED = 1767574807.4


def test_an_event_has_one_id() -> None:
    # Written down once: a change would make every running event of every hall another one.
    expected = "f78421e8-eda9-5048-9ca1-4ab08db1ae4a"
    assert event_id("demo", "window/w01", "clerk_absent", STARTED) == expected
    assert uuid.UUID(expected).version == 5


IDENTITIES = [
    # A restart that computes the same instant with other rounding.
    (("demo", "window/w01", "clerk_absent", STARTED + 0.0004), True),
    # Another hall, window, rule or millisecond is another event.
    (("demo2", "window/w01", "clerk_absent", STARTED), False),
    (("demo", "window/w02", "clerk_absent", STARTED), False),
    (("demo", "window/w01", "overtime_case", STARTED), False),
    (("demo", "window/w01", "clerk_absent", STARTED + 0.001), False),
]


@pytest.mark.parametrize(("identity", "same"), IDENTITIES)
def test_what_makes_an_event_that_event(identity: tuple[str, str, str, float], same: bool) -> None:
    assert (event_id(*identity) == event_id("demo", "window/w01", "clerk_absent", STARTED)) is same


def only_a_message_error(payload: bytes) -> None:
    try:
        message = decode(payload)
    except MessageError as error:
        assert error.reason in {"oversized", "malformed", "schema", "kind", "body"}  # noqa: PT017 -- both ends are right
    else:
        assert decode(encode(message)) == message


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf{}")
def test_any_bytes(payload: bytes) -> None:
    only_a_message_error(payload)


@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_sample_with_bytes_changed(kind: str, data: st.DataObject) -> None:
    payload = bytearray(encode(message_of(kind)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(payload)))
        end = data.draw(st.integers(start, min(len(payload), start + 30)))
        payload[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b"null", b"-1", b'"', b"1e999", b"{"]))
    only_a_message_error(bytes(payload))


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=True)
    | st.text(max_size=10)
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14))])).map(datetime.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_sample_with_values_changed(kind: str, data: st.DataObject) -> None:
    sample = json.loads(encode(message_of(kind)))
    for target in (sample, sample["body"]):
        for key in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=2)):
            target[key] = data.draw(_json)
    only_a_message_error(json.dumps(sample).encode())
