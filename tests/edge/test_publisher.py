"""The publisher against a real mosquitto that is killed, refuses, or is not there."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

import pytest
from pydantic import SecretStr

from edge.outbox import Outbox
from edge.publisher import Publisher, Retry
from hall.broker import BrokerSettings, parse_broker
from hall.clock import Clock, ManualClock
from hall.errors import InputError
from hall.messages import AnyBody, CrossingBody, HeatBody, Message, StateBody, StatusBody, compose
from hall.topics import Address
from tests.support.mqtt import Recorder, mosquitto_with_users, recording, remember_subscriptions, retained
from tests.support.servers import Server, free_port, require, running, wait_until

ADDRESS = Address("demo", "f1", "edge-f1")
NOW = 1_767_574_800.0
QUICK = Retry(first_s=0.02, most_s=0.1, refused_s=0.2)
STATUS = ADDRESS.topic("status")

Start = Callable[..., Publisher]


def _message(seq: int, body: AnyBody | None = None, at: float = NOW) -> Message:
    return compose(ADDRESS, "boot-1", seq, at, body or CrossingBody("door", "in"))


def _commit(outbox: Outbox, seqs: range, *, at: float = NOW) -> None:
    outbox.commit([_message(seq, at=at) for seq in seqs])


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with closing(Outbox(tmp_path / "outbox.db")) as outbox:
        yield outbox


@pytest.fixture
def start(outbox: Outbox) -> Iterator[Start]:
    """Starts publishers on the outbox and stops them at the end."""
    started: list[Publisher] = []

    def start(
        port: int, *, clock: Clock | None = None, inflight: int = 200, login: str = "", retry: Retry = QUICK
    ) -> Publisher:
        settings = parse_broker(f"mqtt://{login}127.0.0.1:{port}")
        clock = clock or ManualClock(NOW)
        publisher = Publisher(outbox, ADDRESS, "boot-1", "0.1.0", settings, clock, inflight=inflight, retry=retry)
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop(0)


def _seqs(recorder: Recorder, *kinds: str) -> list[int]:
    return [message.seq for message in recorder.messages(*(kinds or ("crossing",)))]


def _statuses(recorder: Recorder) -> list[str]:
    bodies = [message.body for message in recorder.messages("status")]
    return [body.status for body in bodies if isinstance(body, StatusBody)]


def test_everything_arrives_once_and_in_order(broker: Server, recorder: Recorder, outbox: Outbox, start: Start) -> None:
    _commit(outbox, range(1, 501))
    publisher = start(broker.port)
    for seq in range(501, 1001, 10):
        _commit(outbox, range(seq, seq + 10))
        publisher.notify()
    recorder.wait_for(1000, "crossing")
    wait_until(lambda: outbox.depth == 0, "the outbox is empty")
    assert publisher.connected
    assert publisher.last_error is None
    assert publisher.stop() == 0
    assert _seqs(recorder) == list(range(1, 1001))
    assert recorder.messages("crossing")[0] == _message(1)
    assert not any(one.retained for one in recorder.received if one.kind == "crossing")
    recorder.wait_for(2, "status")
    assert _statuses(recorder) == ["online", "stopped"]
    assert [m.seq for m in recorder.messages("status")] == [0, 0]
    # `online` comes before any data, `stopped` after all of it.
    assert [recorder.received[0].kind, recorder.received[-1].kind] == ["status", "status"]


def test_notify_wakes_and_nothing_spins_meanwhile(
    broker: Server, recorder: Recorder, outbox: Outbox, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without a call to notify nothing would go out before the wait below gives up.
    monkeypatch.setattr("edge._connection._TICK_S", 60.0)
    publisher = start(broker.port)
    recorder.wait_for(1, "status")
    before = _thread_cpu_s(publisher)
    time.sleep(0.5)
    assert _thread_cpu_s(publisher) - before <= 0.05
    for seq in range(1, 21):
        _commit(outbox, range(seq, seq + 1))
        publisher.notify()
        recorder.wait_for(seq, "crossing")


def _thread_cpu_s(publisher: Publisher) -> float:
    stat = Path(f"/proc/self/task/{publisher._thread.native_id}/stat").read_text()
    user, system = stat.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100


def test_broker_killed_in_the_middle_loses_nothing(
    broker: Server, recorder: Recorder, outbox: Outbox, start: Start
) -> None:
    remember_subscriptions(broker)
    publisher = start(broker.port, inflight=20)
    feeder = threading.Thread(target=_feed, args=(outbox, publisher, 3000), name="feeder")
    feeder.start()
    recorder.wait_for(300, "crossing")
    broker.stop(signal.SIGKILL)
    wait_until(lambda: not publisher.connected, "the loss is noticed")
    assert publisher.last_error is not None
    feeder.join()
    assert outbox.depth > 500
    broker.start()
    wait_until(lambda: outbox.depth == 0, "the outbox is empty")
    wait_until(lambda: len(set(_seqs(recorder))) >= 3000, "3000 different messages")
    seqs = _seqs(recorder)
    # What was on its way when the broker died came twice, and what it had acknowledged just before, some of which
    # it took with it. A reader that counts each seq once sees all, in order.
    assert list(dict.fromkeys(seqs)) == list(range(1, 3001))
    assert len(seqs) > 3000
    assert publisher.stop() == 0


def _feed(outbox: Outbox, publisher: Publisher, count: int) -> None:
    for seq in range(1, count + 1, 5):
        _commit(outbox, range(seq, seq + 5))
        publisher.notify()
        time.sleep(0.001)


def test_a_broker_that_lost_its_memory_gets_the_last_seconds_again(
    broker: Server, outbox: Outbox, start: Start
) -> None:
    publisher = start(broker.port)
    outbox.commit([_message(1), _state(2, NOW), _message(3)])
    publisher.notify()
    wait_until(lambda: outbox.depth == 0, "the outbox is empty")
    broker.stop(signal.SIGKILL)
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    wait_until(lambda: not publisher.connected, "the loss is noticed")
    time.sleep(0.2)
    broker.start()
    wait_until(lambda: publisher.connected, "connected again")
    wait_until(lambda: ADDRESS.topic("state") in retained(broker.port), "the state stands there again")


def test_unacknowledged_messages_are_sent_again_after_a_cut(
    broker: Server, recorder: Recorder, outbox: Outbox, start: Start
) -> None:
    with _Cable(broker.port) as cable:
        publisher = start(cable.port, inflight=50)
        wait_until(lambda: publisher.connected, "connected")
        for cut in range(1, 6):
            _commit(outbox, range(cut * 200 - 199, cut * 200 + 1))
            publisher.notify()
            recorder.wait_for(cut * 200 - 150, "crossing")
            cable.cut()
        wait_until(lambda: outbox.depth == 0, "the outbox is empty")
        wait_until(lambda: len(set(_seqs(recorder))) == 1000, "1000 different messages")
        assert list(dict.fromkeys(_seqs(recorder))) == list(range(1, 1001))


def test_broker_away_at_the_start(tmp_path: Path, broker: Server, outbox: Outbox, start: Start) -> None:
    broker.stop()
    _commit(outbox, range(1, 101))
    publisher = start(broker.port)
    wait_until(lambda: publisher.last_error, "an error is reported")
    assert publisher.last_error is not None
    assert f"mqtt://127.0.0.1:{broker.port}: [Errno 111]" in publisher.last_error
    assert not publisher.connected
    broker.start()
    wait_until(lambda: outbox.depth == 0, "the outbox is empty")
    assert publisher.last_error is None


def test_stop_while_the_broker_is_away_reports_what_is_left(outbox: Outbox, start: Start) -> None:
    _commit(outbox, range(1, 101))
    publisher = start(free_port())
    wait_until(lambda: publisher.last_error, "an error is reported")
    assert publisher.stop(drain_s=60) == 100


def test_stop_drains_what_waits_within_its_bound(
    broker: Server, recorder: Recorder, outbox: Outbox, start: Start
) -> None:
    publisher = start(broker.port, inflight=2)
    wait_until(lambda: publisher.connected, "connected")
    _commit(outbox, range(1, 2001))
    assert publisher.stop(drain_s=30) == 0
    recorder.wait_for(2000, "crossing")
    recorder.wait_for(2, "status")
    assert recorder.received[-1].kind == "status"

    _commit(outbox, range(2001, 22001))
    publisher = start(broker.port, inflight=2)
    wait_until(lambda: publisher.connected, "connected")
    left = publisher.stop(drain_s=0.05)
    assert left > 0
    assert outbox.depth == left
    wait_until(lambda: _statuses(recorder) == ["online", "stopped"] * 2, "stopped a second time")


def test_no_more_is_on_its_way_than_the_broker_takes(outbox: Outbox, start: Start) -> None:
    _commit(outbox, range(1, 301))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        publisher = start(listener.getsockname()[1])
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"\x20\x06\x00\x00\x03\x21\x00\x05")  # accepted, Receive Maximum 5
            peer.settimeout(0.3)
            got = b""
            with suppress(TimeoutError):
                while data := peer.recv(100_000):
                    got += data
        # Room is kept for `stopped`.
        assert (got.count(b"/status"), got.count(b"/crossing")) == (1, 3)
        assert publisher.stop(0) == 300


_NODE = """
import os, sys, time
from pathlib import Path
from edge.outbox import Outbox
from edge.publisher import Publisher
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.topics import Address

outbox = Outbox(Path(sys.argv[2]))
publisher = Publisher(outbox, Address("demo", "f1", "edge-f1"), "b", "1", parse_broker(sys.argv[1]), SystemClock())
publisher.start()
while not publisher.connected:
    time.sleep(0.01)
sys.stdin.readline()
os._exit(1)
"""


def test_will_says_offline_when_the_process_dies(tmp_path: Path, broker: Server, recorder: Recorder) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    command = [sys.executable, "-c", _NODE, url, str(tmp_path / "node.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        recorder.wait_for(1, "status")
        assert retained(broker.port)[STATUS].decoded().body == StatusBody("online", "1")
        process.communicate(b"\n")
    recorder.wait_for(2, "status")
    assert _statuses(recorder) == ["online", "offline"]
    assert retained(broker.port)[STATUS].decoded().body == StatusBody("offline", "1")


def test_stopped_stays_and_no_will_follows(broker: Server, outbox: Outbox, start: Start) -> None:
    publisher = start(broker.port)
    wait_until(lambda: publisher.connected, "connected")
    publisher.stop()
    publisher.notify()  # the pipeline may still commit
    found = retained(broker.port)[STATUS]
    assert found.retained
    assert found.decoded().body == StatusBody("stopped", "0.1.0")


def _state(seq: int, at: float) -> Message:
    return _message(seq, StateBody([], []), at)


def test_late_messages_are_marked_and_never_retained_over_live_state(
    broker: Server, recorder: Recorder, outbox: Outbox, start: Start
) -> None:
    # 31 s, 30 s (just in time) and no age at all.
    outbox.commit([_state(1, NOW - 31), _message(2, at=NOW - 31), _state(3, NOW - 30), _state(4, NOW)])
    start(broker.port)
    recorder.wait_for(4, "state", "crossing")
    got = {m.decoded().seq: m for m in recorder.received if m.kind != "status"}
    assert [got[seq].decoded().late for seq in (1, 2, 3, 4)] == [True, True, False, False]
    assert [got[seq].retained for seq in (1, 2, 3, 4)] == [False, False, True, True]
    assert got[1].decoded().captured_at == _state(1, NOW - 31).captured_at
    assert retained(broker.port)[ADDRESS.topic("state")].decoded().seq == 4


def test_newest_state_is_retained_though_late(broker: Server, outbox: Outbox, start: Start) -> None:
    # The cameras are gone and so is the pipeline's clock: the last state is still the best there is.
    outbox.commit([_state(1, NOW - 90), _state(2, NOW - 80), _message(3, at=NOW - 70)])
    start(broker.port)
    wait_until(lambda: outbox.depth == 0, "the outbox is empty")
    found = retained(broker.port)[ADDRESS.topic("state")].decoded()
    assert (found.seq, found.late) == (2, True)


def test_wrong_password_is_reported_without_it(
    tmp_path: Path, outbox: Outbox, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = mosquitto_with_users(tmp_path, {"edge-f1": "right-Sesame"})
    with running(server):
        _commit(outbox, range(1, 11))
        publisher = start(server.port, login="edge-f1:wrong-Sesame@")
        wait_until(lambda: publisher.last_error, "an error is reported")
        refused = f"mqtt://127.0.0.1:{server.port} refuses for user 'edge-f1': Not authorized"
        assert publisher.last_error == refused
        assert "Sesame" not in caplog.text + repr(publisher._settings)
        assert publisher.stop() == 10
        publisher = start(server.port, login="edge-f1:right-Sesame@")
        wait_until(lambda: outbox.depth == 0, "the outbox is empty")


def test_a_refused_kind_waits_while_the_others_go_on(tmp_path: Path, outbox: Outbox, start: Start) -> None:
    own, heat = "topic write hallwatch/1/demo/f1/edge-f1", "hallwatch/1/demo/f1/edge-f1/heat"
    allowed = f"user watcher\ntopic read #\nuser edge-f1\n{own}/crossing\n{own}/status\n"
    server = mosquitto_with_users(tmp_path, {"edge-f1": "a", "watcher": "b"}, allowed)
    with running(server), recording(server.port, username="watcher", password="b") as recorder:
        bodies = [HeatBody(60.0, None, []) if seq % 3 == 0 else None for seq in range(301)]
        outbox.commit([_message(seq, bodies[seq]) for seq in range(1, 301)])
        publisher = start(server.port, login="edge-f1:a@")
        wait_until(lambda: outbox.depth == 100, "all but the refused are gone")
        time.sleep(0.5)  # several breaks: nothing is lost and nothing spins
        assert publisher.last_error == f"mqtt://127.0.0.1:{server.port} refuses heat: Not authorized"
        refusals = (tmp_path / "mosquitto.log").read_text().count("Denied PUBLISH")
        assert refusals <= 100 + 0.5 / (QUICK.most_s / 2) + 3
        assert outbox.depth == 100
        (tmp_path / "acl").write_text(f"{allowed}topic write {heat}\n")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: outbox.depth == 0, "the outbox is empty")
        recorder.wait_for(300, "crossing", "heat")
        assert _seqs(recorder, "heat") == list(range(3, 301, 3))
        assert _seqs(recorder) == [seq for seq in range(1, 301) if seq % 3]
        wait_until(lambda: publisher.last_error is None, "the error is gone")


def test_a_message_the_broker_has_no_room_for_stays(tmp_path: Path, outbox: Outbox, start: Start) -> None:
    server = mosquitto_with_users(tmp_path, {"edge-f1": "a"})
    _set(server, "max_packet_size", "2000")
    with running(server):
        outbox.commit([_message(1), _message(2, CrossingBody("d" * 3000, "in")), _message(3)])
        publisher = start(server.port, login="edge-f1:a@")
        wait_until(lambda: outbox.depth == 1, "the others are gone")
        assert publisher.connected
        assert publisher.stop() == 1


def test_two_nodes_of_one_name_say_so(broker: Server, outbox: Outbox, start: Start) -> None:
    slow = Retry(first_s=0.02, most_s=5.0)
    first, second = start(broker.port, retry=slow), start(broker.port, retry=slow)
    hint = "does another process use the id hallwatch:demo:f1:edge-f1?"
    wait_until(lambda: any(hint in (p.last_error or "") for p in (first, second)), "one says so")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "connection lost", id="a web server"),
        pytest.param(b"\x20\x03\x00\x00\xff" + b"\xff" * 64, "connection lost", id="a broken answer"),
        pytest.param(b"", "connection lost", id="closed at once"),
        pytest.param(b"\x20\x03\x00\x88\x00", "refuses: Server unavailable", id="a broker that is busy"),
        pytest.param(b"\x20\x03\x00\x00\x00\xe0\x02\x8e\x00", "another process uses the id", id="taken over"),
    ],
)
def test_what_a_broker_or_something_else_may_answer(outbox: Outbox, start: Start, answer: bytes, error: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(1000)
                    peer.sendall(answer)

        server = threading.Thread(target=serve, name="impostor", daemon=True)
        server.start()
        publisher = start(listener.getsockname()[1])
        wait_until(lambda: error in (publisher.last_error or ""), error)
        publisher.stop(0)
        assert not publisher.connected
        listener.shutdown(socket.SHUT_RDWR)
        server.join()


def test_tls_checks_the_certificate(tmp_path: Path, outbox: Outbox) -> None:
    server = mosquitto_with_users(tmp_path, {"edge-f1": "pw"})
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [require("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    _set(server, "keyfile", str(key))
    _set(server, "certfile", str(certificate))
    _commit(outbox, range(1, 1001))
    with running(server):
        url = f"mqtts://edge-f1:pw@127.0.0.1:{server.port}"
        distrustful = Publisher(outbox, ADDRESS, "b", "1", parse_broker(url), ManualClock(NOW), retry=QUICK)
        distrustful.start()
        wait_until(lambda: "CERTIFICATE_VERIFY_FAILED" in (distrustful.last_error or ""), "no trust")
        assert distrustful.stop() == 1000
        settings = parse_broker(f"{url}?ca={certificate}")
        publisher = Publisher(outbox, ADDRESS, "b", "1", settings, ManualClock(NOW), retry=QUICK)
        publisher.start()
        wait_until(lambda: outbox.depth == 0, "the outbox is empty")
        assert publisher.stop() == 0
    with pytest.raises(InputError, match=r"key\.pem: .* expected CA certificates in PEM"):
        Publisher(outbox, ADDRESS, "b", "1", parse_broker(f"{url}?ca={key}"), ManualClock(NOW))


def test_settings_never_show_the_password() -> None:
    settings = BrokerSettings("h", 1883, "user", SecretStr("Sesame"))
    assert "Sesame" not in f"{settings} {settings!r} {settings.address}"


def _set(server: Server, key: str, value: str) -> None:
    config = server.folder / "mosquitto.conf"
    lines = [line for line in config.read_text().splitlines() if not line.startswith(key)]
    # Listener settings must stand behind their listener; these two may.
    config.write_text("\n".join([*lines, f"{key} {value}", ""]))


class _Cable:
    """Carries bytes between a client and a server until somebody cuts it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _start(self, target: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args, name="cable", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._ends += [near, far]
            self._start(self._carry, near, far)
            self._start(self._carry, far, near)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(512):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            # Not closed: the other direction may still wait on them, and would not notice.
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break every connection that stands."""
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
