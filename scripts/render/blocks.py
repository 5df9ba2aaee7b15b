"""Building blocks of halls and of prop sprites: materials, boxes, cylinders, lettering, chairs. Lengths in metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import bpy

Colour = tuple[float, float, float]
"""Linear red, green and blue, 0 to 1."""
Vec = tuple[float, float, float]


def material(name: str, colour: Colour, roughness: float = 0.6, **inputs: Any) -> Any:
    """A principled material; further inputs by name, with `_` for a blank."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    for key, value in inputs.items():
        shader.inputs[key.replace("_", " ")].default_value = value
    return made


def glowing(name: str, colour: Colour, strength: float) -> Any:
    """A material that gives light of its own."""
    return material(name, colour, Emission_Color=(*colour, 1), Emission_Strength=strength)


def box(centre: Vec, size: Vec, of: Any, bevel_m: float = 0.0, rotation: Vec = (0, 0, 0)) -> Any:
    """A box, its edges rounded by `bevel_m`."""
    bpy.ops.mesh.primitive_cube_add(size=1, location=centre, rotation=rotation)
    made = bpy.context.object
    made.scale = size
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    made.data.materials.append(of)
    if bevel_m:
        bevel = made.modifiers.new("bevel", "BEVEL")
        bevel.width, bevel.segments = bevel_m, 2
    return made


def cylinder(centre: Vec, radius: float, height: float, of: Any, rotation: Vec = (0, 0, 0)) -> Any:
    """A cylinder, upright unless rotated."""
    bpy.ops.mesh.primitive_cylinder_add(radius=radius, depth=height, location=centre, rotation=rotation, vertices=20)
    made = bpy.context.object
    made.data.materials.append(of)
    return made


def lettering(body: str, centre: Vec, size: float, of: Any, rotation: Vec) -> Any:
    """Text in Blender's built-in font."""
    curve = bpy.data.curves.new("text", "FONT")
    curve.body, curve.size, curve.extrude = body, size, 0.004
    curve.align_x, curve.align_y = "CENTER", "CENTER"
    made = bpy.data.objects.new("text", curve)
    bpy.context.scene.collection.objects.link(made)
    made.location, made.rotation_euler = centre, rotation
    curve.materials.append(of)
    return made


def placed(objects: Sequence[Any], x: float, y: float, yaw: float = 0.0) -> list[Any]:
    """Move objects that were built around the origin to a floor point, turned by `yaw` radians."""
    holder = bpy.data.objects.new("holder", None)
    bpy.context.scene.collection.objects.link(holder)
    for each in objects:
        each.parent = holder
    holder.location, holder.rotation_euler = (x, y, 0), (0, 0, yaw)
    return list(objects)


@cache
def _shared(name: str) -> Any:
    """Materials of the chairs, made once."""
    colour, roughness, metallic = {
        "seat": ((0.045, 0.10, 0.19), 0.5, 0.0),
        "office": ((0.03, 0.03, 0.034), 0.7, 0.0),
        "steel": ((0.35, 0.35, 0.36), 0.35, 0.6),
    }[name]
    return material(name, colour, roughness, Metallic=metallic)


def waiting_chair() -> list[Any]:
    """One chair of a row. The origin is the floor point under the pelvis; a sitter faces -y."""
    seat, steel = _shared("seat"), _shared("steel")
    return [
        box((0, -0.03, 0.43), (0.47, 0.44, 0.05), seat, 0.02),
        box((0, 0.205, 0.70), (0.46, 0.035, 0.40), seat, 0.015, (-0.12, 0, 0)),
        box((0, -0.02, 0.36), (0.60, 0.06, 0.06), steel),
        *(box((side, 0, 0.18), (0.035, 0.05, 0.36), steel) for side in (0.18, -0.18)),
        *(box((side, 0, 0.02), (0.04, 0.42, 0.03), steel) for side in (0.18, -0.18)),
    ]


def office_chair() -> list[Any]:
    """A clerk's chair, placed like `waiting_chair`."""
    seat, steel = _shared("office"), _shared("steel")
    parts = [
        box((0, -0.03, 0.465), (0.48, 0.46, 0.07), seat, 0.03),
        box((0, 0.22, 0.86), (0.44, 0.05, 0.50), seat, 0.02, (-0.08, 0, 0)),
        box((0, 0.23, 0.54), (0.06, 0.03, 0.2), seat),
        cylinder((0, 0, 0.26), 0.03, 0.36, steel),
    ]
    for k in range(5):
        angle = k * 2 * math.pi / 5
        x, y = math.cos(angle), math.sin(angle)
        parts.append(box((0.14 * x, 0.14 * y, 0.06), (0.28, 0.04, 0.03), seat, rotation=(0, 0, angle)))
        parts.append(cylinder((0.27 * x, 0.27 * y, 0.03), 0.03, 0.03, seat, (math.pi / 2, 0, angle)))
    return parts
