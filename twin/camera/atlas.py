"""The atlas of figures: which poses there are, and the sprite of each from every side."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

import msgspec

from hall.errors import InputError
from twin.camera.assets import Image, assets, read_picture

_SHEETS = 16
"""Sheets kept decoded, 17 MB each: as many as there are figures, for all cameras of a process together."""


class _Cut(msgspec.Struct, frozen=True):
    rect: tuple[int, int, int, int]
    anchor: tuple[float, float]
    over: _Cut | None = None


class _Figure(msgspec.Struct, frozen=True):
    sheet: str
    role: str
    height_m: float
    poses: dict[str, dict[str, _Cut]]


class _Meta(msgspec.Struct, frozen=True):
    px_per_m: float
    up_px_1_7m: float
    figures: dict[str, _Figure]


@dataclass(frozen=True, slots=True)
class Sprite:
    """One view of one pose.

    Attributes:
        image: BGRA with straight alpha.
        anchor_px: the floor point within the picture.
    """

    image: Image
    anchor_px: tuple[float, float]


class Atlas:
    """All figures. Sheets are decoded when first needed; may be shared by threads."""

    def __init__(self) -> None:
        self._folder = assets() / "figures"
        self._meta = msgspec.json.decode((self._folder / "meta.json").read_bytes(), type=_Meta)
        self._yaws = {
            (name, pose): [float(yaw) for yaw in cuts]
            for name, figure in self._meta.figures.items()
            for pose, cuts in figure.poses.items()
        }
        self._sheets: OrderedDict[str, Image] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def px_per_m(self) -> float:
        """Pixels of a sprite per metre across."""
        return self._meta.px_per_m

    @property
    def px_per_upright_m(self) -> float:
        """Pixels of a sprite per metre of somebody upright: less, as the camera looks down."""
        return self._meta.up_px_1_7m / 1.7

    def figures(self, role: str | None = None) -> list[str]:
        """Names of all figures, or of those of a role: `clerk`, `citizen`."""
        return [name for name, figure in self._meta.figures.items() if role in {None, figure.role}]

    def height_m(self, figure: str) -> float:
        """How tall a figure stands, with shoes."""
        return self._meta.figures[figure].height_m

    def poses(self, figure: str) -> list[str]:
        """The poses that a figure has."""
        return list(self._meta.figures[figure].poses)

    def check(self, figure: str, pose: str) -> None:
        """Is there such a figure, and has it the pose?

        Raises:
            InputError: no; says which there are.
        """
        if figure not in self._meta.figures:
            raise InputError(f"figure: found {figure!r}; expected one of {', '.join(self._meta.figures)}")
        if (figure, pose) not in self._yaws:
            raise InputError(f"pose of {figure}: found {pose!r}; expected one of {', '.join(self.poses(figure))}")

    def nearest_yaw(self, figure: str, pose: str, yaw_deg: float) -> float:
        """The rendered yaw nearest to one relative to the camera, degrees."""
        return min(self._yaws[figure, pose], key=lambda yaw: abs((yaw - yaw_deg + 180) % 360 - 180))

    def sprite(self, figure: str, pose: str, yaw_deg: float, *, over: bool = False) -> Sprite | None:
        """The sprite at a rendered yaw; `over` is the part above a desk's top, None for poses without."""
        cut: _Cut | None = self._meta.figures[figure].poses[pose][f"{yaw_deg:g}"]
        if over and cut is not None:
            cut = cut.over
        if cut is None:
            return None
        x, y, width, height = cut.rect
        return Sprite(self._sheet(figure)[y : y + height, x : x + width], cut.anchor)

    def _sheet(self, figure: str) -> Image:
        with self._lock:
            if figure in self._sheets:
                self._sheets.move_to_end(figure)
            else:
                self._sheets[figure] = read_picture(self._folder / self._meta.figures[figure].sheet)
                while len(self._sheets) > _SHEETS:
                    self._sheets.popitem(last=False)
            return self._sheets[figure]


@cache
def load_atlas() -> Atlas:
    """The atlas of the package: one for all cameras of a process."""
    return Atlas()
