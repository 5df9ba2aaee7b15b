"""Where in a picture a fault of the hall file lies: of which item, of which area, at which corner. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dashboards.calibration.words import in_chinese
from hall.areas import CameraAreas
from hall.errors import ConfigError, Fault, InputError
from hall.geometry import crossing_edges
from hall.load import Anything, parse_hall
from hall.plane import Plane

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_KINDS = {"windows": "window", "zones": "zone", "entrances": "entrance", "cameras": "camera"}
_PARTS = {"clerk_area": "clerk", "customer_area": "customer", "areas": "polygon", "polygon": "polygon"}

Loc = tuple[int | str, ...]


class PlacedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and where it is drawn.

    Attributes:
        item: `window/w01`, `zone/waiting`, `entrance/door`, `camera/c1`; None: elsewhere in the file.
        part: of it: `clerk`, `customer`, `polygon`, `line`, `floor_points`, or a key such as `label`.
        here: whether it lies in the picture of the camera that is asked about, or in none.
        point: the corner, from 0.
        edges: those that cross; edge i runs from corner i to the next.
        line: of the file as it would be.
        path: in the file.
        found: what stands there.
        expected: what would be right.
        words: both in Chinese.
    """

    item: str | None
    part: str | None = None
    here: bool = True
    point: int | None = None
    edges: tuple[int, int] | None = None
    line: int | None
    path: str
    found: str
    expected: str
    words: str


def faults_of(text: str, values: Any, floor: str, camera: str, areas: CameraAreas | None) -> list[PlacedFault]:
    """Everything that `hallwatch check` says of a hall file without opening a camera.

    Args:
        text: of the file.
        values: what it says, see `hall.load.plain_values`.
        floor: of the camera.
        camera: whose picture is shown.
        areas: of that camera; its floor points are tried, too.
    """
    faults: list[Fault] = []
    try:
        parse_hall(text, environ=Anything())
    except ConfigError as exc:
        faults += exc.faults
    found = [_placed(fault, values, floor, camera) for fault in faults]
    points = [] if areas is None else areas.floor_points
    if points and not any(fault.part == "floor_points" for fault in found):
        found += _plane_fault(points, camera)
    return found


def _plane_fault(points: Sequence[Any], camera: str) -> list[PlacedFault]:
    try:
        Plane.fit(points)
    except InputError as exc:
        said = str(exc).removeprefix("floor_points: ")
        stands, _, right = said.partition("; expected ")
        return [
            PlacedFault(
                item=f"camera/{camera}",
                part="floor_points",
                line=None,
                path="floor_points",
                found=stands,
                expected=right,
                words=in_chinese(stands, right),
            )
        ]
    return []


def _placed(fault: Fault, values: Any, floor: str, camera: str) -> PlacedFault:
    item, part, here, point, edges = None, None, True, None, None
    loc = tuple(int(number) if number else word for number, word in _STEP.findall(fault.path))
    block = _at(values, loc[:2])
    if len(loc) >= 4 and loc[0] == "floors" and isinstance(block, Mapping) and loc[2] in _KINDS:
        owner = _at(values, loc[:4])
        name = owner.get("id") if isinstance(owner, Mapping) else None
        if block.get("id") == floor and isinstance(name, str):
            item = f"{_KINDS[loc[2]]}/{name}"
            part, here, point = _in_item(loc[4:], owner, camera if loc[2] != "cameras" else name)
            edges = _crossing(fault, _at(values, loc))
            if loc[2] == "cameras":
                here = name == camera
    return PlacedFault(
        item=item,
        part=part,
        here=here,
        point=point,
        edges=edges,
        line=fault.line,
        path=fault.path,
        found=fault.found,
        expected=fault.expected,
        words=in_chinese(fault.found, fault.expected),
    )


def _in_item(rest: Loc, owner: Any, camera: str) -> tuple[str | None, bool, int | None]:
    """Part, whether it is in this camera's picture, corner."""
    if not rest:
        return None, True, None
    part = _PARTS.get(str(rest[0]), str(rest[0]))
    if part not in {"clerk", "customer", "polygon"}:
        points = part in {"line", "floor_points"}
        return part, owner.get("camera", camera) == camera, _number(rest[1:2]) if points else None
    area = _at(owner, rest[:2]) if len(rest) > 1 else None
    if isinstance(area, Mapping):
        corner = _number(rest[3:4]) if rest[2:3] == ("polygon",) else None
        return part, area.get("camera", owner.get("camera")) == camera, corner
    # A bare polygon, or all polygons of the area.
    return part, True, _number(rest[1:2])


def _number(part: Loc) -> int | None:
    return part[0] if part and isinstance(part[0], int) else None


def _crossing(fault: Fault, value: Any) -> tuple[int, int] | None:
    if "cross itself" not in fault.expected or not isinstance(value, list):
        return None
    return crossing_edges([(float(x), float(y)) for x, y in value])


def _at(node: Any, loc: Loc) -> Any:
    for part in loc:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node
