"""What nobody should send, and what must hold all the same: only foreseen errors, and every bad message kept.

Three targets: the MQTT decoder (paho, as `ingest._link` drives it) with the bytes of a broker that lost its mind, the
intake with messages, and the counter with requests, both mutated from the good ones that docs/mqtt.md shows.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from hall.broker import parse_broker
from hall.clock import ManualClock, SystemClock
from hall.errors import BrokerError
from hall.messages import BODIES
from hall.topics import INPUTS
from hall.wake import Wake
from ingest._link import Link
from ingest.arrivals import Arrival, Asked
from ingest.counter import Counter
from ingest.input_book import InputBook
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.outlet import Outlet
from ingest.places import Places
from ingest.records import Records
from ingest.schema import dead_letters
from ingest.spill import Spill

GOLDEN = Path(__file__).resolve().parent.parent / "hall" / "golden"
NOW = 1_767_580_000.0
_CONNACK = b"\x20\x03\x00\x00\x00"

# --- bytes of a broker

_short = st.binary(max_size=40)
_codes = st.sampled_from(
    [0x20, 0x30, 0x32, 0x33, 0x34, 0x3A, 0x3D, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0]
)
_text = st.binary(max_size=20).map(lambda data: len(data).to_bytes(2) + data)


def _varint(value: int) -> bytes:
    made = bytearray()
    while True:
        value, part = value >> 7, value & 0x7F
        made.append(part | (0x80 if value else 0))
        if not value:
            return bytes(made)


def _sized(data: bytes) -> bytes:
    return _varint(len(data)) + data


_property = st.tuples(st.integers(0, 45).map(lambda code: bytes([code])), st.one_of(_short, _text)).map(b"".join)
_properties = st.one_of(st.just(b"\0"), st.lists(_property, max_size=4).map(b"".join).map(_sized), _short)
_numbers = st.binary(min_size=2, max_size=2)
_body = st.one_of(
    st.tuples(_text, _numbers, _properties, _short).map(b"".join),  # PUBLISH with QoS 1 or 2
    st.tuples(_text, _properties, _short).map(b"".join),  # and with QoS 0
    st.tuples(_numbers, _properties, _short).map(b"".join),  # SUBACK and the like
    st.tuples(st.binary(min_size=1, max_size=2), _properties).map(b"".join),  # DISCONNECT, CONNACK
    _short,
)
_packet = st.one_of(
    st.tuples(_codes.map(lambda code: bytes([code])), _body.map(_sized)).map(b"".join),
    _short,
)
streams = st.lists(_packet, max_size=6).map(b"".join)


class Broker:
    """Lets somebody in and says the next of `streams`, then ends."""

    def __init__(self) -> None:
        self.streams: SimpleQueue[bytes | None] = SimpleQueue()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="broker")
        self._thread.start()

    def _serve(self) -> None:
        while (stream := self.streams.get()) is not None:
            connection, _ = self._listener.accept()
            with closing(connection), suppress(OSError):  # who has heard enough may be gone
                connection.recv(4096)
                connection.sendall(_CONNACK + stream)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                while connection.recv(4096):
                    pass

    def close(self) -> None:
        """Listen no more."""
        self.streams.put(None)
        self._thread.join()
        self._listener.close()


def _drive(broker: Broker, wake: Wake, stream: bytes) -> list[tuple[bytes, int]]:
    """The messages in what a broker says, until it goes."""
    broker.streams.put(stream)
    found: list[tuple[bytes, int]] = []
    settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
    with suppress(BrokerError), closing(Link(settings, None, "centre", 100, wake, SystemClock())) as link:
        link.subscribe(["a/+"])
        while True:
            found += [(arrival.payload, arrival.packet_id) for arrival in link.receive(5.0, 100, 1_000_000)]
    return found


# --- messages and requests

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**300, 10**310),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from(
            ["\0", "../..", "a" * 5000, "NaN", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", -1, 2**63, 2**64]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a JSON value but the root."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [found for key, inner in items for found in ((*path, key), *_places(inner, (*path, key)))]


def _changed(good: Mapping[str, Any], draw: Callable[..., Any]) -> Any:
    """A good message with some of it replaced, removed or added."""
    said = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(0, 3))):
        places = _places(said)
        *path, last = draw(st.sampled_from(places))
        inner = said
        for key in path:
            inner = inner[key]
        what = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if what == "replace":
            inner[last] = draw(json_values)
        elif what == "remove":
            del inner[last]
        elif isinstance(inner, dict):
            inner[f"{last}x"] = inner[last]
        else:
            inner.append(inner[last])
    return said


def _spoilt(payload: bytes, draw: Callable[..., Any]) -> bytes:
    """Bytes with some of them other, more or fewer; mostly as they were."""
    how = draw(st.sampled_from(["not", "not", "not", "not", "cut", "put", "other"]))
    if how == "not" or not payload:
        return payload
    at = draw(st.integers(0, len(payload) - 1))
    some: bytes = draw(st.binary(max_size=6))
    if how == "cut":
        return payload[:at]
    return payload[:at] + some + payload[at + (len(some) if how == "other" else 0) :]


@st.composite
def arrivals(draw: Callable[..., Any]) -> Arrival:
    """A message that is good, or once was."""
    kind = draw(st.sampled_from(sorted(BODIES)))
    good = json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))
    good["seq"] = draw(st.integers(0, 40))
    payload = _spoilt(json.dumps(_changed(good, draw), ensure_ascii=draw(st.booleans())).encode(errors="replace"), draw)
    topic = f"hallwatch/1/{good['hall']}/{good['floor']}/{good['node']}/{kind}"
    if draw(st.integers(0, 9)) == 0:
        topic = draw(st.one_of(st.text(max_size=30), st.just(f"{topic}/more"), st.just("hallwatch/1/a/b/c/state")))
    return Arrival.of(topic, payload, NOW)


REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "ticket": {"key": "m-1", "ticket": "A012", "event": "called", "window": "w01", "at": None, "service": "社保"},
    "rating": {"key": "r-1", "window": "w01", "score": 5, "at": "2026-01-05T02:00:00Z", "comment": "好"},
    "duty/set": {"key": "d-1", "window": "w01", "duty": "leave", "until": "2026-01-05T03:00:00Z", "by": "desk"},
}


@st.composite
def requests(draw: Callable[..., Any]) -> Arrival:
    """A request that is good, or nearly."""
    kind = draw(st.sampled_from(INPUTS))
    payload = _spoilt(json.dumps(_changed(REQUESTS[kind], draw)).encode(), draw)
    to = draw(st.one_of(st.none(), st.text(max_size=20), st.just("hallwatch/1/demo/reply")))
    asked = draw(st.one_of(st.none(), st.builds(Asked, st.just(to), st.one_of(st.none(), st.binary(max_size=2000)))))
    return Arrival.of(f"hallwatch/1/demo/{kind}", payload, NOW, asked)


# --- what must hold


class Centre:
    """Intake and counter on records of their own, with a store that takes every line."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[bytes] = []
        self.name = "a store"
        clock = ManualClock(NOW)
        self.metrics = Metrics(CollectorRegistry())
        self.records = Records(f"sqlite:///{folder}/records.db")
        self._outlet = Outlet(self, Spill(folder / "spill.db", self.metrics), self.records, self.metrics, clock)
        self.intake = Intake(self.records, self._outlet, self.metrics, clock)
        self.counter = Counter(InputBook(self.records, self._outlet, self.metrics, clock, Places()))

    def write(self, lines: bytes) -> None:
        """See `Store.write`."""
        self.lines += lines.split(b"\n")

    def close(self) -> None:
        """See `Store.close`."""

    def end(self) -> None:
        """Close all files."""
        self._outlet.stop()
        self.records.close()

    def letters(self) -> int:
        """How many dead letters there are."""
        with self.records.reading() as connection:
            return connection.scalar(select(func.count()).select_from(dead_letters)) or 0

    def counted(self) -> float:
        """Messages and requests that counted, or came before."""
        samples = [s for metric in self.metrics.registry.collect() for s in metric.samples]
        return sum(s.value for s in samples if s.name in {"hallwatch_messages_total", "hallwatch_duplicates_total"})


def decoder_test(broker: Broker, wake: Wake) -> Callable[[], None]:
    """Whatever a broker says, there are messages, and then an end that says why."""

    @given(stream=streams)
    def any_bytes(stream: bytes) -> None:
        for payload, number in _drive(broker, wake, stream):
            assert payload in stream
            assert 0 <= number < 65536

    return any_bytes


def intake_test(centre: Centre) -> Callable[[], None]:
    """Each message counts or is a dead letter; no line of the store is torn."""

    @given(batch=st.lists(arrivals(), min_size=1, max_size=8))
    def any_messages(batch: list[Arrival]) -> None:
        letters, counted = centre.letters(), centre.counted()
        centre.lines.clear()
        centre.intake.take(batch)
        assert centre.letters() - letters + centre.counted() - counted == len(batch)
        for line in centre.lines:
            assert line.isascii() or line.decode()
            assert line.count(b" ") - line.count(b"\\ ") == 2, line

    return any_messages


def counter_test(centre: Centre) -> Callable[[], None]:
    """Each request is answered, and one that is not taken is a dead letter."""

    @given(arrival=requests())
    def any_request(arrival: Arrival) -> None:
        letters = centre.letters()
        answer = centre.counter.answer(arrival)
        said = json.loads(answer.payload)
        assert centre.letters() - letters == (not said["accepted"])
        assert not set("+#\0") & set(answer.topic)

    return any_request
