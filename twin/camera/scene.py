"""A rendered hall: where things are, what its cameras see when it is empty, and what may stand before a person."""

from __future__ import annotations

import math
from functools import cache

import msgspec
import numpy as np

from hall.errors import InputError
from twin.camera.assets import Image, assets, read_picture
from twin.camera.look import Look

Point = tuple[float, float]
"""World metres: x to the right and y away as camera 1 sees it."""


_TALL_M = 0.9
"""A counter that is higher has the clerk's own desk behind it, out of sight."""


class Place(msgspec.Struct, frozen=True):
    """Where somebody sits or stands, and which way they look there."""

    pos: Point
    facing: Point


class Counter(msgspec.Struct, frozen=True):
    """One window: the place of its clerk and of whom they serve."""

    id: int
    top_z: float
    footprint: tuple[Point, Point]
    clerk_seat: Place
    customer: Place


class Seat(msgspec.Struct, frozen=True):
    """A seat of the waiting area."""

    id: str
    pos: Point
    facing: Point
    seat_z: float


class Door(msgspec.Struct, frozen=True):
    """The door: the line that people cross, and the direction that leads in."""

    line: tuple[Point, Point]
    inside_normal: Point


class Kiosk(msgspec.Struct, frozen=True):
    """The ticket machine and where one stands before it."""

    pos: Point
    stand: Point
    facing: Point


class CameraPose(msgspec.Struct, frozen=True):
    """A pinhole camera without distortion: x right, y down, z forward."""

    K: list[list[float]]
    R: list[list[float]]
    t: tuple[float, float, float]
    position: tuple[float, float, float]
    background: str


class _LayerFile(msgspec.Struct, frozen=True):
    file: str
    xy: tuple[int, int]


class _Occluder(msgspec.Struct, frozen=True):
    camera: str
    layer: str
    sort_line: tuple[Point, Point]
    see_through: bool = False


class Scene(msgspec.Struct, frozen=True):
    """One hall as its file describes it, lengths in metres."""

    image: tuple[int, int]
    cameras: dict[str, CameraPose]
    layers: dict[str, _LayerFile]
    counters: list[Counter]
    seats: list[Seat]
    door: Door
    kiosk: Kiosk
    occluders: list[_Occluder]
    name: str = ""
    look: Look = Look()

    def seat(self, seat_id: str) -> Seat:
        """A seat by its id, such as `row1.3`."""
        return next(seat for seat in self.seats if seat.id == seat_id)

    @property
    def has_desks(self) -> bool:
        """Whether clerks sit at open desks, of the height that sprites were posed for, with their arms on them."""
        return all(counter.top_z < _TALL_M for counter in self.counters)


class Layer(msgspec.Struct, frozen=True):
    """A thing that stands before people who are beyond its line.

    Attributes:
        see_through: glass. It is not in the background: who is behind it is seen through it, and so is the hall.
        rank: drawn in this order where layers overlap.
        image: BGRA with straight alpha.
    """

    name: str
    rank: int
    image: Image
    left: int
    top: int
    line: tuple[Point, Point]
    see_through: bool = False

    @property
    def middle(self) -> Point:
        """Middle of the line."""
        (ax, ay), (bx, by) = self.line
        return (ax + bx) / 2, (ay + by) / 2


class View:
    """What one camera of a scene sees when the hall is empty, and where in its picture things are.

    Raises:
        InputError: the scene has no such camera.
    """

    def __init__(self, scene: Scene, camera: str) -> None:
        if camera not in scene.cameras:
            raise InputError(f"camera of {scene.name}: found {camera!r}; expected one of {', '.join(scene.cameras)}")
        pose = scene.cameras[camera]
        self.scene, self.camera = scene, camera
        self.size_px = scene.image
        self.focal_px = pose.K[0][0]
        self.position_m: Point = (pose.position[0], pose.position[1])
        self._rotation, self._offset = np.array(pose.R), np.array(pose.t)
        self._centre_px = (pose.K[0][2], pose.K[1][2])
        folder = assets() / "halls" / scene.name
        self.background = read_picture(folder / pose.background)
        self.layers = self._layers(scene, camera)

    def project(self, x_m: float, y_m: float, z_m: float = 0.0) -> tuple[float, float, float]:
        """Where a point is in the picture, pixels, and how far in front of the camera, metres."""
        right, down, ahead = (self._rotation @ (x_m, y_m, z_m) + self._offset).tolist()
        scale = self.focal_px / ahead if ahead else math.inf
        return right * scale + self._centre_px[0], down * scale + self._centre_px[1], ahead

    def distance_m(self, point: Point) -> float:
        """From the camera to a floor point, along the floor."""
        return math.dist(point, self.position_m)

    def is_beyond(self, line: tuple[Point, Point], point: Point) -> bool:
        """Whether a line lies between the camera and a point."""
        return _side(line, point) * _side(line, self.position_m) < 0

    def _layers(self, scene: Scene, camera: str) -> list[Layer]:
        found = [
            Layer(o.layer, 0, _layer_picture(scene, o.layer), *scene.layers[o.layer].xy, o.sort_line, o.see_through)
            for o in scene.occluders
            if o.camera == camera
        ]
        # Farthest first; of one counter the chair, then the counter, then what stands on it.
        kinds = ["office", "counter", "items"]
        found.sort(
            key=lambda layer: (
                -self.distance_m(layer.middle),
                next((i for i, kind in enumerate(kinds) if layer.name.startswith(kind)), -1),
            )
        )
        return [msgspec.structs.replace(layer, rank=rank) for rank, layer in enumerate(found)]


def _side(line: tuple[Point, Point], point: Point) -> float:
    (ax, ay), (bx, by) = line
    return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)


def _layer_picture(scene: Scene, layer: str) -> Image:
    return read_picture(assets() / "halls" / scene.name / scene.layers[layer].file)


_LOOKS = {"lowdesk": Look(), "tallcounter": Look(brightness=0.94, balance=(1.04, 1.0, 0.97), gamma=1.08)}
"""Light and white balance per hall."""


def scene_names() -> list[str]:
    """The halls that can be rendered."""
    return sorted(_LOOKS)


@cache
def load_scene(name: str) -> Scene:
    """A hall by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in _LOOKS:
        raise InputError(f"hall: found {name!r}; expected one of {', '.join(scene_names())}")
    scene = msgspec.json.decode((assets() / "halls" / name / "halls.json").read_bytes(), type=Scene)
    return msgspec.structs.replace(scene, name=name, look=_LOOKS[name])
