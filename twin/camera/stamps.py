"""Sprites as a camera shows them: warped to the place where somebody stands, ready to be painted."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.actors import ActorState
from twin.camera.assets import Box, Image
from twin.camera.atlas import Atlas
from twin.camera.look import Look
from twin.camera.scene import View

_SCALE_STEP = 0.008
"""Scales are rounded to steps of 0.8 %: at most one pixel of a standing figure."""
_TILT_STEP = math.radians(0.5)
_CACHE_BYTES = 16 * 2**20
"""Whoever stands or sits still is found in it; walkers hardly ever come by at the same size again."""
_SOURCES = 400
"""Baked sprites kept, about 80 kB each."""
_NEAREST_M = 0.8
"""Who is nearer to the camera than this is not drawn: sprites are seen from nine metres away."""
_TALLEST_M, _WIDEST_M = 2.1, 1.0
"""No figure is taller, and none reaches further from its floor point."""


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """A picture to paint: `frame = frame * keep / 255 + colour`.

    Attributes:
        colour, keep: (H, W, 3) premultiplied colour, and 255 less alpha in each channel.
        solid: (H, W) where it hides what is behind.
        offset_px: left and top, from the floor point of whoever it shows.
        body: box of the solid part within the stamp.
        area_px: solid pixels.
    """

    colour: Image
    keep: Image
    solid: NDArray[np.bool_]
    offset_px: tuple[int, int]
    body: Box
    area_px: int

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.colour.nbytes + self.keep.nbytes + self.solid.nbytes


def make_stamp(baked: Image, offset_px: tuple[int, int]) -> Stamp | None:
    """A stamp of premultiplied BGRA, cut to what shows; None where nothing does."""
    # OpenCV's own splitting: numpy takes eight times as long for every fourth byte.
    alpha = np.asarray(cv2.extractChannel(baked, 3), np.uint8)
    x, y, width, height = cv2.boundingRect(alpha)
    if not width:
        return None
    baked, alpha = baked[y : y + height, x : x + width], alpha[y : y + height, x : x + width]
    solid = alpha >= 128
    bx, by, bw, bh = cv2.boundingRect(solid.view(np.uint8))
    return Stamp(
        colour=np.asarray(cv2.cvtColor(baked, cv2.COLOR_BGRA2BGR), np.uint8),
        keep=np.asarray(cv2.cvtColor(255 - alpha, cv2.COLOR_GRAY2BGR), np.uint8),
        solid=solid,
        offset_px=(offset_px[0] + x, offset_px[1] + y),
        body=(bx, by, bx + bw, by + bh),
        area_px=int(np.count_nonzero(solid)),
    )


def faded(new: Stamp | None, old: Stamp | None, shift_px: tuple[int, int], share: float) -> Stamp | None:
    """A stamp between two: `share` of the old one and the rest of the new one; None is nothing to be seen.

    What is solid, and so whose pixels these are, is that of the stronger one alone.

    Args:
        new: its offset is from its own floor point.
        old: likewise.
        shift_px: from the floor point of the new one to that of the old one.
        share: 0 to 1.
    """
    parts = [
        (stamp, (stamp.offset_px[0] + dx, stamp.offset_px[1] + dy), weight)
        for stamp, (dx, dy), weight in ((new, (0, 0), 1 - share), (old, shift_px, share))
        if stamp is not None
    ]
    if not parts:
        return None
    left, top = min(at[0] for _, at, _ in parts), min(at[1] for _, at, _ in parts)
    right = max(at[0] + stamp.solid.shape[1] for stamp, at, _ in parts)
    bottom = max(at[1] + stamp.solid.shape[0] for stamp, at, _ in parts)
    colour, hides = np.zeros((2, bottom - top, right - left, 3), np.uint8)
    solid = np.zeros(colour.shape[:2], np.bool_)
    for stamp, at, weight in parts:
        height, width = stamp.solid.shape
        part = np.s_[at[1] - top : at[1] - top + height, at[0] - left : at[0] - left + width]
        colour[part] = cv2.addWeighted(stamp.colour, weight, colour[part], 1, 0)
        hides[part] = cv2.addWeighted(255 - stamp.keep, weight, hides[part], 1, 0)
        if weight >= 0.5:
            solid[part] = stamp.solid
    x, y, width, height = cv2.boundingRect(solid.view(np.uint8))
    return Stamp(colour, 255 - hides, solid, (left, top), (x, y, x + width, y + height), int(np.count_nonzero(solid)))


class _Stance(NamedTuple):
    """How a sprite is stretched and tilted, in steps."""

    across: int
    upright: int
    tilt: int

    def matrix(self) -> NDArray[np.float64]:
        sin, cos = math.sin(self.tilt * _TILT_STEP), math.cos(self.tilt * _TILT_STEP)
        across, upright = math.exp(self.across * _SCALE_STEP), math.exp(self.upright * _SCALE_STEP)
        return np.array([[cos * across, sin * upright], [-sin * across, cos * upright]])


class StampBook:
    """The stamps of one camera, kept for as long as there is room: most people stand or sit still."""

    def __init__(self, atlas: Atlas, view: View, look: Look) -> None:
        self._atlas, self._view, self._look = atlas, view, look
        self._sources: OrderedDict[tuple[object, ...], tuple[Image, tuple[float, float]] | None] = OrderedDict()
        self._stamps: OrderedDict[tuple[object, ...], Stamp | None] = OrderedDict()
        self._bytes = 0

    def floor_px(self, actor: ActorState) -> tuple[int, int] | None:
        """The pixel of an actor's floor point; None where they are too near, or beside the picture."""
        x, y, floor_m = self._view.project(actor.x_m, actor.y_m)
        _, head_y, middle_m = self._view.project(actor.x_m, actor.y_m, _TALLEST_M)
        if min(middle_m, floor_m) < _NEAREST_M:
            return None
        reach_px = self._view.focal_px / min(middle_m, floor_m) * _WIDEST_M
        width, height = self._view.size_px
        beside = not -reach_px < x < width + reach_px
        return None if beside or y < -reach_px or head_y > height else (round(x), round(y))

    def stamp(self, actor: ActorState, *, over: bool = False) -> Stamp | None:
        """What an actor looks like from here; `over`: only what is above a desk's top."""
        self._atlas.check(actor.figure, actor.pose)
        yaw_deg = self._atlas.nearest_yaw(actor.figure, actor.pose, self._relative_yaw(actor))
        stance = self._stance(actor)
        key = (actor.figure, actor.pose, yaw_deg, over, stance)
        if key in self._stamps:
            self._stamps.move_to_end(key)
            return self._stamps[key]
        stamp = self._warp(actor.figure, actor.pose, yaw_deg, stance, over=over)
        self._stamps[key] = stamp
        self._bytes += stamp.nbytes if stamp else 0
        while self._bytes > _CACHE_BYTES:
            _, old = self._stamps.popitem(last=False)
            self._bytes -= old.nbytes if old else 0
        return stamp

    def _relative_yaw(self, actor: ActorState) -> float:
        """Yaw against the line of sight, degrees: 0 faces the camera."""
        x, y = actor.x_m - self._view.position_m[0], actor.y_m - self._view.position_m[1]
        return actor.yaw_deg + math.degrees(math.atan2(x, y))

    def _stance(self, actor: ActorState) -> _Stance:
        foot_x, foot_y, _ = self._view.project(actor.x_m, actor.y_m)
        head_x, head_y, _ = self._view.project(actor.x_m, actor.y_m, 1.7)
        middle_m = self._view.project(actor.x_m, actor.y_m, 0.85)[2]
        across = self._view.focal_px / middle_m / self._atlas.px_per_m
        upright = math.hypot(foot_x - head_x, foot_y - head_y) / (1.7 * self._atlas.px_per_upright_m)
        tilt = math.atan2(foot_x - head_x, foot_y - head_y)
        return _Stance(
            round(math.log(across) / _SCALE_STEP), round(math.log(upright) / _SCALE_STEP), round(tilt / _TILT_STEP)
        )

    def _warp(self, figure: str, pose: str, yaw_deg: float, stance: _Stance, *, over: bool) -> Stamp | None:
        matrix = stance.matrix()
        scale = math.exp(_SCALE_STEP * min(stance.across, stance.upright))
        found = self._source(figure, pose, yaw_deg, over=over, scale=scale)
        if found is None:
            return None
        source, anchor = found
        height, width = source.shape[:2]
        corners = (np.array([[0, 0], [width, 0], [0, height], [width, height]]) - anchor) @ matrix.T
        left, top = np.floor(corners.min(0)).astype(int).tolist()
        right, bottom = np.ceil(corners.max(0)).astype(int).tolist()
        shift = -np.array([left, top]) - matrix @ anchor
        warped = cv2.warpAffine(source, np.column_stack([matrix, shift]), (right - left + 1, bottom - top + 1))
        return make_stamp(np.asarray(warped, np.uint8), (left, top))

    def _source(
        self,
        figure: str,
        pose: str,
        yaw_deg: float,
        *,
        over: bool,
        scale: float,
    ) -> tuple[Image, tuple[float, float]] | None:
        """Premultiplied sprite, softened for the scale that it is shrunk to, and its anchor."""
        softness = round(scale * 12) if scale < 0.9 else 0
        key = (figure, pose, yaw_deg, over, softness)
        if key in self._sources:
            self._sources.move_to_end(key)
            return self._sources[key]
        sprite = self._atlas.sprite(figure, pose, yaw_deg, over=over)
        found = None
        if sprite is not None:
            baked = self._look.bake(sprite.image)
            if softness:
                baked = np.asarray(cv2.GaussianBlur(baked, (0, 0), 0.38 * 12 / softness), np.uint8)
            found = baked, sprite.anchor_px
        self._sources[key] = found
        if len(self._sources) > _SOURCES:
            self._sources.popitem(last=False)
        return found
