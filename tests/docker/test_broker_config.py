"""The broker of the compose file, with its own configuration and the secrets that make-secrets.sh makes."""

from __future__ import annotations

import re
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from ruamel.yaml import YAML

from hall.broker import BrokerSettings, parse_broker
from tests.support.servers import Server, free_port, listens, require, running

DOCKER = Path(__file__).resolve().parents[2] / "docker"
WAIT_S = 10.0
NOT_AUTHORISED = 0x87
F1, F2 = "hallwatch/1/demo/f1/edge-f1", "hallwatch/1/demo/f2/edge-f2"


def make_secrets(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a person would, but into a folder of the test."""
    for program, package in (("openssl", "openssl"), ("mosquitto_passwd", "mosquitto")):
        require(program, package)
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "HALLWATCH_SECRETS_DIR": str(folder)}
    command = [str(DOCKER / "make-secrets.sh"), *arguments]
    return subprocess.run(command, env=environ, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docker") / "secrets"
    done = make_secrets(folder, "--host", "10.0.0.5", "demo/f1/edge-f1", "demo/f2/edge-f2")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def broker(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real configuration: only port and folders are the test's."""
    folder = tmp_path_factory.mktemp("broker")
    port = free_port()
    text = (DOCKER / "mosquitto" / "mosquitto.conf").read_text()
    text = text.replace("/run/secrets/", f"{secrets}/").replace("/mosquitto/data/", f"{folder}/")
    text, changed = re.subn(r"^listener 8883$", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
    assert changed == 1
    config = folder / "mosquitto.conf"
    config.write_text(f"{text}\nuser root\n")
    server = Server("mosquitto", [require("mosquitto", "mosquitto"), "-c", str(config)], port, folder)
    server.ready = lambda: listens(port)
    with running(server):
        yield server


def address(secrets: Path, broker: Server, name: str) -> str:
    """The broker address of a secret, with the test's port and folder in it."""
    text = (secrets / name).read_text().strip()
    return text.replace("@mosquitto:8883", f"@localhost:{broker.port}").replace("/run/secrets/", f"{secrets}/")


class Peer:
    """A client that says what the broker answered."""

    def __init__(self, settings: BrokerSettings) -> None:
        self.answers: SimpleQueue[ReasonCode] = SimpleQueue()
        self.published: SimpleQueue[ReasonCode] = SimpleQueue()
        self.subscribed: SimpleQueue[list[ReasonCode]] = SimpleQueue()
        self.messages: SimpleQueue[MQTTMessage] = SimpleQueue()
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        if settings.username is not None and settings.password is not None:
            client.username_pw_set(settings.username, settings.password.get_secret_value())
        if settings.tls:
            client.tls_set_context(ssl.create_default_context(cafile=settings.ca_file))
        client.on_connect = self._connected
        client.on_publish = lambda _c, _d, _m, reason, _p: self.published.put(reason)
        client.on_subscribe = lambda _c, _d, _m, reasons, _p: self.subscribed.put(reasons)
        client.on_message = lambda _c, _d, message: self.messages.put(message)
        client.connect(settings.host, settings.port)
        client.loop_start()
        self.client = client

    def _connected(self, _c: Client, _d: Any, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        self.answers.put(reason)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Whether the broker took it; the only other answer is: not authorised."""
        self.client.publish(topic, payload, qos=1, retain=retain)
        answer = self.published.get(timeout=WAIT_S).value
        assert answer == NOT_AUTHORISED or answer < 0x80
        return answer != NOT_AUTHORISED

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        self.subscribed.get(timeout=WAIT_S)

    def next_payload(self) -> bytes:
        return bytes(self.messages.get(timeout=WAIT_S).payload)


@contextmanager
def peer(secrets: Path, broker: Server, name: str) -> Iterator[Peer]:
    one = Peer(parse_broker(address(secrets, broker, name)))
    try:
        assert one.answers.get(timeout=WAIT_S).value == 0
        yield one
    finally:
        one.client.disconnect()
        one.client.loop_stop()


def refusal(settings: BrokerSettings) -> int:
    """The reason code with which the broker refuses a client."""
    one = Peer(settings)
    try:
        return int(one.answers.get(timeout=WAIT_S).value)
    finally:
        one.client.loop_stop()


def test_a_box_publishes_below_its_own_topic_and_nowhere_else(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.demo.f1.edge-f1") as box:
        assert box.publish(f"{F1}/event", b"mine")
        for topic in (f"{F2}/event", "hallwatch/1/other/f1/edge-f1/event", f"{F1}x/event", "hallwatch/1", "anything"):
            assert not box.publish(topic, b"not mine"), topic


def test_a_box_reads_nothing_of_another(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.demo.f1.edge-f1") as box, peer(secrets, broker, "broker.demo.f2.edge-f2") as two:
        for topic in ("#", "$share/others/#", f"{F1}/#", f"{F2}/duty/set"):
            two.subscribe(topic)
        assert box.publish(f"{F1}/event", b"of one")
        # The broker keeps the order: were the first message to come at all, it would come first.
        assert two.publish(f"{F2}/duty/set", b"of two")
        assert two.next_payload() == b"of two"


def test_the_centre_reads_every_box_and_speaks_for_none(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.centre") as centre, peer(secrets, broker, "broker.demo.f2.edge-f2") as box:
        centre.subscribe("$share/centre/hallwatch/1/+/+/+/+")
        assert box.publish(f"{F2}/session", b"served")
        assert centre.next_payload() == b"served"
        for topic in (f"{F2}/session", f"{F2}/answer/mine", "hallwatch/1/demo/ticket"):
            assert not centre.publish(topic, b"forged"), topic
        box.subscribe(f"{F2}/duty/set")
        assert centre.publish(f"{F2}/duty/set", b"paused")
        assert box.next_payload() == b"paused"
        for kind in ("label/set", "evidence/get", "frame/get", "config/set"):
            box.subscribe(f"{F2}/{kind}")
            assert centre.publish(f"{F2}/{kind}", kind.encode())
            assert box.next_payload() == kind.encode()


def test_a_box_answers_where_the_centre_asked_and_no_other_box_hears_it(secrets: Path, broker: Server) -> None:
    with (
        peer(secrets, broker, "broker.centre") as centre,
        peer(secrets, broker, "broker.demo.f1.edge-f1") as other,
        peer(secrets, broker, "broker.demo.f2.edge-f2") as box,
    ):
        centre.subscribe("hallwatch/1/+/+/+/answer/mine")
        other.subscribe("hallwatch/1/+/+/+/answer/#")
        assert box.publish(f"{F2}/answer/mine", b"a picture")
        assert centre.next_payload() == b"a picture"
        assert not other.publish(f"{F2}/answer/mine", b"forged")
        assert not other.publish(f"{F2}/frame/get", b"{}")
        other.subscribe(f"{F1}/duty/set")
        assert centre.publish(f"{F1}/duty/set", b"its own")
        assert other.next_payload() == b"its own"


def test_a_ticket_machine_asks_for_its_hall_and_hears_the_reply(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.demo.inputs") as machine, peer(secrets, broker, "broker.centre") as centre:
        centre.subscribe("$share/centre/hallwatch/1/+/ticket")
        for topic in ("#", f"{F1}/#", "hallwatch/1/other/reply/#", "hallwatch/1/demo/reply/machine-1"):
            machine.subscribe(topic)
        for topic in ("hallwatch/1/demo/rating", "hallwatch/1/demo/duty/set", "hallwatch/1/demo/ticket"):
            assert machine.publish(topic, b"A012"), topic
        assert centre.next_payload() == b"A012"
        assert centre.publish("hallwatch/1/demo/reply/machine-1", b"taken")
        assert machine.next_payload() == b"taken"
        for topic in ("hallwatch/1/other/ticket", f"{F1}/duty/set", f"{F1}/event", "hallwatch/1/demo/reply"):
            assert not machine.publish(topic, b"forged"), topic


def test_the_operator_sends_hall_files_and_nothing_else(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.operator") as operator, peer(secrets, broker, "broker.demo.f2.edge-f2") as box:
        box.subscribe(f"{F2}/config/set")
        operator.subscribe(f"{F2}/reply")
        assert operator.publish(f"{F2}/config/set", b"hall: {}")
        assert box.next_payload() == b"hall: {}"
        assert box.publish(f"{F2}/reply", b"no")
        assert operator.next_payload() == b"no"
        for topic in (f"{F2}/event", f"{F2}/reply", f"{F2}/duty/set", f"{F2}/config"):
            assert not operator.publish(topic, b"forged"), topic
    with peer(secrets, broker, "broker.demo.f1.edge-f1") as other:
        assert not other.publish(f"{F2}/config/set", b"hall: {}")


def test_nobody_else_comes_in(secrets: Path, broker: Server) -> None:
    known = address(secrets, broker, "broker.centre")
    password = known.split(":")[2].split("@")[0]
    assert refusal(parse_broker(known.replace(f"centre:{password}@", ""))) == NOT_AUTHORISED
    assert refusal(parse_broker(known.replace(password, password[::-1]))) == NOT_AUTHORISED
    assert refusal(parse_broker(known.replace("centre:", "demo.f1.edge-f1:"))) == NOT_AUTHORISED


def test_only_the_authority_made_here_is_trusted(secrets: Path, broker: Server) -> None:
    public = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", broker.port)) as sock, pytest.raises(ssl.SSLCertVerificationError):
        public.wrap_socket(sock, server_hostname="localhost")
    # OpenSSL's strict mode, the default of newer Pythons, takes the certificate as well.
    strict = ssl.create_default_context(cafile=secrets / "ca.crt")
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", broker.port)) as sock,
        strict.wrap_socket(sock, server_hostname="10.0.0.5"),
    ):
        pass


def test_the_health_check_of_the_compose_file_succeeds(secrets: Path, broker: Server, tmp_path: Path) -> None:
    compose = YAML(typ="safe").load(DOCKER / "compose.yml")
    _, command = compose["services"]["mosquitto"]["healthcheck"]["test"]
    require("mosquitto_sub", "mosquitto-clients")
    options = (secrets / "mosquitto_sub").read_text().replace("/run/secrets/", f"{secrets}/")
    command = command.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    (tmp_path / "mosquitto_sub").write_text(options.replace("8883", str(broker.port)))
    assert subprocess.run(command, shell=True, capture_output=True, check=False).returncode == 0
    (tmp_path / "mosquitto_sub").write_text(options.replace("8883", str(free_port())))
    assert subprocess.run(command, shell=True, capture_output=True, check=False).returncode != 0


def test_what_is_retained_survives_a_restart(secrets: Path, broker: Server) -> None:
    with peer(secrets, broker, "broker.demo.f1.edge-f1") as box:
        assert box.publish(f"{F1}/state", b"kept", retain=True)
    broker.stop()
    broker.start()
    with peer(secrets, broker, "broker.centre") as centre:
        centre.subscribe(f"{F1}/state")
        assert centre.next_payload() == b"kept"


def test_secrets_are_random_and_kept_from_others(secrets: Path, tmp_path: Path) -> None:
    other = tmp_path / "secrets"
    assert make_secrets(other, "demo/f1/edge-f1").returncode == 0
    for name in ("passwd", "broker.centre", "influxdb_token", "influxdb_password", "grafana_password", "server.key"):
        assert (other / name).read_text() != (secrets / name).read_text(), name
    assert stat.S_IMODE(other.stat().st_mode) == 0o700
    passwords = re.findall(r":([0-9a-f]{48})@", "".join(p.read_text() for p in secrets.glob("broker.*.*.*")))
    assert len(set(passwords)) == 2
    assert not any(password in (secrets / "passwd").read_text() for password in passwords)
    assert (secrets / "remote.demo.f1.edge-f1").read_text().endswith("@10.0.0.5:8883?ca=/etc/hallwatch/ca.crt\n")
    assert not list(other.glob("remote.*"))
    assert not list(tmp_path.glob("secrets.*"))


def test_secrets_are_never_overwritten(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir() if path.is_file()}
    done = make_secrets(secrets, "demo/f1/edge-f1")
    assert done.returncode == 1
    assert "never overwritten" in done.stderr
    done = make_secrets(secrets, "--add", "demo/f1/edge-f1")
    assert done.returncode == 1
    assert "already" in done.stderr
    assert {path.name: path.read_bytes() for path in secrets.iterdir() if path.is_file()} == before


def test_a_box_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder, "demo/f1/edge-f1").returncode == 0
    before = (folder / "passwd").read_text()
    assert make_secrets(folder, "--add", "demo/f3/edge-f3").returncode == 0
    assert (folder / "passwd").read_text().startswith(before + "demo.f3.edge-f3:$7$")
    assert (
        (folder / "acl").read_text().endswith("user demo.f3.edge-f3\ntopic readwrite hallwatch/1/demo/f3/edge-f3/#\n")
    )
    assert parse_broker((folder / "broker.demo.f3.edge-f3").read_text().split("?")[0]).username == "demo.f3.edge-f3"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["demo"],  # no floor, no node
        ["demo/f1/edge/f1"],
        ["demo/f1/#"],  # a wildcard would open other topics
        ["demo/+/edge-f1"],
        ["demo/f1/edge f1"],
        ["--host", "a,DNS:b", "demo/f1/edge-f1"],
        ["--default", "demo/f1/edge-f1"],
        ["--add", "demo/f1/edge-f1"],  # nothing there to add to
    ],
)
def test_wrong_arguments_make_nothing(tmp_path: Path, arguments: list[str]) -> None:
    done = make_secrets(tmp_path / "secrets", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("make-secrets: ")
    assert not list(tmp_path.iterdir())
