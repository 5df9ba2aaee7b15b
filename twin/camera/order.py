"""Who is painted before whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from twin.actors import ActorState
from twin.camera.assets import Box, area, intersection
from twin.camera.scene import Layer, View
from twin.camera.stamps import Stamp


class Kind(Enum):
    """What is painted."""

    PERSON = auto()
    OVER = auto()  # what of a seated clerk is above the desk's top
    LAYER = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Something to paint at a place.

    Attributes:
        slot: number of the person in the id buffer; 0 for layers.
        box: what it may touch, shadows included.
        distance_m: from the camera along the floor.
    """

    kind: Kind
    slot: int
    stamp: Stamp
    left: int
    top: int
    box: Box
    distance_m: float
    actor: ActorState | None = None
    layer: Layer | None = None
    shadows: tuple[Shadow, ...] = ()

    @property
    def body(self) -> Box:
        """What its stamp covers, shadows left out."""
        height, width = self.stamp.solid.shape
        return self.left, self.top, self.left + width, self.top + height


@dataclass(frozen=True, slots=True)
class Shadow:
    """A soft ellipse; `strength` is what it takes away in its middle, 0 to 1."""

    x_px: int
    y_px: int
    radius_px: int
    strength: float


@dataclass(frozen=True, slots=True)
class Order:
    """Pieces in the order of painting; `tangled` where no order was right for all of them."""

    pieces: list[Piece]
    tangled: bool


def in_order(view: View, pieces: Sequence[Piece]) -> Order:
    """Sort so that whatever stands before something else is painted after it, the farthest first else."""
    waiting = sorted(pieces, key=lambda piece: -piece.distance_m)
    bodies = {id(piece): piece.body for piece in waiting}
    # For each piece, those that must be painted before it, and how many pixels are at stake.
    under: dict[int, dict[int, int]] = {id(piece): {} for piece in waiting}
    for i, a in enumerate(waiting):
        for b in waiting[i + 1 :]:
            if shared := area(intersection(bodies[id(a)], bodies[id(b)])):
                first, second = (a, b) if _is_under(view, a, b) else (b, a)
                under[id(second)][id(first)] = shared
    ordered: list[Piece] = []
    tangled = False
    while waiting:
        piece = next((piece for piece in waiting if not under[id(piece)]), None)
        if piece is None:
            # A circle: sprites are flat, and lines end nowhere. Where it hurts least it is broken.
            tangled = True
            piece = min(waiting, key=lambda piece: sum(under[id(piece)].values()))
        waiting.remove(piece)
        ordered.append(piece)
        for others in under.values():
            others.pop(id(piece), None)
    return Order(ordered, tangled)


def _is_under(view: View, a: Piece, b: Piece) -> bool:
    """Whether `a` is painted before `b`, which overlaps it."""
    if a.layer is not None and b.layer is not None:
        return a.layer.rank < b.layer.rank
    if b.layer is not None:
        return not _is_under(view, b, a)
    if a.layer is not None:
        if b.kind is Kind.OVER:
            # A clerk's arms lie on the desk, behind what stands on it.
            return not a.layer.name.startswith("items")
        assert b.actor is not None
        return not view.is_beyond(a.layer.line, (b.actor.x_m, b.actor.y_m))
    if a.slot == b.slot:
        return a.kind is Kind.PERSON
    return a.distance_m > b.distance_m
