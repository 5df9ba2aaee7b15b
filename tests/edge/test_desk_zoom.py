"""Desk zoom in the pipeline: when crops are made, what they change, and that they find small and bent clerks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture import open_file
from edge.pipeline import Pipeline
from edge.zoom import DeskZoom
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import EventBody
from models.zoo import ModelEntry, load_zoo, resolve
from tests.support.videos import encode
from twin.actors import ActorState
from twin.camera import Compositor, load_scene
from vision.detector import Detector
from vision.locate import Locator, People
from vision.tracker import TrackerSettings
from vision.types import Detections, Frame

HALL = """\
hall: {id: test, name: 测试大厅}
limits: {clerk_absent: 6s}
presence: {window: WINDOW}
floors:
  - id: f1
    cameras:
      - {id: desk, source: desk.mp4, motion_gate: false, analyse_fps: FPS, desk_zoom: MODE, desk_fps: RATE}
      - {id: seats, source: seats.mp4, motion_gate: false}
    windows:
      - {id: w1, label: "1", camera: desk, clerk_area: AREA}
    zones:
      - {id: waiting, serves: [w1], areas: [{camera: seats, polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}
"""
AREA = [[0.3, 0.4], [0.4, 0.4], [0.4, 0.6], [0.3, 0.6]]
SIZE = (1280, 720)


def hall_of(
    area: list[list[float]] = AREA, *, mode: str = "auto", fps: float = 2, rate: float = 1, window: str = "4s"
) -> Hall:
    text = (
        HALL.replace("WINDOW", window)
        .replace("AREA", str(area))
        .replace("MODE", mode)
        .replace("FPS", f"{fps:g}")
        .replace("RATE", f"{rate:g}")
    )
    return parse_hall(text)


def entry() -> ModelEntry:
    found = load_zoo().named("nanodet-g_416_int8")
    assert found is not None
    return found


def zoom_of(hall: Hall) -> DeskZoom:
    floor = hall.floors[0]
    return DeskZoom(floor.cameras[0], floor, None, entry())


@cache
def scenery(size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Something to recognise, and the noise of a sensor upon it."""
    rng = np.random.default_rng(1)
    blocks = rng.integers(40, 200, (18, 32, 3), np.uint8)
    picture = np.asarray(cv2.resize(blocks, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return picture, rng.integers(0, 5, picture.shape, np.uint8)


def frame(at: float, size: tuple[int, int] = SIZE, camera: str = "desk") -> Frame:
    picture, noise = scenery(size)
    return Frame(camera, 0, at, picture + np.roll(noise, round(at * 60), axis=0))


SCHEDULES: list[tuple[float, float, list[float], list[float]]] = [
    # every other frame, and the first one
    (2, 1, [0, 0.5, 1, 1.5, 2, 2.5], [0, 1, 2]),
    # live frames are never quite on time
    (2, 1, [0, 0.52, 0.97, 1.55, 2.04, 2.49, 2.96], [0, 0.97, 2.04, 2.96]),
    # fewer frames than crops wanted: each
    (1, 4, [0, 1, 2], [0, 1, 2]),
    # two of three
    (3, 2, [0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2], [0, 1 / 3, 1, 4 / 3, 2]),
    # the camera was away: at once, and from there on
    (2, 1, [0, 0.5, 30.2, 30.7, 31.2], [0, 30.2, 31.2]),
    # frames that come late or twice
    (2, 1, [0, 1, 0.5, 1, 2], [0, 1, 2]),
]


@pytest.mark.parametrize(("fps", "rate", "times", "closer"), SCHEDULES)
def test_when_crops_are_made(fps: float, rate: float, times: list[float], closer: list[float]) -> None:
    zoom = zoom_of(hall_of(fps=fps, rate=rate))
    looks = [(at, zoom.look(frame(at))) for at in times]
    assert [at for at, look in looks if look.images] == closer
    assert all(bool(look.images) != (look.coarse == {"w1/clerk"}) for _, look in looks)
    assert zoom.inferences == len(times) + len(closer)


def test_crops_follow_the_size_of_the_picture() -> None:
    zoom = zoom_of(hall_of(rate=2))
    sizes = [zoom.look(frame(at, size)).images[0].shape for at, size in ((0.0, SIZE), (0.5, (640, 360)))]
    assert sizes == [(648, 648, 3), (324, 324, 3)]


def test_pictures_are_as_large_as_the_crops_need(tmp_path: Path) -> None:
    """Frames of cameras without crops are those they were; a stream that does not know its size yet is 16:9."""
    zoom, plain = zoom_of(hall_of()), zoom_of(hall_of(mode="off"))
    assert plain.fit(SIZE, (416, 416)) == (416, 416)
    assert zoom.fit(SIZE, (416, 416)) == zoom.fit((0, 0), (416, 416)) == (824, 824)
    video = encode(tmp_path / "desk.mp4", size_px=(1600, 900), count=1, fps=1)
    for of, width in ((zoom, 824), (plain, 416)):
        fit = partial(of.fit, input_size=(416, 416))
        with open_file("desk", video, analyse_fps=1, start=0.0, fit=fit) as frames:
            assert next(frames).size_px[0] == width


class Finds:
    """A detector that finds one person in crops, and in whole pictures only when told so."""

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.sizes: list[tuple[int, ...]] = []

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        self.sizes += [image.shape[:2] for image in images]
        found = []
        for image in images:
            high, wide = image.shape[:2]
            is_crop = (wide, high) != SIZE
            x, y = (wide / 2, high / 2) if is_crop else (0.35 * wide, 0.5 * high)
            boxes = np.array([[x - 30, y - 40, x + 30, y + 40]], np.float32)
            seen = Detections(boxes, np.full(1, 0.8, np.float32), np.zeros(1, np.int64), (wide, high))
            found.append(seen if is_crop or self.whole else Detections.empty((wide, high)))
        return found


def told(pipeline: Pipeline, seconds: float, *, fps: float = 2, start: float = 0.0) -> list[EventBody]:
    events = []
    for i in range(round(seconds * fps)):
        out = pipeline.process([frame(start + i / fps), frame(start + i / fps, camera="seats")])
        events += [e.body for e in out if isinstance(e.body, EventBody)]
    return events


@pytest.mark.parametrize(("mode", "fps", "rate"), [("auto", 2, 1), ("auto", 5, 1), ("auto", 4, 0.5), ("on", 2, 2)])
def test_who_is_found_in_crops_alone_is_there(mode: str, fps: float, rate: float) -> None:
    """Frames between crops show nobody; they must not count as misses."""
    pipeline = Pipeline(hall_of(mode=mode, fps=fps, rate=rate), "edge-f1", Finds(), model=entry())
    assert told(pipeline, 20, fps=fps) == []
    assert pipeline._windows["w1"].clerk(20.0).seen == "present"


@pytest.mark.parametrize("with_model", [True, False])
def test_without_crops_nothing_changes(with_model: bool) -> None:
    """No zoom wanted, or no model that says what it needs: one look at each frame, and who is not found is away."""
    detector = Finds()
    hall = hall_of(mode="off" if with_model else "auto")
    pipeline = Pipeline(hall, "edge-f1", detector, model=entry() if with_model else None)
    events = told(pipeline, 10)
    assert [event.rule for event in events if event.phase == "raised"] == ["clerk_absent"]
    assert set(detector.sizes) == {(720, 1280)}
    assert len(detector.sizes) == 2 * 20


def test_a_clerk_who_goes_is_missed_with_crops_too() -> None:
    detector = Finds()
    pipeline = Pipeline(hall_of(window="10s"), "edge-f1", detector, model=entry())
    assert told(pipeline, 10) == []
    detector.detect = lambda images: [Detections.empty((i.shape[1], i.shape[0])) for i in images]  # type: ignore[method-assign]
    (event,) = [event for event in told(pipeline, 12, start=10.0) if event.phase == "raised"]
    # Last seen in the last crop.
    assert event.started_at.timestamp() == pytest.approx(9.0)


class Counts(Locator):
    """Notes how many detections each frame has."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def locate(self, at: float, detections: Detections) -> People:
        self.counts.append(len(detections))
        return super().locate(at, detections)


def test_somebody_in_both_is_one_person() -> None:
    pipeline = Pipeline(hall_of(), "edge-f1", Finds(whole=True), model=entry())
    pipeline.locators["desk"] = seen = Counts()
    told(pipeline, 5)
    assert seen.counts == [1] * 10


# -- the rendered hall -----------------------------------------------------------------------------------------


def wide_angle(image: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The picture as a camera of a shorter lens has it: all of it in the middle, smaller."""
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    y, x = (SIZE[1] - small.shape[0]) // 2, (SIZE[0] - small.shape[1]) // 2
    edges = (y, SIZE[1] - small.shape[0] - y, x, SIZE[0] - small.shape[1] - x)
    return np.asarray(cv2.copyMakeBorder(small, *edges, cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize(("share", "pose"), [(0.48, "sit_phone"), (0.4, "sit_desk"), (0.4, "stand")])
def test_a_small_clerk_is_absent_without_zoom_and_present_with_it(share: float, pose: str) -> None:
    """The middle desk of the low hall, seen by a wide lens: 98 and 82 px for somebody upright in 1280 x 720."""
    (x, y) = load_scene("lowdesk").counters[1].clerk_seat.pos
    compositor = Compositor("lowdesk", "cam1", seed=3)
    detector = Detector(resolve("default"))
    # Where the hall file of a scenario has the clerk area of that desk.
    area = [
        [round(0.5 + share * (u - 0.5), 4) for u in p] for p in ([0.44, 0.33], [0.56, 0.33], [0.56, 0.54], [0.44, 0.54])
    ]
    seen = {}
    pipelines = {
        mode: Pipeline(
            hall_of(area, mode=mode),
            "edge-f1",
            detector,
            tracker=TrackerSettings.for_model(detector.score),
            model=detector.entry,
        )
        for mode in ("off", "auto")
    }
    for i in range(12):
        actor = ActorState("clerk", "clerk_f1", pose, (i % 3 - 1) * 8.0, x, y)
        image = wide_angle(compositor.render([actor], i).image, share)
        for mode, pipeline in pipelines.items():
            pipeline.process([Frame("desk", i, i / 2, image)])
            seen[mode] = pipeline._windows["w1"].clerk(i / 2).seen
    assert seen == {"off": "absent", "auto": "present"}
