"""Overload: rates go down step by step to their floors, and up again when there is room."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Timer
from typing import cast

import numpy as np
import pytest

import edge.service
from edge.capture import Sampler
from edge.load import LoadControl, least_factor, rates
from edge.outbox import Outbox
from edge.service import EdgeService
from hall.broker import parse_broker
from hall.layout import Camera
from hall.load import parse_hall
from hall.messages import EventBody, HealthBody, decode
from vision.detector import Detector
from vision.types import Detections

CAMERA = Camera.model_validate({"id": "c1", "source": "a.mp4", "analyse_fps": 4, "floor_fps": 1, "desk_fps": 2})


class Box:
    """A loop that takes so long for each frame and gets as many as the rates ask for, in steps of 5 s."""

    def __init__(self, least: float = 0.25) -> None:
        self.control, self.now, self.drops = LoadControl(least), 0.0, 0
        self.control.judge(self.now, 0)
        self.factors: list[float] = []

    def run(self, seconds: float, wanted: float, possible: float) -> Box:
        """`wanted` frames a second at factor 1, of which the box manages `possible` a second."""
        for _ in range(round(seconds / 5)):
            offered = wanted * self.control.factor * 5
            done = min(offered, possible * 5)
            self.control.worked(5 * done / (possible * 5), [0.1] * round(done))
            self.drops += round(offered - done)
            self.now += 5
            self.control.judge(self.now, self.drops)
            self.factors.append(round(self.control.factor, 2))
        return self


def test_a_box_that_keeps_up_changes_nothing() -> None:
    box = Box().run(300, wanted=32, possible=40)
    assert set(box.factors) == {1.0}
    assert not box.control.overloaded
    assert box.control.load == pytest.approx(0.8)


def test_it_goes_down_until_it_keeps_up_and_stays_there() -> None:
    box = Box().run(100, wanted=100, possible=60)
    assert box.factors[:3] == [0.8, 0.64, 0.51]
    assert set(box.factors[3:]) == {0.51}, "at 0.64 it would be busy all the time"
    assert box.control.overloaded


def test_it_never_goes_below_the_floor() -> None:
    box = Box(least=0.25).run(200, wanted=1000, possible=60)
    assert box.factors[-1] == 0.25
    assert box.control.overloaded


def test_it_comes_back_step_by_step() -> None:
    box = Box().run(50, wanted=100, possible=60)
    box.factors.clear()
    box.run(200, wanted=40, possible=60)
    assert box.factors == sorted(box.factors)
    assert box.factors[-1] == 1.0
    assert box.factors.count(0.64) == 3, "three calm spells for each step"
    assert not box.control.overloaded


def test_lag_counts_as_well_as_drops() -> None:
    control = LoadControl(0.1)
    control.judge(0.0, 0)
    control.worked(1.0, [3.0, 2.0])
    assert control.judge(5.0, 0)
    assert control.factor == 0.8


def test_a_step_up_that_was_too_much_is_not_tried_again_at_once() -> None:
    """What there is to do changes with the people in the hall: the box must not swing to and fro."""
    box = Box()
    for _ in range(40):
        box.run(20, wanted=100, possible=170)  # room
        box.run(5, wanted=100, possible=60)  # and none as soon as it goes up
    ups = sum(a < b for a, b in zip(box.factors, box.factors[1:], strict=False))
    assert ups < 20


def test_rates_of_a_camera() -> None:
    assert rates(CAMERA, 1.0) == (4, 2)
    assert rates(CAMERA, 0.5) == (2, 1)
    assert rates(CAMERA, 0.01) == (1, 0.5)
    slow = CAMERA.model_copy(update={"analyse_fps": 0.4, "floor_fps": 0.5})
    assert rates(slow, 0.01)[0] == 0.4, "a default floor above what was asked for is none"
    assert least_factor([CAMERA, slow]) == 0.25
    with pytest.raises(ValueError, match="`floor_fps` not above `analyse_fps`"):
        Camera.model_validate({"id": "c1", "source": "a.mp4", "analyse_fps": 1, "floor_fps": 2})


def test_a_sampler_changes_its_pace_between_two_pictures() -> None:
    sampler = Sampler(5, 10)
    times = [k / 10 for k in range(60)]
    taken = [t for t in times[:20] if sampler.take(t)]
    assert taken == pytest.approx([0.2 * k for k in range(10)])
    sampler.pace(1)
    assert [t for t in times[20:40] if sampler.take(t)] == pytest.approx([2.8, 3.8])
    sampler.pace(1)
    sampler.pace(5)
    assert [t for t in times[40:50] if sampler.take(t)] == pytest.approx([4.0, 4.2, 4.4, 4.6, 4.8])


class Slow:
    """A detector that takes its time."""

    input_size, score, entry, name, provider = (416, 416), 0.4, None, "slow", "none"

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        time.sleep(0.12 * len(images))
        return [Detections.empty((image.shape[1], image.shape[0])) for image in images]


def test_what_was_before_it_began_to_count_is_forgotten() -> None:
    """A box that has just started opens all of its cameras at once."""
    control = LoadControl(0.1)
    control.begin(0.0, 0)
    control.worked(9.0, [3.0] * 50)
    control.begin(10.0, 40)
    control.worked(1.0, [0.1] * 50)
    assert not control.judge(15.0, 40)
    assert (control.factor, control.overloaded, control.load) == (1.0, False, 0.2)


def test_an_overloaded_box_says_so_and_serves_every_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One camera floods the box: the others are looked at all the same, and the health message tells."""
    monkeypatch.setattr(edge.service, "_OPENS_S", 0.0)
    video = Path(__file__).parents[2] / "twin" / "assets" / "clips" / "cam1.mp4"
    names = ["flood", "b", "c"]
    cameras = "\n".join(
        f"      - {{id: {name}, source: {video}, motion_gate: false, analyse_fps: {12 if name == 'flood' else 2}}}"
        for name in names
    )
    hall = parse_hall(
        f"hall: {{id: t, name: t}}\nlimits: {{overload: 1s}}\nfloors:\n  - id: f1\n    cameras:\n{cameras}\n"
    )
    service = EdgeService(hall, "edge-f1", cast("Detector", Slow()), parse_broker("mqtt://127.0.0.1:9"), tmp_path)
    bodies: list[HealthBody] = []
    tell = service._health.tell
    service._health.tell = lambda *told: bodies.append(tell(*told)) or bodies[-1]  # type: ignore[method-assign,func-returns-value]
    judge = service._load.judge
    service._load.judge = lambda now, drops: judge(10 * now, drops)  # type: ignore[method-assign] # every half second
    Timer(4, service.stop).start()
    service.run()
    drops = {camera.camera_id: camera.stats().drops for camera in service._cameras}
    frames = {name: gate.frames for name, gate in service._pipeline.gates.items()}
    assert drops["flood"] > 5
    assert drops["b"] + drops["c"] <= 2, "who asks for little gets it"
    assert min(frames["b"], frames["c"]) >= 4
    stats = [camera.stats() for camera in service._cameras]
    last = tell(service._clock.now(), service._pipeline, stats, None)
    assert last.overloaded
    assert 0.1 < last.missed_share < 1
    told = Outbox(tmp_path / "outbox.db")
    events = [body for row in told.next_batch(1000) if isinstance(body := decode(row.payload).body, EventBody)]
    told.close()
    assert [(event.rule, event.subject, event.phase) for event in events] == [("overload", "node/edge-f1", "raised")]
    assert 0 < events[0].detail["missed_percent"] <= 100
    assert {c.camera: c.analyse_fps for c in last.cameras}["flood"] < 12  # type: ignore[operator]
