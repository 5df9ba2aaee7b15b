"""Shader nodes of skin, hair, cloth and what is sewn on it."""

from __future__ import annotations

from functools import cache
from typing import Any

import bpy

from scripts.render.figure import Figure, Part
from scripts.render.people import Colour, Look
from scripts.render.sources import texture


def material_of(figure: Figure, part: Part) -> Any:
    """The material of a part."""
    if part.name == "eyes":
        return _eyes()
    if part.look is None:
        return _skin(figure)
    if part.look.kind == "shoes":
        return flat("shoes", part.look.colour, 0.4)
    if part.look.kind == "jeans":
        return _jeans(part.look)
    return _hair(part.look) if part.look.kind == "hair" else _cloth(figure, part.look)


def flat(name: str, colour: Colour, roughness: float = 0.5, glow: float = 0.0) -> Any:
    """One colour; `glow` is light of its own."""
    nodes = _Nodes(name)
    nodes.shader.inputs["Base Color"].default_value = (*colour, 1)
    nodes.shader.inputs["Roughness"].default_value = roughness
    if glow:
        nodes.shader.inputs["Emission Color"].default_value = (*colour, 1)
        nodes.shader.inputs["Emission Strength"].default_value = glow
    return nodes.material


@cache
def _image(name: str) -> Any:
    return bpy.data.images.load(str(texture(name).resolve()))


class _Nodes:
    """A new material, and short words for the nodes in it. Sockets and numbers may stand for each other."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self._tree = self.material.node_tree
        self.shader = self._tree.nodes["Principled BSDF"]

    def node(self, kind: str, **settings: Any) -> Any:
        made = self._tree.nodes.new(f"ShaderNode{kind}")
        for key, value in settings.items():
            setattr(made, key, value)
        return made

    def join(self, value: Any, socket: Any) -> None:
        """Link an output, or set a number or a colour."""
        if isinstance(value, (int, float)):
            socket.default_value = value
        elif isinstance(value, tuple):
            socket.default_value = (*value, 1)
        else:
            self._tree.links.new(value, socket)

    def attribute(self, name: str) -> tuple[Any, Any, Any, Any]:
        """A vector of each vertex, and its x, y and z."""
        vector = self.node("Attribute", attribute_name=name).outputs["Vector"]
        parts = self.node("SeparateXYZ")
        self.join(vector, parts.inputs[0])
        x, y, z = parts.outputs
        return vector, x, y, z

    def picture(self, name: str) -> Any:
        made = self.node("TexImage")
        made.image = _image(name)
        return made

    def tinted(self, colour: Any, tint: Colour, saturation: float = 1.0) -> Any:
        hue = self.node("HueSaturation")
        hue.inputs["Saturation"].default_value = saturation
        self.join(colour, hue.inputs["Color"])
        product = self.node("VectorMath", operation="MULTIPLY")
        self.join(hue.outputs[0], product.inputs[0])
        product.inputs[1].default_value = tint
        return product.outputs[0]

    def math(self, operation: str, a: Any, b: Any = None) -> Any:
        made = self.node("Math", operation=operation)
        self.join(a, made.inputs[0])
        if b is not None:
            self.join(b, made.inputs[1])
        return made.outputs[0]

    def all_of(self, *conditions: Any) -> Any:
        """1 where every one of some conditions is."""
        found = conditions[0]
        for other in conditions[1:]:
            found = self.math("MULTIPLY", found, other)
        return found

    def above(self, a: Any, b: Any) -> Any:
        return self.math("GREATER_THAN", a, b)

    def below(self, a: Any, b: Any) -> Any:
        return self.math("LESS_THAN", a, b)

    def mixed(self, share: Any, a: Any, b: Any) -> Any:
        made = self.node("Mix", data_type="RGBA")
        for value, socket in ((share, 0), (a, 6), (b, 7)):
            self.join(value, made.inputs[socket])
        return made.outputs[2]

    def noise(self, vector: Any, scale: float, **inputs: float) -> Any:
        made = self.node("TexNoise")
        for key, value in {"Scale": scale, **inputs}.items():
            made.inputs[key].default_value = value
        self.join(vector, made.inputs["Vector"])
        return made.outputs[0]

    def bump(self, height: Any, strength: float, distance_m: float) -> None:
        made = self.node("Bump")
        made.inputs["Strength"].default_value, made.inputs["Distance"].default_value = strength, distance_m
        self.join(height, made.inputs["Height"])
        self.join(made.outputs[0], self.shader.inputs["Normal"])

    def finish(self, colour: Any, roughness: float) -> Any:
        self.join(colour, self.shader.inputs["Base Color"])
        self.shader.inputs["Roughness"].default_value = roughness
        return self.material


def _eyes() -> Any:
    nodes = _Nodes("eyes")
    return nodes.finish(nodes.picture("brown_eye.png").outputs[0], 0.2)


def _skin(figure: Figure) -> Any:
    nodes, person = _Nodes("skin"), figure.person
    colour = nodes.tinted(nodes.picture("young_lightskinned_male_diffuse.png").outputs[0], person.skin)
    _, hair, sock, tights = nodes.attribute("paint")
    if person.tights:
        colour = nodes.mixed(tights, colour, person.tights)
    else:
        colour = nodes.mixed(sock, colour, (0.03, 0.03, 0.035))
    return nodes.finish(nodes.mixed(hair, colour, _times(person.hair, 1.2)), 0.5)


def _jeans(look: Look) -> Any:
    nodes = _Nodes("jeans")
    picture = nodes.picture("jeans_basic_diffuse.png")
    nodes.join(picture.outputs[1], nodes.shader.inputs["Alpha"])
    return nodes.finish(nodes.tinted(picture.outputs[0], look.colour, look.fade), 0.85)


def _hair(look: Look) -> Any:
    """Strands: noise stretched along z."""
    nodes = _Nodes("hair")
    vector, *_ = nodes.attribute("rest")
    stretched = nodes.node("Mapping")
    stretched.inputs["Scale"].default_value = (1, 1, 0.08)
    nodes.join(vector, stretched.inputs[0])
    strands = nodes.noise(stretched.outputs[0], 60)
    nodes.bump(strands, 0.8, 0.01)
    return nodes.finish(nodes.mixed(strands, _times(look.colour, 0.4), _times(look.colour, 2.2)), 0.45)


def _cloth(figure: Figure, look: Look) -> Any:
    nodes = _Nodes(look.kind)
    vector, x, y, z = nodes.attribute("rest")
    spots = nodes.noise(vector, 9, Detail=3)
    colour = nodes.mixed(spots, _times(look.colour, 0.75), _times(look.colour, 1.25))
    if look.check:
        stripes = [nodes.above(nodes.math("SINE", nodes.math("MULTIPLY", along, 75.0)), 0.3) for along in (x, z)]
        colour = nodes.mixed(nodes.math("MULTIPLY", nodes.math("MAXIMUM", *stripes), 0.8), colour, look.check)
    colour = _front(nodes, figure, look, colour, (x, y, z))
    nodes.bump(nodes.noise(vector, 8, Distortion=1.5), 0.6, 0.012)
    return nodes.finish(colour, 0.85)


def _front(nodes: _Nodes, figure: Figure, look: Look, colour: Any, rest: tuple[Any, Any, Any]) -> Any:
    """Opening, lapels, badge, bow and tie: drawn by where a point is at rest."""
    x, y, z = rest
    joints = figure.joints
    top, waist = float(joints["neck01"][2]), float(joints["spine03"][2])
    front = nodes.below(y, float(joints["spine01"][1]) - 0.02)
    across = nodes.math("ABSOLUTE", x)
    opening = nodes.math("MULTIPLY", nodes.math("SUBTRACT", z, waist), 0.085 / (top - waist))

    def patch(x0: float, x1: float, z0: float, z1: float) -> Any:
        return nodes.all_of(nodes.above(x, x0), nodes.below(x, x1), front, nodes.above(z, z0), nodes.below(z, z1))

    if look.shirt:
        colour = nodes.mixed(nodes.all_of(nodes.below(across, opening), front), colour, look.shirt)
        seam = nodes.all_of(nodes.below(across, 0.004), front, nodes.below(z, waist))
        colour = nodes.mixed(seam, colour, _times(look.colour, 0.2))
    if look.lapel:
        edge = nodes.math("ADD", opening, 0.022)
        lapel = nodes.all_of(
            nodes.above(across, opening), nodes.below(across, edge), front, nodes.above(z, waist + 0.03)
        )
        bright = _times(look.colour, 2.2, more=0.004)
        colour = nodes.mixed(nodes.math("MULTIPLY", lapel, 0.85), colour, bright)
    if look.badge:
        at = float(joints["spine01"][2]) - 0.03
        colour = nodes.mixed(patch(0.075, 0.125, at - 0.016, at + 0.010), colour, (0.85, 0.85, 0.86))
        colour = nodes.mixed(patch(0.075, 0.125, at - 0.016, at - 0.008), colour, look.badge)
    if look.bow:
        colour = nodes.mixed(patch(-0.045, 0.045, top - 0.060, top - 0.022), colour, look.bow)
        colour = nodes.mixed(patch(-0.010, 0.010, top - 0.062, top - 0.020), colour, _times(look.bow, 0.5))
    if look.tie:
        width = nodes.math("ADD", 0.017, nodes.math("MULTIPLY", nodes.math("SUBTRACT", top, z), 0.05))
        colour = nodes.mixed(nodes.all_of(nodes.below(across, width), front, nodes.above(z, waist)), colour, look.tie)
    return colour


def _times(colour: Colour, factor: float, more: float = 0.0) -> Colour:
    red, green, blue = (min(1.0, part * factor + more) for part in colour)
    return red, green, blue
