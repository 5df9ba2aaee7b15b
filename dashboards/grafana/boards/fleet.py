"""The fleet: boxes and cameras, how far behind they are, and what is not known because of them."""

from __future__ import annotations

from dashboards.grafana.boards.common import NONE, SECONDS, SHARE, UNKNOWN_NOTE, one, stat, up_to
from dashboards.grafana.query import Query
from dashboards.grafana.spec import Board, Panel, Row, Step, Text
from dashboards.grafana.words import GREEN, RED
from ingest.points import CODES

_CAMERA = "{node} {camera}"
_NODE = "{node}"
_CAMERAS = CODES["camera state"]


def _line(zh: str, en: str, query: Query, **more: object) -> Panel:
    settings: dict[str, object] = {"low": 0, **more}
    return Panel("timeseries", Text(zh, en), (one(query),), **settings)  # type: ignore[arg-type]


_NOW = (
    stat(
        "正常的摄像机",
        "Cameras live",
        Query("camera.state", across="count", equals=_CAMERAS["live"]),
        width=6,
        steps=(Step(None, RED), Step(1, GREEN)),
    ),
    stat(
        "断开的摄像机",
        "Cameras lost",
        Query("camera.state", across="count", equals=_CAMERAS["lost"]),
        width=6,
        steps=up_to(1, 2),
    ),
    stat(
        "画面不可信的摄像机",
        "Cameras not believed",
        Query("camera.fault", across="count", equals=1),
        width=6,
        steps=up_to(1, 2),
    ),
    stat(
        "待发送消息",
        "Messages waiting for the broker",
        Query("node.outbox_depth", across="sum"),
        width=6,
        steps=up_to(1_000, 10_000),
    ),
)

_STATES = (
    Panel(
        "state-timeline",
        Text("边缘盒", "Boxes"),
        (one(Query("node.status", every=True, legend="{floor} {node}")),),
        width=24,
        height=6,
        code="node status",
        note=Text("只在变化时有记录。", "Written when it changes only."),
    ),
    Panel(
        "state-timeline",
        Text("摄像机", "Cameras"),
        (one(Query("camera.state", every=True, legend=_CAMERA)),),
        width=24,
        code="camera state",
    ),
    Panel(
        "state-timeline",
        Text("画面是否可信", "Whether the picture is believed"),
        (one(Query("camera.fault", "max", every=True, legend=_CAMERA)),),
        width=24,
        code="fault",
    ),
)

_UNKNOWN = (
    Panel(
        "bargauge",
        Text("窗口未知时间占比", "Unknown time of windows"),
        (one(Query("window.clerk", "mean", share_of=-1, legend="{floor} {window}")),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.05, 0.2),
        note=UNKNOWN_NOTE,
    ),
    Panel(
        "bargauge",
        Text("画面不可信的时间占比", "Share of time a picture was not believed"),
        (one(Query("camera.fault", "mean", legend=_CAMERA)),),
        unit=SHARE,
        low=0,
        high=1,
        steps=up_to(0.01, 0.05),
    ),
)

_LAG = (
    _line(
        "距上次推理",
        "Age of the last inference",
        Query("camera.since_inference_s", "max", every=True, legend=_CAMERA),
        unit=SECONDS,
    ),
    _line("每秒帧数", "Frames per second", Query("camera.fps", "mean", every=True, legend=_CAMERA)),
    _line("推理耗时", "Inference", Query("camera.inference_ms", "mean", every=True, legend=_CAMERA), unit="ms"),
    _line("解码耗时", "Decoding", Query("camera.decode_ms", "mean", every=True, legend=_CAMERA), unit="ms"),
    _line(
        "丢弃的帧（自启动）",
        "Dropped frames since the start",
        Query("camera.drops", "max", every=True, legend=_CAMERA),
        decimals=0,
    ),
    _line(
        "重新连接（自启动）",
        "Reconnects since the start",
        Query("camera.reconnects", "max", every=True, legend=_CAMERA),
        decimals=0,
    ),
    _line("负载", "Load", Query("node.load", "mean", every=True, legend=_NODE), unit=SHARE, high=1),
    _line(
        "未分析的帧", "Frames not looked at", Query("node.missed_share", "mean", every=True, legend=_NODE), unit=SHARE
    ),
    _line("待发送消息", "Outbox", Query("node.outbox_depth", "max", every=True, legend=_NODE), decimals=0),
    _line("待发送大小", "Outbox size", Query("node.outbox_bytes", "max", every=True, legend=_NODE), unit="bytes"),
    _line("内存", "Memory", Query("node.rss_mb", "max", every=True, legend=_NODE), unit="decmbytes"),
    Panel(
        "stat",
        Text("因磁盘限额放弃的遥测", "Telemetry given up under the disk quota"),
        (one(Query("node.thinned", "max", legend=_NODE)),),
        empty=NONE,
        steps=up_to(1, 1_000),
    ),
)

FLEET = Board(
    "fleet",
    Text("设备", "Fleet"),
    (
        Row(Text("现在", "Now")),
        *_NOW,
        Row(Text("状态", "States")),
        *_STATES,
        Row(Text("未知时间", "Unknown time")),
        *_UNKNOWN,
        Row(Text("延迟与负载", "Lag and load")),
        *_LAG,
    ),
    since="now-6h",
    incidents=False,
)
