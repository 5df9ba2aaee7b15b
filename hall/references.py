"""What the parts of a hall file say about each other: ids that are used twice, ids that nothing has.

Works on the raw data, so these faults are found even where other parts of the file are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Loc = tuple[int | str, ...]
Finding = tuple[Loc, str, str]
"""Place, what was found, what would be right."""


def check_references(raw: Any) -> Iterator[Finding]:
    """Duplicate ids and references to cameras and windows that do not exist."""
    floors = list(_items(raw, "floors", ()))
    yield from _duplicates("floor", floors)
    # An id stands alone in topics, tags and addresses, so it is unique in the hall, not only on its floor.
    for kind in ("cameras", "windows", "zones", "entrances"):
        yield from _duplicates(
            kind.removesuffix("s"), [item for loc, floor in floors for item in _items(floor, kind, loc)]
        )
    yield from _nodes_of_two_floors(floors)
    for loc, floor in floors:
        yield from _areas_of_two_nodes(floor, loc)
        yield from _second_areas(floor, loc)
        cameras = _ids(floor, "cameras")
        windows = _ids(floor, "windows")
        yield from _unknown_cameras(floor, loc, cameras)
        for zone_loc, zone in _items(floor, "zones", loc):
            serves = zone.get("serves")
            for i, window in enumerate(serves if isinstance(serves, list) else []):
                if window not in windows:
                    yield (
                        (*zone_loc, "serves", i),
                        f"the unknown window {window!r}",
                        _one_of(windows, "window"),
                    )


def _unknown_cameras(floor: dict[str, Any], loc: Loc, cameras: list[Any]) -> Iterator[Finding]:
    for kind in ("windows", "zones", "entrances"):
        for item_loc, item in _items(floor, kind, loc):
            if "camera" in item and item["camera"] not in cameras:
                yield (
                    (*item_loc, "camera"),
                    f"the unknown camera {item['camera']!r}",
                    _one_of(cameras, "camera"),
                )
            for key in ("areas", "clerk_area", "customer_area"):
                for area_loc, area in _items(item, key, item_loc):
                    if "camera" not in area:
                        if kind == "zones":
                            yield (
                                area_loc,
                                "an area without a camera",
                                "camera: the id of the camera that sees it",
                            )
                    elif area["camera"] not in cameras:
                        found = f"the unknown camera {area['camera']!r}"
                        yield (*area_loc, "camera"), found, _one_of(cameras, "camera")


def _second_areas(floor: dict[str, Any], loc: Loc) -> Iterator[Finding]:
    """One area has one polygon in a camera: what a person does between two of them nobody could follow."""
    for kind in ("windows", "zones"):
        for item_loc, item in _items(floor, kind, loc):
            for key in ("areas", "clerk_area", "customer_area"):
                seen: set[str] = set()
                for area_loc, area in _items(item, key, item_loc):
                    camera = str(area.get("camera", item.get("camera")))
                    if camera in seen:
                        yield area_loc, f"a second polygon in camera {camera}", "one polygon for each camera"
                    seen.add(camera)


def _node_of(camera: dict[str, Any], floor: dict[str, Any]) -> str:
    return str(camera.get("node") or f"edge-{floor.get('id')}")


def _nodes_of_two_floors(floors: list[tuple[Loc, dict[str, Any]]]) -> Iterator[Finding]:
    """A topic has one floor and one node, so a node that ran cameras of two floors would lose one of them."""
    floor_of: dict[str, int] = {}
    for i, (floor_loc, floor) in enumerate(floors):
        for loc, camera in _items(floor, "cameras", floor_loc):
            node = _node_of(camera, floor)
            if floor_of.setdefault(node, i) != i:
                yield (*loc, "node"), f"the node {node!r} on a second floor", "a node of this floor alone"


def _areas_of_two_nodes(floor: dict[str, Any], loc: Loc) -> Iterator[Finding]:
    """A window or zone is judged by one box, which must run every camera that sees it."""
    node_of = {str(c.get("id")): _node_of(c, floor) for _, c in _items(floor, "cameras", loc)}
    for kind in ("windows", "zones"):
        for item_loc, item in _items(floor, kind, loc):
            cameras = [item.get("camera")] + [
                area.get("camera")
                for key in ("areas", "clerk_area", "customer_area")
                for _, area in _items(item, key, item_loc)
            ]
            nodes = sorted({node_of[c] for c in cameras if isinstance(c, str) and c in node_of})
            if len(nodes) > 1:
                yield item_loc, f"cameras of the nodes {', '.join(nodes)}", "cameras that one node runs"


def _items(node: Any, key: str, loc: Loc) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """The blocks of a list, whatever else stands there."""
    values = node.get(key) if isinstance(node, dict) else None
    for i, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, dict):
            yield (*loc, key, i), value


def _ids(node: dict[str, Any], key: str) -> list[Any]:
    return [item.get("id") for _, item in _items(node, key, ())]


def _duplicates(kind: str, items: list[tuple[Loc, dict[str, Any]]]) -> Iterator[Finding]:
    seen: set[str] = set()
    for loc, item in items:
        identity = item.get("id")
        if not isinstance(identity, str):
            continue
        if identity in seen:
            yield (
                (*loc, "id"),
                f"the id {identity!r} a second time",
                f"an id that no other {kind} of the hall has",
            )
        seen.add(identity)


def _one_of(ids: list[Any], kind: str) -> str:
    return f"one of {', '.join(map(str, ids))}" if ids else f"a {kind} of this floor (it has none)"
