"""Builds the rooms: walls, windows, waiting area, light. Everything that may stand before a person is a named layer."""

from __future__ import annotations

import math
from typing import Any

import bpy

from scripts.render.blocks import (
    Colour,
    box,
    cylinder,
    glowing,
    lettering,
    material,
    office_chair,
    placed,
    waiting_chair,
)
from scripts.render.plans import CLERK_Y, DOOR, DOOR_WIDTH, GLASS_Y, KIOSK, ROW_X, ROWS, WINDOWS_X, Plan

Layers = dict[str, list[Any]]
"""Objects by the name of the layer that they make up."""

PANE = "pane"
"""Objects of glass are called so."""

_UPRIGHT = (math.pi / 2, 0, 0)


def build(plan: Plan) -> Layers:
    """The hall of a plan in the current, empty scene."""
    low = plan.name == "lowdesk"
    _shell((0.72, 0.70, 0.64) if low else (0.66, 0.70, 0.72), warm=low)
    _lamps()
    layers = _low_desks() if low else _tall_counters()
    for number, x in enumerate(WINDOWS_X, start=1):
        layers[f"office{number}"] = placed(office_chair(), x, CLERK_Y)
    return layers | _waiting_area()


def _shell(wall_colour: Colour, *, warm: bool) -> None:
    """Floor, walls, skirting, posters, plants, the door."""
    wall, grey = material("wall", wall_colour), material("grey", (0.25, 0.25, 0.26))
    _floor(warm=warm)
    for centre, size in (
        ((0, 8.65, 2), (13.4, 0.1, 4)),
        ((-6.65, 1.3, 2), (0.1, 14.8, 4)),
        ((6.65, 1.3, 2), (0.1, 14.8, 4)),
        ((0, -6.05, 2), (13.4, 0.1, 4)),
    ):
        box(centre, size, wall)
    box((0, -5.98, 0.05), (13.2, 0.03, 0.1), grey)
    box((-6.58, 1.3, 0.05), (0.03, 14.6, 0.1), grey)
    box((0, 8.58, 0.05), (13.2, 0.03, 0.1), grey)
    _door()
    _posters()
    for x, y in ((-5.9, 7.9), (5.9, 7.9), (-6.0, -5.4), (3.6, -5.5)):
        _plant(x, y)


def _floor(*, warm: bool) -> None:
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 1, 0))
    floor = bpy.context.object
    tiles = material("floor", (0.5, 0.5, 0.48), 0.22)
    tree = tiles.node_tree
    brick = tree.nodes.new("ShaderNodeTexBrick")
    brick.offset = 0
    light, other, mortar = (
        ((0.46, 0.44, 0.40, 1), (0.52, 0.50, 0.46, 1), (0.28, 0.27, 0.25, 1))
        if warm
        else ((0.40, 0.41, 0.42, 1), (0.44, 0.45, 0.46, 1), (0.25, 0.25, 0.26, 1))
    )
    for key, value in {
        "Scale": 66,
        "Brick Width": 1,
        "Row Height": 1,
        "Mortar Size": 0.012,
        "Color1": light,
        "Color2": other,
        "Mortar": mortar,
    }.items():
        brick.inputs[key].default_value = value
    tree.links.new(brick.outputs[0], tree.nodes["Principled BSDF"].inputs["Base Color"])
    floor.data.materials.append(tiles)


def _door() -> None:
    (x, y), width = DOOR, DOOR_WIDTH
    steel = material("alu", (0.45, 0.46, 0.47), 0.3, Metallic=0.7)
    pane = material("pane", (0.45, 0.58, 0.66), 0.1, Emission_Color=(0.55, 0.7, 0.8, 1), Emission_Strength=0.35)
    box((x, y, 1.12), (width + 0.2, 0.06, 2.24), material("frame", (0.08, 0.08, 0.09), 0.4))
    for side in (-1, 1):
        box((x + side * width / 4, y + 0.04, 1.08), (width / 2 - 0.07, 0.03, 2.04), pane)
        box((x + side * 0.08, y + 0.09, 1.05), (0.03, 0.03, 0.5), steel)
    green = material("exit", (0.0, 0.25, 0.08), Emission_Color=(0, 0.5, 0.15, 1), Emission_Strength=0.6)
    box((x, y + 0.04, 2.45), (0.62, 0.06, 0.22), green)
    lettering(
        "EXIT", (x, y + 0.08, 2.45), 0.17, glowing("white light", (0.9, 0.9, 0.9), 0.9), (math.pi / 2, 0, math.pi)
    )
    box((x, y + 0.75, 0.006), (1.7, 1.1, 0.012), material("mat", (0.06, 0.06, 0.065), 0.95))


def _posters() -> None:
    white = material("white", (0.8, 0.8, 0.8))
    for x, colour in ((0.6, (0.45, 0.12, 0.10)), (2.3, (0.10, 0.30, 0.18)), (-5.0, (0.12, 0.2, 0.42))):
        box((x, -5.98, 1.75), (0.8, 0.03, 1.1), white)
        box((x, -5.96, 1.75), (0.7, 0.03, 0.98), material("poster", colour))
    box((-6.58, -2.0, 1.7), (0.04, 2.6, 1.3), material("board", (0.42, 0.30, 0.18), 0.9))
    for k in range(6):
        box((-6.55, -3.0 + 0.4 * k, 1.72 + 0.12 * (k % 3 - 1)), (0.02, 0.26, 0.36), white)


def _plant(x: float, y: float) -> None:
    leaf = material("leaf", (0.04, 0.16, 0.04))
    box((x, y, 0.25), (0.5, 0.5, 0.5), material("pot", (0.25, 0.25, 0.26)), 0.03)
    for k in range(26):
        angle = k * 2.4
        cos, sin = math.cos(angle), math.sin(angle)
        where = (x + 0.17 * cos, y + 0.17 * sin, 0.72 + 0.03 * k)
        blade = box(where, (0.30, 0.09, 0.012), leaf, rotation=(0, -0.5 - 0.02 * k, angle))
        blade.location.x += 0.12 * cos
        blade.location.y += 0.12 * sin


def _lamps() -> None:
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    sky = scene.world.node_tree.nodes["Background"]
    sky.inputs[0].default_value = (1, 0.98, 0.95, 1)
    sky.inputs[1].default_value = 0.45
    for x in (-4, 0, 4):
        for y in (-4.5, -1.2, 2, 6.5):
            lamp = bpy.data.lights.new("lamp", "AREA")
            lamp.energy, lamp.shape, lamp.size, lamp.size_y = 62, "RECTANGLE", 1.5, 0.6
            hung = bpy.data.objects.new("lamp", lamp)
            scene.collection.objects.link(hung)
            hung.location = (x, y, 3.95)


def _low_desks() -> Layers:
    """Open desks 0.765 m high, their numbers on the wall behind."""
    wood, top = material("wood", (0.36, 0.22, 0.12), 0.4), material("top", (0.58, 0.57, 0.53), 0.25)
    panel, fabric = material("panel", (0.30, 0.18, 0.095), 0.45), material("partition", (0.30, 0.33, 0.36), 0.8)
    blue, white = material("blue", (0.03, 0.10, 0.28)), material("white", (0.8, 0.8, 0.8))
    dark, steel = material("dark", (0.02, 0.02, 0.022), 0.3), material("alu", (0.45, 0.46, 0.47), 0.3, Metallic=0.7)
    glow = glowing("white light", (0.9, 0.9, 0.9), 0.9)
    box((0, 8.56, 2.86), (10.2, 0.04, 0.26), blue)
    layers: Layers = {}
    for number, x in enumerate(WINDOWS_X, start=1):
        sign_x = x * 8.5 / 5.6  # above the desk as camera 1 sees it
        box((sign_x, 8.55, 2.2), (1.15, 0.06, 0.66), white, 0.02)
        box((sign_x, 8.51, 2.2), (1.02, 0.03, 0.54), blue)
        lettering(str(number), (sign_x, 8.485, 2.2), 0.56, glow, _UPRIGHT)
        layers[f"counter{number}"] = [
            box((x, 5.6, 0.36), (2.2, 0.6, 0.72), wood),
            box((x, 5.57, 0.74), (2.3, 0.75, 0.05), top, 0.01),
            box((x, 5.285, 0.40), (1.9, 0.02, 0.5), panel),
        ]
        layers[f"items{number}"] = [
            *(box((x + side * 1.12, 5.6, 1.0), (0.04, 0.6, 0.5), fabric, 0.01) for side in (1, -1)),
            box((x + 0.72, 5.72, 1.02), (0.50, 0.035, 0.30), dark, 0.01, (0, 0, -0.25)),
            box((x + 0.72, 5.73, 0.83), (0.05, 0.04, 0.14), dark),
            box((x + 0.72, 5.73, 0.772), (0.24, 0.18, 0.015), dark),
            box((x - 0.62, 5.5, 0.79), (0.22, 0.30, 0.05), white),
            box((x - 0.9, 5.45, 0.86), (0.08, 0.12, 0.18), steel),
            box((x + 0.35, 5.3, 0.83), (0.22, 0.02, 0.12), white, 0.0, (0.3, 0, 0)),
        ]
    return layers


def _tall_counters() -> Layers:
    """One counter of 1.1 m from wall to wall, glass above it to 2 m, screens, number boards, cabinets behind."""
    stone, top = material("stone", (0.30, 0.31, 0.33), 0.35), material("top", (0.62, 0.61, 0.58), 0.2)
    plinth, stripe = material("plinth", (0.05, 0.05, 0.06), 0.5), material("stripe", (0.03, 0.12, 0.32), 0.4)
    dark, fabric = material("dark", (0.02, 0.02, 0.022), 0.3), material("partition", (0.24, 0.28, 0.34), 0.8)
    desk, white = material("desk", (0.45, 0.42, 0.38), 0.4), material("white", (0.8, 0.8, 0.8))
    _back_office()
    layers: Layers = {}
    for number, x in enumerate(WINDOWS_X, start=1):
        layers[f"counter{number}"] = [
            box((x, 5.32, 0.54), (2.88, 0.46, 1.02), stone),
            box((x, 5.34, 0.05), (2.88, 0.36, 0.1), plinth),
            box((x, 5.085, 0.86), (2.88, 0.01, 0.06), stripe),
            box((x, 5.31, 1.08), (2.88, 0.60, 0.04), top, 0.01),
        ]
        layers[f"glass{number}"] = _glass(x)
        layers[f"items{number}"] = [
            box((x + 1.42, 5.95, 0.7), (0.04, 0.62, 1.4), fabric, 0.01),
            box((x + 0.66, 5.82, 1.10), (0.50, 0.035, 0.30), dark, 0.01, (0, 0, -0.35)),
            box((x + 0.66, 5.83, 0.88), (0.05, 0.04, 0.20), dark),
            box((x - 0.80, 5.80, 0.92), (0.30, 0.24, 0.30), white, 0.02),
            box((x, 5.83, 0.74), (2.7, 0.44, 0.03), desk),
        ]
        _number_board(number, x)
    return layers


def _glass(x: float) -> list[Any]:
    """What holds the glass of one window: rails, posts, speech slot, a notice stuck on it; and the pane."""
    steel = material("rail", (0.50, 0.51, 0.52), 0.3, Metallic=0.7)
    dark, paper = material("slot", (0.05, 0.05, 0.055), 0.5), material("notice", (0.75, 0.74, 0.70))
    red = material("notice head", (0.5, 0.06, 0.05))
    return [
        _pane(x),
        box((x, GLASS_Y, 1.99), (2.88, 0.035, 0.03), steel),
        box((x, GLASS_Y, 1.165), (2.88, 0.03, 0.02), steel),
        box((x + 1.44, GLASS_Y, 1.55), (0.04, 0.04, 0.9), steel),
        box((x - 0.62, GLASS_Y, 1.58), (0.02, 0.03, 0.82), steel),
        box((x, GLASS_Y - 0.01, 1.335), (0.30, 0.02, 0.09), steel, 0.01),
        *(box((x - 0.11 + 0.044 * k, GLASS_Y - 0.025, 1.335), (0.018, 0.012, 0.06), dark) for k in range(6)),
        box((x + 1.08, GLASS_Y - 0.01, 1.62), (0.21, 0.004, 0.297), paper),
        box((x + 1.08, GLASS_Y - 0.013, 1.735), (0.21, 0.004, 0.05), red),
    ]


def _pane(x: float) -> Any:
    """A mirror in the place of the glass: `halls.pack` mixes what it shows by Fresnel's equations, without noise."""
    bpy.ops.mesh.primitive_plane_add(size=1, location=(x, GLASS_Y, 1.575), rotation=(math.pi / 2, 0, 0))
    made = bpy.context.object
    made.name = PANE
    made.scale = (2.88, 0.82, 1)
    made.data.materials.append(material("mirror", (1, 1, 1), 0.03, Metallic=1.0))
    return made


def _number_board(number: int, x: float) -> None:
    """Hangs over the glass: number of the window, and a line of red letters."""
    blue, dark = material("board blue", (0.02, 0.07, 0.22)), material("display", (0.01, 0.01, 0.012), 0.3)
    box((x, 5.41, 2.42), (1.5, 0.10, 0.34), blue, 0.01)
    box((x + 0.22, 5.355, 2.42), (0.9, 0.01, 0.20), dark)
    lettering(
        f"A0{number}{number + 4}", (x + 0.22, 5.345, 2.42), 0.19, glowing("red", (0.9, 0.05, 0.03), 2.0), _UPRIGHT
    )
    lettering(str(number), (x - 0.53, 5.345, 2.42), 0.30, glowing("white light", (0.9, 0.9, 0.9), 0.9), _UPRIGHT)
    for side in (-0.6, 0.6):
        cylinder((x + side, 5.41, 3.3), 0.012, 1.5, material("rod", (0.4, 0.4, 0.4)))


def _back_office() -> None:
    """Cabinets along the wall behind the clerks, a band with the name of the place, side counters to the walls."""
    steel, gap = material("cabinet", (0.42, 0.44, 0.46), 0.5), material("gap", (0.12, 0.12, 0.13))
    stone, top = material("stone", (0.30, 0.31, 0.33), 0.35), material("top", (0.62, 0.61, 0.58), 0.2)
    for k in range(9):
        x = -5.4 + 1.35 * k
        if abs(x) < 5.5:
            box((x, 8.40, 0.95), (1.30, 0.36, 1.9), steel, 0.01)
            box((x, 8.215, 0.95), (0.01, 0.01, 1.8), gap)
            box((x, 8.215, 1.25), (1.2, 0.01, 0.012), gap)
    box((0, 8.56, 2.65), (10.2, 0.04, 0.40), material("band", (0.03, 0.10, 0.28)))
    for side in (-1, 1):
        box((side * 5.46, 5.32, 0.54), (2.28, 0.46, 1.02), stone)
        box((side * 5.46, 5.31, 1.08), (2.28, 0.60, 0.04), top, 0.01)


def _waiting_area() -> Layers:
    layers: Layers = {
        row: [part for x in ROW_X for part in placed(waiting_chair(), x, y, math.pi)] for row, y in ROWS.items()
    }
    x, y = KIOSK
    blue, dark = material("kiosk blue", (0.03, 0.10, 0.28)), material("dark", (0.02, 0.02, 0.022), 0.3)
    layers["kiosk"] = [
        box((x, y, 0.62), (0.44, 0.34, 1.24), material("kiosk", (0.62, 0.64, 0.66), 0.4), 0.02),
        box((x, y + 0.06, 1.30), (0.46, 0.30, 0.05), blue, 0.01, (-0.6, 0, 0)),
        box((x, y + 0.085, 1.32), (0.34, 0.24, 0.03), glowing("screen", (0.9, 0.9, 0.9), 0.9), 0.0, (-0.6, 0, 0)),
        box((x, y + 0.175, 0.95), (0.16, 0.02, 0.05), dark),
        box((x, y + 0.175, 0.5), (0.3, 0.015, 0.35), blue),
    ]
    return layers
