"""Replay: the pipeline of a box over recordings, as fast as it can, without a broker."""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np

from edge.capture import Recording, open_file
from edge.media import Fit, Size
from edge.pipeline import Detects, Emitted, Pipeline
from hall.clock import Instant
from hall.duty import DutyTable
from hall.errors import InputError, SourceError
from hall.layout import Camera, Hall
from hall.messages import Message, compose
from hall.topics import Address
from models.zoo import ModelEntry
from vision.tracker import TrackerSettings
from vision.types import Detections, Frame

BOOT = "replay"
"""The boot id of every replay: the same recording gives the same messages."""

_AHEAD = 8
"""Frames of one camera that are decoded ahead of inference."""


@dataclass(slots=True)
class ReplayReport:
    """What a replay did; `faults` names recordings that were damaged or cut short."""

    frames: int = 0
    messages: int = 0
    covered_s: float = 0.0
    faults: list[str] = field(default_factory=list)


class _Ahead(Iterator[Frame]):
    """Decodes a recording in a thread of its own, so that decoding and inference overlap."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._recording = recording
        self._frames: queue.Queue[Frame | BaseException | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"decode-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for frame in self._recording:
                self._put(frame)
                if self._stopping.is_set():
                    return
        except Exception as exc:  # noqa: BLE001 - raised again in the thread that reads
            last = exc
        self._put(last)

    def _put(self, item: Frame | BaseException | None) -> None:
        done = False
        while not done and not self._stopping.is_set():
            with suppress(queue.Full):
                self._frames.put(item, timeout=0.2)
                done = True

    def __next__(self) -> Frame:
        item = self._frames.get()
        if isinstance(item, Frame):
            return item
        self._frames.put(item)  # who asks again gets the same answer
        if item is None:
            raise StopIteration
        raise item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._recording.close()


def replay(
    hall: Hall,
    sources: Mapping[str, str],
    detector: Detects,
    *,
    start: Instant,
    fit: tuple[int, int] | None,
    emit: Callable[[Message], None],
    tracker: TrackerSettings | None = None,
    model: ModelEntry | None = None,
    duty: DutyTable | None = None,
) -> ReplayReport:
    """Judge recordings as their boxes would have.

    Args:
        hall: the layout; every node with a camera among `sources` takes part.
        sources: recordings by camera id.
        detector: finds people.
        start: when the first picture of every recording was taken.
        fit: size that frames are shrunk into, that of the model's input; larger where there are crops.
        emit: takes every message, in order of capture time.
        tracker: thresholds that fit the detector; those of the default model where left out.
        model: the detector's entry in the manifest; where left out, there are no crops.
        duty: duty commands, for every node.

    Returns:
        Counts, and the faults of recordings that end before they should: the others go on to their end.

    Raises:
        InputError: an unknown camera.
        SourceError: a recording that cannot be opened.
    """
    cameras = _cameras(hall, sources)
    report = ReplayReport()
    nodes = _Nodes(hall, detector, emit, report, tracker, model, duty or DutyTable())
    with ExitStack() as stack:
        streams = []
        for camera, node in cameras:
            nodes.add(camera.id, node)
            shrunk = nodes.fit(camera.id, fit)
            recording = open_file(
                camera.id, sources[camera.id], analyse_fps=camera.analyse_fps, start=start, fit=shrunk
            )
            ahead = stack.enter_context(_Ahead(recording, camera.id))
            streams.append(_tolerant(ahead, camera, report))
        for frame in heapq.merge(*streams, key=lambda frame: frame.captured_at):
            report.frames += 1
            report.covered_s = frame.captured_at - start
            nodes.take(frame)
        nodes.finish()
    return report


def _tolerant(frames: Iterator[Frame], camera: Camera, report: ReplayReport) -> Iterator[Frame]:
    """A recording that breaks off is a fault to tell, not the end of the replay."""
    try:
        yield from frames
    except SourceError as exc:
        report.faults.append(f"camera {camera.id}: {exc}")


def _cameras(hall: Hall, sources: Mapping[str, str]) -> list[tuple[Camera, str]]:
    every = {camera.id: (camera, floor.node_of(camera.id)) for floor in hall.floors for camera in floor.cameras}
    unknown = [name for name in sources if name not in every]
    if unknown:
        raise InputError(f"--source {unknown[0]}=…: no such camera; expected one of {', '.join(every)}")
    if not sources:
        raise InputError("no recording to replay; expected --source CAMERA=FILE, or files as sources in the hall file")
    return [pair for name, pair in every.items() if name in sources]


class _Nodes:
    """The pipelines of the nodes that take part."""

    def __init__(
        self,
        hall: Hall,
        detector: Detects,
        emit: Callable[[Message], None],
        report: ReplayReport,
        tracker: TrackerSettings | None,
        model: ModelEntry | None,
        duty: DutyTable,
    ) -> None:
        self._duty = duty
        self._hall, self._detector, self._emit, self._report = hall, detector, emit, report
        self._tracker, self._model = tracker, model
        self._pipelines: dict[str, Pipeline] = {}
        self._by_camera: dict[str, str] = {}
        self._seq: dict[str, int] = {}
        self._latest: Instant = 0.0

    def add(self, camera: str, node: str) -> None:
        self._by_camera[camera] = node
        if node not in self._pipelines:
            self._pipelines[node] = Pipeline(self._hall, node, self._detector, tracker=self._tracker, model=self._model)
            self._pipelines[node].obey(self._duty)
            self._seq[node] = 0

    def fit(self, camera: str, fit: Size | None) -> Fit:
        """What the pictures of a camera are shrunk into."""
        if fit is None:
            return None
        return partial(self._pipelines[self._by_camera[camera]].zooms[camera].fit, input_size=fit)

    def take(self, frame: Frame) -> None:
        node, self._latest = self._by_camera[frame.camera_id], frame.captured_at
        self._tell(node, self._pipelines[node].process([frame]))

    def finish(self) -> None:
        """The recordings are over."""
        for node, pipeline in self._pipelines.items():
            self._tell(node, pipeline.finish(self._latest))

    def _tell(self, node: str, emitted: Sequence[Emitted]) -> None:
        address = Address(self._hall.hall.id, self._pipelines[node].floor.id, node)
        for message in numbered(address, BOOT, self._seq[node], emitted):
            self._seq[node] = message.seq
            self._report.messages += 1
            self._emit(message)


class _NoDetector:
    """Where detections are there already."""

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        raise AssertionError(f"expected detections, got {len(images)} pictures")


def replay_detections(hall: Hall, node: str, found: Iterable[tuple[str, Instant, Detections]]) -> Iterator[Message]:
    """Judge what a detector found as the box of a node would have, without pictures.

    Args:
        hall: the layout.
        node: which box.
        found: camera, capture time and detections of each frame, in order of time.

    Raises:
        InputError: the hall has no such node.
    """
    pipeline, seq, at = Pipeline(hall, node, _NoDetector()), 0, 0.0
    address = Address(hall.hall.id, pipeline.floor.id, node)
    for camera, at, detections in found:
        if emitted := pipeline.observe(camera, at, detections):
            yield from numbered(address, BOOT, seq, emitted)
            seq += len(emitted)
    yield from numbered(address, BOOT, seq, pipeline.finish(at))


def numbered(address: Address, boot: str, last: int, emitted: Sequence[Emitted]) -> list[Message]:
    """Messages around what a pipeline emitted, numbered from `last` + 1 on."""
    return [compose(address, boot, last + 1 + i, item.at, item.body) for i, item in enumerate(emitted)]
