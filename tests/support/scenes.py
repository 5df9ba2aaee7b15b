"""Small pictures of a made-up hall, with what may happen to a camera: cheap enough for minutes of frames."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 320, 180
_MARGIN_PX = 40
_PEDESTAL = np.uint8(8)


class Scene:
    """Furniture of many colours before a fixed camera with a noisy sensor; the same seed is the same hall."""

    def __init__(self, seed: int = 1, noise: float = 1.5) -> None:
        self._rng = np.random.default_rng(seed)
        # A larger field of noise, cut somewhere for each picture: drawing it anew would take most of a test.
        field = self._rng.standard_normal((HEIGHT_PX + 64, WIDTH_PX + 64, 3), np.float32) * noise + _PEDESTAL
        self._noise: Image = field.round().clip(0, 16).astype(np.uint8)
        size = HEIGHT_PX + 2 * _MARGIN_PX, WIDTH_PX + 2 * _MARGIN_PX
        hall = np.full((*size, 3), 150, np.uint8)
        for _ in range(90):
            x, y = self._rng.integers(0, size[1]), self._rng.integers(0, size[0])
            width, height = self._rng.integers(8, 60, 2)
            colour = self._rng.integers(40, 230, 3).tolist()
            cv2.rectangle(hall, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
        self._hall: Image = np.asarray(cv2.GaussianBlur(hall, (0, 0), 0.8), np.uint8)
        self._sent: Image | None = None

    def look(self, change: Callable[[Image], Image] | None = None, shift_px: tuple[int, int] = (0, 0)) -> Image:
        """A picture of its own: the hall, shifted by some pixels, with something changed in it, and noise."""
        left, top = _MARGIN_PX - shift_px[0], _MARGIN_PX - shift_px[1]
        clear = self._hall[top : top + HEIGHT_PX, left : left + WIDTH_PX].copy()
        changed = clear if change is None else change(clear)
        self._sent = self._grain(changed)
        return self._sent

    def frozen(self) -> Image:
        """The last picture again, with a few blocks a grey level beside it."""
        assert self._sent is not None
        again = self._sent.copy()
        for _ in range(5):
            x, y = self._rng.integers(0, WIDTH_PX - 16), self._rng.integers(0, HEIGHT_PX - 16)
            block = again[y : y + 16, x : x + 16]
            block[:] = (block + self._rng.integers(-1, 2, block.shape, np.int16)).clip(0, 255)
        return again

    def dark(self) -> Image:
        """No light: the black level of the sensor."""
        return self._grain(np.full((HEIGHT_PX, WIDTH_PX, 3), 9, np.uint8))

    def covered(self) -> Image:
        """A hand before the lens."""
        ramp = np.linspace(70, 95, WIDTH_PX).astype(np.uint8)
        return self._grain(np.repeat(np.tile(ramp, (HEIGHT_PX, 1))[:, :, None], 3, axis=2))

    def _grain(self, clear: Image) -> Image:
        left, top = self._rng.integers(0, 64, 2).tolist()
        grain = self._noise[top : top + HEIGHT_PX, left : left + WIDTH_PX]
        return np.asarray(cv2.add(np.maximum(clear, _PEDESTAL) - _PEDESTAL, grain), np.uint8)
