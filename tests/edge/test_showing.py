"""Pictures that somebody asked a box for: nobody to be recognised, only what may leave, and not too many."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge._replies import Picture, Reply, Request
from edge.capture import open_file
from edge.evidence import EvidenceStore
from edge.live import CameraStats
from edge.seal import Seal, sealed
from edge.showing import FRAMES, FRAMES_S, Showing
from hall.clock import ManualClock, to_iso
from hall.layout import Evidence
from hall.messages import Refusal
from tests.support.cascade import Cascade
from tests.support.clips import CLIPS
from tests.support.detections import RememberingDetector
from tests.support.inotify import FolderWatch
from tests.support.nobody import Nobody
from vision.detector import Detector
from vision.types import Detections, Frame

START = 1_767_574_800.0
EVENT = "f78421e8-eda9-5048-9ca1-4ab08db1ae4a"
TO = "hallwatch/1/demo/f1/edge-f1/answer/me"
KEY = b"k" * 32
FACES = "/usr/share/doc/opencv-doc/examples/data/messi5.jpg"
Image = NDArray[np.uint8]


class _Desk:
    """Pictures of a box with two cameras, and what it answered."""

    def __init__(self, folder: Path, detector: object | None = None) -> None:
        self.store = EvidenceStore(folder / "evidence", Evidence())
        self.answers: list[Reply | Picture] = []
        self.clock = ManualClock(START)
        self.states: dict[str, str] = {"c1": "live", "c2": "lost"}
        self.showing = Showing(
            self.store,
            KEY,
            cast("Detector", detector or Nobody()),
            cameras=self._stats,
            answer=self.answers.append,
            clock=self.clock,
        )

    def _stats(self) -> Sequence[CameraStats]:
        return [
            CameraStats(name, state, 0, 0, 0, 0, 0, 0, 0, None, "no route to host" if state == "lost" else None)  # type: ignore[arg-type]
            for name, state in self.states.items()
        ]

    def ask(self, kind: str, **what: str) -> Reply | Picture:
        """Ask, and wait for the answer."""
        before = len(self.answers)
        self.showing.ask(Request(kind, json.dumps(what).encode(), b"1", TO))
        wait([self.showing._worker.submit(lambda: None)])
        assert len(self.answers) == before + 1
        return self.answers[-1]

    def refusal(self, kind: str, **what: str) -> tuple[Refusal | None, str]:
        answer = self.ask(kind, **what)
        assert isinstance(answer, Reply)
        assert (answer.body.accepted, answer.to, answer.correlation) == (False, TO, b"1")
        return answer.body.reason, str(answer.body.error)

    def keep(self, event_id: str = EVENT, key: bytes = KEY, named: str | None = None) -> bytes:
        jpeg = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
        at = to_iso(START)
        seal = Seal(event_id, "clerk_absent", "window/w1", "warning", at, "demo", "f1", "n", "c1", at)
        data = sealed(jpeg, seal, key)
        self.store.put(f"{named or event_id}.jpg", data, START)
        return data


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[_Desk]:
    made = _Desk(tmp_path)
    yield made
    made.showing.close()


def _noise(camera: str = "c1") -> Frame:
    image = np.random.default_rng(3).integers(0, 255, (120, 200, 3))
    return Frame(camera, 1, START, np.asarray(image, np.uint8))


def test_the_picture_of_an_event_is_shown_as_it_lies_here(desk: _Desk) -> None:
    data = desk.keep()
    answer = desk.ask("evidence/get", event_id=EVENT)
    assert isinstance(answer, Picture)
    assert (answer.jpeg, answer.said) == (data, {"camera": "c1", "captured_at": to_iso(START)})
    desk.store.keep([EVENT])
    answer = desk.ask("evidence/get", event_id=EVENT)
    assert isinstance(answer, Picture), "a false alarm is kept elsewhere"


def test_there_is_none_or_not_of_this_event_or_not_of_this_box(desk: _Desk) -> None:
    reason, error = desk.refusal("evidence/get", event_id=EVENT)
    assert reason == "unknown"
    assert "found no picture of event f78421e8" in error
    desk.keep(key=b"another key than this")
    assert "signature is wrong" in desk.refusal("evidence/get", event_id=EVENT)[1]
    desk.keep(named=EVENT, event_id="00000000-eda9-5048-9ca1-4ab08db1ae4a")
    assert "expected that of this one" in desk.refusal("evidence/get", event_id=EVENT)[1]


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "", EVENT + "\n", EVENT.upper()])
def test_nothing_else_can_be_named(desk: _Desk, name: str) -> None:
    assert "expected JSON as in docs/mqtt.md" in desk.refusal("evidence/get", event_id=name)[1]
    assert "expected JSON as in docs/mqtt.md" in desk.refusal("frame/get", event_id=name)[1]


def test_a_hall_that_says_no_shows_nothing(desk: _Desk) -> None:
    desk.keep()
    desk.showing.see(_noise(), [])
    desk.store.settings = Evidence(share=False)
    for kind, what in (("evidence/get", {"event_id": EVENT}), ("frame/get", {"camera": "c1"})):
        reason, error = desk.refusal(kind, **what)
        assert reason == "private"
        assert "evidence.share is false" in error


def test_a_camera_that_shows_nothing_has_no_picture(desk: _Desk) -> None:
    assert desk.refusal("frame/get", camera="c9") == (
        "unknown",
        "frame/get: found no camera c9; this box has c1, c2",
    )
    assert desk.refusal("frame/get", camera="c1")[0] == "unseen"
    desk.showing.see(_noise("c2"), [])
    reason, error = desk.refusal("frame/get", camera="c2")
    assert (reason, "lost: no route to host" in error) == ("unseen", True)
    desk.showing.see(_noise(), [])
    assert isinstance(desk.ask("frame/get", camera="c1"), Picture)
    desk.showing.forget("c1")
    assert desk.refusal("frame/get", camera="c1")[0] == "unseen"


def test_no_more_than_a_few_a_minute(desk: _Desk) -> None:
    desk.showing.see(_noise(), [])
    for _ in range(FRAMES):
        assert isinstance(desk.ask("frame/get", camera="c1"), Picture)
        desk.clock.advance(1)
    reason, error = desk.refusal("frame/get", camera="c1")
    assert (reason, "ask again in 54 s" in error) == ("busy", True)
    desk.clock.advance(FRAMES_S - FRAMES)
    assert isinstance(desk.ask("frame/get", camera="c1"), Picture)


def test_one_at_a_time_and_never_in_the_thread_of_who_asks(tmp_path: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    class Slow(Nobody):
        def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
            begun.set()
            assert go.wait(20)
            return super().detect(images)

    desk = _Desk(tmp_path, Slow())
    desk.showing.see(_noise(), [])
    request = Request("frame/get", b'{"camera": "c1"}', b"1", TO)
    desk.showing.ask(request)
    assert begun.wait(20)
    desk.showing.ask(request)
    assert isinstance(busy := desk.answers[0], Reply)
    assert (busy.body.reason, len(desk.answers)) == ("busy", 1)
    go.set()
    desk.showing.close()
    assert isinstance(desk.answers[1], Picture)
    desk.showing.ask(request)
    assert len(desk.answers) == 2


def test_nobody_is_found_in_a_picture_that_left(tmp_path: Path, detector: RememberingDetector) -> None:
    """Of the rendered hall and of a photograph: neither the detector nor OpenCV's cascade finds anybody afterwards."""
    recording = open_file("c1", str(CLIPS / "cam1.mp4"), analyse_fps=2, start=START, fit=None)
    hall = next(frame for frame in recording if frame.captured_at >= START + 10)
    recording.close()
    photo = np.ascontiguousarray(np.asarray(cv2.imread(FACES), np.uint8)[30:270, 170:400])
    faces = Cascade("haarcascade_frontalface_default").faces
    assert faces(np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)), "there was no face"
    desk = _Desk(tmp_path, detector)
    with FolderWatch(tmp_path) as watch:
        for frame in (hall, Frame("c1", 1, START, photo)):
            assert _people(detector, frame.image), "there was nobody to blur"
            desk.showing.see(frame, [])
            answer = desk.ask("frame/get", camera="c1")
            assert isinstance(answer, Picture)
            height, width = frame.image.shape[:2]
            size = f"{width}x{height}"
            assert answer.said == {"camera": "c1", "captured_at": to_iso(frame.captured_at), "size": size}
            image = np.asarray(cv2.imdecode(np.frombuffer(answer.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
            assert image.shape == frame.image.shape
            assert _people(detector, image) == []
            assert faces(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)) == []
        assert list(watch.names()) == []
    desk.showing.close()


def _people(detector: Detector, image: Image) -> list[float]:
    return [s for s in detector.detect([image])[0].scores.tolist() if s >= 0.54 * detector.score]


def test_a_large_picture_is_made_smaller(desk: _Desk) -> None:
    desk.showing.see(Frame("c1", 1, START, np.zeros((2160, 3840, 3), np.uint8)), [])
    answer = desk.ask("frame/get", camera="c1")
    assert isinstance(answer, Picture)
    assert answer.said["size"] == "1920x1080"
