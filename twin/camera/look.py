"""What light, lens and sensor do to a picture: a lookup table baked into the assets, noise, compression."""

from __future__ import annotations

import zlib

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from twin.camera.assets import Image

PEDESTAL = 8
"""Baked pictures are darker by this much and noise runs from 0 to twice of it: one saturating addition does both."""

_MARGIN_PX = (64, 128)
"""The field of noise is larger than the picture by this much, rows and columns: that many places to cut from."""


class Look(msgspec.Struct, frozen=True):
    """Light and white balance of a hall.

    Attributes:
        brightness: factor on every channel.
        balance: factors of blue, green and red.
        gamma: 1 leaves the curve straight, above 1 darkens the middle.
    """

    brightness: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0

    def table(self) -> NDArray[np.uint8]:
        """(1, 256, 3) table from a stored value to a baked one."""
        values = np.linspace(0, 1, 256)[:, None] ** self.gamma * self.brightness * np.array(self.balance) * 255
        baked: NDArray[np.uint8] = (values.clip(PEDESTAL, 255) - PEDESTAL).round().astype(np.uint8)[None]
        return baked

    def bake(self, image: Image) -> Image:
        """BGR pictures through the table; of BGRA the colours, premultiplied by alpha then."""
        if image.shape[2] == 3:
            return np.asarray(cv2.LUT(image, self.table()), np.uint8)
        colour = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), self.table())
        alpha = cv2.extractChannel(image, 3)
        shade = cv2.multiply(colour, cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR), scale=1 / 255)
        return np.asarray(cv2.merge([*cv2.split(shade), alpha]), np.uint8)


class Sensor:
    """The noise of one camera, and its compression. The same seed and frame give the same picture.

    Args:
        size_px: width and height.
        name: tells cameras with one seed apart.
        seed: of the noise.
        noise: standard deviation in grey levels; 0 turns it off. Cut off at the pedestal.
        jpeg_quality: 1 to 100 sends each picture through JPEG, as cheap cameras do; None leaves it.
    """

    def __init__(
        self, size_px: tuple[int, int], *, name: str, seed: int, noise: float = 2.2, jpeg_quality: int | None = None
    ) -> None:
        self._size_px = size_px
        self._jpeg_quality = jpeg_quality
        self._key = [seed, zlib.crc32(name.encode())]
        shape = (size_px[1] + _MARGIN_PX[0], size_px[0] + _MARGIN_PX[1], 3)
        rng = np.random.default_rng(self._key)
        grain = rng.standard_normal(shape, dtype=np.float32) * noise + PEDESTAL
        self._field: NDArray[np.uint8] = grain.round().clip(0, 2 * PEDESTAL).astype(np.uint8)

    def expose(self, baked: Image, number: int) -> Image:
        """A picture of its own from a baked one: frame `number` of the camera."""
        top, left = np.random.default_rng([*self._key, number]).integers(0, _MARGIN_PX).tolist()
        width, height = self._size_px
        exposed = cv2.add(baked, self._field[top : top + height, left : left + width])
        if self._jpeg_quality is not None:
            _, packed = cv2.imencode(".jpg", exposed, [cv2.IMWRITE_JPEG_QUALITY, self._jpeg_quality])
            return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(exposed, np.uint8)
