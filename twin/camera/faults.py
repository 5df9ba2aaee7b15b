"""What a fault of a camera does to its pictures: dimmed, dark, covered, bumped, frozen, stalled.

Faults of light and lens act before the sensor, so noise goes on in them; a frozen picture comes after it, as from an
encoder that is fed the same picture again and again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from twin.actors import FaultKind, PictureFault
from twin.camera.assets import Image
from twin.camera.look import PEDESTAL

Lens = Callable[[Image], Image]
"""From a baked picture to what reaches the sensor; the picture that comes in stays as it is."""

DIM_TO = 0.45
"""Share of the light that is left when half the lamps are off and the others carry on."""

RAMP_S = 3.0
"""Light fades so slowly, as at dusk or with lamps that warm up; a switch would be a change at once."""

_DARK_TO = 0.03
_SHIFT = (0.03, 0.1)
"""A camera that somebody bumped into: shifted by that share of the picture's width, and turned a little."""
_TURN_DEG = 3.0
_BLOCK_PX = 16
_RESENT_BLOCKS = 0.02
"""Share of the blocks of a frozen picture that an encoder makes anew, each a grey level or two beside the last."""


class FaultyLens:
    """The faults of one camera in one story; the same seed makes the same faults.

    Args:
        faults: of every camera; those of others are left out.
        camera: name of the camera.
        size_px: of its pictures, width and height.
        seed: decides which way it is bumped and what covers it.
    """

    def __init__(self, faults: Sequence[PictureFault], camera: str, *, size_px: tuple[int, int], seed: int) -> None:
        self._faults = [fault for fault in faults if fault.camera == camera]
        self._size_px = size_px
        self._key = [seed, zlib.crc32(camera.encode()), 0xFA017]
        self._covers: dict[int, Image] = {}

    def shown(self, at_s: float) -> bool:
        """Whether there is a picture at a moment of the story."""
        return self._now(at_s, "stalled") is None

    def frozen_since_s(self, at_s: float) -> float | None:
        """The moment whose picture a frozen camera goes on showing; None while it is not frozen."""
        fault = self._now(at_s, "frozen")
        return None if fault is None else self._faults[fault].start_s

    def at(self, at_s: float) -> Lens | None:
        """What the light has to pass at a moment; None where nothing is in its way."""
        if (cover := self._now(at_s, "covered")) is not None:
            return partial(_instead, self._cover(cover))
        lenses: list[Lens] = []
        if (bump := self._now(at_s, "bumped")) is not None:
            lenses.append(partial(_turned, self.bump(bump)))
        if (light := self._light(at_s)) < 1.0:
            lenses.append(partial(_lit, light))
        return partial(_through, lenses) if lenses else None

    def resent(self, image: Image, number: int) -> Image:
        """A frozen picture as frame `number` sends it again: some blocks differ by a grey level or two."""
        rng = np.random.default_rng([*self._key, number])
        again = image.copy()
        across, down = self._size_px[0] // _BLOCK_PX, self._size_px[1] // _BLOCK_PX
        for place in rng.choice(across * down, round(_RESENT_BLOCKS * across * down), replace=False).tolist():
            top, left = place // across * _BLOCK_PX, place % across * _BLOCK_PX
            block = again[top : top + _BLOCK_PX, left : left + _BLOCK_PX]
            block[:] = (block + rng.integers(-2, 3, block.shape, np.int16)).clip(0, 255)
        return again

    def _now(self, at_s: float, kind: FaultKind) -> int | None:
        """The number of the fault of that kind that is on."""
        on = (i for i, f in enumerate(self._faults) if f.kind == kind and f.start_s <= at_s < f.end_s)
        return next(on, None)

    def _light(self, at_s: float) -> float:
        """Share of the light that is left."""
        if self._now(at_s, "dark") is not None:
            return _DARK_TO
        dims = [f for f in self._faults if f.kind == "dim"]
        faded = (min(at_s - f.start_s, f.end_s - at_s, RAMP_S) / RAMP_S for f in dims if f.start_s < at_s < f.end_s)
        return 1.0 - (1.0 - DIM_TO) * max(faded, default=0.0)

    def _cover(self, number: int) -> Image:
        """Something out of focus close to the lens: one colour in soft gradients."""
        if number not in self._covers:
            rng = np.random.default_rng([*self._key, number])
            colour = rng.uniform(40, 130) * rng.uniform(0.75, 1.15, 3)
            soft = rng.normal(0, 12, (3, 4, 1)) + rng.normal(0, 3, (3, 4, 3))
            whole = cv2.resize((colour + soft).astype(np.float32), self._size_px, interpolation=cv2.INTER_CUBIC)
            self._covers[number] = whole.clip(0, 255 - PEDESTAL).astype(np.uint8)
        return self._covers[number]

    def bump(self, number: int) -> NDArray[np.float64]:
        """(2, 3) matrix from a place in the picture before bump `number` among the camera's faults to that after."""
        rng = np.random.default_rng([*self._key, number])
        width, height = self._size_px
        way, share = rng.uniform(0, 2 * np.pi), rng.uniform(*_SHIFT)
        turn_deg = float(rng.uniform(-_TURN_DEG, _TURN_DEG))
        matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0), np.float64)
        matrix[:, 2] += share * width * np.array([np.cos(way), np.sin(way)])
        return matrix


def _instead(cover: Image, _baked: Image) -> Image:
    return cover


def _turned(matrix: NDArray[np.float64], baked: Image) -> Image:
    """What comes in at the borders is made up of what is next to them; smoothing would take most of the time."""
    size_px = baked.shape[1], baked.shape[0]
    how = cv2.INTER_NEAREST
    return np.asarray(cv2.warpAffine(baked, matrix, size_px, flags=how, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _lit(share: float, baked: Image) -> Image:
    table = ((np.arange(256) + PEDESTAL) * share - PEDESTAL).clip(0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(baked, table), np.uint8)


def _through(lenses: Sequence[Lens], baked: Image) -> Image:
    for lens in lenses:
        baked = lens(baked)
    return baked
