"""The connection to a broker that misbehaves, and one with TLS and passwords."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from hall.broker import parse_broker, tls_context
from hall.clock import SystemClock
from hall.errors import BrokerError, InputError
from hall.wake import Wake
from ingest._link import Link
from tests.support.mqtt import mosquitto_with_users
from tests.support.servers import free_port, require, running

CONNACK = b"\x20\x03\x00\x00\x00"
PINGREQ = b"\xc0\x00"
SUBACK = b"\x90\x04\x00\x01\x00\x01"


@pytest.fixture
def wake() -> Iterator[Wake]:
    made = Wake()
    yield made
    made.close()


@contextmanager
def _broker(*says: bytes, silent: bool = False) -> Iterator[tuple[int, list[bytes]]]:
    """Somebody who answers each packet with the next of these, and then closes or only listens; its port, what came."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            for answer in says:
                heard.append(connection.recv(4096))
                connection.sendall(answer)
            while silent and (data := connection.recv(4096)):
                heard.append(data)

    thread = threading.Thread(target=serve, name="broker", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.close()
        thread.join(5)


def _link(port: int, wake: Wake, url: str = "", keepalive_s: int = 30) -> Link:
    settings = parse_broker(url or f"mqtt://127.0.0.1:{port}")
    return Link(settings, tls_context(settings), "centre", 100, wake, SystemClock(), keepalive_s=keepalive_s)


def _receive(link: Link, wait_s: float = 5.0) -> list[tuple[str, bytes, int]]:
    return [(arrival.topic, arrival.payload, arrival.packet_id) for arrival in link.receive(wait_s, 100, 1_000_000)]


def _receive_one(link: Link) -> tuple[str, bytes, int]:
    while not (received := _receive(link)):
        pass
    (one,) = received
    return one


def _listen(link: Link) -> NoReturn:
    while True:
        _receive(link)


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ([b"\x20\x03\x00\x86\x00"], "refused: Bad user name or password"),
        ([b"\x20\x03\x00\x84\x00"], "MQTT 5 is needed"),
        ([b""], "the broker closed it"),
        (
            [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
            "closed it",
        ),  # an answer to something that was never sent, as far as it goes
        (
            [CONNACK, b"\x90\x04\x00\x01\x00\x87"],
            r"subscription to a/\+ refused: Not authorized; does the broker's ACL",
        ),
        ([CONNACK, b"\xe0\x02\x8b\x00"], "connection lost: Server shutting down"),
        ([CONNACK, b"\x90\x04\x00"], "the broker closed it"),  # half an answer
    ],
)
def test_what_is_wrong_is_said(wake: Wake, says: list[bytes], error: str) -> None:
    def join() -> None:
        link = _link(port, wake)
        try:
            link.subscribe(["a/+"])
            for _ in range(3):
                _receive(link)
        finally:
            link.close()

    with _broker(*says) as (port, _), pytest.raises(BrokerError, match=error):
        join()


def test_nobody_there(wake: Wake) -> None:
    with pytest.raises(BrokerError, match="not reachable: Connection refused"):
        _link(free_port(), wake)


def test_messages_that_come_with_the_answer_are_not_lost(wake: Wake) -> None:
    message = b"\x32\x07\x00\x01a\x00\x09\x00x"
    with _broker(CONNACK, SUBACK + message + message[:4], message[4:], silent=True) as (port, heard):
        link = _link(port, wake)
        link.subscribe(["a/+"])
        assert _receive_one(link) == ("a", b"x", 9)
        assert link.is_subscribed
        link.acknowledge([9])
        assert _receive_one(link) == ("a", b"x", 9)
        assert heard[-1] == b"\x40\x02\x00\x09"
        link.close()


def test_it_pings_while_nothing_happens_and_gives_a_silent_broker_up(wake: Wake) -> None:
    with _broker(CONNACK, b"\xd0\x00", b"\xd0\x00", silent=True) as (port, heard):
        link = _link(port, wake, keepalive_s=1)
        with pytest.raises(BrokerError, match="nothing heard from the broker"):
            _listen(link)
        assert heard[1:] == [PINGREQ] * 3
        link.close()


def test_it_lives_while_others_are_waited_for(wake: Wake) -> None:
    message = b"\x32\x07\x00\x01a\x00\x09\x00x"
    with _broker(CONNACK, message + b"\xd0\x00", b"\xd0\x00", b"\xd0\x00") as (port, heard):
        link = _link(port, wake, keepalive_s=1)
        while len(heard) < 3:
            link.keep_alive()
        assert _receive(link, 0.0) == [("a", b"x", 9)]
        link.close()


def test_somebody_who_wakes_us_ends_the_wait(wake: Wake) -> None:
    with _broker(CONNACK, b"") as (port, _):
        link = _link(port, wake)
        wake.set()
        assert _receive(link, 7.0) == []
        link.leave()
        link.close()


def test_tls_checks_the_certificate(tmp_path: Path, wake: Wake) -> None:
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
            _link(server.port, wake, url=url(""))
        link = _link(server.port, wake, url=url(f"?ca={certificate}"))
        link.subscribe(["hallwatch/1/+/+/+/+"])
        while not link.is_subscribed:
            assert _receive(link) == []
        link.leave()
        link.close()
    with pytest.raises(InputError, match=r"key\.pem: .*expected CA certificates in PEM"):
        tls_context(parse_broker(url(f"?ca={key}")))
