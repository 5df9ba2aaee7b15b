"""A dressed figure at rest: body, garments, hair; and its skin moved by the bones of the rig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import bpy  # noqa: F401 - mathutils is a part of it
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from scripts.render.makehuman import BODY, EYES, base, joints, rig, shaped
from scripts.render.mesh import Faces, Floats, Uvs, normals, smoothstep, tree_of, used_by
from scripts.render.people import Look, Person

BOTTOMS = frozenset({"trousers", "jeans", "skirt"})
TOPS = frozenset({"long_top", "tee"})
SHOES = "shoes"

Rotations = Mapping[str, Any]
"""By bone: Euler angles x, y, z in degrees, or a matrix (3, 3)."""


@dataclass
class Part:
    """One mesh of a figure at rest.

    Attributes:
        name: a kind of garment, `body`, `eyes`, hair or a bag.
        weights: (N, bones) of the rig.
        look: what it is made of; None for skin and eyes.
        paint: (N, 3) shares of hair, sock and tights on skin.
    """

    name: str
    vertices: Floats
    faces: Faces
    uv: Uvs
    weights: Floats
    look: Look | None
    paint: Floats | None = None


@cache
def body_faces() -> list[int]:
    """Numbers of the faces of the body."""
    return base().of("body")


class Figure:
    """A person of the atlas, dressed.

    Raises:
        AssertionError: a garment is missing, or the clothes leave the trunk open. Nobody is rendered undressed.
    """

    def __init__(self, person: Person) -> None:
        from scripts.render.garments import MAKERS  # noqa: PLC0415 - garments are made for figures

        self.person = person
        self.vertices = shaped(person.body)
        self.joints = joints(self.vertices)
        self.parts: list[Part] = []
        self.hem: float | None = None
        faces = [base().faces[i] for i in body_faces()]
        self.skin = self.vertices[:BODY]
        self.tree = tree_of(self.skin, faces)
        self.normals = normals(self.skin, faces)
        self.eyes = self.vertices[EYES].mean(0)
        self._near = cKDTree(self.skin)
        self.scalp, self._paint = self._painted()
        for wear in person.wears:
            MAKERS[wear.maker](self, wear.look, **wear.measures)
        self._trim()
        self._covered = self._add_body()
        self._check()

    @property
    def tall_m(self) -> float:
        """From sole to crown."""
        return float(self.skin[:, 2].max() - self.skin[:, 2].min())

    @property
    def head_scale(self) -> float:
        """Size of the head over that of the one that hair was drawn for."""
        return float((self.skin[:, 2].max() - self.eyes[2]) / 0.115)

    def add(
        self, name: str, vertices: Floats, faces: Faces, look: Look, *, uv: Uvs | None = None, weights: Any = None
    ) -> None:
        """Put something on; it moves like the skin nearest to it unless weights are given."""
        weights = self.nearest_weights(vertices) if weights is None else weights
        uv = [[(0.0, 0.0)] * len(face) for face in faces] if uv is None else uv
        self.parts.append(Part(name, vertices, faces, uv, weights, look))

    def nearest_weights(self, vertices: Floats) -> Floats:
        """Weights of the six nearest points of the skin, the nearer the more."""
        away, number = self._near.query(vertices, k=6)
        share = 1 / (away + 0.004) ** 2
        share /= share.sum(1, keepdims=True)
        return np.asarray((rig().weights[:BODY][number] * share[..., None]).sum(1))

    def rigid(self, vertices: Floats, bone: str) -> Floats:
        """Weights of something that moves with one bone."""
        weights = np.zeros((len(vertices), len(rig().bones)))
        weights[:, rig().bones.index(bone)] = 1
        return weights

    def posed(self, rotations: Rotations) -> tuple[list[Floats], dict[str, Floats]]:
        """Vertices of every part, and the matrix of every bone."""
        moved = self.bones(rotations)
        matrices = np.stack([moved[bone] for bone in rig().bones])
        vertices = []
        for part in self.parts:
            blend = np.einsum("vb,bij->vij", part.weights, matrices)
            vertices.append(np.einsum("vij,vj->vi", blend[:, :3, :3], part.vertices) + blend[:, :3, 3])
        return vertices, moved

    def bones(self, rotations: Rotations, only: Sequence[str] | None = None) -> dict[str, Floats]:
        """The matrix (4, 4) of every bone, or of those of a chain that begins at the root."""
        found: dict[str, Floats] = {}
        for bone in only or rig().bones:
            local = np.eye(4)
            if bone in rotations:
                given = rotations[bone]
                turned = (
                    given
                    if isinstance(given, np.ndarray)
                    else Rotation.from_euler("xyz", given, degrees=True).as_matrix()
                )
                local[:3, :3], local[:3, 3] = turned, self.joints[bone] - turned @ self.joints[bone]
            parent = rig().parents[bone]
            found[bone] = found[parent] @ local if parent else local
        return found

    def at(self, moved: Mapping[str, Floats], bone: str, point: Floats | None = None) -> Floats:
        """Where a point at rest is (the head of the bone by default) when the bone has moved."""
        return np.asarray((moved[bone] @ np.append(self.joints[bone] if point is None else point, 1))[:3])

    def _painted(self) -> tuple[Floats, Floats]:
        """How far above the hairline each point of the skin is, metres; and shares of hair, sock and tights."""
        scale, skin = self.head_scale, self.skin
        q = (skin - self.eyes) / scale
        ahead = [-0.03, 0.015, 0.035, 0.05, 0.078, 0.11, 0.15, 0.17]
        line = np.interp(q[:, 1], ahead, [0.060, 0.056, 0.035, -0.012, -0.015, -0.045, -0.075, -0.08])
        ear = (np.abs(q[:, 0]) > 0.074) & (q[:, 2] < 0.03) & (q[:, 1] > 0.05) & (q[:, 1] < 0.125)
        scalp = np.where(ear | (q[:, 2] < -0.12), -1, q[:, 2] - line) * scale
        paint = np.zeros((BODY, 3))
        paint[:, 0] = smoothstep(scalp, -0.004, 0.006)
        paint[:, 1] = smoothstep(-(skin[:, 2] - self.joints["foot.L"][2] - 0.10), -0.005, 0.005)
        if self.person.tights:
            arms = rig().weights[:BODY, rig().columns("arm", "finger", "wrist")].sum(1) < 0.1
            paint[:, 2] = smoothstep(-(skin[:, 2] - self.joints["upperleg01.L"][2] + 0.1), 0, 0.01) * arms
        return scalp, paint

    def _trim(self) -> None:
        """Cut what of a bottom lies well under the top: it can only poke through."""
        assert self.hem is not None, f"no garment of {sorted(TOPS)}"
        for part in self.parts:
            if part.name in BOTTOMS:
                low = [i for i, f in enumerate(part.faces) if part.vertices[f].mean(0)[2] < self.hem + 0.05]
                used, faces = used_by([part.faces[i] for i in low])
                part.uv = [part.uv[i] for i in low]
                part.vertices, part.weights, part.faces = part.vertices[used], part.weights[used], faces

    def _add_body(self) -> NDArray[np.bool_]:
        """Skin where nothing covers it, and the eyes; gives which points clothes cover."""
        covers = [tree_of(p.vertices, p.faces) for p in self.parts if p.name in {*BOTTOMS, *TOPS, SHOES}]
        covered = np.array([_is_under(covers, p, n) for p, n in zip(self.skin, self.normals, strict=True)])
        neck = (self.skin[:, 2] > self.joints["neck01"][2] - 0.075) & (np.abs(self.skin[:, 0]) < 0.10)
        wrist_x = abs(self.joints["wrist.L"][0])
        hand = (np.abs(self.skin[:, 0]) > wrist_x - 0.045) & (self.skin[:, 2] > self.joints["upperleg01.L"][2] - 0.1)
        hidden = covered & ~neck & ~hand
        shod = any(part.name == SHOES for part in self.parts)
        ankle = self.joints["foot.L"][2] - 0.005
        shown = [
            i
            for i in body_faces()
            if not hidden[base().faces[i]].all() and not (shod and self.skin[base().faces[i]].mean(0)[2] < ankle)
        ]
        self.parts.insert(0, self._of_base("body", shown, painted=True))
        self.parts.append(self._of_base("eyes", base().of("helper-l-eye", "helper-r-eye")))
        return covered

    def _of_base(self, name: str, numbers: Sequence[int], *, painted: bool = False) -> Part:
        used, faces = used_by([base().faces[i] for i in numbers])
        uv = [base().uv[i] for i in numbers]
        paint = self._paint[used] if painted else None
        return Part(name, self.vertices[used], faces, uv, rig().weights[used], None, paint)

    def _check(self) -> None:
        """A top, a bottom and shoes exist and cover the trunk."""
        names = {part.name for part in self.parts}
        for kind in (TOPS, BOTTOMS, {SHOES}):
            assert names & kind, f"{self.person.name}: no garment of {sorted(kind)}"
        arms = rig().weights[:BODY, rig().columns("arm", "finger", "wrist", "shoulder")].sum(1)
        low = self.joints["upperleg01.L"][2] - (0.02 if "skirt" in names else 0.25)
        trunk = (arms < 0.05) & (self.skin[:, 2] < self.joints["neck01"][2] - 0.12) & (self.skin[:, 2] > low)
        share = self._covered[trunk].mean()
        assert share > 0.85, f"{self.person.name}: only {share:.2f} of the trunk is covered"


def _is_under(covers: Sequence[Any], point: Floats, normal: Floats) -> bool:
    """Whether a garment lies over a point of the skin."""
    start, out = Vector(point), Vector(normal)
    return any(cover.ray_cast(start - out * 0.02, out, 0.085)[0] is not None for cover in covers)
