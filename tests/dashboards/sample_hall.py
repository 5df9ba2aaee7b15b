"""A hall of twelve windows and three waiting areas on a busy morning, and a read model a test may change."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hall.clock import Instant, from_iso, to_datetime
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import (
    CameraHealth,
    HealthBody,
    Rule,
    Seen,
    Severity,
    StateBody,
    StreamName,
    WindowState,
    WindowStatus,
    ZoneState,
    event_id,
)
from hall.views import ONGOING, IncidentFilter, IncidentView, NodeView

NOW: Instant = from_iso("2026-01-05T02:15:00Z")
"""Monday 10:15:00 in the hall."""

MARKUP = "<script>window.pwned=1</script><b>`9号`</b> ${1}"

_SERVICES = [
    ("社保", "c1"),
    ("社保", "c1"),
    ("医保", "c1"),
    ("医保", "c1"),
    ("户籍", "c1"),
    ("出入境", "c2"),
    ("不动产登记", "c2"),
    ("工商注册", "c2"),
    ("税务", "c3"),
    ("税务", "c3"),
    ("公积金", "c3"),
    ("自助查询", "c3"),
]
_SQUARE = "[[0.1, 0.1], [0.3, 0.1], [0.3, 0.3], [0.1, 0.3]]"


def hall_text(
    *,
    labels: dict[str, str] | None = None,
    second_floor: bool = False,
    serves: dict[str, list[str]] | None = None,
) -> str:
    """hall.yaml of the sample hall."""
    lines = [
        "hall: {id: demo, name: 滨江区政务服务中心, timezone: Asia/Shanghai}",
        'hours: {mon-fri: ["09:00-12:00", "13:30-17:30"]}',
        "limits: {clerk_absent: 5min, long_wait: 30min, overtime_case: 20min}",
        "floors:",
        "  - id: f1",
        "    cameras:",
        "      - {id: c1, source: a.mp4, node: edge-f1}",
        "      - {id: c2, source: b.mp4, node: edge-f1}",
        "      - {id: c3, source: c.mp4, node: edge-f1b}",
        "    windows:",
    ]
    for number, (service, camera) in enumerate(_SERVICES, 1):
        window = f"w{number:02}"
        label = (labels or {}).get(window, f"{number}号窗口")
        staffed = number != 12
        area = f"clerk_area: {_SQUARE}" if staffed else f"staffed: false, customer_area: {_SQUARE}"
        quoted = label.replace("'", "''")
        lines.append(f"      - {{id: {window}, label: '{quoted}', service: {service}, camera: {camera}, {area}}}")
    lines.append("    zones:")
    for zone, label, camera in (
        ("hall", "中央等候区", "c1"),
        ("east", "东侧等候区", "c2"),
        ("tax", "税务等候区", "c3"),
    ):
        areas = f"areas: [{{camera: {camera}, polygon: {_SQUARE}}}]"
        for_windows = ", ".join((serves or {}).get(zone, []))
        lines.append(f"      - {{id: {zone}, label: {label}, serves: [{for_windows}], {areas}}}")
    if second_floor:
        lines += ["  - id: f2", "    cameras: [{id: c9, source: d.mp4}]"]
    return "\n".join(lines)


def sample_hall(
    *,
    labels: dict[str, str] | None = None,
    second_floor: bool = False,
    serves: dict[str, list[str]] | None = None,
) -> Hall:
    """The sample hall, read as a file is."""
    return parse_hall(hall_text(labels=labels, second_floor=second_floor, serves=serves), environ={})


class MemoryModel:
    """A read model in memory, as the centre's: safe from any thread, `version` grows with each change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nodes: dict[str, NodeView] = {}
        self._incidents: dict[str, IncidentView] = {}
        self._version = 0
        self.reads = 0

    def put(self, *views: NodeView | IncidentView) -> None:
        """Add or replace."""
        with self._lock:
            for view in views:
                if isinstance(view, NodeView):
                    self._nodes[view.node] = view
                else:
                    self._incidents[view.event_id] = view
            self._version += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._nodes.clear()
            self._incidents.clear()
            self._version += 1

    def nodes(self) -> Sequence[NodeView]:
        with self._lock:
            self.reads += 1
            return [self._nodes[name] for name in sorted(self._nodes)]

    def incidents(self, *, limit: int = 100, status: IncidentFilter | None = None) -> Sequence[IncidentView]:
        with self._lock:
            wanted = ONGOING if status == "ongoing" else {status}
            found = [i for i in self._incidents.values() if status is None or i.status in wanted]
        return sorted(found, key=lambda i: i.raised_at, reverse=True)[:limit]

    def version(self) -> int:
        with self._lock:
            return self._version


def window(
    name: str,
    status: WindowStatus,
    clerk: Seen = "present",
    *,
    now: Instant = NOW,
    clerk_for_s: float | None = 4000.0,
    customers: int = 0,
    session_s: float | None = None,
) -> WindowState:
    """A window as its box reports it."""
    since = None if clerk_for_s is None else to_datetime(now - clerk_for_s)
    return WindowState(name, "closed" if status == "closed" else "open", clerk, since, customers, session_s, status)


def zone(
    name: str,
    count: int | None,
    waits_min: tuple[float, float, float] | None = None,
    *,
    expected_min: float | None = None,
    over: int = 0,
) -> ZoneState:
    """A zone as its box reports it; waits are the longest, the median and the p90 in minutes."""
    longest, p50, p90 = (None, None, None) if waits_min is None else (60 * w for w in waits_min)
    return ZoneState(name, count, longest, p50, p90, None if expected_min is None else 60 * expected_min, over)


def node(
    name: str = "edge-f1",
    *windows: WindowState,
    zones: Sequence[ZoneState] = (),
    status: str = "online",
    at: Instant = NOW,
    floor: str = "f1",
    cameras: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    fallback: StreamName | None = None,
) -> NodeView:
    """A box with its last state."""
    health = None
    if cameras is not None:
        wrong = faults or {}
        rows = [
            CameraHealth(c, s, 2, 3, 20, 0.5, 0.5, 0, 0, fault=wrong.get(c), stream=fallback, fallback=bool(fallback))  # type: ignore[arg-type]
            for c, s in cameras.items()
        ]
        health = HealthBody(rows, 0, 0, 0, 240, "nanodet-g-int8", "CPU")
    state = StateBody(list(windows), list(zones)) if windows or zones else None
    return NodeView(
        hall="demo",
        floor=floor,
        node=name,
        status=status,  # type: ignore[arg-type]
        version="0.1.0",
        seen_at=at,
        state_at=at if state else None,
        state=state,
        health=health,
    )


def incident(
    rule: Rule,
    subject: str,
    ago_s: float,
    *,
    severity: Severity = "warning",
    lasted_s: float | None = None,
    unknown_s: float = 0.0,
    limit_s: float = 300.0,
    reason: str = "resolved",
    detail: dict[str, object] | None = None,
    now: Instant = NOW,
    node: str = "edge-f1",
) -> IncidentView:
    """An incident that began `ago_s` before now; open unless it `lasted_s`."""
    start = now - ago_s
    cleared = lasted_s is not None
    return IncidentView(
        event_id=event_id("demo", subject, rule, start),
        hall="demo",
        floor="f1",
        node=node,
        rule=rule,
        subject=subject,
        severity=severity,
        status="cleared" if cleared else "open",
        started_at=start,
        raised_at=start + limit_s,
        cleared_at=start + lasted_s if lasted_s is not None else None,
        elapsed_s=lasted_s if lasted_s is not None else limit_s,
        unknown_s=unknown_s,
        limit_s=limit_s,
        reason=reason if cleared else None,
        detail=detail or {},
    )


def busy_morning(now: Instant) -> list[NodeView | IncidentView]:
    """Twelve windows, three waiting areas, eight incidents, one box offline."""
    first = node(
        "edge-f1",
        window("w01", "serving", now=now, customers=1, session_s=185),
        window("w02", "unstaffed", "absent", now=now, clerk_for_s=432, customers=2),
        window("w03", "serving", now=now, clerk_for_s=700, customers=2, session_s=1391),
        window("w04", "idle", now=now, clerk_for_s=3900),
        window("w05", "unstaffed", "absent", now=now, clerk_for_s=48),
        window("w06", "closed", "absent", now=now, clerk_for_s=None),
        window("w07", "unknown", "unknown", now=now, clerk_for_s=65),
        window("w08", "serving", now=now, customers=1, session_s=42),
        zones=[
            zone("hall", 17, (38, 14, 31), expected_min=22, over=3),
            zone("east", 5, (9.4, 4.2, 8.1), expected_min=6),
        ],
        at=now,
        cameras={"c1": "live", "c2": "lost"},
    )
    away = now - 247
    second = node(
        "edge-f1b",
        window("w09", "serving", now=away, customers=1, session_s=510),
        window("w10", "idle", now=away),
        window("w11", "unstaffed", "absent", now=away, clerk_for_s=388),
        window("w12", "serving", now=away, clerk_for_s=None, customers=1, session_s=77),
        zones=[zone("tax", 3, (6, 3, 5), expected_min=5)],
        status="offline",
        at=away,
    )
    return [
        first,
        second,
        incident(
            "clerk_absent",
            "window/w02",
            432,
            severity="critical",
            detail={"citizens": 2, "waiting_over_limit": True},
            now=now,
        ),
        incident("overtime_case", "window/w03", 1391, limit_s=1200, now=now),
        incident(
            "long_wait",
            "zone/hall",
            2280,
            limit_s=1800,
            severity="warning",
            detail={"count": 17, "over_limit": 3, "longest_s": 2280.0, "p50_s": 840.0, "p90_s": 1860.0},
            now=now,
        ),
        incident("clerk_absent", "window/w11", 635, now=now, node="edge-f1b", unknown_s=12),
        incident("clerk_absent", "window/w04", 4500, lasted_s=600, severity="critical", now=now),
        incident("overtime_case", "window/w08", 3700, lasted_s=1460, limit_s=1200, now=now),
        incident("clerk_absent", "window/w07", 2600, lasted_s=760, reason="camera_lost", unknown_s=90, now=now),
        incident("long_wait", "zone/east", 5200, lasted_s=2100, limit_s=1800, detail={"over_limit": 1}, now=now),
    ]
