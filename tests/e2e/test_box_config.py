"""Hall files from the centre to a running box: a real broker, box and HTTP side."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from edge.config import HallConfig
from edge.live import LoopClock
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.clock import SystemClock
from hall.config_set import fingerprint
from ingest._passwords import Passwords
from ingest.api import create_app
from ingest.service import Centre
from ingest.users import Users
from tests.support.asking import ask, key_of
from tests.support.clips import CLIPS, clip_hall_text
from tests.support.nobody import Nobody
from tests.support.servers import mosquitto, running, wait_until
from vision.detector import Detector

PATH = "/api/halls/demo/floors/f1/config"
SECRET = "hunter2"


class _House:
    """A broker, a box in a thread and a centre that has the same hall file."""

    def __init__(self, folder: Path, port: int) -> None:
        self.text = clip_hall_text(limits={"clerk_absent": "5min"})
        self.file = folder / "hall.yaml"
        self.file.write_text(self.text, encoding="utf-8")
        self.config = HallConfig(self.file, folder / "data", SystemClock(), environ={})
        settings, loop = parse_broker(f"mqtt://127.0.0.1:{port}"), LoopClock.around([str(CLIPS / "cam1.mp4")], 0.0)
        hall, detector = self.config.hall, cast("Detector", Nobody())
        self.box = EdgeService(hall, "edge-f1", detector, settings, folder / "data", loop=loop, config=self.config)
        self.thread = threading.Thread(target=self.box.run, name="box")
        records = f"sqlite:///{folder}/records.db"
        self.centre = Centre([hall], settings, records=records, hall_files={"demo": self.file})
        users = Users(self.centre.records, SystemClock(), Passwords(time_cost=1, memory_kib=8))
        self.app = create_app(self.centre, users)
        self.admin = key_of(users, "boss", "admin", ["demo"])
        self.chief = key_of(users, "chief", "admin", None)
        self.others = [key_of(users, "wang", "manager", None), key_of(users, "zhou", "admin", ["other"])]

    def send(self, text: str, query: str = "", key: str | None = None) -> httpx.Response:
        headers = {"Content-Type": "application/yaml"}
        return ask(self.app, "POST", PATH + query, key or self.admin, content=text.encode(), headers=headers)

    def nodes(self) -> list[dict[str, Any]]:
        answer = ask(self.app, "GET", PATH, self.admin)
        assert answer.status_code == 200, answer.text
        nodes: list[dict[str, Any]] = answer.json()["nodes"]
        return nodes

    def goes_by(self, text: str) -> None:
        """Wait until the centre knows that the box goes by this file."""
        wait_until(
            lambda: [(one["config"] or {}).get("sha256") for one in self.nodes()] == [fingerprint(text)],
            "the centre knows which file the box has",
        )

    def audited(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = ask(self.app, "GET", "/api/audit?subject=floor/demo/f1", self.chief).json()[
            "items"
        ]
        return rows


@contextmanager
def _living(folder: Path) -> Iterator[_House]:
    with running(mosquitto(folder)) as broker:
        made = _House(folder, broker.port)
        made.thread.start()
        try:
            with made.centre as centre:
                wait_until(lambda: centre.boxes.trouble is None, "boxes can be asked")
                made.goes_by(made.text)
                yield made
        finally:
            made.box.stop()
            made.thread.join()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_House]:
    with _living(tmp_path_factory.mktemp("config")) as made:
        yield made


def test_a_file_with_faults_is_sent_to_nobody(house: _House) -> None:
    before = house.audited()
    broken = house.text.replace("5min", "5").replace("analyse_fps: 5", "analyse_fps: 5x", 1)
    broken = broken.replace(str(CLIPS / "cam2.mp4"), f"[rtsp://user:{SECRET}@10.0.0.11/]", 1) + "limit: {}\n"
    answer = house.send(broken)
    assert answer.status_code == 422, answer.text
    faults = {fault["path"]: fault for fault in answer.json()["faults"]}
    assert faults["limits.clerk_absent"]["found"] == "5"
    assert faults["limit"] == {
        "path": "limit",
        "found": "the unknown key limit",
        "expected": "limits",
        "line": len(broken.splitlines()),
    }
    assert SECRET not in answer.text
    assert house.send("a: [").status_code == 422
    assert house.send(house.text.replace("id: demo", "id: other", 1)).json()["faults"][0]["path"] == "hall.id"
    assert house.send(house.text.replace("id: f1", "id: f9", 1)).json()["faults"][0]["path"] == "floors"
    assert house.audited() == before
    house.goes_by(house.text)


def test_a_right_one_is_in_force_and_on_record(house: _House) -> None:
    longer = house.text.replace("5min", "7min") + f"# of rtsp://user:{SECRET}@10.0.0.11\n"
    answer = house.send(longer)
    assert answer.status_code == 200, answer.text
    sha256 = fingerprint(longer)
    taken: dict[str, Any] = {"node": "edge-f1", "outcome": "taken", "error": None, "sha256": sha256, "changed": []}
    assert answer.json() == {"detail": "edge-f1: taken", "sha256": sha256, "nodes": [taken]}
    assert house.config.hall.limits.clerk_absent == 420
    house.goes_by(longer)
    last, first = house.audited()[:2]
    assert (last["actor"], last["action"]) == ("boss", "config.set")
    assert last["detail"] == {"sha256": sha256, "nodes": {"edge-f1": "taken"}}
    assert first["detail"]["nodes"] == {"edge-f1": "asked"}
    assert SECRET not in json.dumps(house.audited()) + answer.text

    # Without a text it is the centre's own file.
    answer = ask(house.app, "POST", PATH, house.admin, json={})
    assert (answer.status_code, answer.json()["sha256"]) == (200, fingerprint(house.text))
    house.goes_by(house.text)


def test_what_the_box_says_no_to_is_told_in_its_words(house: _House) -> None:
    stale = "0" * 64
    answer = house.send(house.text.replace("5min", "9min"), f"?base={stale}")
    assert answer.status_code == 409
    (node,) = answer.json()["nodes"]
    assert (node["outcome"], node["sha256"]) == ("refused", fingerprint(house.text))
    assert "another one came before it" in answer.json()["detail"]
    assert house.audited()[0]["detail"]["nodes"] == {"edge-f1": "refused"}
    assert house.config.hall.limits.clerk_absent == 300


def test_a_box_with_a_key_is_sent_what_is_signed(house: _House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.config, "_key", "k" * 32)
    house.goes_by(house.text)
    longer = house.text.replace("5min", "6min")
    assert "signature is wrong" in house.send(longer).json()["detail"]
    monkeypatch.setenv("HALLWATCH_CONFIG_KEY", "k" * 32)
    assert house.send(longer).status_code == 200
    house.goes_by(longer)
    assert house.send(house.text).status_code == 200
    house.goes_by(house.text)


def test_only_admins_of_the_hall_send_and_see(house: _House) -> None:
    for key in house.others:
        assert house.send(house.text, key=key).status_code == 403
        assert ask(house.app, "GET", PATH, key).status_code == 403
    assert ask(house.app, "GET", PATH.replace("f1", "f9"), house.admin).status_code == 404
    assert house.send("#" * 1_000_001).status_code == 413


def test_a_box_that_is_away_is_told_so(tmp_path: Path) -> None:
    with _living(tmp_path) as house:
        house.box.stop()
        house.thread.join()
        wait_until(lambda: house.nodes()[0]["status"] == "stopped", "the centre knows that it stopped")
        answer = house.send(house.text)
        assert answer.status_code == 503
        assert answer.json()["detail"] == "edge-f1: away, it is stopped"
        assert house.nodes()[0]["config"]["sha256"] == fingerprint(house.text)
