"""The service of one box: cameras -> inbox -> pipeline -> outbox -> publisher, and its health."""

from __future__ import annotations

import logging
import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue

import msgspec

from edge._health import HealthTeller, TimedDetector
from edge._replies import Request
from edge.config import ConfigRequest, HallConfig, check_change, reply_to
from edge.duty import DutyRequest, duty_reply, obey
from edge.evidence import EvidenceStore, EvidenceTaker, evidence_key
from edge.inbox import FrameInbox
from edge.live import CameraStats, LiveCamera, LiveSettings, LoopClock
from edge.load import LoadControl, least_factor, missed_share, rates
from edge.looks import Looking
from edge.media import Size
from edge.memory import give_back
from edge.outbox import QUOTA_BYTES, Outbox
from edge.overload import BoxLoad
from edge.pipeline import Emitted, Pipeline
from edge.publisher import Publisher
from edge.replay import numbered
from edge.saved import latest, load_saved
from edge.showing import Showing
from edge.steady import SMALL_STEP_S, SteadyClock, due
from edge.streams import choose_stream
from hall.broker import BrokerSettings
from hall.clock import Clock, Instant, SystemClock, to_iso
from hall.duty import DutyTable
from hall.errors import HallwatchError
from hall.labels import LabelTable
from hall.layout import Camera, Hall
from hall.messages import Message
from hall.topics import Address
from vision.detector import Detector
from vision.tracker import TrackerSettings
from vision.types import Frame

log = logging.getLogger(__name__)

HEALTH_EVERY_S = 10.0
TICK_EVERY_S = 1.0
SAVE_EVERY_S = 2.0
"""The rule state is saved with every message and at least so often: after a crash no more than this is unknown."""

_GIVE_BACK_EVERY_S = 60.0

BATCH = 8
_OPENS_S = 10.0
"""After its start a box opens all of its cameras at once: how it keeps up shows later."""
_SWITCH_S = 0.0005
"""Threads take turns in Python so often, ten times as often as by default: an inference whose result is there must not
wait while another thread judges frames."""
_GOLDEN = (5**0.5 - 1) / 2
"""Multiples of this, less their whole part, are spread evenly however many they are."""


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
        config: where `hall` comes from; with it, the hall file may change by message and by `reload`.

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
        config: HallConfig | None = None,
    ) -> None:
        self._clock = SteadyClock(clock or SystemClock())
        self._config, self._requests = config, SimpleQueue[ConfigRequest | DutyRequest | LabelTable | None]()
        self._loop, self._live = loop, live
        self._detector, self._timed = detector, TimedDetector(detector)
        self._outbox = Outbox(data_dir / "outbox.db", quota_bytes=quota_bytes)
        self._owed: list[Emitted] = []
        self._pipeline = self._restored(hall, node)
        self._address = Address(hall.hall.id, self._pipeline.floor.id, node)
        self._boot = uuid.uuid4().hex
        self._seq = 0
        self._publisher = Publisher(
            self._outbox,
            self._address,
            self._boot,
            version("hallwatch"),
            broker,
            self._clock,
            on_request=None if config is None else self._requests.put,
            on_duty=self._requests.put,
            on_labels=self._requests.put,
            on_picture=self._asked_for_picture,
        )
        self._inbox = FrameInbox()
        self._looker = ThreadPoolExecutor(1, "looks")
        self._begun: Looking | None = None
        self._opened = 0
        self._started_at = self._clock.monotonic()
        self._cameras = [self._live_camera(camera) for camera in self._pipeline.cameras]
        self._load = LoadControl(least_factor(self._pipeline.cameras))
        self._health = HealthTeller(detector, self._timed, self._outbox, self._load)
        self._health.goes_on(self._pipeline)
        store = EvidenceStore(data_dir / "evidence", hall.evidence)
        key = evidence_key(data_dir, os.environ)
        self._evidence = EvidenceTaker(store, key, self._address, detector.detect, detector.score)
        answer = self._publisher.reply
        self._showing = Showing(store, key, detector, cameras=self._stats, answer=answer, clock=self._clock)
        self._health_at = self._tick_at = self._saved_at = self._gave_back_at = float("-inf")
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def _asked_for_picture(self, request: Request) -> None:
        self._showing.ask(request)

    def _restored(self, hall: Hall, node: str) -> Pipeline:
        """The pipeline with its saved state; one that another version wrote is left behind, and said."""
        saved = self._outbox.load_state()
        build = partial(self._build, hall, node)
        try:
            at = latest(load_saved(saved))
            if at is not None and at > self._clock.now() + SMALL_STEP_S:
                log.warning("saved rule state is from the future (%s): starting without it", to_iso(at))
                before = build(saved)
                self._owed = before.abandon(self._clock.now())
                return build(duty=before.duty)
            return build(saved)
        except msgspec.MsgspecError as exc:
            log.warning("saved rule state cannot be read (%s): starting without it", exc)
            return build()

    def _build(self, hall: Hall, node: str, saved: bytes | None = None, duty: DutyTable | None = None) -> Pipeline:
        tracker = TrackerSettings.for_model(self._detector.score)
        pipeline = Pipeline(hall, node, self._timed, saved, tracker=tracker, model=self._detector.entry)
        if duty is not None:
            pipeline.obey(duty)
        return pipeline

    def _begin_anew(self, now: Instant) -> None:
        """The clock was set back: nothing that is known has a time any more."""
        log.warning("the clock was set back to %s: what was open is ended, and the rules begin anew", to_iso(now))
        self._owed += self._pipeline.abandon(now)
        before = self._pipeline
        self._pipeline = self._build(before.hall, before.node, duty=before.duty)
        self._health.goes_on(self._pipeline)
        self._pace()

    def _live_camera(self, camera: Camera) -> LiveCamera:
        streams = choose_stream(camera, self._pipeline.zooms[camera.id])
        self._opened += 1
        log.info("camera %s: %s", camera.id, streams.chosen.reason)
        return LiveCamera(
            camera.id,
            streams.chosen.source.get_secret_value(),
            self._inbox,
            other=None if streams.other is None else streams.other.source.get_secret_value(),
            analyse_fps=camera.analyse_fps,
            clock=self._clock,
            fit=partial(self._fit, camera.id),
            loop=self._loop,
            settings=self._live,
            phase=_GOLDEN * self._opened % 1,
        )

    def _fit(self, camera_id: str, size_px: Size) -> Size:
        zoom = self._pipeline.zooms.get(camera_id)
        return size_px if zoom is None else zoom.fit(size_px, self._detector.input_size)

    @property
    def ended(self) -> bool:
        """Whether every camera was a recording and is over."""
        return bool(self._cameras) and all(camera.stats().state == "ended" for camera in self._cameras)

    def stop(self) -> None:
        """Ask `run` to come to an end; safe in a signal handler."""
        self._stopping.set()

    def reload(self) -> None:
        """Ask for the hall file to be read again; safe in a signal handler."""
        self._requests.put(None)

    def fail(self, args: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`: a box of which a part has died must not look alive; `run` ends with its error."""
        self._failure = args.exc_value
        self.stop()

    def run(self) -> int:
        """Work until `stop`, or until every recording is over; returns how many messages are still to be sent.

        Raises:
            BaseException: what ended a thread of ours, given to `fail`.
        """
        sys.setswitchinterval(_SWITCH_S)
        self._started_at = self._clock.monotonic()
        self._publisher.start()
        for camera in self._cameras:
            camera.start()
        last: list[Emitted] = []
        try:
            while not self._stopping.is_set() and not (self.ended and len(self._inbox) == 0):
                begun = [] if self._begun is None else [frame.camera_id for frame in self._begun.frames]
                self._turn(self._inbox.take(BATCH, 0.0 if begun else 0.25, begun))
            self._settle()
            last = self._evidence.taken(self._owed, self._pipeline.floor)
            if self.ended:
                last += self._pipeline.finish(self._pipeline.at or self._clock.now())
        finally:
            self._looker.shutdown()
            for camera in self._cameras:
                camera.stop()
            self._evidence.close()
            self._showing.close()
            self._commit([*last, *self._evidence.clips()])
            left = self._publisher.stop()
            self._outbox.close()
        if self._failure is not None:
            raise self._failure
        return left

    def _turn(self, frames: list[Frame]) -> None:
        if not self._requests.empty():
            self._settle()
            self._answer(self._requests.get())
            frames = [frame for frame in frames if frame.camera_id in self._pipeline.zooms]
        began, now = self._clock.monotonic(), self._clock.now()
        if self._pipeline.at is not None and now < self._pipeline.at - SMALL_STEP_S:
            self._settle()
            self._begin_anew(now)
        # From before the clock was set back.
        frames = [frame for frame in frames if frame.captured_at <= now + SMALL_STEP_S]
        frames, told = self._look(frames)
        emitted, self._owed = [*self._owed, *told], []
        for frame in frames:
            self._showing.see(frame, expected := self._pipeline.locators[frame.camera_id].expected)
            if self._pipeline.fault(frame.camera_id) is None:
                self._evidence.see(frame, expected)
        self._rest({frame.camera_id for frame in frames})
        now = self._clock.now()
        self._load.worked(self._clock.monotonic() - began, [now - frame.captured_at for frame in frames])
        if due(self._tick_at, TICK_EVERY_S, now):
            self._tick_at = now
            self._tell_connections(now)
            self._keep_up()
            emitted += self._pipeline.tick(now)
        if due(self._health_at, HEALTH_EVERY_S, now):
            config = None if self._config is None else self._config.health
            emitted.append(Emitted(now, self._health.tell(now, self._pipeline, self._stats(), config)))
            self._health_at = now
        if due(self._gave_back_at, _GIVE_BACK_EVERY_S, now):
            self._gave_back_at = now
            give_back()
        self._evidence.tick(now)
        emitted = [*self._evidence.taken(emitted, self._pipeline.floor), *self._evidence.clips()]
        if emitted or due(self._saved_at, SAVE_EVERY_S, now):
            self._saved_at = now
            self._commit(emitted)

    def _look(self, frames: list[Frame]) -> tuple[list[Frame], list[Emitted]]:
        """Have frames looked at, and judge those before meanwhile; which these are, and what there is to tell."""
        before, self._begun = self._begun, self._pipeline.begin(frames, self._looker.submit) if frames else None
        return ([], []) if before is None else (before.frames, self._pipeline.take(before))

    def _settle(self) -> None:
        """Nothing is being looked at any more; what came of it is owed."""
        self._owed += self._look([])[1]

    def _rest(self, seen: set[str]) -> None:
        """Where nothing moves, key frames are enough from now on; else all that are due, from the next picture on."""
        for camera in self._cameras:
            if (name := camera.camera_id) in seen:
                camera.rest(self._pipeline.gates[name].rests and self._pipeline.fault(name) is None)

    def _stats(self) -> list[CameraStats]:
        return [camera.stats() for camera in self._cameras]

    def _tell_connections(self, now: Instant) -> None:
        for stats in self._stats():
            self._pipeline.watches[stats.camera_id].connected(
                now, stats.state, arrived_at=stats.last_frame_at, stalled=stats.stalled, error=stats.error
            )

    def _keep_up(self) -> None:
        """Lower the rates of all cameras while the box cannot keep up, and raise them again."""
        drops = sum(self._inbox.drops(camera.camera_id) for camera in self._cameras)
        now = self._clock.monotonic()
        if now - self._started_at < _OPENS_S:
            self._load.begin(now, drops)
        elif self._load.judge(now, drops):
            log.warning("the box looks at %.0f %% of the frames that it should", 100 * self._load.factor)
            self._pace()
        missed = round(100 * missed_share(self._pipeline.cameras, self._load))
        detail = {"missed_percent": missed, "load_percent": round(100 * self._load.load)}
        self._pipeline.overload.told(BoxLoad(overloaded=self._load.overloaded, lost=self._load.lost, detail=detail))

    def _pace(self) -> None:
        for settings, camera in zip(self._pipeline.cameras, self._cameras, strict=True):
            analyse_fps, desk_fps = rates(settings, self._load.factor)
            camera.pace(analyse_fps)
            self._pipeline.zooms[settings.id].pace(analyse_fps, desk_fps)

    def _answer(self, request: ConfigRequest | DutyRequest | LabelTable | None) -> None:
        if isinstance(request, LabelTable):
            self._evidence.label(request)
            return
        if not isinstance(request, DutyRequest):
            self._change(request)
            return
        error = obey(self._pipeline, request)
        if error is not None:
            log.warning("duty commands not taken: %s", error)
        if not request.retained:
            self._publisher.reply(duty_reply(request, error))

    def _change(self, request: ConfigRequest | None) -> None:
        """Take another hall file, or refuse it whole and go on with the one that is in force."""
        if self._config is None:
            return
        changed: list[str] = []
        error: HallwatchError | None = None
        try:
            proposal = self._config.read(request)
            if proposal.sha256 != self._config.sha256 or request is None:
                check_change(self._config.hall, proposal.hall, self._address)
                pipeline = self._pipeline.changed(proposal.hall)
                self._config.accept(proposal)
                changed = self._exchange(pipeline)
        except HallwatchError as exc:
            error = exc
            self._config.refuse(exc)
        self._health_at = float("-inf")
        if request is not None:
            self._publisher.reply(reply_to(request, error, self._config.sha256, changed))

    def _exchange(self, pipeline: Pipeline) -> list[str]:
        """Go on with another pipeline; cameras that did not change stay open. Returns those that did."""
        before = {camera.id: camera for camera in self._pipeline.cameras}
        fits = {name: zoom.fits(self._detector.input_size) for name, zoom in self._pipeline.zooms.items()}
        streams = {name: choose_stream(camera, self._pipeline.zooms[name]).sources for name, camera in before.items()}
        open_now = {camera.camera_id: camera for camera in self._cameras}
        self._pipeline, self._evidence.store.settings = pipeline, pipeline.hall.evidence
        cameras, changed = [], [name for name in before if name not in pipeline.zooms]
        for camera in pipeline.cameras:
            known = before.get(camera.id)
            zoom = pipeline.zooms[camera.id]
            same = known is not None and (streams[camera.id], known.analyse_fps) == (
                choose_stream(camera, zoom).sources,
                camera.analyse_fps,
            )
            if same and all(zoom.fit(size, self._detector.input_size) == fit for size, fit in fits[camera.id].items()):
                cameras.append(open_now[camera.id])
                continue
            changed.append(camera.id)
            cameras.append(self._live_camera(camera))
        for name in changed:
            if name in open_now:
                open_now[name].stop(timeout_s=0)
            self._inbox.forget(name)
            self._evidence.forget(name)
            self._showing.forget(name)
        self._health.goes_on(pipeline)
        kept, self._cameras = set(map(id, self._cameras)), cameras
        self._load.least = least_factor(pipeline.cameras)
        self._pace()
        for live in cameras:
            if id(live) not in kept:
                live.start()
        return changed

    def _commit(self, emitted: list[Emitted]) -> None:
        messages: list[Message] = numbered(self._address, self._boot, self._seq, emitted)
        self._seq += len(messages)
        self._outbox.commit(messages, self._pipeline.save())
        if messages:
            self._publisher.notify()
