"""How many live cameras a box holds: the box itself, and decoding and inference alone, on the same streams.

Both run in a process of their own (`multiprocessing`), so that their processor time is theirs.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import av
import cv2
import msgspec
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from edge._decoder import is_coarse
from edge.capture import Sampler
from edge.live import LiveCamera
from edge.media import shrink_to
from edge.pipeline import Emitted
from edge.service import BATCH, EdgeService
from hall.broker import BrokerSettings
from hall.load import parse_hall
from models.zoo import resolve
from vision.detector import Detector
from vision.types import Frame

Camera = TypeVar("Camera", str, int)

WARM_S = 6.0
"""Time after the first pictures in which nothing is counted: rates are means of some seconds."""
OPEN_S = 20.0
"""Within so long every camera must show a picture."""
LEAST_RECEIVED = 0.97
LEAST_ANALYSED = 0.95
MOST_LAG_S = 1.0
"""What a box must keep up: of the pictures a stream has and of the frames that are due, so many, and results at p95
within a second of the picture."""
_POOLS = {"inference": "inference", "looks": "inference"}
_KINDS = ("main", "decode", "inference", "rest")


class DensityJob(msgspec.Struct, frozen=True):
    """What to measure.

    Attributes:
        hall: text of a hall file with one floor, whose cameras are the streams.
        stream_fps: pictures a second of each stream.
        analyse_fps: frames a second of each camera that are looked at.
        seconds: how long to count.
        model: name of a detector; `folders` are where its file is looked for.
        broker: port of an MQTT broker on loopback; nobody need listen there.
        warm_s: how long nothing is counted after every camera has shown a picture.
    """

    hall: str
    stream_fps: float
    analyse_fps: float
    seconds: float
    model: str
    folders: list[Path]
    provider: str = "auto"
    broker: int = 1
    warm_s: float = WARM_S


class Load(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        received, analysed: of the pictures and frames that were due, the share of the camera that got least.
        lag_p95_s: from the picture's arrival to the end of all that follows from it.
        cpu_s: processor seconds per second, of the whole process.
        stages: the same by stage: `decode` (receive, decode, convert), `inference`, `pipeline` (all else of the main
            thread) and `rest`.
    """

    cameras: int
    received: float
    analysed: float
    lag_p95_s: float
    cpu_s: float
    stages: dict[str, float]

    @property
    def kept_up(self) -> bool:
        """Whether nothing was late or left out."""
        return self.received >= LEAST_RECEIVED and self.analysed >= LEAST_ANALYSED and self.lag_p95_s <= MOST_LAG_S


class _Timed(Detector):
    """A detector that adds up its processor time, as far as that is the main thread's."""

    spent_s = 0.0

    def detect(self, images: Sequence[np.ndarray]) -> list:  # type: ignore[type-arg]
        began = time.thread_time()
        found = super().detect(images)
        if threading.current_thread() is threading.main_thread():
            self.spent_s += time.thread_time() - began
        return found


class _Watched(EdgeService):
    """A box that notes how late each frame is done."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.done: list[tuple[str, float, float]] = []
        self._judged: list[Frame] = []

    def _look(self, frames: list[Frame]) -> tuple[list[Frame], list[Emitted]]:
        self._judged, told = super()._look(frames)
        return self._judged, told

    def _turn(self, frames: list[Frame]) -> None:
        super()._turn(frames)
        now = time.time()
        self.done += [(frame.camera_id, now, now - frame.captured_at) for frame in self._judged]

    @property
    def cameras(self) -> list[LiveCamera]:
        return self._cameras


def measure_box(job: DensityJob) -> Load:
    """Run the service on the cameras of the job."""
    detector = _open(job)
    hall = parse_hall(job.hall)
    with tempfile.TemporaryDirectory() as folder:
        broker = BrokerSettings(host="127.0.0.1", port=job.broker)
        service = _Watched(hall, hall.floors[0].nodes[0], detector, broker, Path(folder))
        names = [camera.camera_id for camera in service.cameras]

        def shown() -> bool:
            return all(camera.stats().received_fps > 0 for camera in service.cameras)

        def received_fps() -> list[float]:
            return [camera.stats().received_fps for camera in service.cameras]

        count = _Count(job, detector, shown, received_fps, service.stop)
        service.run()
        return count.load(names, service.done)


def measure_limit(job: DensityJob) -> Load:
    """Decode all streams, convert the frames that are due, and look at them in batches: nothing else."""
    detector = _open(job)
    hall = parse_hall(job.hall)
    cameras = hall.floors[0].cameras
    frames: queue.SimpleQueue[tuple[int, float, np.ndarray]] = queue.SimpleQueue()
    pictures = [0] * len(cameras)
    stopping = threading.Event()
    readers = [
        threading.Thread(
            target=_bare_reader,
            args=(number, camera.source.get_secret_value(), job, detector.input_size, frames, pictures, stopping),
            name=f"camera-{number}-reader",
            daemon=True,
        )
        for number, camera in enumerate(cameras)
    ]
    for reader in readers:
        reader.start()
    start = list(pictures)

    def shown() -> bool:
        start[:] = pictures
        return all(pictures)

    def received_fps() -> list[float]:
        return [(now - then) / job.seconds for now, then in zip(pictures, start, strict=True)]

    count = _Count(job, detector, shown, received_fps, stopping.set)
    return count.load(range(len(cameras)), _bare_inference(frames, detector, stopping))


class _Count:
    """Waits in a thread for the first pictures, counts for as long as the job says, and brings all to an end.

    Args:
        job: how long.
        detector: whose time is noted.
        shown: whether every camera has shown a picture; asked last when counting begins.
        received_fps: pictures a second of each camera, when counting ends.
        stop: ends what is measured.
    """

    def __init__(
        self,
        job: DensityJob,
        detector: _Timed,
        shown: Callable[[], bool],
        received_fps: Callable[[], list[float]],
        stop: Callable[[], None],
    ) -> None:
        self._job, self._detector, self._shown, self._received_fps, self._stop = (
            job,
            detector,
            shown,
            received_fps,
            stop,
        )
        self._received: list[float] = []
        self._stages: dict[str, float] = {}
        self._span = 0.0, 0.0
        self._thread = threading.Thread(target=self._run, name="watcher")
        self._thread.start()

    def _run(self) -> None:
        deadline = time.monotonic() + OPEN_S
        while not self._shown() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(self._job.warm_s)
        self._shown()
        began, before, looked_s = time.time(), _thread_s(), self._detector.spent_s
        time.sleep(self._job.seconds)
        after, looked_s = _thread_s(), self._detector.spent_s - looked_s
        self._received = self._received_fps()
        self._span = began, time.time()
        self._stages = _stages(before, after, looked_s)
        self._stop()

    def load(self, cameras: Sequence[Camera], done: Sequence[tuple[Camera, float, float]]) -> Load:
        """What came of it, from the frames that were done: whose, when, and how late."""
        self._thread.join()
        (began, ended), job = self._span, self._job
        span_s = ended - began
        counted = [(camera, lag) for camera, at, lag in done if began <= at < ended]
        lags = [lag for _, lag in counted]
        analysed = min(sum(camera == own for own, _ in counted) for camera in cameras)
        stages = {stage: round(spent_s / span_s, 3) for stage, spent_s in self._stages.items()}
        return Load(
            cameras=len(cameras),
            received=round(min(self._received) / job.stream_fps, 3),
            # One frame more or less falls into the time by chance.
            analysed=round(min(1.0, (analysed + 1) / (job.analyse_fps * span_s)), 3),
            lag_p95_s=round(float(np.percentile(lags, 95)), 3) if lags else float("inf"),
            cpu_s=round(sum(stages.values()), 3),
            stages=stages,
        )


def _open(job: DensityJob) -> _Timed:
    cv2.setNumThreads(1)
    # As `hallwatch edge` does.
    return _Timed(resolve(job.model, job.folders), parallel=os.cpu_count() or 1, providers=[job.provider])


def _bare_reader(
    number: int,
    address: str,
    job: DensityJob,
    fit: tuple[int, int],
    frames: queue.SimpleQueue[tuple[int, float, np.ndarray]],
    pictures: list[int],
    stopping: threading.Event,
) -> None:
    sampler, reformatter, began = Sampler(job.analyse_fps, job.stream_fps), VideoReformatter(), time.monotonic()
    with av.open(address, options={"rtsp_transport": "tcp", "fflags": "nobuffer"}, timeout=(OPEN_S, 5)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        # As the box does with pictures that are shrunk so much.
        coarse = is_coarse((stream.width, stream.height), shrink_to((stream.width, stream.height), fit))
        stream.codec_context.options = {"skip_loop_filter": "all"} if coarse else {}
        for frame in container.decode(stream):
            if stopping.is_set():
                return
            pictures[number] += 1
            if sampler.take(time.monotonic() - began):
                width_px, height_px = shrink_to((frame.width, frame.height), fit)
                small = reformatter.reformat(
                    frame, width_px, height_px, "bgr24", interpolation=Interpolation.BILINEAR, threads=1
                )
                frames.put((number, time.time(), small.to_ndarray()))


def _bare_inference(
    frames: queue.SimpleQueue[tuple[int, float, np.ndarray]], detector: Detector, stopping: threading.Event
) -> list[tuple[int, float, float]]:
    done = []
    while not stopping.is_set():
        batch = []
        try:
            batch.append(frames.get(timeout=0.25))
            while len(batch) < BATCH:
                batch.append(frames.get_nowait())
        except queue.Empty:
            pass
        if batch:
            detector.detect([image for _, _, image in batch])
            now = time.time()
            done += [(number, now, now - at) for number, at, _ in batch]
    return done


def _thread_s() -> dict[str, float]:
    """Processor seconds of the threads of this process so far, by kind."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    spent: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        name = names.get(int(task.name), "")
        kind = (
            "main"
            if name == "MainThread"
            else "decode"
            if "-reader" in name
            else _POOLS.get(name.partition("_")[0], "")
        )
        kind = kind if kind in _KINDS else "rest"
        spent[kind] = spent.get(kind, 0.0) + (int(fields[11]) + int(fields[12])) / 100
    return spent


def _stages(before: dict[str, float], after: dict[str, float], looked_s: float) -> dict[str, float]:
    gone = {kind: after.get(kind, 0.0) - before.get(kind, 0.0) for kind in _KINDS}
    return {
        "decode": gone["decode"],
        "inference": looked_s + gone["inference"],
        "pipeline": max(0.0, gone["main"] - looked_s),
        "rest": gone["rest"],
    }
