"""Clothes, hair and bags of a figure: from MakeHuman's helper meshes, from morse's garments, or made from scratch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from scripts.render.figure import BOTTOMS, SHOES, Figure, body_faces
from scripts.render.makehuman import base, rig
from scripts.render.mesh import (
    Faces,
    Floats,
    Uvs,
    ball,
    cushion,
    normals,
    pushed,
    relaxed,
    smoothstep,
    tree_of,
    used_by,
)
from scripts.render.people import Look
from scripts.render.sources import GARMENTS

_BODY_OF_GARMENTS = "male1591"


@cache
def _stock() -> dict[str, tuple[Floats, Faces, Uvs]]:
    """Garments of morse, and the body that they fit, turned to MakeHuman's axes."""
    found = {}
    for name, given in json.loads(GARMENTS.read_text(encoding="utf-8")).items():
        vertices = np.array(given["vertices"])
        turned = np.stack([vertices[:, 1], -vertices[:, 0], vertices[:, 2]], 1)
        found[name] = (turned, given["faces"], [[(u, v) for u, v in face] for face in given["uv"]])
    return found


@cache
def _pairs() -> tuple[Any, Any]:
    """Points of morse's body and of MakeHuman's that have the same place in the texture."""
    corners = np.concatenate([np.array(base().uv[i]) for i in body_faces()])
    numbers = np.concatenate([base().faces[i] for i in body_faces()])
    tree = cKDTree(corners)
    nearest: dict[int, tuple[float, int]] = {}
    _, faces, uv = _stock()[_BODY_OF_GARMENTS]
    for face, places in zip(faces, uv, strict=True):
        for vertex, place in zip(face, places, strict=True):
            away, corner = tree.query(place)
            if vertex not in nearest or away < nearest[vertex][0]:
                nearest[vertex] = (away, numbers[corner])
    theirs = [vertex for vertex, (away, _) in nearest.items() if away < 0.004]
    return np.array(theirs), np.array([nearest[vertex][1] for vertex in theirs])


def _fit(figure: Figure) -> Any:
    """How far each point around morse's body moves to fit a figure, smoothly."""
    theirs, ours = _pairs()
    start, end = _stock()[_BODY_OF_GARMENTS][0][theirs], figure.vertices[ours]
    moved = end - start
    near = cKDTree(start).query(start, k=16)[1]
    steady = np.linalg.norm(moved - np.median(moved[near], axis=1), axis=1) < 0.02
    return RBFInterpolator(start[steady], moved[steady], neighbors=50, smoothing=1e-2)


def _fitted(figure: Figure, key: str, distance: float) -> tuple[Floats, Faces, Uvs]:
    vertices, faces, uv = _stock()[key]
    return pushed(vertices + _fit(figure)(vertices), figure.tree, distance), faces, uv


def _shoes(figure: Figure, look: Look) -> None:
    vertices, faces, uv = _fitted(figure, "classic_shoes_lres", 0.006)
    figure.add(SHOES, vertices, faces, look, uv=uv)


def _jeans(figure: Figure, look: Look) -> None:
    vertices, faces, uv = _fitted(figure, "jeans01", 0.006)
    vertices = pushed(relaxed(vertices, faces, 2, 0.35), figure.tree, 0.007)
    figure.add("jeans", vertices, faces, look, uv=uv)


def _tee(figure: Figure, look: Look) -> None:
    vertices, faces, uv = _fitted(figure, "tshirt02", 0.009)
    vertices = pushed(relaxed(vertices, faces, 2, 0.4), figure.tree, 0.008)
    figure.hem = float(vertices[:, 2].min())
    low = vertices[:, 2] < figure.joints["spine05"][2] + 0.04
    _over_bottoms(figure, vertices, low, 0.015, 0.06)
    figure.add("tee", vertices, faces, look, uv=uv)


def _over_bottoms(figure: Figure, vertices: Floats, low: Any, distance: float, nearer_than: float) -> None:
    """Push the lower part of a top out of trousers and skirts."""
    for part in figure.parts:
        if part.name in BOTTOMS:
            vertices[low] = pushed(vertices[low], tree_of(part.vertices, part.faces), distance, nearer_than)


def _helper(figure: Figure, group: str, wanted: Callable[[Floats], bool]) -> tuple[Any, Faces, Uvs]:
    """Vertex numbers, faces and texture of those faces of a helper garment whose middle is wanted."""
    numbers = [i for i in base().of(group) if wanted(figure.vertices[base().faces[i]].mean(0))]
    used, faces = used_by([base().faces[i] for i in numbers])
    return used, faces, [base().uv[i] for i in numbers]


def _long_top(figure: Figure, look: Look, *, off: float, hem: float) -> None:
    """A long-sleeved top or a jacket, `off` the skin, down to `hem` above the hip joint."""
    joints = figure.joints
    hip = joints["upperleg01.L"][2]
    shoulder = joints["upperarm01.L"][0]
    collar, wrist = joints["neck01"][2] + 0.018, abs(joints["wrist.L"][0])
    figure.hem = float(hip + hem)

    def wanted(middle: Floats) -> bool:
        x, z = abs(middle[0]), middle[2]
        if z > collar:
            return False
        if x > shoulder + 0.03 and z > hip:
            return bool(x < wrist - 0.002)
        return bool(z > hip + hem and x < 0.3)

    used, faces, uv = _helper(figure, "helper-tights", wanted)
    vertices = relaxed(figure.vertices[used], faces, 3)
    across = np.abs(vertices[:, 0])
    cuffs = np.where(across > shoulder + 0.03, np.clip((wrist - across) / 0.10, 0.45, 1), 1)
    offset = off * np.clip((collar - vertices[:, 2]) / 0.09, 0.30, 1) * cuffs
    vertices = vertices + normals(vertices, faces) * offset[:, None]
    loose = (np.abs(vertices[:, 0]) < shoulder + 0.02) & (vertices[:, 2] < joints["spine01"][2] - 0.12)
    centre = np.array([0, vertices[loose][:, 1].mean()])
    vertices[loose, :2] = centre + (vertices[loose, :2] - centre) * 1.04
    vertices = pushed(vertices, figure.tree, offset * 0.75)
    low = (vertices[:, 2] < joints["spine05"][2] + 0.03) & (np.abs(vertices[:, 0]) < 0.24)
    _over_bottoms(figure, vertices, low, 0.008, 0.04)
    figure.add("long_top", vertices, faces, look, uv=uv, weights=rig().weights[used])


def _trousers(figure: Figure, look: Look) -> None:
    """Straight trousers 12 mm off the skin, wider than the calves."""
    off, joints = 0.012, figure.joints
    waist, ankle = joints["spine04"][2] + 0.01, joints["foot.L"][2] - 0.02

    def wanted(middle: Floats) -> bool:
        is_arm = abs(middle[0]) > joints["upperarm01.L"][0] + 0.03 and middle[2] > joints["upperleg01.L"][2]
        return bool(not is_arm and ankle < middle[2] < waist)

    used, faces, uv = _helper(figure, "helper-tights", wanted)
    vertices = relaxed(figure.vertices[used], faces, 2)
    vertices = vertices + normals(vertices, faces) * off
    for side, letter in ((1, "L"), (-1, "R")):
        knee, foot = joints[f"lowerleg01.{letter}"], joints[f"foot.{letter}"]
        calf = (vertices[:, 0] * side > 0) & (vertices[:, 2] < knee[2])
        down = ((knee[2] - vertices[calf, 2]) / (knee[2] - foot[2])).clip(0, 1)
        axis = knee + (foot - knee) * down[:, None]
        out = vertices[calf, :2] - axis[:, :2]
        radius = np.linalg.norm(out, axis=1, keepdims=True)
        vertices[calf, :2] = axis[:, :2] + out / radius * np.maximum(radius, 0.076 * figure.tall_m / 1.7)
    vertices = pushed(vertices, figure.tree, off * 0.6)
    figure.add("trousers", vertices, faces, look, uv=uv, weights=rig().weights[used])


def _skirt(figure: Figure, look: Look, *, knee: float) -> None:
    """Down to `knee` above the knee joint."""
    lowest = figure.joints["lowerleg01.L"][2] + knee
    used, faces, uv = _helper(figure, "helper-skirt", lambda middle: bool(middle[2] > lowest))
    vertices = pushed(figure.vertices[used], figure.tree, 0.012)
    figure.add("skirt", vertices, faces, look, uv=uv, weights=rig().weights[used])


def _cap(figure: Figure, look: Look, *, thick: float) -> None:
    """Hair close to the head, from the scalp itself."""
    numbers = [i for i in body_faces() if (figure.scalp[base().faces[i]] > -0.002).all()]
    used, faces = used_by([base().faces[i] for i in numbers])
    top = np.clip((figure.vertices[used][:, 2] - figure.eyes[2]) / 0.1, 0, 1)
    height = 0.002 + thick * (0.65 + 0.5 * top) * smoothstep(figure.scalp[used], 0, 0.035)
    vertices = relaxed(figure.vertices[used] + figure.normals[used] * height[:, None], faces, 1, 0.4)
    uv = [base().uv[i] for i in numbers]
    figure.add("cap", vertices, faces, look, uv=uv, weights=figure.rigid(vertices, "head"))


def _long_hair(figure: Figure, look: Look, *, down_to: float) -> None:
    """Down to a height above the root of the neck; the face is left free."""
    lowest, eyes = figure.joints["neck01"][2] + down_to, figure.eyes

    def wanted(middle: Floats) -> bool:
        brow = middle[1] < eyes[1] + 0.055 and middle[2] < eyes[2] + 0.055
        cheek = middle[1] < eyes[1] + 0.075 and middle[2] < eyes[2] - 0.06
        return bool(middle[2] > lowest and not brow and not cheek)

    used, faces, uv = _helper(figure, "helper-hair", wanted)
    vertices = pushed(figure.vertices[used], figure.tree, 0.016)
    figure.add("long_hair", vertices, faces, look, uv=uv, weights=rig().weights[used].copy())


def _knot(figure: Figure, look: Look, at: Sequence[float], radii: Sequence[float]) -> None:
    scale = figure.head_scale
    vertices, faces = ball(figure.eyes + np.array(at) * scale, np.array(radii) * scale)
    figure.add("knot", vertices, faces, look, weights=figure.rigid(vertices, "head"))


def _bun(figure: Figure, look: Look) -> None:
    _knot(figure, look, (0, 0.165, 0.05), (0.04, 0.035, 0.04))


def _tail(figure: Figure, look: Look) -> None:
    _knot(figure, look, (0, 0.17, -0.03), (0.028, 0.03, 0.09))


def _backpack(figure: Figure, look: Look) -> None:
    """On the shoulder blades, with two straps."""
    low, high = figure.joints["spine03"][2] - 0.04, figure.joints["neck01"][2] - 0.05
    skin, middle = figure.skin, (low + high) / 2
    back = (np.abs(skin[:, 0]) < 0.08) & (np.abs(skin[:, 2] - middle) < 0.1)
    y = skin[back][:, 1].max() + 0.02
    vertices, faces = cushion((0, y + 0.07, middle), (0.145, 0.08, (high - low) / 2), 0.45)
    figure.add("pack", vertices, faces, look, weights=figure.rigid(vertices, "spine02"))
    for side in (-1, 1):
        points = [
            (side * 0.085, y, high - 0.03),
            (side * 0.09, y - 0.10, high + 0.055),
            (side * 0.095, y - 0.235, high - 0.06),
            (side * 0.10, y - 0.24, high - 0.18),
            (side * 0.13, y - 0.1, low + 0.04),
        ]
        edges = np.concatenate([np.array(p) + np.array([[-0.02, 0, 0], [0.02, 0, 0]]) for p in points])
        _strap(figure, look, pushed(edges, figure.tree, 0.022))


def _strap(figure: Figure, look: Look, edges: Floats) -> None:
    """A band between pairs of points."""
    faces = [[2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2] for i in range(len(edges) // 2 - 1)]
    figure.add("strap", edges, faces, look)


def _shoulder_bag(figure: Figure, look: Look) -> None:
    """A small bag on the left hip, its strap over the right shoulder."""
    hip, chest = figure.joints["upperleg01.L"], figure.joints["spine02"]
    beside = figure.skin[np.abs(figure.skin[:, 2] - hip[2] - 0.08) < 0.03]
    x = beside[np.abs(beside[:, 0]) < 0.3][:, 0].max() + 0.05
    centre = np.array([x + 0.02, 0.03, hip[2] + 0.06])
    vertices, faces = cushion(centre, (0.045, 0.13, 0.095), 0.4)
    figure.add("bag", vertices, faces, look, weights=figure.rigid(vertices, "spine05"))
    shoulder = figure.joints["clavicle.R"] * [1, 1, 0] + [-0.06, 0, figure.joints["neck01"][2]]
    points = [
        centre + np.array([-0.02, -0.09, 0.09]),
        np.array([0.03, chest[1] - 0.13, chest[2]]),
        np.array([-0.09, shoulder[1] - 0.02, shoulder[2] + 0.02]),
        np.array([0.02, chest[1] + 0.13, chest[2]]),
        centre + np.array([-0.02, 0.09, 0.09]),
    ]
    line = [a + (b - a) * i / 6 for a, b in pairwise(points) for i in range(6)]
    line = list(pushed(np.array([*line, points[-1]]), figure.tree, 0.026))
    _strap(figure, look, np.concatenate([p + np.array([[0, 0, -0.012], [0, 0, 0.012]]) for p in line]))


MAKERS: dict[str, Callable[..., None]] = {
    "fitted_shoes": _shoes,
    "fitted_jeans": _jeans,
    "fitted_tee": _tee,
    "long_top": _long_top,
    "trousers": _trousers,
    "skirt": _skirt,
    "cap": _cap,
    "long_hair": _long_hair,
    "bun": _bun,
    "tail": _tail,
    "backpack": _backpack,
    "shoulder_bag": _shoulder_bag,
}
"""By the name that `people.Wear` gives."""
