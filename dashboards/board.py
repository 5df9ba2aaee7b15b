"""What one floor's console page says, as plain values: words, times and icons, nothing of the web.

A board holds instants, never durations that run: the browser counts those. So two boards of one state are equal
at any moment, and only what changed is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.incidents import Alert, IncidentRow, build_row
from dashboards.scene import Elapsed, Scene, Snapshot
from dashboards.texts import Lang, NodeState, texts_in
from dashboards.tiles import Tile, build_tile
from dashboards.zones import ZoneCard, build_zone
from hall.clock import Instant
from hall.layout import Floor, Hall
from hall.messages import WindowStatus
from hall.views import IncidentView, NodeView

SHOWN_INCIDENTS = 40
"""Rows of the list; open incidents are shown beyond it, however old."""

__all__ = ["Alert", "Board", "Elapsed", "IncidentRow", "NodeChip", "StatusCount", "Tile", "ZoneCard", "build_board"]


@dataclass(frozen=True, slots=True)
class NodeChip:
    """One box of the floor: whether it talks to us, since when it does not, how it and its cameras do."""

    node: str
    status: NodeState
    word: str
    since: str
    cameras: str


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many windows are in one state."""

    status: WindowStatus
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class Board:
    """One floor's page in one language."""

    nodes: tuple[NodeChip, ...]
    notices: tuple[str, ...]
    counts: tuple[StatusCount, ...]
    tiles: tuple[Tile, ...]
    zones: tuple[ZoneCard, ...]
    incidents: tuple[IncidentRow, ...]
    open_incidents: int


def build_board(hall: Hall, floor: Floor, lang: Lang, snapshot: Snapshot, now: Instant) -> Board:
    """A floor's page.

    Args:
        hall: the layout.
        floor: one of its floors.
        lang: language of all words.
        snapshot: what the centre knew when it was last read.
        now: wall-clock time; decides what is stale, and which times are of today.
    """
    texts = texts_in(lang)
    nodes = [n for n in snapshot.nodes if (n.hall, n.floor) == (hall.hall.id, floor.id)]
    incidents = [i for i in snapshot.incidents if (i.hall, i.floor) == (hall.hall.id, floor.id)]
    scene = Scene(hall, floor, texts, nodes, incidents, now)
    chips = tuple(_chip(scene, name, node) for name, node in _boxes(floor, nodes))
    tiles = tuple(build_tile(scene, window) for window in floor.windows)
    waiting_for = [texts.waiting_for.format(node=c.node) for c in chips if c.status == "waiting"]
    return Board(
        nodes=chips,
        notices=(*((texts.records_away,) if snapshot.failed else ()), *waiting_for),
        counts=tuple(
            StatusCount(status, word, sum(tile.status == status for tile in tiles))
            for status, word in texts.window_status.items()
        ),
        tiles=tiles,
        zones=tuple(build_zone(scene, zone) for zone in floor.zones),
        incidents=tuple(build_row(scene, head, members) for head, members in _grouped(_shown(incidents))),
        open_incidents=sum(i.status == "open" for i in incidents),
    )


def _boxes(floor: Floor, nodes: Sequence[NodeView]) -> list[tuple[str, NodeView | None]]:
    """The boxes hall.yaml names, heard or not, then boxes that talk though it does not name them."""
    heard = {node.node: node for node in nodes}
    return [(name, heard.get(name)) for name in dict.fromkeys([*floor.nodes, *heard])]


def _chip(scene: Scene, name: str, node: NodeView | None) -> NodeChip:
    texts = scene.texts
    if node is None:
        return NodeChip(name, "waiting", texts.node_state["waiting"], "", "")
    # While it talks, the last word from it is news only to somebody who debugs: it would change all the time.
    since = "" if node.status == "online" else texts.since.format(time=scene.time(node.seen_at))
    health = node.health if node.status == "online" else None
    cameras = health.cameras if health is not None else []
    blind = [c.camera for c in cameras if c.state in {"lost", "connecting"}]
    away = [texts.camera_away.format(camera=camera) for camera in blind]
    # The box says more, such as by how much a camera moved; here its first word will do, in the language of the page.
    faults = [(c.camera, c.fault.split(" ")[0].rstrip(":")) for c in cameras if c.fault and c.camera not in blind]
    away += [texts.camera_fault[fault].format(camera=camera) for camera, fault in faults if fault in texts.camera_fault]
    away += [
        texts.fallback[c.stream].format(camera=c.camera)
        for c in cameras
        if c.fallback and c.stream and c.camera not in blind
    ]
    if health is not None and health.overloaded:
        away.append(texts.overloaded.format(percent=round(100 * health.missed_share)))
    return NodeChip(name, node.status, texts.node_state[node.status], since, " · ".join(away))


def _shown(incidents: Sequence[IncidentView]) -> list[IncidentView]:
    newest_first = sorted(incidents, key=lambda i: (i.raised_at, i.event_id), reverse=True)
    return [i for n, i in enumerate(newest_first) if n < SHOWN_INCIDENTS or i.status == "open"]


def _grouped(incidents: Sequence[IncidentView]) -> list[tuple[IncidentView, list[IncidentView]]]:
    """Each cause with its consequences; one whose cause is not shown stands on its own."""
    shown = {i.event_id for i in incidents}
    members: dict[str, list[IncidentView]] = {}
    for incident in incidents:
        if incident.head in shown:
            members.setdefault(incident.head or "", []).append(incident)
    return [(i, members.get(i.event_id, [])) for i in incidents if i.head not in shown]
