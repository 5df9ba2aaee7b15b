from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from hall.broker import parse_broker
from hall.clock import ManualClock
from hall.messages import Message, encode
from hall.topics import Address
from ingest import _routes_events, streams
from ingest._change_poller import ChangePoller
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.arrivals import Arrival
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.reader import News, Reader
from ingest.service import Centre
from ingest.streams import Streams
from ingest.users import Users
from tests.support.centre import T0, Numbered, a_state, an_event
from tests.support.listener import Event, Listener
from tests.support.servers import free_port


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_PACE_S", 0.0)
    monkeypatch.setattr(streams, "_CHECK_S", 0.01)
    monkeypatch.setattr(_routes_events, "_LAST_WORD_S", 0.01)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """Never started; what is taken in below is in its records."""
    made = Centre([], parse_broker(f"mqtt://127.0.0.1:{free_port()}"), records=f"sqlite:///{tmp_path}/records.db")
    yield made
    made.stop()


def _take(centre: Centre, *messages: Message) -> None:
    intake = Intake(
        centre.records, None, Metrics(CollectorRegistry()), ManualClock(T0 + 900), on_change=centre.reader.changed
    )
    intake.take([Arrival.of(m.topic, encode(m), T0 + 900) for m in messages])


def _run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


async def _events(listener: Listener, count: int) -> list[Event]:
    found = [await listener.next() for _ in range(count)]
    assert None not in found
    return [one for one in found if one is not None]


def test_what_changes_is_told_in_whole(centre: Centre) -> None:
    node, raised = Numbered(), an_event("raised")

    async def listen() -> None:
        async with Listener(create_app(centre)) as listener:
            (hello,) = await _events(listener, 1)
            assert (listener.status, hello) == (200, (0, "hello", {"version": 0, "resumed": False}))
            await asyncio.to_thread(_take, centre, node.message(T0, a_state(3)), node.message(T0, raised))
            incident, state = await _events(listener, 2)
            assert (incident.id, incident.name, incident.data["event_id"]) == (1, "incident", raised.event_id)
            assert (state.id, state.name, state.data["state"]["windows"][0]["customers"]) == (2, "node", 3)

    _run(listen())


def test_everybody_hears_of_their_own_halls_only(centre: Centre) -> None:
    users = Users(centre.records, ManualClock(T0), Passwords(time_cost=1, memory_kib=8))
    app = create_app(centre, users)
    first = users.add("admin", "li", "viewer", ["a"])
    users.set_password("li", first, "a password of my own", "here")
    key, _ = users.new_token("li", "li", "test", 1)
    both = [
        Numbered(Address(hall, "f1", "edge")).message(T0, an_event("raised", started_at=T0 - n))
        for n, hall in enumerate("ba")
    ]

    async def listen() -> None:
        async with Listener(app, authorization=f"Bearer {key}") as listener:
            await _events(listener, 1)
            await asyncio.to_thread(_take, centre, *both)
            assert {event.data["hall"] for event in await _events(listener, 2)} == {"a"}
        async with Listener(app, "kind=incident", authorization=f"Bearer {key}", last_event_id="0") as listener:
            assert [event.name for event in await _events(listener, 2)] == ["hello", "incident"]
        async with Listener(app, "hall=b", authorization=f"Bearer {key}") as listener:
            assert listener.status == 403
        async with Listener(app) as listener:
            assert listener.status == 401

    _run(listen())


@pytest.mark.parametrize("seed", range(5))
def test_whoever_comes_back_misses_nothing_and_hears_nothing_twice(centre: Centre, seed: int) -> None:
    """A reader that hangs up at random moments, while another process writes: numbers only grow, the end is known."""
    dice = random.Random(seed)
    app = create_app(centre)
    nodes = [Numbered(Address("demo", "f1", f"edge-{i}")) for i in range(4)]
    batches = [
        [node.message(T0 + at, a_state(dice.randrange(9))) for node in dice.sample(nodes, dice.randint(1, 4))]
        for at in range(40)
    ]
    last = sum(map(len, batches))
    poller = ChangePoller(centre.reader, every_s=0.001)

    def write() -> None:
        for batch in batches:
            intake = Intake(centre.records, None, Metrics(CollectorRegistry()), ManualClock(T0 + 900))
            intake.take([Arrival.of(m.topic, encode(m), T0 + 900) for m in batch])

    async def listen() -> None:
        number, seen = 0, {}
        writing = asyncio.create_task(asyncio.to_thread(write))
        while number < last:
            async with Listener(app, last_event_id=str(number)) as listener:
                hello = await listener.next()
                assert hello == (number, "hello", {"version": number, "resumed": True})
                for _ in range(dice.randint(1, 9)):
                    if number == last:
                        break
                    event = await listener.next()
                    assert event is not None
                    assert event.id is not None
                    assert event.id > number
                    number = event.id
                    seen[event.data["node"]] = event.data["state"]
        await writing
        now = {node.node: node.state for node in centre.reader.nodes()}
        assert {name: state["windows"][0]["customers"] for name, state in seen.items()} == {
            name: state.windows[0].customers for name, state in now.items() if state is not None
        }

    poller.start()
    _run(listen())
    poller.stop()


def test_what_was_missed_comes_in_parts(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_AT_ONCE", 1)
    nodes = [Numbered(Address("demo", "f1", f"edge-{i}")) for i in range(5)]
    _take(centre, *(node.message(T0, a_state()) for node in nodes))

    async def listen() -> None:
        async with Listener(create_app(centre), last_event_id="1") as listener:
            assert [event.id for event in await _events(listener, 5)] == [1, 2, 3, 4, 5]

    _run(listen())


def test_a_number_that_is_not_of_these_records_begins_anew(centre: Centre) -> None:
    async def listen() -> None:
        async with Listener(create_app(centre), last_event_id="7") as listener:
            assert await listener.next() == (0, "hello", {"version": 0, "resumed": False})
        for wrong in ("x", "-1", str(2**63)):
            async with Listener(create_app(centre), last_event_id=wrong) as listener:
                assert listener.status == 422

    _run(listen())


@pytest.mark.parametrize("how", ["revoke", "change", "disable"])
def test_a_login_that_ends_or_changes_ends_the_stream(centre: Centre, how: str) -> None:
    users = Users(centre.records, ManualClock(T0), Passwords(time_cost=1, memory_kib=8))
    users.start()
    first = users.add("admin", "li", "viewer", None)
    users.set_password("li", first, "a password of my own", "here")
    key, token = users.new_token("li", "li", "test", 1)
    other, _ = users.new_token("li", "li", "other", 1)
    app = create_app(centre, users)

    async def listen() -> None:
        async with (
            Listener(app, authorization=f"Bearer {key}") as listener,
            Listener(app, authorization=f"Bearer {other}") as stays,
        ):
            await _events(listener, 1)
            await _events(stays, 1)
            match how:
                case "revoke":
                    await asyncio.to_thread(users.revoke, "li", token.id)
                case "change":
                    await asyncio.to_thread(users.change, "admin", "li", halls=["a"])
                case _:
                    await asyncio.to_thread(users.change, "admin", "li", enabled=False)
            assert await listener.next() == (None, "end", {"reason": "the login ended"})
            assert await listener.next() is None
            if how == "revoke":
                await asyncio.to_thread(_take, centre, Numbered().message(T0, a_state()))
                assert [event.name for event in await _events(stays, 1)] == ["node"]

    _run(listen())


def test_one_who_does_not_read_is_dropped_and_the_others_hear_everything(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_MAX_BEHIND_BYTES", 2_000)
    app = create_app(centre)
    node = Numbered()

    async def listen() -> None:
        async with Listener(app) as slow, Listener(app) as quick:
            await _events(slow, 1)
            await _events(quick, 1)
            slow.reads.clear()
            ended = asyncio.create_task(slow.ended())
            at = 0
            while not ended.done():
                at += 1
                await asyncio.to_thread(_take, centre, node.message(T0 + at, a_state(at)))
                (event,) = await _events(quick, 1)
                assert event.data["state_at"] == T0 + at

    _run(listen())


def test_reading_is_done_once_for_all(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(centre)
    asked: list[int] = []
    original = Reader.news

    def news(self: Reader, after: int, **more: Any) -> News:
        asked.append(after)
        return original(self, after, **more)

    async def listen() -> None:
        listeners = [Listener(app) for _ in range(40)]
        for listener in listeners:
            await listener.__aenter__()
            await _events(listener, 1)
        monkeypatch.setattr(Reader, "news", news)
        while len(app.state.streams._caught_up) < len(listeners):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0)
        asked.clear()
        await asyncio.to_thread(_take, centre, Numbered().message(T0, a_state()))
        for listener in listeners:
            assert [event.name for event in await _events(listener, 1)] == ["node"]
        assert len(asked) == 1
        for listener in listeners:
            await listener.__aexit__(None, None, None)
        assert (app.state.streams._open, app.state.streams._tasks) == (set(), [])

    _run(listen())


def test_streams_end_when_the_centre_stops_and_no_more_than_so_many_are_taken(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: FastAPI = create_app(centre)
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)

    async def listen() -> None:
        async with Listener(app) as listener:
            await _events(listener, 1)
            async with Listener(app) as more:
                assert more.status == 503
            held: Streams = app.state.streams
            held.close()
            assert await listener.next() == (None, "end", {"reason": "the centre stops"})
            assert await listener.next() is None

    _run(listen())


def test_a_silent_stream_shows_that_it_is_there(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_routes_events, "_HEARTBEAT_S", 0.001)

    async def listen() -> None:
        async with Listener(create_app(centre), last_event_id="0") as listener:
            await _events(listener, 1)
            while not (text := listener._text):
                listener._text += (await listener._sent.get())["body"]
            assert text == b"id: 0\n: still here\n\n"

    _run(listen())
