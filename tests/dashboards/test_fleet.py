"""The page of devices: what needs somebody comes first, and what is well says so."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from dashboards.fleet.page import _TEMPLATES, CAMERA_ICONS, GRADE_ICONS
from dashboards.fleet.state import Fleet, build_fleet
from dashboards.fleet.words import FLEET_WORDS
from dashboards.widgets import NODE_ICONS
from hall.messages import CameraHealth, ConfigHealth, HealthBody, StateBody
from hall.views import NodeView
from ingest.live import NodeKey
from ingest.rollups import Sums
from tests.dashboards.sample_hall import NOW, node, sample_hall, window, zone

HALL = sample_hall()


def _camera(name: str, **more: object) -> CameraHealth:
    well = CameraHealth(name, "live", 2.0, 3.0, 20.0, 0.6, 0.4, 0, 0)
    return msgspec.structs.replace(well, **more)


def _box(name: str, *cameras: CameraHealth, at: float = NOW, status: str = "online", **more: object) -> NodeView:
    health = msgspec.structs.replace(HealthBody(list(cameras), 3, 900, 0, 240, "nanodet", "CPU"), **more)
    return msgspec.structs.replace(node(name, status=status, at=at), health=health)


def _fleet(*nodes: NodeView, today: dict[NodeKey, Sums] | None = None) -> Fleet:
    return build_fleet(HALL, nodes, today or {}, NOW, "zh")


def _sums(unknown_s: float, known_s: float) -> Sums:
    sums = Sums()
    sums.hold(StateBody([window("w01", "unknown", "unknown")], [zone("hall", None)]), unknown_s)
    sums.hold(StateBody([window("w01", "idle")], [zone("hall", 1)]), known_s)
    return sums


def test_all_is_well() -> None:
    well = (_box("edge-f1", _camera("c1"), _camera("c2")), _box("edge-f1b", _camera("c3", state="live")))
    fleet = _fleet(*well, today={("demo", "f1", "edge-f1"): _sums(60.0, 3540.0)})
    assert fleet.needs == ()
    assert [row.grade for row in fleet.boxes] + [row.grade for row in fleet.cameras] == ["well"] * 5
    assert (fleet.boxes[0].outbox, fleet.boxes[0].unknown) == ("3 条", "1分00秒（2%）")
    assert (fleet.cameras[0].lag, fleet.cameras[0].skipped) == ("0.6 s", "40%")
    assert fleet.versions == ""


def test_what_needs_somebody_worst_first() -> None:
    """A box that is away is one need, not one of each of its cameras."""
    first = _box(
        "edge-f1",
        _camera("c1", fault="moved by 40 px", since_inference_s=90.0),
        _camera("c2", since_inference_s=31.0),
        outbox_depth=4_000,
        overloaded=True,
        missed_share=0.25,
        config=ConfigHealth("0" * 64, "message", "windows.0: no camera c7"),
    )
    away = _box("edge-f1b", _camera("c3"), at=NOW - 600, status="offline")
    fleet = _fleet(first, away, today={("demo", "f1", "edge-f1"): _sums(1200.0, 2400.0)})
    assert [(need.grade, need.place, need.what) for need in fleet.needs] == [
        ("bad", "f1 · edge-f1b", "离线 · 自 10:05:00"),
        ("bad", "f1 · 摄像机 c1", "已移位"),
        ("poor", "f1 · edge-f1", "过载，25% 的画面未分析"),
        ("poor", "f1 · edge-f1", "4000 条消息尚未发出，请检查到服务器的网络"),
        ("poor", "f1 · edge-f1", "配置未被接受：windows.0: no camera c7"),
        ("poor", "f1 · edge-f1", "今日 33% 的时间无法判断"),
        ("poor", "f1 · 摄像机 c2", "画面延迟 31秒"),
    ]
    assert [row.word for row in fleet.cameras] == ["需检查", "需检查", "无消息"]


def test_a_box_that_was_never_heard_and_one_that_nobody_expects() -> None:
    stranger = msgspec.structs.replace(_box("edge-f9"), version="0.0.9")
    fleet = _fleet(_box("edge-f1", _camera("c1", state="lost"), _camera("c2")), stranger)
    assert [(row.node, row.status, row.heard) for row in fleet.boxes] == [
        ("edge-f1", "online", "10:15:00"),
        ("edge-f1b", "waiting", "从未"),
        ("edge-f9", "online", "10:15:00"),
    ]
    assert ("bad", "无画面") in [(need.grade, need.what) for need in fleet.needs]
    assert fleet.versions == "边缘盒版本不一致：0.0.9, 0.1.0"


def test_what_boxes_say_is_no_markup() -> None:
    fleet = _fleet(_box("edge-f1", _camera("c1", fault="<script>alert(1)</script>")))
    icons = {"node_icons": NODE_ICONS, "grade_icons": GRADE_ICONS, "camera_icons": CAMERA_ICONS}
    for failed in (False, True):
        page = _TEMPLATES.get_template("fleet.html").render(
            fleet=replace(fleet), failed=failed, words=FLEET_WORDS["zh"], **icons
        )
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert ("暂时读不到记录" in page) is failed
