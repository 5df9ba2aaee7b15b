"""The crops of one camera: when they are due, what is cut, and how they become one with the whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.media import Image, Size
from hall.clock import Instant
from hall.layout import Camera, Floor
from models.zoo import ModelEntry
from vision.areas import Area
from vision.calibration import Calibration
from vision.merge import from_crop, merge
from vision.types import Detections, Frame
from vision.zoom import ZoomPlan, looks_of, plan_zoom

_MAIN_PX = (1920, 1080)


@dataclass(frozen=True, slots=True)
class CloserLook:
    """What of a frame is to be looked at besides the whole.

    Attributes:
        images: crops, views of the frame's image.
        coarse: areas that have a crop, but not in this frame: that nobody is seen there says nothing.
    """

    images: tuple[Image, ...] = ()
    coarse: frozenset[str] = frozenset()


class DeskZoom:
    """Crops of the areas of one camera in which people are small for the model.

    Crops are made `desk_fps` times a second at most, whole pictures are looked at with every frame. `fit` may be
    asked by any thread.

    Args:
        camera: with its settings `desk_zoom` and `desk_fps`.
        floor: its areas.
        calibration: of the camera, if it has one.
        model: the detector's entry in the manifest; without one there are no crops.

    Attributes:
        inferences: pictures and crops looked at so far.
    """

    def __init__(self, camera: Camera, floor: Floor, calibration: Calibration | None, model: ModelEntry | None) -> None:
        self._camera, self._calibration, self._model = camera, calibration, model
        self._analyse_fps, self._desk_fps = camera.analyse_fps, camera.desk_fps
        self._looks = looks_of(floor, camera.id)
        self._areas = {look.name: Area(look.polygon) for look in self._looks}
        self._plans: dict[Size, ZoomPlan] = {}
        self._plan = ZoomPlan()
        self._due_at: Instant | None = None
        self._last_at = float("-inf")
        self.inferences = 0

    @property
    def plan(self) -> ZoomPlan:
        """What holds for the last picture."""
        return self._plan

    @property
    def wants_crops(self) -> bool:
        """Whether crops would be made of a main stream in the usual shape."""
        return bool(self._plan_for(_MAIN_PX).crops)

    def fit(self, size_px: Size, input_size: Size) -> Size:
        """Into what size pictures of a source may be shrunk, for a model of an input size."""
        return self._plan_for(size_px).fit(input_size)

    def fits(self, input_size: Size) -> dict[Size, Size]:
        """The same for every size that was seen or asked about."""
        return {size_px: self.fit(size_px, input_size) for size_px in list(self._plans)}

    def pace(self, analyse_fps: float, desk_fps: float) -> None:
        """From now on frames come so many times a second, and crops are wanted so often."""
        self._analyse_fps, self._desk_fps = analyse_fps, desk_fps

    def look(self, frame: Frame) -> CloserLook:
        """What of a frame is to be looked at closer; a frame older than the last one gets nothing."""
        self.inferences += 1
        self._plan = plan = self._plan_for(frame.size_px)
        if not plan.crops:
            return CloserLook()
        if not self._due(frame.captured_at):
            return CloserLook(coarse=plan.zoomed)
        self.inferences += len(plan.crops)
        boxes = (crop.pixels(frame.size_px) for crop in plan.crops)
        return CloserLook(tuple(frame.image[top:bottom, left:right] for left, top, right, bottom in boxes))

    def let_pass(self, frame: Frame) -> None:
        """A frame needs no look: crops are due when they would have been."""
        self._due(frame.captured_at)

    def merged(self, whole: Detections, found: Sequence[Detections]) -> Detections:
        """The detections of a picture and of its crops, in the order of `look`, as one."""
        if not found or self._model is None:
            return whole
        size_px = whole.size_px
        closer = [
            from_crop(seen, crop.pixels(size_px), size_px, [self._areas[name] for name in crop.areas])
            for crop, seen in zip(self._plan_for(size_px).crops, found, strict=True)
        ]
        return merge(whole, closer, self._model.score)

    def _plan_for(self, size_px: Size) -> ZoomPlan:
        if size_px not in self._plans:
            # A stream may not know its size yet.
            shape = size_px if min(size_px) > 0 else (16, 9)
            self._plans[size_px] = (
                ZoomPlan()
                if self._model is None
                else plan_zoom(self._looks, self._calibration, shape, self._model, self._camera.desk_zoom)
            )
        return self._plans[size_px]

    def _due(self, at: Instant) -> bool:
        """Whether crops are due: on a schedule that does not drift, with the frame that is nearest."""
        if at <= self._last_at:
            return False
        self._last_at = at
        every_s = 1 / self._desk_fps
        if self._due_at is not None and at < self._due_at - 0.5 / self._analyse_fps - 1e-6:
            return False
        late = self._due_at is None or at >= self._due_at + every_s
        self._due_at = (at if late or self._due_at is None else self._due_at) + every_s
        return True
