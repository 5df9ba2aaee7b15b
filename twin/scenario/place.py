"""Where things are in a rendered hall: windows, seats, door, kiosk, cameras and the ways between them.

World metres: x to the right and y away as camera 1 sees it, z up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hall.errors import InputError
from twin.camera.scene import scene_names

Floats = NDArray[np.float64]
Point = tuple[float, float]

AWAY_YAW, TOWARDS_YAW = 180.0, 0.0
"""Looking along the hall's y axis, as citizens at a window do, and against it, as clerks do."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A window: its desk, the clerk's seat and where a citizen stands. `back_y_m` is the clerk's edge of the desk."""

    id: str
    seat: Point
    stand: Point
    left_m: float
    right_m: float
    front_y_m: float
    back_y_m: float
    top_m: float

    @property
    def is_tall(self) -> bool:
        """Whether the clerk's own desk is behind the counter, out of sight."""
        return self.top_m > 0.9

    @property
    def arms_m(self) -> float:
        """Arms of a clerk at the desk are seen so far in front of its inner edge."""
        return 0.0 if self.is_tall else 0.42

    @property
    def busy_pose(self) -> str:
        """What citizens do there now and then: reach over a low desk, hold papers before a tall counter."""
        return "stand2" if self.is_tall else "reach"


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera: `matrix` (3, 4) takes world metres to pixels; `position` is its floor point."""

    id: str
    matrix: Floats
    position: Point
    size_px: tuple[int, int]

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (..., 2) and depths (...) of world points (..., 3)."""
        q = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        depth = q[..., 2]
        return q[..., :2] / np.where(depth > 1e-6, depth, np.nan)[..., None], depth


@dataclass(frozen=True, slots=True)
class Place:
    """A hall as people use it."""

    counters: tuple[Counter, ...]
    seats: tuple[Point, ...]
    door: Point
    kiosk: Point
    cameras: dict[str, Camera]

    def counter(self, window: str) -> Counter:
        """The counter of a window."""
        return next(c for c in self.counters if c.id == window)

    def to_seat(self, seat: Point) -> list[Point]:
        """From the west lane along the row to the place before a seat."""
        row_y = seat[1] + 0.62
        return [(-0.8, row_y), (seat[0], row_y), (seat[0], seat[1] + 0.45)]

    def from_seat(self, seat: Point) -> list[Point]:
        """From the place before a seat out of the rows, towards the windows."""
        row_y = seat[1] + 0.62
        if row_y > 0:
            return [(seat[0], row_y), (seat[0], 0.8)]
        return [(seat[0], row_y), (-0.8, row_y), (-0.8, 0.8)]

    def to_window(self, window: str) -> list[Point]:
        """From the open floor to a window."""
        stand = self.counter(window).stand
        return [(stand[0], 3.9), stand]

    def from_window(self, window: str) -> list[Point]:
        """From a window out by the door, on the lane of those who leave."""
        stand = self.counter(window).stand
        return [(stand[0], 3.9), *self.out]

    @property
    def out(self) -> list[Point]:
        """From the open floor out by the door."""
        return [(-2.3, 1.3), (-2.3, -4.2), (self.door[0] + 0.3, self.door[1])]

    @property
    def standing(self) -> tuple[Point, ...]:
        """Where people wait when every seat is taken: along the rows, beside the lane."""
        return tuple((-1.25, -3.3 + 0.6 * i) for i in range(6))


DESKS_LEFT_BY = 7.15
"""The lane behind the clerks, y in metres."""
STAFF_DOOR: Point = (6.4, DESKS_LEFT_BY)
"""Out of the picture of camera 1."""


def load_place(name: str = "lowdesk") -> Place:
    """The geometry of a rendered hall.

    Raises:
        InputError: there is no such hall.
    """
    if name not in scene_names():
        raise InputError(f"hall {name!r}: no such rendered hall; expected one of {', '.join(scene_names())}")
    return _rendered(name)


@cache
def _rendered(name: str) -> Place:
    text = resources.files("twin").joinpath("assets", "halls", name, "halls.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    door = np.mean(data["door"]["line"], axis=0)
    size = (int(data["image"][0]), int(data["image"][1]))
    return Place(
        counters=tuple(_counter(part) for part in data["counters"]),
        seats=tuple(_pair(seat["pos"]) for seat in data["seats"]),
        door=(float(door[0]), float(door[1]) + 0.15),
        kiosk=_pair(data["kiosk"]["stand"]),
        cameras={
            name: Camera(name, np.array(part["P"]), _pair(part["position"]), size)
            for name, part in data["cameras"].items()
        },
    )


def _counter(part: dict[str, Any]) -> Counter:
    (left, front), (right, back) = part["footprint"]
    seat, customer = _pair(part["clerk_seat"]["pos"]), _pair(part["customer"]["pos"])
    # Camera 1 looks along the middle desk: there a citizen stands aside, as people do who sign something.
    aside = 0.5 if abs(seat[0]) < 0.5 and part["top_z"] < 0.9 else 0.0
    stand = (customer[0] + aside, customer[1] - 0.1)
    return Counter(f"w{part['id']:02d}", seat, stand, left, right, front, back, float(part["top_z"]))


def _pair(values: Any) -> Point:
    return float(values[0]), float(values[1])
