"""Desk zoom: which areas of a camera a detector needs crops for, and which crops those are.

A detector finds people from a certain height on, in pixels of its input, and at a desk, where little is seen of
them, from a larger one (`models.zoo.Sight`). A crop of the area makes them larger. Nothing here depends on the
resolution of the picture, only on its shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from hall.layout import CameraPolygon, Floor
from models.zoo import ModelEntry, Sight
from vision.calibration import Calibration
from vision.upright import Upright

Size = tuple[int, int]
Mode = Literal["auto", "on", "off"]

_AREA_IN_PERSON = 1.35
"""Height of a person over that of a clerk area, which shows head and torso: 1.33 in the rendered halls."""
_CHEST_M = 1.2
"""How high over the floor the middle of a clerk area is: between the desk and above a standing head."""
_MARGIN = {"side": 0.25, "above": 0.2, "below": 0.2}
"""Room around an area, in heights of a person, so that nobody in it is cut: half a shoulder, a head, arms on a desk."""
_LEAST_GAIN = 1.2
"""A crop that makes people less than so much larger is not worth an inference."""
_SHARED = 0.85
"""Areas share a crop when in it each person is at least so large as in a crop of their own."""


class Look(NamedTuple):
    """An area of a camera: its name (`w01/clerk`, `w01/customer`, or a zone's id), and whether people sit at a desk."""

    name: str
    polygon: Sequence[tuple[float, float]]
    desk: bool


class Box(NamedTuple):
    """A rectangle, in fractions of the image or in its pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the picture that is looked at by itself.

    Attributes:
        box: fractions of the image.
        areas: names of the areas it is for.
    """

    box: Box
    areas: tuple[str, ...]

    def pixels(self, size_px: Size) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in an image of this size, inside it and at least one pixel wide and high."""
        width, height = size_px
        left = min(max(0, math.floor(self.box.left * width)), width - 1)
        top = min(max(0, math.floor(self.box.top * height)), height - 1)
        right = min(width, max(left + 1, math.ceil(self.box.right * width)))
        bottom = min(height, max(top + 1, math.ceil(self.box.bottom * height)))
        return left, top, right, bottom


@dataclass(frozen=True, slots=True)
class AreaSight:
    """How large people in an area are for the model, upright, in pixels of its input.

    Attributes:
        person_px: in the whole picture; None where nothing says so.
        basis: where that comes from.
        least_px: what the model needs.
        crop_px: in the crop that the area got; None where it has none.
    """

    name: str
    person_px: float | None
    basis: Literal["floor points", "area height"] | None
    least_px: float
    crop_px: float | None = None

    @property
    def is_small(self) -> bool:
        """Whether people there are too small for the model in the whole picture, or have a crop all the same."""
        return self.crop_px is not None or (self.person_px is not None and self.person_px < self.least_px)

    def __str__(self) -> str:
        if self.person_px is None:
            return f"{self.name}: size of people unknown (no floor points), no zoom"
        seen = f"{self.name}: a person is {self.person_px:.0f} px in the model's picture (by {self.basis})"
        if self.crop_px is not None:
            return f"{seen}, zoom: {self.crop_px:.0f} px in a crop"
        if self.person_px >= self.least_px:
            return f"{seen}, no zoom: {self.least_px:.0f} px are enough"
        return f"{seen}, no zoom: the area is too large for a crop, and {self.least_px:.0f} px would be needed"


@dataclass(frozen=True, slots=True)
class ZoomPlan:
    """What to crop from the pictures of one camera.

    Attributes:
        crops: one inference each.
        areas: every area that was thought about, with the reason.
        enlarge: height of a crop in the model's input over its height in the whole picture there, the largest.
    """

    crops: tuple[Crop, ...] = ()
    areas: tuple[AreaSight, ...] = ()
    enlarge: float = 1.0

    @property
    def zoomed(self) -> frozenset[str]:
        """Names of the areas that have a crop."""
        return frozenset(name for crop in self.crops for name in crop.areas)

    def fit(self, input_size: Size) -> Size:
        """Into what size pictures may be shrunk so that no crop has less pixels than the model can take."""
        width, height = input_size
        return math.ceil(width * self.enlarge), math.ceil(height * self.enlarge)


def looks_of(floor: Floor, camera_id: str) -> list[Look]:
    """The areas of a camera in which people are judged, clerk areas first."""

    def seen(areas: Sequence[CameraPolygon] | None, own: str | None, name: str, *, desk: bool) -> Iterator[Look]:
        for area in areas or ():
            if (area.camera or own) == camera_id:
                yield Look(name, area.polygon, desk)

    looks: list[Look] = []
    for window in floor.windows:
        if window.staffed:
            looks += seen(window.clerk_area, window.camera, f"{window.id}/clerk", desk=True)
    for window in floor.windows:
        looks += seen(window.customer_area, window.camera, f"{window.id}/customer", desk=False)
    for zone in floor.zones:
        looks += seen(zone.areas, None, zone.id, desk=False)
    return looks


def plan_zoom(
    looks: Sequence[Look], calibration: Calibration | None, size_px: Size, model: ModelEntry, mode: Mode = "auto"
) -> ZoomPlan:
    """Decide which areas get a crop, and make the crops.

    Args:
        looks: the areas of the camera.
        calibration: its floor, if it has floor points; without it only clerk areas say how large people are.
        size_px: width and height of its pictures; only their ratio matters.
        model: one without `sight` gets no crops.
        mode: `auto` where people are small, `on` for every clerk area besides, `off` for none.
    """
    if mode == "off" or model.sight is None:
        return ZoomPlan()
    view = _View(size_px, model, model.sight)
    upright = Upright.of(calibration, size_px) if calibration else None
    areas, wanted = [], []
    for look in looks:
        person = _person(look, upright)
        sight = view.sight_of(look, person)
        needs_crop = sight.person_px is not None and (sight.person_px < sight.least_px or (mode == "on" and look.desk))
        areas.append(sight)
        if person is None or not needs_crop:
            continue
        own = view.crop([_Need.of(look, person, size_px)])
        # Where the hall file asks for it, any gain will do.
        if view.scale(own.box) / view.whole > (1.0 if mode == "on" else _LEAST_GAIN):
            wanted.append(own)
    crops = _share(wanted, view)
    larger = {need.name: view.scale(crop.box) * need.person_px for crop in crops for need in crop.needs}
    return ZoomPlan(
        tuple(_finished(crop, size_px) for crop in crops),
        tuple(AreaSight(a.name, a.person_px, a.basis, a.least_px, larger.get(a.name)) for a in areas),
        max([1.0, *(view.scale(crop.box) / view.whole for crop in crops)]),
    )


class _Person(NamedTuple):
    """How high an upright person is in an area, as a fraction of the image's height."""

    height: float
    basis: Literal["floor points", "area height"]


def _person(look: Look, upright: Upright | None) -> _Person | None:
    corners = np.array(look.polygon)
    if upright is not None:
        x, y = corners.mean(axis=0).tolist()
        height = upright.person((x, y), _CHEST_M if look.desk else 0.0)
        if math.isfinite(height) and height > 0:
            return _Person(height, "floor points")
    if look.desk:
        return _Person(_AREA_IN_PERSON * float(np.ptp(corners[:, 1])), "area height")
    return None


class _Need(NamedTuple):
    """What a crop for an area has to show, in pixels of the image."""

    name: str
    box: Box
    person_px: float

    @classmethod
    def of(cls, look: Look, person: _Person, size_px: Size) -> _Need:
        width, height = size_px
        corners = np.array(look.polygon) * size_px
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        high = person.height * height
        # A clerk area goes up to above a standing head; people on a floor area stand out of it.
        above = _MARGIN["above"] * high + (0 if look.desk else high)
        box = Box(
            max(0.0, left - _MARGIN["side"] * high),
            max(0.0, top - above),
            min(float(width), right + _MARGIN["side"] * high),
            min(float(height), bottom + _MARGIN["below"] * high),
        )
        return cls(look.name, box, high)


class _Cut(NamedTuple):
    """A crop in the making, in pixels of the image."""

    box: Box
    needs: tuple[_Need, ...]


class _View(NamedTuple):
    """What a model makes of pictures of a size."""

    size_px: Size
    model: ModelEntry
    sight: Sight

    @property
    def whole(self) -> float:
        """Pixels of the model's input per pixel of the picture, upwards."""
        return self.scale(Box(0, 0, *self.size_px))

    def scale(self, box: Box) -> float:
        """Pixels of the model's input per pixel of a part of the picture, upwards."""
        spec = self.model.input
        if spec.fit == "stretch":
            return spec.height / box.height
        return min(spec.width / box.width, spec.height / box.height)

    def sight_of(self, look: Look, person: _Person | None) -> AreaSight:
        """How an area is seen in the whole picture."""
        least_px = self.sight.clerk_px if look.desk else self.sight.person_px
        if person is None:
            return AreaSight(look.name, None, None, least_px)
        return AreaSight(look.name, person.height * self.size_px[1] * self.whole, person.basis, least_px)

    def crop(self, needs: Sequence[_Need]) -> _Cut:
        """Around some areas, in the model's shape, so far in that the largest people are of the best height."""
        around = needs[0].box
        for need in needs[1:]:
            around = around.union(need.box)
        spec = self.model.input
        best = self.sight.crop_px / max(need.person_px for need in needs)
        width = max(around.width, spec.width / best)
        height = max(around.height, spec.height / best)
        shape = spec.width / spec.height
        width, height = max(width, height * shape), max(height, width / shape)
        return _Cut(_placed(around, min(width, self.size_px[0]), min(height, self.size_px[1]), self.size_px), (*needs,))


def _placed(around: Box, width: float, height: float, size_px: Size) -> Box:
    """A box of a size about the middle of another, moved into the image."""
    left = min(max(0.0, (around.left + around.right - width) / 2), size_px[0] - width)
    top = min(max(0.0, (around.top + around.bottom - height) / 2), size_px[1] - height)
    return Box(left, top, left + width, top + height)


def _share(cuts: Sequence[_Cut], view: _View) -> list[_Cut]:
    """Put crops together as long as the people in them stay large; the smallest pair first."""
    own = {need.name: view.scale(cut.box) * need.person_px for cut in cuts for need in cut.needs}
    shared = list(cuts)
    while pairs := list(_pairs(shared, view, own)):
        i, j, both = min(pairs, key=lambda pair: round(pair[2].box.width * pair[2].box.height))
        shared = [cut for k, cut in enumerate(shared) if k not in (i, j)] + [both]
    return shared


def _pairs(cuts: Sequence[_Cut], view: _View, own: dict[str, float]) -> Iterator[tuple[int, int, _Cut]]:
    for (i, one), (j, other) in combinations(enumerate(cuts), 2):
        both = view.crop([*one.needs, *other.needs])
        scale = view.scale(both.box)
        if all(scale * need.person_px >= _SHARED * own[need.name] for need in both.needs):
            yield i, j, both


def _finished(cut: _Cut, size_px: Size) -> Crop:
    width, height = size_px
    box = Box(cut.box.left / width, cut.box.top / height, cut.box.right / width, cut.box.bottom / height)
    return Crop(box, tuple(need.name for need in cut.needs))
