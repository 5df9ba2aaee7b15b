"""`hallwatch config push`: to a real box over a real broker, and to boxes that are not there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from edge.config import HallConfig
from edge.live import LoopClock
from edge.push import push_config
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.config_set import fingerprint
from hall.errors import BrokerError
from hall.messages import ReplyBody, compose, encode
from hall.topics import Address
from tests.support.clips import CLIPS, clip_hall_text
from tests.support.command import call
from tests.support.mqtt import mosquitto_with_users, recording
from tests.support.nobody import Nobody
from tests.support.servers import Server, free_port, mosquitto, running
from vision.detector import Detector

BOX = Address("demo", "f1", "edge-f1")
KEY = "a key of this box"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(mosquitto(tmp_path_factory.mktemp("broker"))) as server:
        yield server


@contextmanager
def a_box(folder: Path, port: int, text: str, key: str | None = None) -> Iterator[EdgeService]:
    """A box in a thread, online."""
    (folder / "box.yaml").write_text(text, encoding="utf-8")
    config = HallConfig(folder / "box.yaml", folder / "data", SystemClock(), key=key, environ={})
    service = EdgeService(
        config.hall,
        "edge-f1",
        cast("Detector", Nobody()),
        parse_broker(f"mqtt://127.0.0.1:{port}"),
        folder / "data",
        loop=LoopClock.around([str(CLIPS / "cam1.mp4")], time.time()),
        config=config,
    )
    thread = threading.Thread(target=service.run, name="box")
    with recording(port) as heard:
        thread.start()
        try:
            heard.wait_for(1, "health")
            yield service
        finally:
            service.stop()
            thread.join()


def test_a_box_takes_a_file_or_says_why_not(broker: Server, tmp_path: Path) -> None:
    text = clip_hall_text(limits={"clerk_absent": "5min"})
    new, url = tmp_path / "new.yaml", f"mqtt://127.0.0.1:{broker.port}"
    with a_box(tmp_path, broker.port, text) as service:
        cut = text.index("- id: cam2")
        slower = text[:cut] + text[cut:].replace("analyse_fps: 5", "analyse_fps: 3")
        new.write_text(slower, encoding="utf-8")
        taken = call("config", "push", new, "--broker", url)
        assert (taken.returncode, taken.stderr) == (0, "")
        in_force = fingerprint(slower)[:12]
        assert taken.stdout == f"taken: {in_force} is in force; cameras opened anew or closed: cam2\n"
        assert service._pipeline.cameras[1].analyse_fps == 3

        new.write_text(slower.replace("5min", "6min"), encoding="utf-8")
        assert "no camera was touched" in call("config", "push", new, "--node", "edge-f1", "--broker", url).stdout

        new.write_text(slower.replace("5min", "7min"), encoding="utf-8")
        old = tmp_path / "box.yaml"
        refused = call("config", "push", new, "--broker", url, "--base", old)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "stays in force: config/set: base" in refused.stderr
        assert "another one came before it" in refused.stderr

        # A variable that the box does not use is none of the sender's business; here it need not be set.
        new.write_text(text.replace(f"{CLIPS / 'cam1.mp4'}", "${OTHER}"), encoding="utf-8")
        refused = call("config", "push", new, "--broker", url)
        assert refused.returncode == 1
        assert "${OTHER}" in refused.stderr
        assert service._pipeline.hall.limits.clerk_absent == 360


def test_a_signed_request_learns_what_is_in_force(
    broker: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = clip_hall_text(limits={"clerk_absent": "5min"})
    new, url = tmp_path / "new.yaml", f"mqtt://127.0.0.1:{broker.port}"
    new.write_text(text.replace("5min", "6min"), encoding="utf-8")
    monkeypatch.setattr("edge.service.HEALTH_EVERY_S", 0.5)
    with a_box(tmp_path, broker.port, text, KEY) as service:
        monkeypatch.delenv("HALLWATCH_CONFIG_KEY", raising=False)
        unsigned = call("config", "push", new, "--broker", url)
        assert unsigned.returncode == 1
        assert "the signature is wrong" in unsigned.stderr
        monkeypatch.setenv("HALLWATCH_CONFIG_KEY", KEY)
        assert call("config", "push", new, "--broker", url, "--timeout", 15).returncode == 0
        assert service._pipeline.hall.limits.clerk_absent == 360
    gone = call("config", "push", new, "--broker", url)
    assert gone.returncode == 1
    assert "demo/f1/edge-f1: stopped; expected a node that is there" in gone.stderr


def test_nobody_answers(broker: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.push._STATUS_S", 0.2)
    settings, address = parse_broker(f"mqtt://127.0.0.1:{broker.port}"), Address("demo", "f1", "edge-f9")
    with pytest.raises(BrokerError, match=r"edge-f9: no answer within 0\.2 s; nobody of this name was heard"):
        push_config(settings, address, b"hall: {}", timeout_s=0.2)
    with pytest.raises(BrokerError, match=r"edge-f9: no health within 0\.2 s"):
        push_config(settings, address, b"hall: {}", key=KEY, timeout_s=0.2)
    with pytest.raises(BrokerError, match="expected an MQTT broker there"):
        push_config(parse_broker(f"mqtt://127.0.0.1:{free_port()}"), address, b"hall: {}")


def test_what_is_said_to_somebody_else_is_no_answer(broker: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.push._STATUS_S", 0.2)
    address = Address("demo", "f1", "edge-f8")
    foreign = compose(address, "boot", 0, 0.0, ReplyBody("config/set", accepted=True, correlation="another"))
    box = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)

    def answer(*_told: object) -> None:
        box.publish(foreign.topic, encode(foreign), qos=1)

    box.on_message = answer
    box.connect("127.0.0.1", broker.port)
    box.subscribe(address.topic("config/set"), qos=1)
    box.loop_start()
    try:
        with recording(broker.port, foreign.topic) as heard, pytest.raises(BrokerError, match="no answer within 1 s"):
            push_config(parse_broker(f"mqtt://127.0.0.1:{broker.port}"), address, b"hall: {}", timeout_s=1)
        assert len(heard.received) == 1
    finally:
        box.disconnect()
        box.loop_stop()


def test_who_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.push._STATUS_S", 0.2)
    users = {"guest": "guest", "box": "box"}
    with running(mosquitto_with_users(tmp_path, users, "user guest\ntopic read #\nuser box\ntopic readwrite #")) as own:
        with pytest.raises(BrokerError, match="refused the request: Not authorized"):
            push_config(parse_broker(f"mqtt://guest:guest@127.0.0.1:{own.port}"), BOX, b"hall: {}", timeout_s=2)
        with pytest.raises(BrokerError, match="refused the connection: Not authorized") as refused:
            push_config(parse_broker(f"mqtt://guest:wrong@127.0.0.1:{own.port}"), BOX, b"hall: {}", timeout_s=2)
        assert "wrong" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("clerk_absent: 5min", "clerk_absent: 5"), (), "limits.clerk_absent"),  # a fault: it is not even sent
        (("", ""), ("--node", "edge-f9"), "--node edge-f9: found no such node; expected one of edge-f1"),
        (("", ""), ("--broker", "10.0.0.5"), "broker address without ://: the scheme is wrong"),
        (("", ""), ("--base", "no/such/file"), "no/such/file: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    tmp_path: Path, change: tuple[str, str], options: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "hall.yaml"
    file.write_text(clip_hall_text(limits={"clerk_absent": "5min"}).replace(*change), encoding="utf-8")
    called = call("config", "push", file, *options)
    assert (called.returncode, called.stdout) == (1, "")
    assert said in called.stderr
