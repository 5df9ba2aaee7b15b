"""From who is where to a frame and its truth: only what changed since the last frame is painted again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from hall.errors import InputError
from twin.actors import ActorState
from twin.camera.assets import Box, Image, overlap, union
from twin.camera.atlas import load_atlas
from twin.camera.faults import Lens
from twin.camera.look import Sensor
from twin.camera.order import Kind, Order, Piece, Shadow, in_order
from twin.camera.paint import merged, paint, shadow_box
from twin.camera.scene import Layer, View, load_scene
from twin.camera.stamps import Stamp, StampBook, faded, make_stamp
from twin.camera.truth import LEAST_PX, PersonTruth

_PEOPLE = 255
"""A byte of the id buffer tells as many people apart."""
_STANDER = [(0.0, 0.0, 0.30, 0.42)]
_SITTER = [(0.40, 0.0, 0.26, 0.40), (0.10, 0.44, 0.26, 0.34)]
"""Shadows: metres ahead, metres above the floor, radius in metres, strength. A sitter's fall around the feet and
on the seat."""
_AT_DESK = frozenset({"sit_desk", "sit_phone"})
"""Poses with a part above the desk."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A frame, (H, W, 3) BGR of its own, and everybody who is in the picture or beside it."""

    image: Image
    people: tuple[PersonTruth, ...]


class Compositor:
    """One camera of a rendered hall. Used by one thread.

    A frame depends on the actors, the seed and its number alone, not on what was rendered before.

    Args:
        hall: name of the hall.
        camera: its camera.
        seed: of the sensor's noise.
        noise: its standard deviation in grey levels.
        jpeg_quality: compression as of a cheap camera; None for none.

    Raises:
        InputError: no such hall or camera.
    """

    def __init__(
        self, hall: str, camera: str, *, seed: int = 0, noise: float = 2.2, jpeg_quality: int | None = None
    ) -> None:
        scene = load_scene(hall)
        self.view = View(scene, camera)
        self._sensor = Sensor(self.view.size_px, name=camera, seed=seed, noise=noise, jpeg_quality=jpeg_quality)
        self._book = StampBook(load_atlas(), self.view, scene.look)
        self._empty = scene.look.bake(self.view.background)
        self._layers = [piece for layer in self.view.layers if (piece := self._layer(layer))]
        self._frame = self._empty.copy()
        self._ids = np.zeros(self._frame.shape[:2], np.uint8)
        self._slots: dict[str, int] = {}
        self._last = Order([], tangled=False)
        self._truth: dict[str, PersonTruth] = {}

    def render(self, actors: Sequence[ActorState], number: int, lens: Lens | None = None) -> Rendered:
        """The frame of number `number` with these actors; `lens` is what its light passes before the sensor.

        Raises:
            InputError: an actor twice, or of a figure or pose that the atlas has not.
        """
        people = self.draw(actors)
        baked = self._frame if lens is None else lens(self._frame)
        return Rendered(self._sensor.expose(baked, number), people)

    def draw(self, actors: Sequence[ActorState]) -> tuple[PersonTruth, ...]:
        """The truth of a frame without the frame; the sensor is left out.

        Raises:
            InputError: as `render`.
        """
        self._assign_slots(actors)
        pieces = [piece for actor in actors for piece in self._people(actor)]
        boxes = [piece.box for piece in pieces]
        pieces += [layer for layer in self._layers if _is_glass(layer) or any(overlap(layer.box, box) for box in boxes)]
        order = in_order(self.view, pieces)
        everything = order.tangled or self._last.tangled
        bounds = (0, 0, *self.view.size_px)
        changed = [bounds] if everything else merged(_changes(self._last.pieces, order.pieces), bounds)
        for box in changed:
            self._repaint(box, order)
        self._last = order
        self._truth = {
            piece.actor.person: self._see(piece, changed)
            for piece in pieces
            if piece.kind is Kind.PERSON and piece.actor is not None
        }
        return tuple(self._truth.values())

    def _assign_slots(self, actors: Sequence[ActorState]) -> None:
        """A person keeps the number in the id buffer for as long as they are there."""
        names = [actor.person for actor in actors]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"actors: found {twice!r} twice; expected each person once")
        if len(names) > _PEOPLE:
            raise InputError(f"actors: found {len(names)}; expected at most {_PEOPLE} at a time")
        self._slots = {name: self._slots[name] for name in names if name in self._slots}
        free = iter(sorted(set(range(1, _PEOPLE + 1)) - set(self._slots.values())))
        for name in names:
            if name not in self._slots:
                self._slots[name] = next(free)

    def _people(self, actor: ActorState) -> Iterable[Piece]:
        floor = self._book.floor_px(actor)
        stamp = self._stamp(actor, floor) if floor else None
        if floor is None or stamp is None:
            return
        distance_m = self.view.distance_m((actor.x_m, actor.y_m))
        slot = self._slots[actor.person]
        shadows = tuple(self._shadows(actor))
        box = _box_of(stamp, floor)
        for shadow in shadows:
            box = union(box, shadow_box(shadow))
        if not overlap(box, (0, 0, *self.view.size_px)):
            return
        left, top = floor[0] + stamp.offset_px[0], floor[1] + stamp.offset_px[1]
        yield Piece(Kind.PERSON, slot, stamp, left, top, box, distance_m, actor, shadows=shadows)
        over = self._stamp(actor, floor, over=True) if self.view.scene.has_desks else None
        if over is not None:
            left, top = floor[0] + over.offset_px[0], floor[1] + over.offset_px[1]
            yield Piece(Kind.OVER, slot, over, left, top, box, distance_m - 0.3, actor)

    def _stamp(self, actor: ActorState, floor: tuple[int, int], *, over: bool = False) -> Stamp | None:
        """What an actor looks like, fading from the pose before where there is one."""
        new = None if over and actor.pose not in _AT_DESK else self._book.stamp(actor, over=over)
        before = _before(actor)
        old_floor = self._book.floor_px(before) if before is not None else None
        if actor.fade is None or before is None or old_floor is None:
            return new
        old = None if over and before.pose not in _AT_DESK else self._book.stamp(before, over=over)
        return faded(new, old, (old_floor[0] - floor[0], old_floor[1] - floor[1]), actor.fade.share)

    def _shadows(self, actor: ActorState) -> Iterable[Shadow]:
        share = 0.0 if actor.fade is None else actor.fade.share
        for state, shown in ((actor, 1 - share), (_before(actor), share)):
            if state is None:
                continue
            yaw = math.radians(state.yaw_deg)
            for ahead_m, height_m, radius_m, strength in _SITTER if state.pose.startswith("sit") else _STANDER:
                place = (state.x_m + ahead_m * math.sin(yaw), state.y_m - ahead_m * math.cos(yaw), height_m)
                x, y, depth_m = self.view.project(*place)
                radius_px = max(1, round(radius_m * self.view.focal_px / depth_m))
                yield Shadow(round(x), round(y), radius_px, round(strength * shown, 3))

    def _layer(self, layer: Layer) -> Piece | None:
        stamp = make_stamp(self.view.scene.look.bake(layer.image), (layer.left, layer.top))
        if stamp is None:
            return None
        left, top = stamp.offset_px
        distance_m = self.view.distance_m(layer.middle)
        return Piece(Kind.LAYER, 0, stamp, left, top, _box_of(stamp, (0, 0)), distance_m, layer=layer)

    def _repaint(self, box: Box, order: Order) -> None:
        left, top, right, bottom = box
        self._frame[top:bottom, left:right] = self._empty[top:bottom, left:right]
        self._ids[top:bottom, left:right] = 0
        for piece in order.pieces:
            if overlap(piece.box, box):
                paint(self._frame, self._ids, piece, box)

    def _see(self, piece: Piece, changed: Sequence[Box]) -> PersonTruth:
        assert piece.actor is not None
        before = self._truth.get(piece.actor.person)
        if before is not None and before.actor == piece.actor and not any(overlap(piece.box, box) for box in changed):
            return before
        x, y, right, bottom = piece.stamp.body
        full: Box = (piece.left + x, piece.top + y, piece.left + right, piece.top + bottom)
        left, top = max(0, full[0]), max(0, full[1])
        shown = (self._ids[top : max(0, full[3]), left : max(0, full[2])] == piece.slot).view(np.uint8)
        count = int(np.count_nonzero(shown))
        box: Box | None = None
        if count >= LEAST_PX:
            x, y, width, height = cv2.boundingRect(shown)
            box = (left + x, top + y, left + x + width, top + y + height)
        return PersonTruth(piece.actor, box, full, count / max(1, piece.stamp.area_px))


def _before(actor: ActorState) -> ActorState | None:
    """The pose that fades, as a state of its own."""
    fade = actor.fade
    if fade is None:
        return None
    return ActorState(actor.person, actor.figure, fade.pose, fade.yaw_deg, fade.x_m, fade.y_m)


def _is_glass(piece: Piece) -> bool:
    """Glass is painted over whatever is behind it; other things are in the background where nobody is near them."""
    return piece.layer is not None and piece.layer.see_through


def _box_of(stamp: Stamp, origin: tuple[int, int]) -> Box:
    left, top = origin[0] + stamp.offset_px[0], origin[1] + stamp.offset_px[1]
    height, width = stamp.solid.shape
    return left, top, left + width, top + height


def _changes(before: Sequence[Piece], after: Sequence[Piece]) -> list[Box]:
    """Where something came, went or looks different."""
    old, new = {_face(piece): piece.box for piece in before}, {_face(piece): piece.box for piece in after}
    return [old[face] for face in old.keys() - new.keys()] + [new[face] for face in new.keys() - old.keys()]


def _face(piece: Piece) -> tuple[object, ...]:
    """What decides how a piece looks, and its order among others: equal faces are painted alike."""
    where = None if piece.actor is None else (piece.actor.x_m, piece.actor.y_m)
    return piece.kind, piece.slot, id(piece.stamp), piece.left, piece.top, piece.shadows, where
