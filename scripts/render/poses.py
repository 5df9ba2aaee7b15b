"""Poses of a figure: legs and spine by angles, arms by least squares (inverse kinematics)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from scripts.render.figure import Figure
from scripts.render.makehuman import rig
from scripts.render.mesh import Floats, unit
from scripts.render.sizes import DESK_Z, OFFICE_SEAT_Z, SEAT_Z

_SIDES = (("L", 1), ("R", -1))
_NO_CLOTH = frozenset({"eyes", "cap", "long_hair", "knot", "pack", "strap"})


@dataclass
class Pose:
    """A solved pose.

    Attributes:
        rotations: by bone.
        offset: added to the vertices: the floor is at 0 and the anchor over the origin.
        things: what hands hold, by kind: corners (N, 3), without the offset.
    """

    rotations: dict[str, Any]
    offset: Floats
    things: list[tuple[str, Floats]] = field(default_factory=list)


class Poser:
    """Poses one figure."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._stoop = figure.person.stoop_deg
        self._scale = figure.tall_m / 1.7
        legs = [
            i
            for i, bone in enumerate(rig().bones)
            if any(part in bone for part in ("leg", "foot", "toe", "pelvis")) or bone in {"root", "spine05"}
        ]
        self._leg_share = [part.weights[:, legs].sum(1) for part in figure.parts]

    def pose(self, name: str) -> Pose:
        """A pose by its name in the atlas."""
        if name.startswith("walk"):
            return self._walk(int(name[4:]))
        by_name: dict[str, Callable[[], Pose]] = {
            "stand": self._stand,
            "stand2": self._stand_with_papers,
            "reach": self._reach_over_a_desk,
            "sit": lambda: self._sit(SEAT_Z, "sit", 2, 4),
            "sit_desk": lambda: self._sit(OFFICE_SEAT_Z, "sit_desk", 7, 8),
            "sit_phone": lambda: self._sit(
                OFFICE_SEAT_Z if self._figure.person.role == "clerk" else SEAT_Z, "sit_phone", 9, 30
            ),
        }
        return by_name[name]()

    def _cloth(self, vertices: list[Floats], *, legs: bool = True) -> Floats:
        """Points of skin and clothes, of the legs or of all."""
        parts = zip(self._figure.parts, vertices, self._leg_share, strict=True)
        return np.concatenate([v[share > 0.6] if legs else v for part, v, share in parts if part.name not in _NO_CLOTH])

    def _spine(self, lean: float = 0.0, head: float = 0.0) -> dict[str, Any]:
        every = self._stoop + lean
        bent = {bone: (every * share, 0, 0) for bone, share in _SPINE.items()}
        back = -self._stoop * 0.25
        return {**bent, "neck01": (back + head * 0.4, 0, 0), "head": (back + head * 0.6, 0, 0)}

    def _ground(self, rotations: dict[str, Any], under: str) -> Floats:
        """Offset that puts the soles on the floor, and the feet or the root over the origin."""
        vertices, moved = self._figure.posed(rotations)
        lowest = min(v[:, 2].min() for v in vertices)
        at = self._figure.at
        feet = [(at(moved, f"foot.{side}") + at(moved, f"toe2-1.{side}")) / 2 for side, _ in _SIDES]
        centre = np.mean(feet, axis=0) if under == "feet" else at(moved, "root")
        return np.array([-centre[0], -centre[1], -lowest])

    def _standing(self, head: float) -> dict[str, Any]:
        legs = {"upperleg01.L": (-1, 3, 0), "upperleg01.R": (1, -3, 0), "foot.L": (0, -2, 8), "foot.R": (0, 2, -8)}
        return {**legs, **self._spine(0, head)}

    def _stand(self) -> Pose:
        rotations = self._standing(2)
        vertices, _ = self._figure.posed(rotations)
        for side, sign in _SIDES:
            self._hang(rotations, vertices, side, sign)
        return Pose(rotations, self._ground(rotations, "feet"))

    def _stand_with_papers(self) -> Pose:
        rotations, figure, k = self._standing(16), self._figure, self._scale
        _, moved = figure.posed(rotations)
        chest_y, z = figure.at(moved, "spine02")[1], figure.joints["spine03"][2] + 0.02 * k
        for side, sign in _SIDES:
            shoulder = figure.at(moved, f"upperarm01.{side}")
            self._reach(
                rotations,
                side,
                np.array([sign * 0.115 * k, chest_y - 0.30 * k, z]),
                unit(-sign * 0.35, -0.9, 0.15),
                unit(-sign * 0.75, 0.1, 0.65),
                shoulder + np.array([sign * 0.09, 0.0, -0.26 * k]),
            )
            self._curl(rotations, side, 32)
        centre = np.array([0, chest_y - 0.40 * k, z + 0.035])
        across, along = np.array([0.105, 0, 0]), np.array([0, -0.12, 0.09])
        corners = [centre - across - along, centre + across - along, centre + across + along, centre - across + along]
        return Pose(rotations, self._ground(rotations, "feet"), [("paper", np.array(corners))])

    def _walk(self, step: int, steps: int = 6) -> Pose:
        phase = 360 * step / steps
        swing = math.cos(math.radians(phase))
        rotations: dict[str, Any] = self._spine(3, 1)
        for side, sign, own in (("L", 1, phase), ("R", -1, phase + 180)):
            hip, knee, foot = _leg_of_walk(own)
            rotations |= {
                f"upperleg01.{side}": (hip, sign * 3, 0),
                f"lowerleg01.{side}": (knee, 0, 0),
                f"foot.{side}": (foot, 0, 0),
            }
        rotations |= {"spine01": (0, 0, -5 * swing), "neck02": (0, 0, 4 * swing)}
        vertices, _ = self._figure.posed(self._spine(3, 1))
        for side, sign in _SIDES:
            self._hang(rotations, vertices, side, sign, swing=-sign * swing, curl=28)
        return Pose(rotations, self._ground(rotations, "root"))

    def _seated(self, seat_z: float, lean: float, head: float) -> tuple[dict[str, Any], list[Floats], Floats]:
        """Raise or lower the knees until the soles touch the floor."""
        low, high = -97.0, -66.0
        for _ in range(6):
            hip = (low + high) / 2
            rotations: dict[str, Any] = self._spine(lean, head)
            for side, sign in _SIDES:
                rotations |= {
                    f"upperleg01.{side}": (hip, sign * 7, 0),
                    f"lowerleg01.{side}": (3 - hip, 0, 0),
                    f"foot.{side}": (-4, 0, 0),
                }
            vertices, moved = self._figure.posed(rotations)
            pelvis = self._figure.at(moved, "spine05")
            seat = np.concatenate([v[_on_seat(v, pelvis)] for v in vertices])
            offset = np.array([-pelvis[0], -pelvis[1] + 0.04, seat_z - seat[:, 2].min() - 0.006])
            if min(v[:, 2].min() for v in vertices) + offset[2] < 0:
                high = hip
            else:
                low = hip
        return rotations, vertices, offset

    def _sit(self, seat_z: float, kind: str, lean: float, head: float) -> Pose:
        rotations, vertices, offset = self._seated(seat_z, lean, head)
        _, moved = self._figure.posed(rotations)
        things = []
        if kind == "sit":
            for side, sign in _SIDES:
                self._hand_on_thigh(rotations, vertices, moved, side, sign, 0.60)
        elif kind == "sit_desk":
            self._hands_on_desk(rotations, moved, DESK_Z - offset[2] + 0.035)
        else:
            self._hand_on_thigh(rotations, vertices, moved, "L", 1, 0.55)
            things = [("phone", self._hold_phone(rotations, moved))]
        return Pose(rotations, offset, things)

    def _hand_on_thigh(
        self, rotations: Any, vertices: list[Floats], moved: Any, side: str, sign: int, along: float
    ) -> None:
        figure, cloth = self._figure, self._cloth(vertices)
        hip, knee = figure.at(moved, f"upperleg01.{side}"), figure.at(moved, f"lowerleg01.{side}")
        place = hip + (knee - hip) * along
        place[0] -= sign * 0.012
        near = np.linalg.norm(cloth[:, :2] - place[:2], axis=1) < 0.05
        z = cloth[near][:, 2].max() if near.any() else place[2] + 0.07
        shoulder = figure.at(moved, f"upperarm01.{side}")
        self._reach(
            rotations,
            side,
            np.array([place[0], place[1], z + 0.042]),
            unit(-sign * 0.28, -1, -0.22),
            np.array([0, 0.05, -1.0]),
            shoulder + np.array([sign * 0.11, 0.03, -0.27 * self._scale]),
        )
        self._curl(rotations, side, 16, 12)

    def _hands_on_desk(self, rotations: Any, moved: Any, z: float) -> None:
        pelvis_y = self._figure.at(moved, "spine05")[1]
        for side, sign in _SIDES:
            shoulder = self._figure.at(moved, f"upperarm01.{side}")
            self._reach(
                rotations,
                side,
                np.array([sign * 0.13, pelvis_y - 0.40 * self._scale, z]),
                unit(-sign * 0.35, -1, -0.05),
                np.array([0, 0, -1.0]),
                np.array([shoulder[0] + sign * 0.05, pelvis_y - 0.16, z + 0.01]),
            )
            self._curl(rotations, side, 18, 10)

    def _hold_phone(self, rotations: Any, moved: Any) -> Floats:
        """In the right hand; gives its eight corners."""
        figure, k = self._figure, self._scale
        pelvis_y, z = figure.at(moved, "spine05")[1], figure.at(moved, "spine03")[2] + 0.17 * k
        shoulder = figure.at(moved, "upperarm01.R")
        wrist = np.array([-0.12 * k, pelvis_y - 0.30 * k, z])
        elbow = shoulder + np.array([-0.07, -0.05, -0.25 * k])
        self._reach(rotations, "R", wrist, unit(0.45, -0.6, 0.55), unit(0.15, 0.62, 0.75), elbow)
        self._curl(rotations, "R", 30, 25)
        held = figure.bones(rotations)
        along, palm = self._hand("R")
        centre = figure.at(held, "wrist.R", figure.joints["wrist.R"] + along * 0.085 + palm * 0.030)
        along, palm = held["wrist.R"][:3, :3] @ along, held["wrist.R"][:3, :3] @ palm
        across = np.cross(along, palm)
        corners = [
            centre + across * sx * 0.037 + along * sy * 0.075 + palm * dz
            for dz in (-0.004, 0.004)
            for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        return np.array(corners)

    def _reach_over_a_desk(self) -> Pose:
        figure, k, lean = self._figure, self._scale, 17.0
        rotations: dict[str, Any] = {
            "root": (lean, 0, 0),
            "upperleg01.L": (-lean - 9, 4, 0),
            "upperleg01.R": (-lean - 1, -4, 0),
            "lowerleg01.L": (6, 0, 0),
            "foot.L": (0, 0, 8),
            "foot.R": (0, 0, -8),
            **self._spine(24 - self._stoop * 0.6, -12),
        }
        rotations["spine05"] = (10, 0, 0)
        offset = self._ground(rotations, "feet")
        _, moved = figure.posed(rotations)
        y, z = -offset[1], DESK_Z - offset[2] + 0.045
        for side, sign in _SIDES:
            shoulder = figure.at(moved, f"upperarm01.{side}")
            self._reach(
                rotations,
                side,
                np.array([sign * 0.19 * k, y - 0.42 * k, max(z, shoulder[2] - 0.47 * k)]),
                unit(-sign * 0.3, -1, -0.1),
                np.array([0, 0, -1.0]),
                shoulder + np.array([sign * 0.08, -0.08, -0.25 * k]),
            )
            self._curl(rotations, side, 14, 10)
        return Pose(rotations, self._ground(rotations, "feet"))

    # arms

    def _chain(self, side: str) -> list[str]:
        chain, bone = [], f"wrist.{side}"
        while bone:
            chain.append(bone)
            bone = rig().parents[bone]
        return chain[::-1]

    def _hand(self, side: str) -> tuple[Floats, Floats]:
        """At rest: where the fingers point, and where the palm looks."""
        joints = self._figure.joints
        along = joints[f"finger3-1.{side}"] - joints[f"wrist.{side}"]
        along = along / np.linalg.norm(along)
        palm = np.cross(along, joints[f"finger2-1.{side}"] - joints[f"finger5-1.{side}"]) * (1 if side == "L" else -1)
        return along, np.asarray(palm / np.linalg.norm(palm))

    def _curl(self, rotations: Any, side: str, angle: float, thumb: float | None = None) -> None:
        along, palm = self._hand(side)
        axis = np.cross(along, palm)
        for finger in range(2, 6):
            for k, share in ((1, 0.8), (2, 1.0), (3, 0.8)):
                turned = Rotation.from_rotvec(axis * math.radians(angle * share)).as_matrix()
                rotations[f"finger{finger}-{k}.{side}"] = turned
        angle = angle * 0.5 if thumb is None else thumb
        for k in (2, 3):
            rotations[f"finger1-{k}.{side}"] = Rotation.from_rotvec(axis * math.radians(angle)).as_matrix()

    def _hang(
        self, rotations: Any, vertices: list[Floats], side: str, sign: int, *, swing: float = 0.0, curl: float = 22
    ) -> None:
        """An arm beside the body, swung forwards by a share of the walk's swing."""
        figure, joints = self._figure, self._figure.joints
        shoulder = figure.at(figure.bones(rotations, self._chain(side)), f"upperarm01.{side}")
        elbow, wrist = joints[f"lowerarm01.{side}"], joints[f"wrist.{side}"]
        upper = float(np.linalg.norm(elbow - joints[f"upperarm01.{side}"]))
        lower = float(np.linalg.norm(wrist - elbow))
        cloth = self._cloth(vertices, legs=False)
        beside = (np.abs(cloth[:, 2] - (shoulder[2] - (upper + lower) * 0.985)) < 0.05) & (
            np.abs(cloth[:, 1] - shoulder[1]) < 0.16
        )
        beside &= np.abs(cloth[:, 0]) < 0.27 * max(1, self._scale)
        hip = max(np.abs(cloth[beside][:, 0]).max() if beside.any() else 0.17, abs(shoulder[0]) - 0.01)
        angle = 0.42 * swing
        ahead = -math.sin(angle) * (upper + lower) * 0.97
        down = (upper + lower) * (0.972 * math.cos(angle))
        self._reach(
            rotations,
            side,
            np.array([sign * (min(hip, 0.235) + 0.035), shoulder[1] - 0.055 + ahead, shoulder[2] - down]),
            unit(0, -0.25 - 0.35 * angle, -1),
            np.array([-sign * 0.95, 0.1, 0]),
            shoulder
            + np.array([sign * 0.055, 0.02 - math.sin(angle * 0.75) * upper, -upper * 0.98 * math.cos(angle * 0.75)]),
        )
        self._curl(rotations, side, curl)

    def _reach(self, rotations: Any, side: str, wrist: Floats, along: Floats, palm: Floats, elbow: Floats) -> None:
        """Bring a wrist to a place, the hand along a direction, the palm towards another, the elbow near a third."""
        arm = _Arm(self._figure, side, self._chain(side), self._hand(side), rotations)

        def errors(x: Floats) -> Floats:
            moved = self._figure.bones(arm.rotations(x), arm.chain)
            turned = moved[f"wrist.{side}"][:3, :3]
            at = self._figure.at
            return np.concatenate(
                [
                    8 * (at(moved, f"wrist.{side}") - wrist),
                    0.05 * np.array([x[:3] @ arm.upper, x[4] * 0.6, x[5], x[6] * 1.5]),
                    0.25 * (turned @ arm.along - along),
                    0.25 * (turned @ arm.palm - palm),
                    1.2 * (at(moved, f"lowerarm01.{side}") - elbow),
                ]
            )

        sign = 1 if side == "L" else -1
        limits = ([-2.6] * 3 + [-0.1, -1.5, -0.8, -0.4], [2.6] * 3 + [2.4, 1.5, 0.8, 0.4])
        starts = ([0, 0.7 * sign, 0, 0.3, 0, 0, 0], [-0.6, 0.6 * sign, 0, 1.0, 0, 0, 0])
        found = [least_squares(errors, start, bounds=limits, max_nfev=60) for start in starts]
        rotations.update(arm.rotations(min(found, key=lambda each: each.cost).x))


class _Arm:
    """Seven angles of an arm: three at the shoulder, elbow, twist of the forearm, two at the wrist."""

    def __init__(
        self, figure: Figure, side: str, chain: list[str], hand: tuple[Floats, Floats], rotations: dict[str, Any]
    ) -> None:
        self.chain, self._side = chain, side
        shoulder, elbow, wrist = (figure.joints[f"{bone}.{side}"] for bone in ("upperarm01", "lowerarm01", "wrist"))
        self.upper = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
        self._lower = (wrist - elbow) / np.linalg.norm(wrist - elbow)
        hinge = np.cross(self.upper, self._lower)
        if np.linalg.norm(hinge) < 0.03:
            hinge = np.cross(self.upper, [0, -1.0, 0])
        self._hinge = hinge / np.linalg.norm(hinge)
        self.along, self.palm = hand
        self._across = np.cross(self.along, self.palm)
        own = ("upperarm", "lowerarm", "wrist")
        self._rest = {bone: value for bone, value in rotations.items() if bone in chain and not bone.startswith(own)}

    def rotations(self, x: Floats) -> dict[str, Any]:
        """Of the chain, for seven angles in radians."""
        bend = Rotation.from_rotvec(self._across * x[5] + self.palm * x[6])
        twist = Rotation.from_rotvec(self._lower * x[4] * 0.45)
        return {
            **self._rest,
            f"upperarm01.{self._side}": Rotation.from_rotvec(x[:3]).as_matrix(),
            f"lowerarm01.{self._side}": Rotation.from_rotvec(self._hinge * x[3]).as_matrix(),
            f"lowerarm02.{self._side}": Rotation.from_rotvec(self._lower * x[4] * 0.55).as_matrix(),
            f"wrist.{self._side}": (twist * bend).as_matrix(),
        }


_SPINE = {"spine05": 0.25, "spine04": 0.2, "spine03": 0.25, "spine02": 0.2}


def _leg_of_walk(phase_deg: float) -> tuple[float, float, float]:
    """Hip, knee and foot in degrees at a phase of the step; 0 is where the heel strikes."""
    phase_deg %= 360
    hip = -(3 + 21 * math.cos(math.radians(phase_deg)))
    off = min(abs(phase_deg - 265), 360 - abs(phase_deg - 265))
    knee = 7 + 48 * math.exp(-((off / 48) ** 2)) + (6 if 20 < phase_deg < 70 else 0)
    return hip, knee, -(hip + knee) * 0.75 if phase_deg < 190 or phase_deg > 330 else 5


def _on_seat(vertices: Floats, pelvis: Floats) -> Any:
    x, y, z = vertices.T
    return (np.abs(x) < 0.17) & (y > pelvis[1] - 0.06) & (y < pelvis[1] + 0.2) & (z < pelvis[2] + 0.05)
