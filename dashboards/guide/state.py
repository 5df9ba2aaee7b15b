"""What the guide display says of a floor: no names, no incidents, nothing that blames anybody. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from hall.clock import Instant
from hall.layout import Floor, Hall, Window, Zone
from hall.messages import WindowState, ZoneState
from hall.views import NodeView
from ingest.tickets import TicketWaits

Free = Literal["free", "serving", "paused", "closed", "unknown"]

STALE_AFTER_S = 60.0
"""A box sends its state every 10 s; what is older than this may no longer hold, and is said to be unknown."""


class GuideWindow(msgspec.Struct, frozen=True):
    """A window: 空闲, 办理中, 暂停 or 未开放. A clerk who is away and a window that is paused look the same.

    `extra` is a 潮汐窗口 that is open now.
    """

    label: str
    service: str
    status: Free
    extra: bool


class GuideZone(msgspec.Struct, frozen=True):
    """Where people wait, and for what. Null: nobody knows, which is never 0.

    Attributes:
        waiting: people now.
        expected_s: how long who comes now will wait.
        handling_s: how long one matter took on average, of those that ended within the last hour.
        go: labels of the windows that it leads to and that are open now.
    """

    label: str
    waiting: int | None
    expected_s: float | None
    handling_s: float | None
    go: list[str]


class GuideState(msgspec.Struct, frozen=True):
    """A floor. `figures_at` is how old the oldest figure of a box that is there is; null: no box was ever heard."""

    hall: str
    floor: str
    zone_info: str
    figures_at: Instant | None
    windows: list[GuideWindow]
    zones: list[GuideZone]


class Handling(msgspec.Struct, frozen=True):
    """Sessions of a window that ended lately."""

    count: int
    seconds: float


def build_state(
    hall: Hall,
    floor: Floor,
    nodes: Sequence[NodeView],
    tickets: Mapping[str, TicketWaits],
    handling: Mapping[str, Handling],
    now: Instant,
) -> GuideState:
    """A floor as citizens may know it.

    Args:
        hall: the layout.
        floor: one of its floors.
        nodes: what the centre knows of its boxes.
        tickets: waits by ticket, by zone.
        handling: sessions of the last hour, by window.
        now: decides what is stale.
    """
    heard = sorted(
        (n for n in nodes if n.state is not None and n.state_at is not None), key=lambda n: n.state_at or 0.0
    )
    fresh = [n for n in heard if n.status == "online" and now - (n.state_at or 0.0) <= STALE_AFTER_S]
    windows = {w.window: w for n in fresh if n.state for w in n.state.windows}
    zones = {z.zone: z for n in fresh if n.state for z in n.state.zones}
    ages = [n.state_at for n in fresh if n.state_at is not None] or [n.state_at for n in heard[-1:] if n.state_at]
    return GuideState(
        hall=hall.hall.name,
        floor=floor.id,
        zone_info=hall.hall.timezone,
        figures_at=min(ages, default=None),
        windows=[_window(window, windows.get(window.id)) for window in floor.windows],
        zones=[
            _zone(zone, floor, zones.get(zone.id), windows, tickets.get(zone.id), handling)
            for zone in floor.zones
            if zone.kind == "waiting"
        ],
    )


def _window(window: Window, state: WindowState | None) -> GuideWindow:
    status = _status(state)
    return GuideWindow(window.label, window.service, status, window.on_demand and status in _OPEN)


def _status(state: WindowState | None) -> Free:
    if state is None:
        return "unknown"
    if state.duty == "closed":
        return "closed"
    if state.duty != "open":
        return "paused"
    return _BY_STATUS[state.status]


_BY_STATUS: Mapping[str, Free] = {
    "serving": "serving",
    "idle": "free",
    "unstaffed": "paused",
    "closed": "closed",
    "unknown": "unknown",
}
_OPEN: frozenset[Free] = frozenset({"free", "serving"})


def _zone(
    zone: Zone,
    floor: Floor,
    state: ZoneState | None,
    windows: Mapping[str, WindowState],
    tickets: TicketWaits | None,
    handling: Mapping[str, Handling],
) -> GuideZone:
    """Cameras count who waits; where they cannot, tickets do. The expected wait is the box's own, by those it sees."""
    waiting = state.count if state is not None else None
    if waiting is None and tickets is not None:
        waiting = tickets.waiting
    expected_s = state.expected_wait_s if state is not None else None
    if expected_s is None and waiting == 0:
        expected_s = 0.0
    if expected_s is None and tickets is not None:
        expected_s = tickets.wait_p50_s
    served = [handling[window] for window in zone.serves if window in handling]
    count = sum(one.count for one in served)
    open_now = {w for w in zone.serves if _status(windows.get(w)) in _OPEN}
    return GuideZone(
        label=zone.label or zone.id,
        waiting=waiting,
        expected_s=expected_s,
        handling_s=sum(one.seconds for one in served) / count if count else None,
        go=[window.label for window in floor.windows if window.id in open_now],
    )
