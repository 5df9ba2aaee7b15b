"""The connection to a broker that misbehaves, and one with TLS and passwords."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hall.broker import parse_broker
from hall.clock import ManualClock, SystemClock
from hall.errors import BrokerError
from ingest._link import Link, Waker, tls_context
from tests.support.mqtt import mosquitto_with_users
from tests.support.servers import free_port, require, running

CONNACK = b"\x20\x03\x00\x00\x00"
SUBACK = b"\x90\x04\x00\x01\x00\x01"


@pytest.fixture
def waker() -> Iterator[Waker]:
    made = Waker()
    yield made
    made.close()


@contextmanager
def _broker(*says: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Somebody who answers each packet with the next of these, and then closes; the port, and what came."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            for answer in says:
                heard.append(connection.recv(4096))
                connection.sendall(answer)

    thread = threading.Thread(target=serve, name="broker", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.close()
        thread.join(5)


def _link(port: int, waker: Waker, clock: ManualClock | SystemClock | None = None, url: str = "") -> Link:
    settings = parse_broker(url or f"mqtt://127.0.0.1:{port}")
    return Link(settings, tls_context(settings), "centre", 100, waker, clock or SystemClock())


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ([b"\x20\x03\x00\x86\x00"], "refused: bad user name or password"),
        ([b"\x20\x03\x00\x84\x00"], "MQTT 5 is needed"),
        ([b""], "the broker closed it"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "closed it|length|expected MQTT 5"),
        (
            [CONNACK, b"\x90\x04\x00\x01\x00\x87"],
            r"subscription to a/\+ refused: not authorized; does the broker's ACL",
        ),
        ([CONNACK, b"\xe0\x02\x8b\x00"], "connection lost: server shutting down"),
        ([CONNACK, b"\x90\x04\x00"], "the broker closed it"),  # half an answer
    ],
)
def test_what_is_wrong_is_said(waker: Waker, says: list[bytes], error: str) -> None:
    def join() -> None:
        link = _link(port, waker)
        try:
            link.subscribe("a/+")
            for _ in range(3):
                link.receive(5.0)
        finally:
            link.close()

    with _broker(*says) as (port, _), pytest.raises(BrokerError, match=error):
        join()


def test_nobody_there(waker: Waker) -> None:
    with pytest.raises(BrokerError, match="not reachable: Connection refused"):
        _link(free_port(), waker)


def test_messages_that_come_with_the_answer_are_not_lost(waker: Waker) -> None:
    message = b"\x32\x07\x00\x01a\x00\x09\x00x"
    with _broker(CONNACK, SUBACK + message + message[:4], message[4:]) as (port, heard):
        link = _link(port, waker)
        link.subscribe("a/+")
        assert link.receive(5.0) == [("a", b"x", 9)]
        assert link.is_subscribed
        link.acknowledge([9])
        assert link.receive(5.0) == [("a", b"x", 9)]
        assert heard[-1] == b"\x40\x02\x00\x09"
        link.close()


def test_it_pings_while_nothing_happens_and_gives_a_silent_broker_up(waker: Waker) -> None:
    clock = ManualClock(1000.0)
    with _broker(CONNACK, b"\xd0\x00", b"") as (port, heard):
        link = _link(port, waker, clock)
        clock.advance(16)
        assert link.receive(0.0) == []
        link.keep_alive()
        assert link.receive(5.0) == []  # the answer to it
        assert heard[-1] == b"\xc0\x00"
        clock.advance(61)
        with pytest.raises(BrokerError, match=r"nothing heard for 61 s|closed it"):
            link.receive(0.0)
        link.close()


def test_somebody_who_wakes_us_ends_the_wait(waker: Waker) -> None:
    with _broker(CONNACK, b"") as (port, _):
        link = _link(port, waker)
        waker.wake()
        assert link.receive(7.0) == []
        link.leave()
        link.close()


def test_tls_checks_the_certificate(tmp_path: Path, waker: Waker) -> None:
    server = mosquitto_with_users(tmp_path, {"centre": "pw"})
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [require("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"{config.read_text()}\nkeyfile {key}\ncertfile {certificate}\n")
    url: Callable[[str], str] = lambda ca: f"mqtts://centre:pw@127.0.0.1:{server.port}{ca}"  # noqa: E731
    with running(server):
        with pytest.raises(BrokerError, match=r"no TLS: .*CERTIFICATE_VERIFY_FAILED"):
            _link(server.port, waker, url=url(""))
        link = _link(server.port, waker, url=url(f"?ca={certificate}"))
        link.subscribe("hallwatch/1/+/+/+/+")
        assert link.receive(5.0) == []
        assert link.is_subscribed
        link.leave()
        link.close()
    with pytest.raises(BrokerError, match=r"CA file .*key\.pem: "):
        tls_context(parse_broker(url(f"?ca={key}")))
