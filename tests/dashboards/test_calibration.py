"""The hall file under the calibration page: opened, looked at, written, refused; faults placed; who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI

from dashboards.calibration.desk import Desk, FaultyError, StaleError, sha256_of
from dashboards.calibration.faults import PlacedFault, faults_of
from dashboards.calibration.routes import add_routes
from dashboards.calibration.words import WORDS, in_chinese
from dashboards.feed import Feed
from dashboards.site import Site
from hall.areas import CameraAreas, WindowAreas, areas_of
from hall.clock import ManualClock
from hall.load import Anything, parse_hall, plain_values
from ingest import audit
from ingest._answers import speak_plainly
from ingest._passwords import Passwords
from ingest.login import add_login
from ingest.records import Records
from ingest.users import Users
from tests.dashboards.sample_hall import NOW, MemoryModel
from tests.support.asking import ask, key_of

HALL = """\
hall: {id: demo, name: 演示, timezone: Asia/Shanghai}   # a name
floors:
  - id: f1
    plan: {width_m: 12, depth_m: 14}
    cameras:
      - id: c1
        source: "rtsp://user:hush@10.0.0.11/sub"
        floor_points: [[[0.15, 0.7], [3, 11]], [[0.85, 0.7], [9, 11]], [[0.5, 0.85], [6, 10]], [[0.3, 0.85], [4, 10]]]
      - {id: c2, source: "rtsp://user:${PW}@10.0.0.12/sub"}
    windows:
      - id: w01   # the first
        label: 1号窗口
        camera: c1
        clerk_area:
          - {polygon: [[0.1, 0.3], [0.3, 0.3], [0.3, 0.5]]}
          - {camera: c2, polygon: [[0.1, 0.3], [0.3, 0.3], [0.3, 0.5]]}
    zones:
      - {id: waiting, serves: [w01], areas: [{camera: c1, polygon: [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]]}]}
    entrances: [{id: door, camera: c1, line: [[0.4, 0.2], [0.6, 0.2]]}]
"""
BOW_TIE = [(0.1, 0.1), (0.4, 0.4), (0.4, 0.1), (0.1, 0.4)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    path = tmp_path / "hall.yaml"
    path.write_bytes(HALL.encode())
    return Desk(path)


def drawn(change: Callable[[CameraAreas], None] = lambda _: None, camera: str = "c1", text: str = HALL) -> CameraAreas:
    areas = areas_of(plain_values(text), "f1", camera)
    change(areas)
    return areas


def named(areas: CameraAreas) -> None:
    areas.windows[0].label = "社保"


def saved(desk: Desk, areas: CameraAreas, base: str | None = None) -> list[str]:
    """Sha256 that were told while it was saved."""
    told: list[str] = []

    def tell(write: Callable[[], None], sha256: str) -> None:
        write()
        told.append(sha256)

    desk.saved("f1", "c1", base or sha256_of(HALL), areas, tell)
    return told


def test_what_is_opened_has_no_login(desk: Desk) -> None:
    opened = desk.opened("f1", "c1")
    assert b"hush" not in msgspec.json.encode(opened)
    assert (opened.file, opened.writable, opened.sha256) == ("hall.yaml", True, sha256_of(HALL))
    assert opened.checked.faults == []
    fit = opened.checked.fit
    assert fit is not None
    assert fit.error_m == pytest.approx(0, abs=1e-6)
    assert len(fit.grid) > 10


def test_looking_writes_nothing(desk: Desk) -> None:
    checked = desk.looked("f1", "c1", sha256_of(HALL), drawn(named))
    assert [line for line in checked.diff.splitlines() if line[0] in "+-"] == [
        "-        label: 1号窗口",
        "+        label: 社保",
    ]
    assert desk.file.read_text() == HALL
    assert desk.looked("f1", "c1", sha256_of(HALL), drawn()).diff == ""


def test_a_login_in_a_changed_line_is_masked(tmp_path: Path) -> None:
    text = HALL.replace('      - {id: c2, source: "rtsp://user:${PW}@10.0.0.12/sub"}', "XX")
    text = text.replace("XX", '      - {id: c2, source: "rtsp://user:hush@10.0.0.12/sub"}')
    path = tmp_path / "hall.yaml"
    path.write_text(text)
    points = [((0.1, 0.9), (0.0, 0.0)), ((0.9, 0.9), (5.0, 0.0)), ((0.8, 0.5), (5.0, 6.0)), ((0.2, 0.5), (0.0, 6.0))]

    def marked(areas: CameraAreas) -> None:
        areas.floor_points = list(points)

    checked = Desk(path).looked("f1", "c2", sha256_of(text), drawn(marked, "c2", text))
    assert "floor_points" in checked.diff
    assert "hush" not in checked.diff
    assert "rtsp://***@10.0.0.12/sub" in checked.diff


def test_saving_writes_the_file_and_tells_it(desk: Desk) -> None:
    desk.file.chmod(0o640)
    told = saved(desk, drawn(named))
    text = desk.file.read_text()
    assert text == HALL.replace("label: 1号窗口", "label: 社保")
    assert told == [sha256_of(text)]
    assert desk.file.stat().st_mode & 0o777 == 0o640
    assert saved(desk, drawn(named, text=text), sha256_of(text)) == []  # nothing changed


def test_a_link_stays_a_link(desk: Desk, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(desk.file)
    saved(Desk(link), drawn(named))
    assert link.is_symlink()
    assert "社保" in desk.file.read_text()


def test_what_has_faults_is_not_written(desk: Desk) -> None:
    def cross(areas: CameraAreas) -> None:
        areas.zones[0].polygon = list(BOW_TIE)

    with pytest.raises(FaultyError, match="does not cross itself"):
        saved(desk, drawn(cross))
    with pytest.raises(FaultyError):
        desk.portable("f1", "c1", sha256_of(HALL), drawn(cross))
    assert desk.file.read_text() == HALL


def test_a_file_that_changed_meanwhile_is_explained(desk: Desk) -> None:
    desk.opened("f1", "c1")
    theirs = HALL.replace("id: waiting,", "id: waiting, label: 大厅,")
    desk.file.write_text(theirs)
    with pytest.raises(StaleError) as refused:
        saved(desk, drawn(named))
    assert "label: 大厅" in refused.value.theirs
    assert "hush" not in refused.value.theirs
    assert "label: 社保" in refused.value.yours
    with pytest.raises(StaleError) as refused:
        saved(desk, drawn(named), "0" * 64)
    assert (refused.value.theirs, refused.value.yours) == ("", "")
    assert desk.file.read_text() == theirs


def test_a_copy_to_take_along_has_no_secret(desk: Desk) -> None:
    text = desk.portable("f1", "c1", sha256_of(HALL), drawn(named))
    assert "hush" not in text
    assert 'source: "${SOURCE_1}"' in text
    assert "rtsp://user:${PW}@10.0.0.12/sub" in text
    assert parse_hall(text, environ=Anything()).floors[0].windows[0].label == "社保"


def placed(text: str, camera: str = "c1") -> list[tuple[Any, ...]]:
    values = plain_values(text)
    try:
        areas = areas_of(values, "f1", camera)
    except Exception:  # noqa: BLE001 - what cannot be drawn has faults all the same
        areas = None
    found = faults_of(text, values, "f1", camera, areas)
    return [(fault.item, fault.part, fault.here, fault.point, fault.edges) for fault in found]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        # an area of a window that two cameras see: each fault in the picture of its own
        ("- {polygon: [[0.1, 0.3]", "- {polygon: [[1.1, 0.3]", ("window/w01", "clerk", True, 0, None)),
        ("c2, polygon: [[0.1, 0.3]", "c2, polygon: [[1.1, 0.3]", ("window/w01", "clerk", False, 0, None)),
        ("label: 1号窗口", "label: ''", ("window/w01", "label", True, None, None)),
        ("[0.9, 0.5], [0.9, 0.9]]", "[0.9, 0.5]]", ("zone/waiting", "polygon", True, None, None)),
        (
            "[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]",
            "[0.1, 0.1], [0.4, 0.4], [0.4, 0.1], [0.1, 0.4]",
            ("zone/waiting", "polygon", True, None, (0, 2)),
        ),
        ("serves: [w01]", "serves: [w9]", ("zone/waiting", "serves", True, None, None)),
        ("line: [[0.4, 0.2], [0.6, 0.2]]", "line: [[0.4, 0.2], [0.6, 2]]", ("entrance/door", "line", True, 1, None)),
        (", [[0.3, 0.85], [4, 10]]]", "]", ("camera/c1", "floor_points", True, None, None)),
        # a corner more than the others beyond the horizon: the file may say so, the plane cannot be
        ("[[0.15, 0.7], [3, 11]]", "[[0.15, 0.7], [30, -11]]", ("camera/c1", "floor_points", True, None, None)),
        ("timezone: Asia/Shanghai", "timezone: Mars", (None, None, True, None, None)),
    ],
)  # fmt: skip
def test_faults_have_a_place(old: str, new: str, place: tuple[Any, ...]) -> None:
    assert HALL.count(old) == 1
    assert placed(HALL.replace(old, new)) == [place]


def test_faults_are_told_in_chinese_too() -> None:
    """Every fault of geometry that the check can tell has words of its own."""
    text = HALL.replace("[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]", "[0.1, 0.1], [0.4, 0.4], [0.4, 0.1], [0.1, 0.4]")
    fault: PlacedFault = faults_of(text, plain_values(text), "f1", "c1", None)[0]
    assert fault.words == "多边形的边不能相交（相交的边已标红）"
    assert in_chinese("x", "something new") == "现为 x；应为 something new"


def test_both_languages_say_the_same() -> None:
    zh, en = WORDS["zh"].script, WORDS["en"].script
    assert zh.keys() == en.keys()
    assert [key for key in zh if (set(zh[key].split("{")[1:]) == set()) != (set(en[key].split("{")[1:]) == set())] == []


class Asked:
    """The routes, for one user at a time."""

    def __init__(self, folder: Path, path: Path, *, with_records: bool = True) -> None:
        self.records = Records(f"sqlite:///{folder / 'records.db'}")
        clock = ManualClock(NOW)
        users = Users(self.records, clock, Passwords(time_cost=1, memory_kib=8))
        self.keys = {role: key_of(users, role, role, ["demo"]) for role in ("viewer", "manager", "admin")}
        app, hall = FastAPI(), parse_hall(path.read_text(), environ=Anything())
        speak_plainly(app)
        add_login(app, users, "demo")
        reads = MemoryModel()
        records = self.records if with_records else None
        site = Site(app=app, hall=hall, feed=Feed(hall, reads, clock), reads=reads, clock=clock, records=records)
        add_routes(site, Desk(path))
        self.app = app

    def __call__(self, role: str, method: str, rest: str = "", body: Any = None, camera: str = "c1") -> Any:
        path = f"/api/halls/demo/floors/f1/cameras/{camera}/areas{rest}"
        content = None if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        return ask(self.app, method, path, self.keys.get(role), content=content)


@pytest.fixture
def asked(desk: Desk, tmp_path: Path) -> Asked:
    return Asked(tmp_path, desk.file)


def wanted(areas: CameraAreas, base: str = sha256_of(HALL)) -> dict[str, Any]:
    return {"base": base, "areas": areas}


def test_only_admins_of_the_hall_may_ask(asked: Asked, desk: Desk) -> None:
    body = wanted(drawn(named))
    for method, rest in (("GET", ""), ("POST", "/check"), ("POST", "/file"), ("PUT", "")):
        sent = None if method == "GET" else body
        assert [asked(role, method, rest, sent).status_code for role in ("", "viewer", "manager")] == [401, 403, 403]
    assert desk.file.read_text() == HALL
    assert asked("admin", "GET").status_code == 200
    assert asked("admin", "GET", camera="c9").status_code == 422


def test_a_change_is_in_the_audit_log_with_its_author(asked: Asked, desk: Desk) -> None:
    answer = asked("admin", "PUT", body=wanted(drawn(named)))
    assert answer.status_code == 200
    after = sha256_of(desk.file.read_text())
    assert answer.json()["sha256"] == after != sha256_of(HALL)
    with asked.records.reading() as connection:
        row = audit.rows(connection)[0]
    assert (row.actor, row.action, row.subject, row.at) == ("admin", "hall.areas", "floor/f1/camera/c1", NOW)
    assert row.detail == {"hall": "demo", "before": sha256_of(HALL), "after": after}


def test_what_cannot_be_written_leaves_no_row(asked: Asked, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rows(asked)
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    answer = asked("admin", "PUT", body=wanted(drawn(named)))
    assert answer.status_code == 503
    assert "No space left" in answer.json()["detail"]
    assert desk.file.read_text() == HALL
    assert _rows(asked) == before


def _rows(asked: Asked) -> int:
    with asked.records.reading() as connection:
        return len(audit.rows(connection))


def test_without_records_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    answer = Asked(tmp_path, desk.file, with_records=False)("admin", "PUT", body=wanted(drawn(named)))
    assert answer.status_code == 503
    assert desk.file.read_text() == HALL


def test_what_the_answers_say(asked: Asked, desk: Desk) -> None:
    stale = asked("admin", "POST", "/check", wanted(drawn(named), "0" * 64))
    assert (stale.status_code, stale.json()["theirs"]) == (409, "")
    for body in (b"", b"{}", b"[1", b'{"base": "", "areas": {"windows": [{"id": "w", "clerk": [[1]]}]}}'):
        answer = asked("admin", "POST", "/check", body)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("body: ")
    twice = drawn()
    twice.windows.append(WindowAreas(id="w01"))
    assert "a second time" in asked("admin", "POST", "/check", wanted(twice)).json()["detail"]
    file = asked("admin", "POST", "/file", wanted(drawn(named)))
    assert "hush" not in json.loads(file.content)["text"]
    desk.file.write_text("hall: [")
    assert asked("admin", "GET").status_code == 422
    desk.file.unlink()
    assert "cannot be read" in asked("admin", "GET").json()["detail"]
