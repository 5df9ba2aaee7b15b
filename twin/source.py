"""`sim://`: a camera of a rendered hall as a source of pictures.

`sim://lowdesk?camera=cam1&seed=1&speed=1&story=demo`: the hall, one of its cameras (the first one), the seed of
story and noise (1), how many seconds of the story pass in a second of the source (1), and the story (demo,
round, another that is registered, or the path of a scenario file).
`jpeg=30` sends each picture through JPEG of that quality, as cheap cameras do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

from hall.errors import Fault, InputError, SourceError
from hall.layout import mask_address
from twin._soft import SoftStory
from twin.actors import FaultyStory, Story
from twin.camera import Compositor, Rendered, clip_frame, load_scene
from twin.camera.assets import Image
from twin.camera.faults import FaultyLens
from twin.stories import make_story

FPS = 12
"""Pictures a second of the source."""
_SPEEDS = (0.1, 1000.0)


@dataclass(frozen=True, slots=True)
class SimAddress:
    """What a `sim://` address names."""

    hall: str
    camera: str
    seed: int = 1
    speed: float = 1.0
    story: str = "demo"
    jpeg: int | None = None

    @classmethod
    def parse(cls, text: str) -> SimAddress:
        """Take an address apart.

        Raises:
            SourceError: it names an unknown hall, camera, story or setting, or a value out of range.
        """
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        given = dict(pairs)
        if len(given) < len(pairs):
            raise _wrong(text, "a setting twice", "each setting once")
        if unknown := sorted(given.keys() - {"camera", "seed", "speed", "story", "jpeg"}):
            raise _wrong(text, f"setting {unknown[0]!r}", "camera, seed, speed, story or jpeg")
        if parts.path.strip("/"):
            raise _wrong(text, f"path {parts.path!r}", "sim://HALL?camera=CAMERA")
        hall = parts.netloc
        try:
            cameras = list(load_scene(hall).cameras)
        except InputError as exc:
            raise SourceError(f"{mask_address(text)}: {exc}") from exc
        camera = given.get("camera", cameras[0])
        if camera not in cameras:
            raise _wrong(text, f"camera {camera!r}", f"one of {', '.join(cameras)}")
        jpeg = _number(text, given, "jpeg", int, (1, 100)) if "jpeg" in given else None
        return cls(
            hall,
            camera,
            seed=int(_number(text, given, "seed", int, (0, 2**31 - 1))),
            speed=_number(text, given, "speed", float, _SPEEDS),
            story=given.get("story", "demo"),
            jpeg=None if jpeg is None else int(jpeg),
        )


def _number(
    text: str, given: dict[str, str], name: str, kind: Callable[[str], float], between: tuple[float, float]
) -> float:
    try:
        value = kind(given.get(name, "1"))
    except ValueError:
        value = float("nan")
    if not between[0] <= value <= between[1]:
        what = "a whole number" if kind is int else "a number"
        raise _wrong(text, f"{name} {given[name]!r}", f"{what} from {between[0]:g} to {between[1]:g}")
    return value


def _wrong(text: str, found: str, expected: str) -> SourceError:
    return SourceError(str(Fault(mask_address(text), found, expected)))


@dataclass(frozen=True, slots=True)
class SimPicture:
    """A picture that is not rendered yet.

    Attributes:
        time_s: seconds since the source's first picture.
        render: makes a BGR image that fits into a width and height, or of full size for None.
    """

    time_s: float
    render: Callable[[tuple[int, int] | None], Image]


class SimSource:
    """An open `sim://` source: it has a length, and can be read at any speed. Used by one thread.

    Attributes:
        size_px: width and height.
        fps: pictures a second.
        duration_s: length, seconds of the source.
        busy_s: seconds spent on rendering so far.
    """

    fps = float(FPS)

    def __init__(self, address: SimAddress, story: Story, cancelled: Callable[[], bool]) -> None:
        self._address, self._story, self._cancelled = address, SoftStory(story), cancelled
        self._compositor = Compositor(address.hall, address.camera, seed=address.seed, jpeg_quality=address.jpeg)
        self.size_px = self._compositor.view.size_px
        faults = story.faults if isinstance(story, FaultyStory) else ()
        self._lens = FaultyLens(faults, address.camera, size_px=self.size_px, seed=address.seed)
        self._frozen: dict[float, Image] = {}
        self.duration_s = story.duration_s / address.speed
        self.busy_s = 0.0

    def __iter__(self) -> Iterator[SimPicture]:
        """Every picture once, none while the camera stalls; a picture that nobody renders costs nothing."""
        for number in range(self.count):
            if self._cancelled():
                return
            if self._lens.shown(self._moment_s(number)):
                yield SimPicture(number / FPS, partial(self._image, number))

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return max(1, round(self.duration_s * FPS))

    def rendered(self, number: int) -> Rendered:
        """A picture in full size, with its truth: that of the hall, also where a fault hides it."""
        began = time.perf_counter()
        at_s = self._moment_s(number)
        since_s = self._lens.frozen_since_s(at_s)
        if since_s is None:
            rendered = self._compositor.render(self._story.at(at_s), number, self._lens.at(at_s))
        else:
            image = self._lens.resent(self._frozen_image(since_s), number)
            rendered = Rendered(image, self._compositor.draw(self._story.at(at_s)))
        self.busy_s += time.perf_counter() - began
        return rendered

    def truth(self, *, every: int = 1) -> dict[str, Any]:
        """What can be seen of whom in every n-th picture, as the truth of the clips says it; times of the source."""
        frames = []
        for number in range(0, self.count, every):
            people = self._compositor.draw(self._story.at(self._moment_s(number)))
            frames.append(clip_frame(number, number / FPS, people))
        return {"camera": self._address.camera, "fps": FPS / every, "size": list(self.size_px), "frames": frames}

    def close(self) -> None:
        """Nothing is held."""

    def _moment_s(self, number: int) -> float:
        """The moment of the story that a picture shows."""
        return number / FPS * self._address.speed

    def _frozen_image(self, since_s: float) -> Image:
        """The last picture before a moment, which a camera that froze then goes on sending."""
        if since_s not in self._frozen:
            last = max(0, math.ceil(since_s / self._address.speed * FPS) - 1)
            at_s = self._moment_s(last)
            self._frozen = {since_s: self._compositor.render(self._story.at(at_s), last, self._lens.at(at_s)).image}
        return self._frozen[since_s]

    def _image(self, number: int, fit: tuple[int, int] | None) -> Image:
        image = self.rendered(number).image
        began = time.perf_counter()
        image = fitted(image, fit)
        self.busy_s += time.perf_counter() - began
        return image


def fitted(image: Image, fit: tuple[int, int] | None) -> Image:
    """A picture shrunk into a width and height, as the box takes it; unchanged for None or where it fits."""
    height, width = image.shape[:2]
    scale = 1.0 if fit is None else min(1.0, fit[0] / width, fit[1] / height)
    if scale == 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _never() -> bool:
    return False


def open_sim(text: str, cancelled: Callable[[], bool] = _never) -> SimSource:
    """Open a `sim://` address; `cancelled` is asked between pictures, and once true iteration ends.

    Raises:
        SourceError: it names something that is not there; says what is.
    """
    address = SimAddress.parse(text)
    try:
        story = make_story(address.story, address.hall, address.seed)
    except InputError as exc:
        raise SourceError(f"{mask_address(text)}: {exc}") from exc
    return SimSource(address, story, cancelled)
