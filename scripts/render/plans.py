"""Where things are in the halls: what `halls.json` says, and what the builders build from.

World: metres, x right and y away as camera 1 sees it, z up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.render.sizes import DESK_Z, OFFICE_SEAT_Z, SEAT_Z

Point = tuple[float, float]

SIZE_PX = (1280, 720)
FIELD_DEG = 75.0
"""Horizontal field of view of every camera."""
FOCAL_PX = SIZE_PX[0] / 2 / math.tan(math.radians(FIELD_DEG / 2))

WINDOWS_X = (-2.88, 0.0, 2.88)
CLERK_Y, CUSTOMER_Y = 6.16, 4.95
GLASS_Y = 5.41
ROWS = {"row1": -0.6, "row2": -1.9, "row3": -3.2}
ROW_X = (0.13, 0.71, 1.29, 1.87)
NEARER = {"row3": ("row1", "row2"), "row2": ("row1",)}
"""What always stands before a layer is cut out of it."""
KIOSK: Point = (-3.9, -3.6)
DOOR: Point = (-2.5, -6.0)
DOOR_WIDTH = 1.8


@dataclass(frozen=True)
class Camera:
    """A camera: where it hangs, where it looks (floor direction), how far down."""

    position: tuple[float, float, float]
    heading: Point
    pitch_deg: float

    def matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """K, R and t; rows of R are the camera's x (right), y (down) and z (forward) in the world."""
        along = np.array(self.heading) / np.linalg.norm(self.heading)
        pitch = math.radians(self.pitch_deg)
        ahead = np.array([along[0] * math.cos(pitch), along[1] * math.cos(pitch), -math.sin(pitch)])
        right = np.array([along[1], -along[0], 0.0])
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        k = np.array([[FOCAL_PX, 0, SIZE_PX[0] / 2], [0, FOCAL_PX, SIZE_PX[1] / 2], [0, 0, 1.0]])
        return k, rotation, -rotation @ np.array(self.position)


@dataclass(frozen=True)
class Occluder:
    """Something that is painted over people beyond `line_y`.

    Attributes:
        kind: the layer is called by it and the number of the window.
        across: left and right end from the middle of the window.
        depth: nearest and farthest y.
        line_y: who is beyond it is painted before the layer.
        see_through: glass: what is behind it shows.
    """

    kind: str
    across: tuple[float, float]
    depth: tuple[float, float]
    height: float
    line_y: float
    see_through: bool = False


@dataclass(frozen=True)
class Plan:
    """A hall: its cameras and what its windows are like."""

    name: str
    cameras: dict[str, Camera]
    half_width: float
    depth: tuple[float, float]
    top_z: float
    occluders: tuple[Occluder, ...]


_WAITING_CAMERA = Camera((5.3, 2.5, 3.3), (-5.5, -5.0), 22.0)

PLANS = {
    "lowdesk": Plan(
        "lowdesk",
        {"cam1": Camera((0.0, 0.0, 3.0), (0.0, 1.0), 20.0), "cam2": _WAITING_CAMERA},
        half_width=1.15,
        depth=(5.195, 5.945),
        top_z=DESK_Z,
        occluders=(
            Occluder("counter", (-1.15, 1.15), (5.195, 5.945), DESK_Z, 5.6),
            Occluder("items", (-1.15, 1.15), (5.3, 5.9), 1.25, 5.6),
            Occluder("office", (-0.25, 0.25), (5.9, 6.45), 1.1, 6.37),
        ),
    ),
    # One counter from wall to wall, 1.1 m high, glass above it to 2 m, and the clerks' desks hidden behind.
    "tallcounter": Plan(
        "tallcounter",
        {"cam1": Camera((-0.9, -0.5, 3.1), (0.13, 1.0), 21.0), "cam2": _WAITING_CAMERA},
        half_width=1.44,
        depth=(5.01, 5.61),
        top_z=1.1,
        occluders=(
            Occluder("counter", (-1.44, 1.44), (5.01, 5.61), 1.1, 5.6),
            Occluder("glass", (-1.44, 1.44), (5.38, 5.44), 2.0, GLASS_Y, see_through=True),
            Occluder("items", (-1.44, 1.44), (5.62, 6.2), 1.4, 5.75),
            Occluder("office", (-0.25, 0.25), (5.9, 6.45), 1.1, 6.37),
        ),
    ),
}


def describe(plan: Plan) -> dict[str, Any]:
    """`halls.json` without the places of the layers in the picture."""
    door_y = DOOR[1] + 0.1
    return {
        "units": "metres",
        "image": list(SIZE_PX),
        "cameras": {name: _camera(name, camera) for name, camera in plan.cameras.items()},
        "layers": {},
        "counters": [_counter(plan, number, x) for number, x in enumerate(WINDOWS_X, start=1)],
        "seats": [
            {"id": f"{row}.{k}", "pos": [x, y], "facing": [0, 1], "seat_z": SEAT_Z, "layer": row, "camera": "cam2"}
            for row, y in ROWS.items()
            for k, x in enumerate(ROW_X, start=1)
        ],
        "door": {
            "line": [[DOOR[0] - DOOR_WIDTH / 2, door_y], [DOOR[0] + DOOR_WIDTH / 2, door_y]],
            "height": 2.2,
            "inside_normal": [0, 1],
            "camera": "cam2",
        },
        "kiosk": {"pos": list(KIOSK), "stand": [KIOSK[0], KIOSK[1] + 0.62], "facing": [0, -1], "camera": "cam2"},
        "occluders": [*_at_windows(plan), *_in_waiting_area()],
    }


def _camera(name: str, camera: Camera) -> dict[str, Any]:
    k, rotation, offset = camera.matrices()
    projection = k @ np.column_stack([rotation, offset])
    return {
        "K": k.tolist(),
        "R": rotation.tolist(),
        "t": offset.tolist(),
        "position": list(camera.position),
        "pitch_deg": camera.pitch_deg,
        "P": projection.tolist(),
        "floor_homography": projection[:, [0, 1, 3]].tolist(),
        "background": f"{name}_bg.webp",
    }


def _counter(plan: Plan, number: int, x: float) -> dict[str, Any]:
    (near, far), half = plan.depth, plan.half_width
    return {
        "id": number,
        "top_z": plan.top_z,
        "footprint": [[x - half, near], [x + half, far]],
        "clerk_seat": {"pos": [x, CLERK_Y], "facing": [0, -1], "seat_z": OFFICE_SEAT_Z},
        "customer": {"pos": [x, CUSTOMER_Y], "facing": [0, 1]},
    }


def _at_windows(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for number, x in enumerate(WINDOWS_X, start=1):
        for part in plan.occluders:
            left, right = x + part.across[0], x + part.across[1]
            layer = _occluder("cam1", f"{part.kind}{number}", (left, right), part.depth, part.height, part.line_y)
            found.append({**layer, "see_through": True} if part.see_through else layer)
    return found


def _in_waiting_area() -> list[dict[str, Any]]:
    rows = [
        _occluder("cam2", row, (ROW_X[0] - 0.3, ROW_X[-1] + 0.3), (y - 0.25, y + 0.2), 0.92, y - 0.22)
        for row, y in ROWS.items()
    ]
    x, y = KIOSK
    return [*rows, _occluder("cam2", "kiosk", (x - 0.23, x + 0.23), (y - 0.2, y + 0.2), 1.4, y)]


def _occluder(camera: str, layer: str, across: Point, depth: Point, height: float, line_y: float) -> dict[str, Any]:
    (left, right), (near, far) = across, depth
    return {
        "camera": camera,
        "layer": layer,
        "polygon": [[left, near], [right, near], [right, far], [left, far]],
        "height": height,
        "sort_line": [[left, line_y], [right, line_y]],
    }
