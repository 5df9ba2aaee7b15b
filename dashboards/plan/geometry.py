"""Where things of a floor are on its plan, in metres from its lower left corner, as far as hall.yaml tells.

Areas are drawn in pictures; cameras with floor points carry them over to the plan. Customers stand on the floor, so
their area lies where it is drawn. Clerks sit behind a desk: their area is of bodies over the floor, and lands beyond
them. The counter stands between the two, and so does the sign of the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hall.errors import InputError
from hall.geometry import Point
from hall.layout import Areas, Camera, Floor, Window
from hall.plane import Plane

_MARGIN_M = 1.0
_MOST_M = 500.0


@dataclass(frozen=True, slots=True)
class WindowPlace:
    """A window: its sign, and the floor before it where that is known."""

    window: str
    label: str
    service: str
    at: Point
    floor: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ZonePlace:
    """A zone: what of it each camera sees."""

    zone: str
    label: str
    parts: tuple[tuple[Point, ...], ...]

    @property
    def at(self) -> Point:
        """Where its sign stands."""
        return _middle([point for part in self.parts for point in part])


@dataclass(frozen=True, slots=True)
class EntrancePlace:
    """The line of an entrance."""

    entrance: str
    label: str
    start: Point
    end: Point


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """A floor on its plan. `missing`: labels of windows and zones whose cameras have no floor points."""

    floor: str
    width_m: float
    depth_m: float
    image: str | None
    windows: tuple[WindowPlace, ...]
    zones: tuple[ZonePlace, ...]
    entrances: tuple[EntrancePlace, ...]
    missing: tuple[str, ...]

    def down(self, point: Point) -> Point:
        """A point as SVG counts: from the top."""
        return point[0], self.depth_m - point[1]


def floor_plan(floor: Floor) -> FloorPlan | None:
    """The plan of a floor; None where no camera has floor points."""
    planes = {camera.id: plane for camera in floor.cameras if (plane := _plane(camera)) is not None}
    if not planes:
        return None
    width_m, depth_m = _size(floor)
    windows = {window.id: _window(window, planes, width_m, depth_m) for window in floor.windows}
    zones = {zone.id: _parts(zone.areas, "", planes) for zone in floor.zones}
    return FloorPlan(
        floor=floor.id,
        width_m=width_m,
        depth_m=depth_m,
        image=None if floor.plan is None else floor.plan.image,
        windows=tuple(place for place in windows.values() if place is not None),
        zones=tuple(ZonePlace(z.id, z.label or z.id, zones[z.id]) for z in floor.zones if zones[z.id]),
        entrances=tuple(_entrances(floor, planes)),
        missing=(
            *(window.label for window in floor.windows if windows[window.id] is None),
            *(zone.label or zone.id for zone in floor.zones if not zones[zone.id]),
        ),
    )


def _plane(camera: Camera) -> Plane | None:
    try:
        return Plane.fit(camera.floor_points)
    except InputError:
        return None


def _size(floor: Floor) -> tuple[float, float]:
    """As hall.yaml says; else up to a little beyond the farthest floor points."""
    if floor.plan is not None:
        return floor.plan.width_m, floor.plan.depth_m
    points = [on_floor for camera in floor.cameras for _, on_floor in camera.floor_points]
    return max(x for x, _ in points) + _MARGIN_M, max(y for _, y in points) + _MARGIN_M


def _window(window: Window, planes: dict[str, Plane], width_m: float, depth_m: float) -> WindowPlace | None:
    customers = _parts(window.customer_area, window.camera, planes)
    clerks = _feet(window.clerk_area, window.camera, planes)
    floor = customers[0] if customers else ()
    if floor and clerks:
        (ax, ay), (bx, by) = _middle(floor), _middle(clerks)
        at = (ax + bx) / 2, (ay + by) / 2
    elif floor or clerks:
        at = _middle(floor or clerks)
    else:
        return None
    inside = min(max(at[0], 0.0), width_m), min(max(at[1], 0.0), depth_m)
    return WindowPlace(window.id, window.label, window.service, inside, floor)


def _feet(areas: Areas | None, camera: str, planes: dict[str, Plane]) -> list[Point]:
    """Where the lower edges of areas of bodies would be on the floor."""
    found = []
    for area in areas or []:
        plane = planes.get(area.camera or camera)
        xs = [x for x, _ in area.polygon]
        low = ((min(xs) + max(xs)) / 2, max(y for _, y in area.polygon))
        if plane is not None and (point := _near(plane.to_floor(*low))) is not None:
            found.append(point)
    return found


def _parts(areas: Areas | None, camera: str, planes: dict[str, Plane]) -> tuple[tuple[Point, ...], ...]:
    """Polygons on the plan of those areas that lie wholly on the floor."""
    found = []
    for area in areas or []:
        plane = planes.get(area.camera or camera)
        corners = [None if plane is None else _near(plane.to_floor(*corner)) for corner in area.polygon]
        if (known := tuple(corner for corner in corners if corner is not None)) and len(known) == len(corners):
            found.append(known)
    return tuple(found)


def _entrances(floor: Floor, planes: dict[str, Plane]) -> list[EntrancePlace]:
    found = []
    for entrance in floor.entrances:
        plane = planes.get(entrance.camera)
        ends = [None if plane is None else _near(plane.to_floor(*point)) for point in entrance.line]
        if ends[0] is not None and ends[1] is not None:
            found.append(EntrancePlace(entrance.id, entrance.label or entrance.id, ends[0], ends[1]))
    return found


def _near(point: Point) -> Point | None:
    """Not what lies beyond the horizon, or so far away that it is next to it."""
    return point if abs(point[0]) <= _MOST_M and abs(point[1]) <= _MOST_M else None


def _middle(points: Sequence[Point]) -> Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
