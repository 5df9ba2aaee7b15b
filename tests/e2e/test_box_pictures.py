"""Pictures of a box at the centre, and hall files from the centre to the box: a real broker, box and HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from edge.config import HallConfig
from edge.live import LoopClock
from edge.seal import Seal, sealed, verified
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import SystemClock, to_iso
from hall.layout import Evidence
from hall.messages import ReplyBody
from hall.pictures import EVIDENCE
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.boxes import Boxes, BoxPicture
from ingest.service import Centre
from ingest.users import Users
from tests.support.asking import ask, key_of
from tests.support.centre import ADDRESS, T0, Numbered, an_event
from tests.support.centre import Publisher as Node
from tests.support.clips import CLIPS, clip_hall_text
from tests.support.nobody import Nobody
from tests.support.servers import Server, mosquitto, running, wait_until
from vision.detector import Detector

KEY = b"k" * 32
NONE_TAKEN, GONE = T0 - 10, T0 - 20


class _House:
    """A broker, a box in a thread and a centre, of the hall of the clips."""

    def __init__(self, folder: Path, broker: Server) -> None:
        self.folder, self.text = folder, clip_hall_text()
        (folder / "hall.yaml").write_text(self.text, encoding="utf-8")
        self.config = HallConfig(folder / "hall.yaml", folder / "data", SystemClock(), environ={})
        self.settings = parse_broker(f"mqtt://127.0.0.1:{broker.port}")
        self.box = EdgeService(
            self.config.hall,
            "edge-f1",
            cast("Detector", Nobody()),
            self.settings,
            folder / "data",
            loop=LoopClock.around([str(CLIPS / "cam1.mp4")], SystemClock().now()),
            config=self.config,
        )
        self.thread = threading.Thread(target=self.box.run, name="box")
        self.centre = Centre([self.config.hall], self.settings, records=f"sqlite:///{folder}/records.db")
        users = Users(self.centre.records, SystemClock(), Passwords(time_cost=1, memory_kib=8))
        self.app = create_app(self.centre, users)
        self.viewer = key_of(users, "wang", "viewer", None)
        self.admin = key_of(users, "boss", "admin", None)
        self.stranger = key_of(users, "zhou", "admin", ["other"])
        self.picture = self._keep()

    def _keep(self) -> bytes:
        jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
        event, at = an_event("raised"), to_iso(T0)
        seal = Seal(event.event_id, event.rule, event.subject, "warning", at, "demo", "f1", "edge-f1", "cam1", at)
        key = (self.folder / "data" / "evidence.key").read_bytes()
        data = sealed(jpeg, seal, key)
        self.box._evidence.store.put(f"{event.event_id}.jpg", data, SystemClock().now())
        return data

    def get(self, path: str, key: str | None = None) -> Any:
        return ask(self.app, "GET", path, key or self.viewer)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_House]:
    folder = tmp_path_factory.mktemp("pictures")
    with running(mosquitto(folder)) as broker:
        (folder / "data").mkdir()
        made = _House(folder, broker)
        made.thread.start()
        try:
            with made.centre as centre:
                _tell(made, broker)
                wait_until(lambda: _is_ready(centre), "the centre knows the box")
                yield made
        finally:
            made.box.stop()
            made.thread.join()


def _tell(house: _House, broker: Server) -> None:
    """Three events: with a picture, with one that is gone, without one."""
    assert house.centre.wait_connected()
    raised = an_event("raised")
    gone, none = an_event("raised", started_at=GONE), an_event("raised", started_at=NONE_TAKEN)
    told = [
        an_event("raised", snapshot=f"{raised.event_id}.jpg"),
        an_event("raised", started_at=GONE, snapshot=f"{gone.event_id}.jpg"),
        none,
    ]
    node = Numbered(boot="by hand")
    with Node(broker.port) as sender:
        sender.send(*(node.message(T0 + 300, event) for event in told))


def _is_ready(centre: Centre) -> bool:
    nodes = [node for node in centre.reader.nodes() if node.status == "online" and node.health is not None]
    return bool(nodes) and len(centre.reader.incidents()) == 3 and centre.boxes.trouble is None


def _path(at: float | None = None) -> str:
    event = an_event("raised") if at is None else an_event("raised", started_at=at)
    return f"/api/incidents/{event.event_id}/picture"


def test_a_viewer_sees_the_picture_of_an_incident(house: _House) -> None:
    answer = house.get(_path())
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    assert (answer.headers["x-captured-at"], answer.headers["x-camera"]) == (to_iso(T0), "cam1")
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.content == house.picture
    verified(answer.content, (house.folder / "data" / "evidence.key").read_bytes(), "picture")


def test_where_there_is_none_it_says_why(house: _House) -> None:
    gone, none = house.get(_path(GONE)), house.get(_path(NONE_TAKEN))
    assert (gone.status_code, none.status_code) == (404, 404)
    assert "found no picture of event" in gone.json()["detail"]
    assert "no picture was taken" in none.json()["detail"]
    assert house.get(_path(), house.stranger).status_code == 404
    assert house.get("/api/incidents/x/picture").status_code == 404


def test_each_process_hears_its_own_answers(house: _House) -> None:
    event_id = an_event("raised").event_id
    payload = b'{"event_id": "%s"}' % event_id.encode()
    processes = [Boxes(house.settings) for _ in range(2)]
    for one in processes:
        one.start()
    wait_until(lambda: all(one.trouble is None for one in processes), "both are connected")

    async def both() -> list[BoxPicture | ReplyBody]:
        return await asyncio.gather(*(one.ask(ADDRESS, EVIDENCE, payload) for one in processes))

    assert [getattr(answer, "jpeg", None) for answer in asyncio.run(both())] == [house.picture] * 2
    for one in processes:
        one.stop()


FRAME = "/api/halls/demo/floors/f1/cameras/cam1/frame"


def test_an_admin_sees_a_frame_and_it_is_on_record(house: _House) -> None:
    wait_until(lambda: "cam1" in house.box._showing._newest, "a picture was looked at")
    answer = house.get(FRAME, house.admin)
    assert answer.status_code == 200, answer.text
    image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[:2] == house.box._showing._newest["cam1"][0].image.shape[:2]
    assert answer.headers["x-captured-at"].endswith("Z")
    (row,) = house.get("/api/audit?subject=camera/demo/f1/cam1", house.admin).json()["items"]
    assert (row["actor"], row["action"]) == ("boss", "camera.frame")
    assert house.get(FRAME, house.viewer).status_code == 403
    assert house.get(FRAME, house.stranger).status_code == 403
    assert house.get(FRAME.replace("cam1", "cam9"), house.admin).status_code == 404


def test_a_hall_that_says_no_is_obeyed(house: _House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.box._evidence.store, "settings", Evidence(share=False))
    answer = house.get(FRAME, house.admin)
    assert answer.status_code == 404
    assert "evidence.share is false" in answer.json()["detail"]


def test_a_broker_that_is_away_holds_up_nobody(house: _House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.centre.boxes, "trouble", "connection lost: for the test")
    answer = house.get(FRAME, house.admin)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "connection lost" in answer.json()["detail"]


def test_a_box_that_does_not_answer_holds_up_nobody(house: _House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.centre.boxes, "_wait_s", 0.2)
    monkeypatch.setattr(house.box._showing, "ask", lambda _: None)
    answer = house.get(FRAME, house.admin)
    assert answer.status_code == 504
    assert "no answer within 0.2 s" in answer.json()["detail"]
    assert house.centre.boxes._asked == {}
