"""The service of one box: cameras -> inbox -> pipeline -> outbox -> publisher, and its health."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from edge.inbox import FrameInbox
from edge.live import CameraStats, LiveCamera, LiveSettings, LoopClock
from edge.outbox import QUOTA_BYTES, Outbox
from edge.pipeline import Emitted, Pipeline
from edge.publisher import Publisher
from edge.replay import numbered
from hall.broker import BrokerSettings
from hall.clock import Clock, Instant, SystemClock
from hall.layout import Hall
from hall.messages import CameraHealth, CropHealth, HealthBody, Message
from hall.topics import Address
from vision.detector import Detector
from vision.tracker import TrackerSettings
from vision.types import Detections, Frame
from vision.zoom import Crop

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 10.0
TICK_EVERY_S = 1.0
SAVE_EVERY_S = 2.0
"""The rule state is saved with every message and at least so often: after a crash no more than this is unknown."""

BATCH = 8


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


class EdgeService:
    """Runs the cameras of one node until it is told to stop.

    Args:
        hall: the layout.
        node: which box this is.
        detector: finds people, for all cameras.
        broker: where messages go; it may be away.
        data_dir: holds outbox and rule state.
        clock: wall clock.
        loop: plays recordings over and over as live cameras, in step; None plays them once.
        live: patience with cameras.
        quota_bytes: of the outbox.

    Raises:
        InputError: the hall file has no such node.
        RecordsError: the outbox cannot be opened.
    """

    def __init__(
        self,
        hall: Hall,
        node: str,
        detector: Detector,
        broker: BrokerSettings,
        data_dir: Path,
        *,
        clock: Clock | None = None,
        loop: LoopClock | None = None,
        live: LiveSettings | None = None,
        quota_bytes: int = QUOTA_BYTES,
    ) -> None:
        self._clock = clock or SystemClock()
        self._detector, self._timed = detector, TimedDetector(detector)
        self._outbox = Outbox(data_dir / "outbox.db", quota_bytes=quota_bytes)
        self._pipeline = self._restored(hall, node)
        self._address = Address(hall.hall.id, self._pipeline.floor.id, node)
        self._boot = uuid.uuid4().hex
        self._seq = 0
        self._publisher = Publisher(self._outbox, self._address, self._boot, version("hallwatch"), broker, self._clock)
        self._inbox = FrameInbox()
        self._cameras = [
            LiveCamera(
                camera.id,
                camera.source.get_secret_value(),
                self._inbox,
                analyse_fps=camera.analyse_fps,
                clock=self._clock,
                fit=partial(self._pipeline.zooms[camera.id].fit, input_size=detector.input_size),
                loop=loop,
                settings=live,
            )
            for camera in self._pipeline.cameras
        ]
        self._inferred_at: dict[str, Instant] = {}
        self._inferences = dict.fromkeys(self._pipeline.zooms, 0)
        self._health_at = self._tick_at = self._saved_at = float("-inf")
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def _restored(self, hall: Hall, node: str) -> Pipeline:
        """The pipeline with its saved state; one that another version wrote is left behind, and said."""
        saved = self._outbox.load_state()
        build = partial(
            Pipeline,
            hall,
            node,
            self._timed,
            tracker=TrackerSettings.for_model(self._detector.score),
            model=self._detector.entry,
        )
        try:
            return build(saved)
        except msgspec.MsgspecError as exc:
            log.warning("saved rule state cannot be read (%s): starting without it", exc)
            return build()

    @property
    def ended(self) -> bool:
        """Whether every camera was a recording and is over."""
        return bool(self._cameras) and all(camera.stats().state == "ended" for camera in self._cameras)

    def stop(self) -> None:
        """Ask `run` to come to an end; safe in a signal handler."""
        self._stopping.set()

    def fail(self, args: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`: a box of which a part has died must not look alive; `run` ends with its error."""
        self._failure = args.exc_value
        self.stop()

    def run(self) -> int:
        """Work until `stop`, or until every recording is over; returns how many messages are still to be sent.

        Raises:
            BaseException: what ended a thread of ours, given to `fail`.
        """
        self._publisher.start()
        for camera in self._cameras:
            camera.start()
        try:
            while not self._stopping.is_set() and not (self.ended and len(self._inbox) == 0):
                self._turn(self._inbox.take(BATCH, timeout_s=0.25))
        finally:
            for camera in self._cameras:
                camera.stop()
            self._commit([])
            left = self._publisher.stop()
            self._outbox.close()
        if self._failure is not None:
            raise self._failure
        return left

    def _turn(self, frames: list[Frame]) -> None:
        emitted = self._pipeline.process(frames)
        for frame in frames:
            if self._pipeline.fault(frame.camera_id) is None:
                self._inferred_at[frame.camera_id] = self._clock.now()
        now = self._clock.now()
        if _due(self._tick_at, TICK_EVERY_S, now):
            self._tick_at = now
            self._tell_connections(now)
            emitted += self._pipeline.tick(now)
        if _due(self._health_at, HEALTH_EVERY_S, now):
            emitted.append(Emitted(now, self._health(now)))
            self._health_at = now
        if emitted or _due(self._saved_at, SAVE_EVERY_S, now):
            self._saved_at = now
            self._commit(emitted)

    def _tell_connections(self, now: Instant) -> None:
        for stats in (camera.stats() for camera in self._cameras):
            self._pipeline.watches[stats.camera_id].connected(
                now, stats.state, arrived_at=stats.last_frame_at, stalled=stats.stalled, error=stats.error
            )

    def _commit(self, emitted: list[Emitted]) -> None:
        messages: list[Message] = numbered(self._address, self._boot, self._seq, emitted)
        self._seq += len(messages)
        self._outbox.commit(messages, self._pipeline.save())
        if messages:
            self._publisher.notify()

    def _health(self, now: Instant) -> HealthBody:
        return HealthBody(
            cameras=[self._camera_health(camera.stats(), now) for camera in self._cameras],
            outbox_depth=self._outbox.depth,
            outbox_bytes=self._outbox.size_bytes,
            thinned=self._outbox.thinned,
            rss_mb=round(_rss_bytes() / 1e6, 1),
            model=self._detector.name,
            provider=self._detector.provider,
        )

    def _camera_health(self, stats: CameraStats, now: Instant) -> CameraHealth:
        inferred_at = self._inferred_at.get(stats.camera_id)
        zoom, counted = self._pipeline.zooms[stats.camera_id], self._inferences[stats.camera_id]
        self._inferences[stats.camera_id] = zoom.inferences
        # The first message comes before the first interval is over; a clock that was set back makes one of no length.
        interval_s = now - self._health_at
        inference_fps = (zoom.inferences - counted) / interval_s if interval_s > 0 else 0.0
        return CameraHealth(
            camera=stats.camera_id,
            state=stats.state,
            fps=round(stats.fps, 2),
            decode_ms=round(stats.decode_ms, 2),
            inference_ms=round(self._timed.mean_ms, 2),
            since_inference_s=None if inferred_at is None else round(max(0.0, now - inferred_at), 2),
            skipped_share=0.0,
            drops=stats.drops,
            reconnects=stats.reconnects,
            error=stats.error,
            fault=self._pipeline.fault(stats.camera_id),
            inference_fps=round(inference_fps, 2),
            zoom=[_crop_health(crop) for crop in zoom.plan.crops],
        )


def _crop_health(crop: Crop) -> CropHealth:
    left, top, right, bottom = (round(value, 3) for value in crop.box)
    return CropHealth(list(crop.areas), left, top, right, bottom)


def _due(last: Instant, every_s: float, now: Instant) -> bool:
    """Whether something is due again; a clock that was set back must not put it off."""
    return now - last >= every_s or now < last


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
