"""What a box says of itself every few seconds."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.live import CameraStats
from edge.load import LoadControl, missed_share, rates
from edge.outbox import Outbox
from edge.pipeline import Pipeline
from edge.streams import choose_stream
from hall.clock import Instant
from hall.layout import Camera
from hall.messages import CameraHealth, ConfigHealth, CropHealth, HealthBody
from vision.detector import Detector
from vision.types import Detections
from vision.zoom import Crop


class TimedDetector:
    """A detector that remembers how long it took."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._ms: deque[float] = deque(maxlen=100)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """People of each image."""
        started = time.perf_counter()
        found = self._detector.detect(images)
        self._ms.append((time.perf_counter() - started) * 1000 / max(len(images), 1))
        return found

    @property
    def mean_ms(self) -> float:
        """Mean of the last hundred calls, per image."""
        return sum(self._ms) / len(self._ms) if self._ms else 0.0


class HealthTeller:
    """Counts between two health messages.

    Args:
        detector: names model and provider.
        timed: the same one, with its times.
        outbox: what waits.
        load: whether the box keeps up.
    """

    def __init__(self, detector: Detector, timed: TimedDetector, outbox: Outbox, load: LoadControl) -> None:
        self._detector, self._timed, self._outbox, self._load = detector, timed, outbox, load
        self._told_at = float("-inf")
        self._gates: dict[str, tuple[int, int]] = {}
        self._inferences: dict[str, int] = {}

    def goes_on(self, pipeline: Pipeline) -> None:
        """Another pipeline counts from now on; parts that it took over count on from where they are."""
        self._gates = {name: (gate.frames, gate.skipped) for name, gate in pipeline.gates.items()}
        self._inferences = {
            name: min(self._inferences.get(name, 0), z.inferences) for name, z in pipeline.zooms.items()
        }

    def tell(
        self, now: Instant, pipeline: Pipeline, cameras: Sequence[CameraStats], config: ConfigHealth | None
    ) -> HealthBody:
        """The health at a moment, over the time since the last one."""
        settings = {camera.id: camera for camera in pipeline.cameras}
        # The first message comes before the first interval is over; a clock that was set back makes one of no length.
        interval_s = max(0.0, now - self._told_at)
        self._told_at = now
        return HealthBody(
            cameras=[self._camera(now, interval_s, pipeline, settings[c.camera_id], c) for c in cameras],
            outbox_depth=self._outbox.depth,
            outbox_bytes=self._outbox.size_bytes,
            thinned=self._outbox.thinned,
            rss_mb=round(_rss_bytes() / 1e6, 1),
            model=self._detector.name,
            provider=self._detector.provider,
            config=config,
            load=round(self._load.load, 2),
            overloaded=self._load.overloaded,
            missed_share=round(missed_share(pipeline.cameras, self._load), 3),
        )

    def _camera(
        self, now: Instant, interval_s: float, pipeline: Pipeline, camera: Camera, stats: CameraStats
    ) -> CameraHealth:
        gate, zoom = pipeline.gates[camera.id], pipeline.zooms[camera.id]
        frames, skipped = self._gates[camera.id]
        inferences = zoom.inferences - self._inferences[camera.id]
        self._gates[camera.id], self._inferences[camera.id] = (gate.frames, gate.skipped), zoom.inferences
        stream = choose_stream(camera, zoom).reading(stats.because if stats.on_other else None)
        inferred_at = gate.inferred_at
        return CameraHealth(
            camera=camera.id,
            state=stats.state,
            fps=round(stats.fps, 2),
            decode_ms=round(stats.decode_ms, 2),
            inference_ms=round(self._timed.mean_ms, 2),
            since_inference_s=None if inferred_at is None else round(max(0.0, now - inferred_at), 2),
            skipped_share=round((gate.skipped - skipped) / max(1, gate.frames - frames), 3),
            drops=stats.drops,
            reconnects=stats.reconnects,
            error=stats.error,
            fault=pipeline.fault(camera.id),
            inference_fps=round(inferences / interval_s, 2) if interval_s > 0 else 0.0,
            zoom=[_crop_health(crop) for crop in zoom.plan.crops],
            analyse_fps=round(rates(camera, self._load.factor)[0], 2),
            stream=stream.name,
            stream_reason=stream.reason,
            fallback=stats.on_other,
            resting=stats.resting,
        )


def _crop_health(crop: Crop) -> CropHealth:
    left, top, right, bottom = (round(value, 3) for value in crop.box)
    return CropHealth(list(crop.areas), left, top, right, bottom)


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
