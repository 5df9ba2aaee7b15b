"""Where sprites are taken: one camera, two lamps, an actor that turns, and a desk that cuts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from scripts.render.figure import BOTTOMS, SHOES, TOPS, Figure, Part
from scripts.render.looks import flat, material_of
from scripts.render.mesh import Faces, Floats
from scripts.render.people import Person
from scripts.render.poses import Poser
from scripts.render.sizes import AIM_M, DESK_Z, DISTANCE_M, PITCH_DEG, PX_PER_M

SIZE_PX = (288, 384)
DESK_EDGE_M = 0.215
"""A desk's edge is so far before the pelvis of who sits at it."""
_LEFT_OFF_SEATED = frozenset({"pack", "strap", "bag"})
_BOX = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]


class Studio:
    """An empty scene with camera and light.

    Args:
        samples: of the renderer.
        threads: of it.
    """

    def __init__(self, *, samples: int, threads: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._scene = bpy.context.scene
        self._settings(samples, threads)
        self._light()
        self._camera()
        self._desk = self._make_desk()

    @property
    def anchor_px(self) -> tuple[float, float]:
        """Where the origin of the floor is in every picture."""
        x, y, _ = world_to_camera_view(self._scene, self._scene.camera, Vector((0, 0, 0)))
        return x * SIZE_PX[0], (1 - y) * SIZE_PX[1]

    def shoot(self, path: Path, *, above_desk: bool = False) -> None:
        """Render a PNG with alpha; `above_desk` cuts off what a desk hides."""
        self._desk.hide_render = not above_desk
        self._scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)

    def turn_desk(self, yaw: float) -> None:
        """Put the desk before an actor who has turned by `yaw` radians."""
        middle = -DESK_EDGE_M - 0.6
        self._desk.scale = (3, 1.2, DESK_Z + 0.1)
        self._desk.location = (-middle * math.sin(yaw), middle * math.cos(yaw), (DESK_Z - 0.1) / 2)
        self._desk.rotation_euler = (0, 0, yaw)

    def _settings(self, samples: int, threads: int) -> None:
        render, cycles = self._scene.render, self._scene.cycles
        render.engine, cycles.samples, cycles.use_denoising, cycles.max_bounces = "CYCLES", samples, False, 3
        render.film_transparent, render.use_persistent_data = True, True
        render.resolution_x, render.resolution_y = SIZE_PX
        render.threads_mode, render.threads = "FIXED", threads
        render.image_settings.color_mode = "RGBA"
        self._scene.view_settings.view_transform = "Standard"

    def _light(self) -> None:
        self._scene.world = bpy.data.worlds.new("world")
        self._scene.world.use_nodes = True
        sky = self._scene.world.node_tree.nodes["Background"]
        sky.inputs[0].default_value = (1, 0.98, 0.95, 1)
        sky.inputs[1].default_value = 0.55
        for place, energy in (((1.5, -2.5, 4.2), 160), ((-2, 1.5, 4.2), 120)):
            lamp = bpy.data.lights.new("lamp", "AREA")
            lamp.energy, lamp.size = energy, 2.5
            self._aimed(bpy.data.objects.new("lamp", lamp), Vector(place))

    def _camera(self) -> None:
        lens = bpy.data.cameras.new("camera")
        lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36
        lens.lens = 36 * PX_PER_M * DISTANCE_M / SIZE_PX[0]
        pitch = math.radians(PITCH_DEG)
        away = Vector((0, -DISTANCE_M * math.cos(pitch), AIM_M + DISTANCE_M * math.sin(pitch)))
        self._scene.camera = self._aimed(bpy.data.objects.new("camera", lens), away)

    def _aimed(self, thing: Any, place: Any) -> Any:
        self._scene.collection.objects.link(thing)
        thing.location = place
        thing.rotation_euler = (Vector((0, 0, AIM_M)) - place).to_track_quat("-Z", "Y").to_euler()
        return thing

    def _make_desk(self) -> Any:
        """Cuts a hole into the picture; gives no shadow and no light."""
        bpy.ops.mesh.primitive_cube_add(size=1)
        desk = bpy.context.object
        desk.is_holdout, desk.hide_render = True, True
        desk.visible_shadow = desk.visible_diffuse = desk.visible_glossy = False
        desk.data.materials.append(flat("desk", (0.5, 0.5, 0.5)))
        return desk


class Actor:
    """A figure as Blender's objects."""

    def __init__(self, person: Person) -> None:
        self.figure = Figure(person)
        self._poser = Poser(self.figure)
        self.objects = [self._object(part) for part in self.figure.parts]
        self._things: list[Any] = []
        self.vertices: list[Floats] = []

    def pose(self, name: str) -> None:
        """Solve a pose; `show` then only turns the result.

        Raises:
            AssertionError: top, bottom or shoes would not be seen.
        """
        solved = self._poser.pose(name)
        self.vertices = [v + solved.offset for v in self.figure.posed(solved.rotations)[0]]
        _remove(self._things)
        self._things = [_thing(kind, corners) for kind, corners in solved.things]
        self.vertices += [corners + solved.offset for _, corners in solved.things]
        worn = set()
        for part, shown in zip(self.figure.parts, self.objects, strict=True):
            shown.hide_render = name.startswith("sit") and part.name in _LEFT_OFF_SEATED
            worn |= set() if shown.hide_render else {part.name}
        assert worn & TOPS, (name, worn)
        assert worn & BOTTOMS, (name, worn)
        assert SHOES in worn, (name, worn)

    def show(self, yaw: float) -> None:
        """Turn by `yaw` radians, counter-clockwise from above."""
        cos, sin = math.cos(yaw), math.sin(yaw)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        for each, vertices in zip([*self.objects, *self._things], self.vertices, strict=True):
            each.data.vertices.foreach_set("co", (vertices @ turn.T).astype(np.float32).ravel())
            each.data.update()
        bpy.context.view_layer.update()

    def remove(self) -> None:
        """Take it out of the scene."""
        _remove([*self.objects, *self._things])

    def _object(self, part: Part) -> Any:
        paint = np.zeros_like(part.vertices) if part.paint is None else part.paint
        made = _mesh(part.name, part.vertices, part.faces)
        layer = made.data.uv_layers.new()
        layer.data.foreach_set("uv", np.array([uv for face in part.uv for uv in face], np.float32).ravel())
        for name, values in (("rest", part.vertices), ("paint", paint)):
            attribute = made.data.attributes.new(name, "FLOAT_VECTOR", "POINT")
            attribute.data.foreach_set("vector", values.astype(np.float32).ravel())
        made.data.polygons.foreach_set("use_smooth", [True] * len(part.faces))
        made.data.materials.append(material_of(self.figure, part))
        if part.name == "strap":
            made.modifiers.new("thick", "SOLIDIFY").thickness = 0.006
        elif part.name != "eyes":
            smooth = made.modifiers.new("smooth", "SUBSURF")
            smooth.render_levels, smooth.levels = 1, 0
        return made


def _mesh(name: str, vertices: Floats, faces: Faces) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(vertex) for vertex in vertices], [], faces)
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def _thing(kind: str, corners: Floats) -> Any:
    """A sheet of paper, or a phone with a lit screen."""
    if kind == "paper":
        made = _mesh(kind, corners, [[0, 1, 2, 3]])
        made.data.materials.append(flat("paper", (0.85, 0.85, 0.83)))
        return made
    made = _mesh(kind, corners, _BOX)
    made.data.materials.append(flat("phone", (0.02, 0.02, 0.025), 0.3))
    made.data.materials.append(flat("lit", (0.55, 0.7, 0.9), 0.3, 0.6))
    made.data.polygons[1].material_index = 1
    return made


def _remove(objects: list[Any]) -> None:
    for each in objects:
        bpy.data.objects.remove(each, do_unlink=True)
