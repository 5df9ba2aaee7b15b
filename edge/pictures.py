"""A picture with the areas of a camera drawn on it: what `hallwatch check` writes and an installer looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle, pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hall.errors import InputError
from hall.layout import CameraPolygon, Entrance, Floor, Window
from vision.boxes import shared
from vision.calibration import Calibration
from vision.zoom import AreaSight, Crop, ZoomPlan

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
Colour = tuple[int, int, int]
Pixel = tuple[int, int]

# Okabe & Ito's palette (2008), which people with any colour blindness can tell apart; BGR here.
_CLERK: Colour = (178, 114, 0)
_CUSTOMER: Colour = (0, 159, 230)
_ZONE: Colour = (115, 158, 0)
_ENTRANCE: Colour = (0, 94, 213)
_FLOOR_POINT: Colour = (66, 228, 240)
_DARK: Colour = (24, 24, 24)
_LIGHT: Colour = (255, 255, 255)
_FILL_SHARE = 0.22
_GRID_SHARE = 0.3
_GRID_STEP_M = 1.0
_GRID_MARGIN_M = 1.0
_GRID_MAX_M = 100.0


class _Area(NamedTuple):
    label: str
    polygon: Sequence[tuple[float, float]]
    colour: Colour


class _Box(NamedTuple):
    """A rectangle in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def draw_areas(image: Image, floor: Floor, camera_id: str, zoom: ZoomPlan | None = None) -> Image:
    """Every area, entrance, floor point and crop of a camera on a copy of its picture.

    Where the camera has floor points, the floor gets a grid of 1 m; points that fix no plane get none.

    Args:
        image: (H, W, 3) uint8, BGR.
        floor: the camera's floor.
        camera_id: a camera of the floor.
        zoom: the crops that are looked at besides the whole picture.
    """
    sheet = _Sheet(image)
    camera = next(c for c in floor.cameras if c.id == camera_id)
    if camera.floor_points:
        sheet.grid(_grid_lines(floor, camera.floor_points))
    areas = list(_areas_of(floor, camera_id))
    sheet.fill(areas)
    for area in areas:
        sheet.outline(area)
    if zoom is not None:
        for crop in zoom.crops:
            sheet.crop(crop, [sight for sight in zoom.areas if sight.name in crop.areas])
    for entrance in floor.entrances:
        if entrance.camera == camera_id:
            sheet.entrance(entrance)
    for at, (x_m, y_m) in camera.floor_points:
        sheet.cross(at, f"{x_m:g}, {y_m:g} m")
    sheet.write_labels()
    return sheet.image


def _areas_of(floor: Floor, camera_id: str) -> Iterator[_Area]:
    def seen(areas: Sequence[CameraPolygon] | None, own: str | None) -> Iterator[CameraPolygon]:
        return (area for area in areas or () if (area.camera or own) == camera_id)

    for zone in floor.zones:
        for area in seen(zone.areas, None):
            yield _Area(_named(zone.id, zone.label), area.polygon, _ZONE)
    for window in floor.windows:
        for area in seen(window.customer_area, window.camera):
            yield _Area(f"{_named(window.id, _sign(window))} · customer", area.polygon, _CUSTOMER)
        for area in seen(window.clerk_area, window.camera):
            yield _Area(f"{_named(window.id, _sign(window))} · clerk", area.polygon, _CLERK)


def _sign(window: Window) -> str:
    return f"{window.label} {window.service}".strip()


def _named(identity: str, label: str) -> str:
    return f"{identity} {label}" if label else identity


def _grid_lines(
    floor: Floor, floor_points: Sequence[tuple[tuple[float, float], tuple[float, float]]]
) -> Iterator[Points]:
    """Lines 1 m apart over the plan, or around the floor points where there is no plan; image fractions."""
    try:
        calibration = Calibration.fit(floor_points)
    except InputError:
        return
    metres = np.array([point for _, point in floor_points])
    low, high = metres.min(axis=0) - _GRID_MARGIN_M, metres.max(axis=0) + _GRID_MARGIN_M
    if floor.plan is not None:
        low, high = np.zeros(2), np.array([floor.plan.width_m, floor.plan.depth_m])
    low = np.floor(low)
    high = np.minimum(high, low + _GRID_MAX_M)
    for axis in (0, 1):
        along = np.arange(low[1 - axis], high[1 - axis] + 1e-9, 0.25)
        for at in np.arange(low[axis], high[axis] + 1e-9, _GRID_STEP_M):
            line = np.empty((len(along), 2))
            line[:, axis], line[:, 1 - axis] = at, along
            yield calibration.to_image(line)


class _Sheet:
    """A copy of a picture, drawn on. Sizes follow its height, so 4K and a substream look alike."""

    def __init__(self, image: Image) -> None:
        self.image = image.copy()
        self._size_px = np.array([image.shape[1], image.shape[0]], dtype=np.float64)
        self._text_px = max(11, round(image.shape[0] / 42))
        self._line_px = max(2, round(image.shape[0] / 360))
        self._labels: list[tuple[str, Colour, Sequence[tuple[int, int]]]] = []

    def _pixels(self, points: object) -> NDArray[np.int32]:
        fractions = np.asarray(points, dtype=np.float64)
        return np.asarray(np.rint(fractions * (self._size_px - 1)), dtype=np.int32)

    def grid(self, lines: Iterator[Points]) -> None:
        """Thin lines that the floor shows; what lies behind the camera or far outside the picture is left out."""
        over = self.image.copy()
        colour = _DARK if self.image.mean() > 110 else _LIGHT
        for line in lines:
            near: NDArray[np.bool_] = np.all(np.abs(line) < 3, axis=1)  # false for NaN too
            for start, end in pairwise(np.flatnonzero(np.diff(near, prepend=False, append=False))):
                if near[start] and end - start > 1:
                    cv2.polylines(over, [self._pixels(line[start:end])], False, colour, 1, cv2.LINE_AA)  # noqa: FBT003
        self._blend(over, _GRID_SHARE)

    def fill(self, areas: Sequence[_Area]) -> None:
        """All areas at once, so that each keeps the same strength."""
        over = self.image.copy()
        for area in areas:
            cv2.fillPoly(over, [self._pixels(area.polygon)], area.colour, cv2.LINE_AA)
        self._blend(over, _FILL_SHARE)

    def _blend(self, over: Image, share: float) -> None:
        self.image = np.asarray(cv2.addWeighted(over, share, self.image, 1 - share, 0), dtype=np.uint8)

    def outline(self, area: _Area) -> None:
        """The border on a dark one, and its label at the first free place along it."""
        corners = self._pixels(area.polygon)
        for colour, width in ((_DARK, self._line_px + 2), (area.colour, self._line_px)):
            cv2.polylines(self.image, [corners], True, colour, width, cv2.LINE_AA)  # noqa: FBT003
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        self._labels.append((area.label, area.colour, [(left, top), (left, bottom), (right, top), (right, bottom)]))

    def crop(self, crop: Crop, areas: Sequence[AreaSight]) -> None:
        """A thin dashed rectangle, and how large people are for the model without it and in it."""
        left, top, right, bottom = crop.pixels((int(self._size_px[0]), int(self._size_px[1])))
        corners = [(left, top), (right - 1, top), (right - 1, bottom - 1), (left, bottom - 1)]
        for start, end in pairwise([*corners, corners[0]]):
            for dash, colour in zip(_dashes(start, end, self._text_px), cycle((_DARK, _LIGHT)), strict=False):
                cv2.line(self.image, *dash, colour, max(1, self._line_px // 2), cv2.LINE_AA)
        sizes = [f"{a.name} {a.person_px:.0f} -> {a.crop_px:.0f} px" for a in areas if a.person_px and a.crop_px]
        self._labels.append(
            (f"zoom {', '.join(sizes)}", _LIGHT, [(left, top), (left, bottom), (right, top), (right, bottom)])
        )

    def entrance(self, entrance: Entrance) -> None:
        """The line, with an arrow from its middle to the side that is `in`."""
        first, second = self._pixels(entrance.line)
        along = (second - first).astype(np.float64)
        # Right of the way from the first to the second point, in a picture whose y runs down.
        right = np.array([-along[1], along[0]]) / max(1.0, float(np.hypot(*along)))
        middle = (first + second) / 2
        tip = middle + right * self._size_px[1] / 12
        for colour, width in ((_DARK, self._line_px + 3), (_ENTRANCE, self._line_px + 1)):
            cv2.line(self.image, tuple(first.tolist()), tuple(second.tolist()), colour, width, cv2.LINE_AA)
            start, end = (tuple(np.rint(p).astype(int).tolist()) for p in (middle, tip))
            cv2.arrowedLine(self.image, start, end, colour, width, cv2.LINE_AA, tipLength=0.35)
        x, y = np.rint(tip).astype(int).tolist()
        label = f"{_named(entrance.id, entrance.label)} · in"
        self._labels.append((label, _ENTRANCE, [(x, y), (first[0], first[1]), (second[0], second[1])]))

    def cross(self, at: tuple[float, float], label: str) -> None:
        """A floor point."""
        x, y = self._pixels(at).tolist()
        for colour, width in ((_DARK, self._line_px + 3), (_FLOOR_POINT, self._line_px)):
            size = self._text_px
            cv2.drawMarker(self.image, (x, y), colour, cv2.MARKER_CROSS, size, width, cv2.LINE_AA)
        self._labels.append((label, _FLOOR_POINT, [(x, y)]))

    def write_labels(self) -> None:
        """Every label in a box of its colour, where it covers the least of the others."""
        taken: list[_Box] = []
        for label, colour, anchors in self._labels:
            places = [place for anchor in anchors for place in self._places(label, anchor)]
            box = min(places, key=lambda place: sum(shared(place, other) for other in taken))
            taken.append(box)
            self._write(label, colour, box)

    def _places(self, label: str, anchor: tuple[int, int]) -> Iterator[_Box]:
        """Boxes above and below a point, to its right and left, moved into the picture."""
        width, height = self._measure(label)
        x, y = anchor
        for top in (y - height, y, y - 2 * height, y + height):
            for left in (x, x - width, x - width // 2):
                inside_x = int(min(max(left, 0), max(0, self._size_px[0] - width)))
                inside_y = int(min(max(top, 0), max(0, self._size_px[1] - height)))
                yield _Box(inside_x, inside_y, inside_x + width, inside_y + height)

    def _measure(self, label: str) -> tuple[int, int]:
        frame = (int(self._size_px[0]), int(self._size_px[1]))
        _, _, width, _ = cv2.getTextSize(frame, label, (0, 0), _font(), self._text_px, 500)
        return int(width) + self._text_px // 2, round(self._text_px * 1.45)

    def _write(self, label: str, colour: Colour, box: _Box) -> None:
        cv2.rectangle(self.image, (box.left, box.top), (box.right - 1, box.bottom - 1), colour, cv2.FILLED)
        # Luma of Rec. 601: dark letters on light boxes, light ones on dark boxes.
        luma = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
        ink = _DARK if luma > 120 else _LIGHT
        at = (box.left + self._text_px // 4, box.bottom - round(self._text_px * 0.4))
        cv2.putText(self.image, label, at, ink, _font(), self._text_px, 500)


def _dashes(start: tuple[int, int], end: tuple[int, int], length_px: int) -> Iterator[tuple[Pixel, Pixel]]:
    """A line in pieces of about this length, one after the other."""
    count = max(1, round(max(abs(end[0] - start[0]), abs(end[1] - start[1])) / length_px))
    points = np.rint(np.linspace(start, end, count + 1)).astype(int).tolist()
    yield from pairwise((x, y) for x, y in points)


@cache
def _font() -> cv2.FontFace:
    """The font that OpenCV 5 brings along; it has Chinese characters."""
    return cv2.FontFace("uni")
