"""Finding people in the frames of all cameras of a box: one batch of the pictures and crops that need a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from edge._stages import Detects
from edge.gate import MotionGate
from edge.media import Image
from edge.zoom import CloserLook, DeskZoom
from hall.clock import Instant
from vision.picture import Look
from vision.types import Detections, Frame


@dataclass(frozen=True, slots=True)
class Seen:
    """What a frame shows: `found` is None where its picture is not believed; `coarse` as in `CloserLook`."""

    frame: Frame
    look: Look
    found: Detections | None
    coarse: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Part:
    """What is to be done with a frame: nothing, take what was found before, or look."""

    frame: Frame
    look: Look
    held: Detections | None = None
    closer: CloserLook = field(default_factory=CloserLook)

    @property
    def is_looked_at(self) -> bool:
        return self.look.shows and self.held is None


Submit = Callable[[Callable[[Sequence[Image]], list[Detections]], list[Image]], Future[list[Detections]]]
"""Starts the call of a detector elsewhere, as `concurrent.futures.Executor.submit` does."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Frames that are being looked at: `found` waits for what the first `count` images and the crops show."""

    parts: list[_Part]
    count: int
    found: Callable[[], list[Detections]]

    @property
    def frames(self) -> list[Frame]:
        """Which frames."""
        return [part.frame for part in self.parts]


class Looks:
    """Motion gates and crops of the cameras of a box, around the one detector they share.

    Attributes:
        zooms: the crops of each camera.
        gates: the motion gate of each camera.
    """

    def __init__(
        self,
        detector: Detects,
        zooms: Mapping[str, DeskZoom],
        gates: Mapping[str, MotionGate],
    ) -> None:
        self._detector, self.zooms, self.gates = detector, zooms, gates

    def begin(
        self,
        frames: Sequence[Frame],
        believe: Callable[[Frame], Look],
        is_settled: Callable[[str, Instant], bool],
        submit: Submit | None = None,
    ) -> Looking:
        """Have frames looked at, with one call of the detector for all of them.

        Args:
            frames: in order of capture time; of no camera that is being looked at already.
            believe: what may be believed of a frame; asked once for each, in order.
            is_settled: whether what a camera saw last agrees with what is believed of its areas.
            submit: starts that call elsewhere; it is made here where left out.
        """
        parts = list(self._parts(frames, believe, is_settled))
        images = [part.frame.image for part in parts if part.is_looked_at]
        wanted = [*images, *(c for p in parts for c in p.closer.images)] if images else []
        if submit is not None and wanted:
            return Looking(parts, len(images), submit(self._detector.detect, wanted).result)
        found = self._detector.detect(wanted) if wanted else []
        return Looking(parts, len(images), lambda: found)

    def end(self, looking: Looking) -> list[Seen]:
        """What frames show; waits until they were looked at."""
        found = iter(looking.found())
        whole = iter([next(found) for _ in range(looking.count)])
        seen = []
        for part in looking.parts:
            people = part.held
            if part.is_looked_at:
                camera = part.frame.camera_id
                people = self.zooms[camera].merged(next(whole), [next(found) for _ in part.closer.images])
                self.gates[camera].looked(part.frame, people, whole=not part.closer.coarse)
            seen.append(Seen(part.frame, part.look, people, part.closer.coarse))
        return seen

    def _parts(
        self, frames: Sequence[Frame], believe: Callable[[Frame], Look], is_settled: Callable[[str, Instant], bool]
    ) -> Iterator[_Part]:
        asked: set[str] = set()
        for frame in frames:
            camera, look = frame.camera_id, believe(frame)
            if not look.shows:
                yield _Part(frame, look)
                continue
            # Of several frames of one camera nobody knows yet what the first will show.
            settled = camera not in asked and is_settled(camera, frame.captured_at)
            asked.add(camera)
            held = self.gates[camera].holds(frame, settled=settled)
            if held is None:
                yield _Part(frame, look, closer=self.zooms[camera].look(frame))
            else:
                self.zooms[camera].let_pass(frame)
                yield _Part(frame, look, held)
