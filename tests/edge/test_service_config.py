"""`config/set` and `reload` of a running box: a real broker, real recordings, no model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import HallConfig
from edge.live import LoopClock
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.config_set import fingerprint
from hall.messages import HealthBody, ReplyBody, StateBody
from tests.support.clips import CLIPS, clip_hall_text
from tests.support.mqtt import Recorder, recording
from tests.support.nobody import Nobody
from tests.support.servers import Server, wait_until
from vision.detector import Detector

TOPIC = "hallwatch/1/demo/f1/edge-f1/config/set"


class Box:
    """A service in a thread of this process."""

    def __init__(self, folder: Path, port: int) -> None:
        self.file = folder / "hall.yaml"
        config = HallConfig(self.file, folder / "data", SystemClock(), environ={})
        loop = LoopClock.around([str(CLIPS / "cam1.mp4")], time.time())
        settings = parse_broker(f"mqtt://127.0.0.1:{port}")
        self.service = EdgeService(
            config.hall, "edge-f1", cast("Detector", Nobody()), settings, folder / "data", loop=loop, config=config
        )

    @contextmanager
    def running(self) -> Iterator[EdgeService]:
        thread = threading.Thread(target=self.service.run, name="box")
        thread.start()
        try:
            yield self.service
        finally:
            self.service.stop()
            thread.join()


@pytest.fixture
def text() -> str:
    return clip_hall_text(limits={"clerk_absent": "5min"})


@pytest.fixture
def box(tmp_path: Path, broker: Server, text: str) -> Box:
    (tmp_path / "hall.yaml").write_text(text, encoding="utf-8")
    return Box(tmp_path, broker.port)


def ask(port: int, text: str, correlation: bytes, topic: str = TOPIC, *, retain: bool = False) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation
    client.publish(topic, text.encode(), qos=1, retain=retain, properties=properties).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def replies(heard: Recorder) -> list[ReplyBody]:
    return [m.body for m in heard.messages("reply") if isinstance(m.body, ReplyBody)]


def health(heard: Recorder) -> HealthBody:
    bodies = [m.body for m in heard.messages("health") if isinstance(m.body, HealthBody)]
    return bodies[-1]


def test_config_set_changes_what_it_names_and_nothing_else(broker: Server, box: Box, text: str, tmp_path: Path) -> None:
    cut = text.index("- id: cam2")
    slower = (text[:cut] + text[cut:].replace("analyse_fps: 5", "analyse_fps: 3")).replace("5min", "7min")
    assert slower.count("analyse_fps: 3") == 1
    with recording(broker.port) as heard, box.running() as service:
        wait_until(lambda: all(c.stats().state == "live" for c in service._cameras), "both cameras are live")
        first, second = service._cameras
        heard.wait_for(1, "health")
        assert health(heard).config is not None

        ask(broker.port, text.replace("5min", "5"), b"bad")
        heard.wait_for(1, "reply")
        assert replies(heard)[0].correlation == "bad"
        assert "limits.clerk_absent" in str(replies(heard)[0].error)
        assert (replies(heard)[0].accepted, replies(heard)[0].sha256) == (False, fingerprint(text))
        wait_until(lambda: (c := health(heard).config) and c.error == replies(heard)[0].error, "health says why")
        assert service._cameras == [first, second]

        ask(broker.port, slower, b"\x01\xff")
        heard.wait_for(2, "reply")
        assert replies(heard)[1] == ReplyBody("config/set", True, "01ff", None, fingerprint(slower), ["cam2"])
        # The camera that did not change is the same, still open; the other one was opened anew.
        assert service._cameras[0] is first
        assert service._cameras[1] is not second
        wait_until(lambda: service._cameras[1].stats().state == "live", "the changed camera is live")
        wait_until(lambda: second._thread.is_alive() is False, "its old thread has ended")
        assert first.stats().reconnects == 0

        ask(broker.port, slower.replace("7min", "9min"), b"3")
        heard.wait_for(3, "reply")
        assert replies(heard)[2].changed == []
        seen = len(heard.messages("state"))
        wait_until(lambda: len(heard.messages("state")) > seen, "it goes on")
    again = HallConfig(box.file, tmp_path / "data", SystemClock(), environ={})
    assert (again.hall.limits.clerk_absent, again.health.origin) == (540, "message")


def test_reload_reads_the_file_and_keeps_the_old_one_where_it_is_wrong(broker: Server, box: Box, text: str) -> None:
    with recording(broker.port) as heard, box.running() as service:
        heard.wait_for(1, "state")
        box.file.write_text("hall: {}", encoding="utf-8")
        service.reload()
        wait_until(lambda: (c := health(heard).config) and c.error, "health says why")
        assert service._pipeline.hall.limits.clerk_absent == 300
        fewer = _without(_without(text, "  - id: w03", "  zones:"), "  - id: back", "  entrances:")
        box.file.write_text(fewer, encoding="utf-8")
        service.reload()
        wait_until(lambda: _windows(heard) == {"w01", "w02"}, "the window is gone")
        assert (c := health(heard).config)
        assert (c.sha256, c.error) == (fingerprint(fewer), None)


def test_duty_commands_are_taken_kept_and_answered(broker: Server, box: Box) -> None:
    topic = TOPIC.replace("config/set", "duty/set")
    command = '{"revision": %d, "commands": [{"window": "w01", "duty": "%s", "since": "2026-01-05T00:00:00Z"}]}'
    with recording(broker.port) as heard:
        ask(broker.port, command % (3, "paused"), b"1", topic, retain=True)
        with box.running():
            wait_until(lambda: _duty(heard).get("w01") == "paused", "the retained table is obeyed")
            assert _duty(heard)["w02"] == "open"
            assert replies(heard) == []
            ask(broker.port, command % (2, "open"), b"2", topic)
            heard.wait_for(1, "reply")
            assert (replies(heard)[0].accepted, replies(heard)[0].correlation) == (False, "2")
            ask(broker.port, command % (4, "leave"), b"3", topic)
            heard.wait_for(2, "reply")
            assert replies(heard)[1] == ReplyBody("duty/set", True, "3")
            wait_until(lambda: _duty(heard)["w01"] == "leave", "state says so")
        remember = len(heard.messages("state"))
        ask(broker.port, "", b"4", topic, retain=True)  # nothing stands at the broker any more
        again = Box(box.file.parent, broker.port)
        with again.running():
            wait_until(lambda: len(heard.messages("state")) > remember, "the box is back")
            assert _duty(heard)["w01"] == "leave"


def _duty(heard: Recorder) -> dict[str, str]:
    bodies = [m.body for m in heard.messages("state") if isinstance(m.body, StateBody)]
    return {window.window: window.duty for window in bodies[-1].windows} if bodies else {}


def _without(text: str, start: str, end: str) -> str:
    return text[: text.index(start)] + text[text.index(end) :]


def _windows(heard: Recorder) -> set[str]:
    bodies = [m.body for m in heard.messages("state") if isinstance(m.body, StateBody)]
    return {window.window for window in bodies[-1].windows}
