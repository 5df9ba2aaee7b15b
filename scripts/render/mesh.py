"""Small things with meshes: vertices (N, 3) in metres, faces as lists of vertex numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import bpy  # noqa: F401 - mathutils is a part of it
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Faces = list[list[int]]
Uvs = list[list[tuple[float, float]]]
"""A place in the texture for each corner of each face."""


def tree_of(vertices: Floats, faces: Sequence[Sequence[int]]) -> Any:
    """For the nearest point of a surface."""
    return BVHTree.FromPolygons([tuple(vertex) for vertex in vertices], faces)


def used_by(faces: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], Faces]:
    """The vertices that faces use, and the faces by their place among them."""
    used = np.unique(np.concatenate([np.array(face) for face in faces]))
    place = {number: i for i, number in enumerate(used.tolist())}
    return used, [[place[number] for number in face] for face in faces]


def relaxed(vertices: Floats, faces: Faces, rounds: int, weight: float = 0.5) -> Floats:
    """Moved towards the middle of their neighbours."""
    neighbours: list[set[int]] = [set() for _ in vertices]
    for face in faces:
        for a, b in pairwise([*face, face[0]]):
            neighbours[a].add(b)
            neighbours[b].add(a)
    around = [np.array(list(found)) if found else np.array([i]) for i, found in enumerate(neighbours)]
    for _ in range(rounds):
        middle = np.array([vertices[near].mean(0) for near in around])
        vertices = vertices + weight * (middle - vertices)
    return vertices


def normals(vertices: Floats, faces: Sequence[Sequence[int]]) -> Floats:
    """Unit normals (N, 3): sums of those of the faces around."""
    found = np.zeros_like(vertices)
    for face in faces:
        p = vertices[face]
        last, first = (3, 1) if len(face) > 3 else (1, 0)
        direction = np.cross(p[2] - p[0], p[last] - p[first])
        for number in face:
            found[number] += direction
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


def pushed(vertices: Floats, tree: Any, distance: float | Floats, nearer_than: float = 9.0) -> Floats:
    """Moved out of a body, to at least a distance from its surface."""
    moved = vertices.copy()
    least = np.broadcast_to(distance, len(vertices))
    for i, vertex in enumerate(moved):
        place, normal, _, away = tree.find_nearest(Vector(vertex))
        if away <= nearer_than and (Vector(vertex) - place).dot(normal) < least[i]:
            moved[i] = np.array(place + normal * float(least[i]))
    return moved


def ball(centre: Sequence[float] | Floats, radii: Sequence[float] | Floats, steps: int = 8) -> tuple[Floats, Faces]:
    """An ellipsoid of `steps` by `2 * steps` faces."""
    around = 2 * steps
    vertices = [
        [
            centre[0] + radii[0] * math.sin(math.pi * i / steps) * math.cos(math.pi * j / steps),
            centre[1] + radii[1] * math.sin(math.pi * i / steps) * math.sin(math.pi * j / steps),
            centre[2] + radii[2] * math.cos(math.pi * i / steps),
        ]
        for i in range(steps + 1)
        for j in range(around)
    ]
    faces = [
        [i * around + j, (i + 1) * around + j, (i + 1) * around + (j + 1) % around, i * around + (j + 1) % around]
        for i in range(steps)
        for j in range(around)
    ]
    return np.array(vertices), faces


def cushion(centre: Sequence[float] | Floats, half: Sequence[float] | Floats, power: float) -> tuple[Floats, Faces]:
    """A box with soft edges: a superellipsoid; the smaller the power, the sharper."""
    vertices, faces = ball(centre, (1, 1, 1))
    out = vertices - np.asarray(centre)
    return np.asarray(centre) + np.sign(out) * np.abs(out) ** power * np.asarray(half), faces


def smoothstep(values: Floats, low: float, high: float) -> Floats:
    """From 0 at `low` to 1 at `high`."""
    t = ((values - low) / (high - low)).clip(0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def unit(*values: float) -> Floats:
    """A vector of length 1."""
    vector = np.array(values, float)
    return np.asarray(vector / np.linalg.norm(vector))
