"""The areas of one camera in a hall file: read, and put back. Plain values in and out, so faults may be in them.

`areas_of` and `with_areas` are for the console and for whoever writes hall files by program; `hall.patch.patched` puts
the values into the text. Points are shares of the picture, floor points metres of the plan, as in the file.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from hall.errors import InputError

_MOST = 500
Share = float
Point = tuple[Share, Share]
Polygon = Annotated[list[Point], msgspec.Meta(max_length=_MOST)]
_Text = Annotated[str, msgspec.Meta(max_length=200)]
_DIGITS = 4
"""Of a share: a tenth of a pixel of a picture 1000 wide."""


class WindowAreas(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A window of the floor, with its polygons in the picture of one camera; None: not seen there."""

    id: _Text
    label: _Text = ""
    service: _Text = ""
    staffed: bool = True
    clerk: Polygon | None = None
    customer: Polygon | None = None


class ZoneAreas(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A zone of the floor, with its polygon in the picture of one camera."""

    id: _Text
    label: _Text = ""
    kind: _Text = "waiting"
    serves: Annotated[list[_Text], msgspec.Meta(max_length=_MOST)] = []
    polygon: Polygon | None = None


class EntranceLine(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An entrance that the camera sees; `in` is to the right, looking from the first to the second point."""

    id: _Text
    label: _Text = ""
    line: Polygon


class CameraAreas(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All that may be drawn in the picture of one camera.

    Attributes:
        windows: every window of the floor.
        zones: every zone of the floor.
        entrances: those of this camera.
        floor_points: image points with their places on the plan in metres.
    """

    windows: Annotated[list[WindowAreas], msgspec.Meta(max_length=_MOST)] = []
    zones: Annotated[list[ZoneAreas], msgspec.Meta(max_length=_MOST)] = []
    entrances: Annotated[list[EntranceLine], msgspec.Meta(max_length=_MOST)] = []
    floor_points: Annotated[list[tuple[Point, tuple[float, float]]], msgspec.Meta(max_length=_MOST)] = []


def areas_of(values: Any, floor: str, camera: str) -> CameraAreas:
    """What a hall file says of the picture of one camera.

    Args:
        values: of the file, see `hall.load.plain_values`.
        floor: its id.
        camera: its id.

    Raises:
        InputError: there is no such camera, or what is there is no list of areas at all.
    """
    block, seen = _places(values, floor, camera)
    try:
        found = {
            "windows": [_window(window, camera) for window in _items(block, "windows")],
            "zones": [_zone(zone, camera) for zone in _items(block, "zones")],
            "entrances": [_entrance(e) for e in _items(block, "entrances") if e.get("camera") == camera],
            "floor_points": seen.get("floor_points") or [],
        }
        return msgspec.convert(found, CameraAreas)
    except (msgspec.ValidationError, TypeError, AttributeError) as exc:
        raise InputError(f"floor {floor}, camera {camera}: areas that cannot be drawn: {exc}; see the faults") from exc


def with_areas(values: Any, floor: str, camera: str, areas: CameraAreas) -> Any:
    """A copy of the values of a hall file with other areas of one camera. What is the same stays as it stands.

    Args:
        values: of the file.
        floor: its id.
        camera: its id.
        areas: windows and zones that are not among them are taken out of the file, with their areas in all cameras.

    Raises:
        InputError: there is no such camera, or an id is there twice.
    """
    before = areas_of(values, floor, camera)
    values = copy.deepcopy(values)
    block, seen = _places(values, floor, camera)
    for kind, items in (("windows", areas.windows), ("zones", areas.zones), ("entrances", areas.entrances)):
        _check_ids(kind, [item.id for item in items])
    pictured = _rounded([p for p, _ in areas.floor_points], [p for p, _ in before.floor_points])
    measured = _rounded([p for _, p in areas.floor_points], [p for _, p in before.floor_points])
    _put(seen, "floor_points", [list(pair) for pair in zip(pictured, measured, strict=True)])
    _put_windows(block, camera, before, areas.windows)
    _put_zones(block, camera, before, areas.zones)
    _put_entrances(block, camera, areas.entrances)
    return values


def _put_windows(block: dict[str, Any], camera: str, before: CameraAreas, windows: Sequence[WindowAreas]) -> None:
    known = {window["id"]: window for window in _items(block, "windows")}
    kept = []
    for window in windows:
        item = known.get(window.id)
        if item is None:
            item = {"id": window.id, "label": window.label}
            if window.service:
                item["service"] = window.service
            item["camera"] = camera
        _put_text(item, "label", window.label)
        _put_text(item, "service", window.service)
        if item.get("staffed", True) is not window.staffed:
            item["staffed"] = window.staffed
        for key, polygon in (("clerk_area", window.clerk), ("customer_area", window.customer)):
            _put_area(item, key, camera, polygon)
        kept.append(item)
    _put_list(block, "windows", kept, [window.id for window in before.windows])


def _put_zones(block: dict[str, Any], camera: str, before: CameraAreas, zones: Sequence[ZoneAreas]) -> None:
    known = {zone["id"]: zone for zone in _items(block, "zones")}
    kept = []
    for zone in zones:
        item = known.get(zone.id)
        if item is None:
            item = {"id": zone.id, "label": zone.label, "kind": zone.kind}
            if zone.serves:
                item["serves"] = list(zone.serves)
            item["areas"] = []
        _put_text(item, "label", zone.label)
        if item.get("kind", "waiting") != zone.kind:
            item["kind"] = zone.kind
        if list(item.get("serves") or []) != list(zone.serves):
            _put(item, "serves", list(zone.serves))
        _put_area(item, "areas", camera, zone.polygon)
        item.setdefault("areas", [])  # a zone without one is a fault, which is told as one
        kept.append(item)
    _put_list(block, "zones", kept, [zone.id for zone in before.zones])


def _put_entrances(block: dict[str, Any], camera: str, entrances: Sequence[EntranceLine]) -> None:
    wanted = {entrance.id: entrance for entrance in entrances}
    kept: list[dict[str, Any]] = []
    for item in _items(block, "entrances"):
        if item.get("camera") != camera:
            kept.append(item)
        elif (entrance := wanted.pop(item["id"], None)) is not None:
            _put_text(item, "label", entrance.label)
            item["line"] = _rounded(entrance.line, item["line"])
            kept.append(item)
    for entrance in wanted.values():
        item = {"id": entrance.id, "label": entrance.label, "camera": camera, "line": _rounded(entrance.line)}
        kept.append(item)
    _put_list(block, "entrances", kept, [])


def _put_area(item: dict[str, Any], key: str, camera: str, polygon: Sequence[Point] | None) -> None:
    """One polygon of an area that several cameras may see; a bare one is of the item's own camera."""
    own, value = item.get("camera"), item.get(key)
    points = None if polygon is None else _rounded(polygon, _polygon(item, key, camera) or ())
    if value is None or (_is_bare(value) and own == camera):
        if points is None:
            item.pop(key, None)
        elif value is None and own != camera:
            item[key] = [{"camera": camera, "polygon": points}]
        else:
            item[key] = points
        return
    blocks = [{"polygon": value}] if _is_bare(value) else list(value)
    at = next((i for i, part in enumerate(blocks) if part.get("camera", own) == camera), None)
    if at is not None and points is not None:
        blocks[at] = {**blocks[at], "polygon": points}
    elif at is not None:
        del blocks[at]
    elif points is not None:
        blocks.append({"camera": camera, "polygon": points})
    else:
        return
    _put(item, key, blocks)


def _window(item: dict[str, Any], camera: str) -> dict[str, Any]:
    return {
        "id": item["id"],
        "label": item.get("label", ""),
        "service": item.get("service", ""),
        "staffed": item.get("staffed", True),
        "clerk": _polygon(item, "clerk_area", camera),
        "customer": _polygon(item, "customer_area", camera),
    }


def _zone(item: dict[str, Any], camera: str) -> dict[str, Any]:
    plain = {key: item.get(key, default) for key, default in (("label", ""), ("kind", "waiting"), ("serves", []))}
    return {"id": item["id"], **plain, "polygon": _polygon(item, "areas", camera)}


def _entrance(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"], "label": item.get("label", ""), "line": item["line"]}


def _polygon(item: dict[str, Any], key: str, camera: str) -> Any:
    value = item.get(key)
    if value is None:
        return None
    blocks = [{"polygon": value}] if _is_bare(value) else value
    return next((part["polygon"] for part in blocks if part.get("camera", item.get("camera")) == camera), None)


def _is_bare(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not any(isinstance(part, dict) for part in value)


def _places(values: Any, floor: str, camera: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The blocks of a floor and of a camera of it."""
    for block in _items(values, "floors"):
        if block.get("id") == floor:
            for seen in _items(block, "cameras"):
                if seen.get("id") == camera:
                    return block, seen
    raise InputError(f"floor {floor}, camera {camera}: the hall file has none of that name")


def _items(node: Any, key: str) -> list[dict[str, Any]]:
    items = node.get(key) if isinstance(node, dict) else None
    found = [item for item in (items if isinstance(items, list) else []) if isinstance(item, dict)]
    if not all(isinstance(item.get("id"), str) for item in found):
        raise InputError(f"{key}: one without an id; see the faults")
    return found


def _check_ids(kind: str, ids: Sequence[str]) -> None:
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InputError(f"{kind}: the id {twice[0]} a second time; expected one that no other has")


def _put_list(block: dict[str, Any], key: str, items: list[dict[str, Any]], before: Sequence[str]) -> None:
    if [item["id"] for item in items] != list(before) or key in block:
        _put(block, key, items)


def _put(block: dict[str, Any], key: str, value: list[Any]) -> None:
    """A list, or no key where it is empty."""
    if value:
        block[key] = value
    else:
        block.pop(key, None)


def _put_text(item: dict[str, Any], key: str, text: str) -> None:
    if item.get(key, "") != text:
        item[key] = text


def _rounded(points: Sequence[Point], old: Sequence[Any] = ()) -> list[list[float]]:
    """Points as they are written; those that were there stay as exact as they were."""
    exact = {_key(point): list(point) for point in old}
    return [exact.get(_key(point), list(_key(point))) for point in points]


def _key(point: Sequence[float]) -> tuple[float, float]:
    return round(float(point[0]), _DIGITS), round(float(point[1]), _DIGITS)
