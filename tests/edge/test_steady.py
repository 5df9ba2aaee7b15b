"""The clock of a box is set forward or back: no event breaks."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from edge.pipeline import Emitted
from edge.service import EdgeService
from edge.steady import SteadyClock
from hall.broker import parse_broker
from hall.clock import from_iso
from hall.load import parse_hall
from hall.messages import EventBody
from tests.support.scenes import Scene
from vision.detector import Detector
from vision.types import Detections, Frame

START = from_iso("2026-01-05T02:00:00Z")
HALL = """\
hall: {id: test, name: 测试大厅}
limits: {clerk_absent: 20s}
floors:
  - id: f1
    cameras: [{id: desk, source: none.mp4, motion_gate: false}]
    windows:
      - {id: w1, label: "1", camera: desk, clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}
"""


class Machine:
    """A wall clock that can be set, beside one that cannot."""

    def __init__(self) -> None:
        self.wall, self.mono = START, 100.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def run(self, seconds: float) -> None:
        self.wall += seconds
        self.mono += seconds


def test_between_steps_it_is_the_wall_clock() -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.run(1000.0)
    assert clock.now() == machine.wall
    assert clock.monotonic() == machine.mono


@pytest.mark.parametrize("step_s", [4.0, -4.0])
def test_a_small_step_is_worked_off(step_s: float) -> None:
    """Time never stands still or runs back, and no duration is wrong by more than a twentieth."""
    machine = Machine()
    clock = SteadyClock(machine)
    machine.wall += step_s
    before = clock.now()
    off_s = []
    for _ in range(100):
        machine.run(1.0)
        now = clock.now()
        assert 0.949 <= now - before <= 1.051
        before = now
        off_s.append(abs(machine.wall - now))
    assert off_s[0] == pytest.approx(3.95)
    assert off_s[-1] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_large_step_is_taken_at_once(step_s: float) -> None:
    machine = Machine()
    clock = SteadyClock(machine)
    machine.run(5.0)
    machine.wall += step_s
    assert clock.now() == pytest.approx(machine.wall)


class Nobody:
    input_size, score, entry, name, provider = (320, 180), 0.4, None, "nobody", "none"

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        return [Detections.empty((image.shape[1], image.shape[0])) for image in images]


class Box:
    """A service whose cameras are replaced by frames of ours; one frame and one turn every half second."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self.machine, self.scene, self.number = machine, Scene(), 0
        self.told: list[tuple[float, EventBody]] = []
        broker = parse_broker("mqtt://127.0.0.1:9")
        self.service = EdgeService(
            parse_hall(HALL), "edge-f1", cast("Detector", Nobody()), broker, folder, clock=machine
        )
        commit = self.service._commit

        def note(emitted: list[Emitted]) -> None:
            self.told += [(e.at, e.body) for e in emitted if isinstance(e.body, EventBody)]
            commit(emitted)

        self.service._commit = note  # type: ignore[method-assign]
        self.service._keep_up = lambda: None  # type: ignore[method-assign]

    def run(self, seconds: float) -> Box:
        for _ in range(round(seconds * 2)):
            self.machine.run(0.5)
            at = self.service._clock.now()
            self.service._turn([Frame("desk", self.number, at, self.scene.look())])
            self.number += 1
        return self

    def close(self) -> None:
        self.service._publisher.stop()
        self.service._outbox.close()

    def absences(self) -> list[tuple[str, float]]:
        """Phase or reason, and when it was told, since the start."""
        return [(b.reason or b.phase, at - START) for at, b in self.told if b.rule == "clerk_absent"]


def test_a_clock_that_is_set_back_ends_what_was_open_and_the_box_goes_on(tmp_path: Path) -> None:
    """An hour back: without that the box would look at nothing for an hour."""
    machine = Machine()
    box = Box(tmp_path, machine).run(40)
    machine.wall -= 3600
    box.run(40)
    box.close()
    assert [phase for phase, _ in box.absences()] == ["raised", "clock_set", "raised"]
    times = [at for _, at in box.absences()]
    assert times == pytest.approx([20.5, -3600 + 40.5, -3600 + 60.5], abs=1.0)
    assert box.told[0][1].event_id == box.told[1][1].event_id != box.told[2][1].event_id


def test_a_clock_that_is_set_forward_is_unknown_time(tmp_path: Path) -> None:
    machine = Machine()
    box = Box(tmp_path, machine).run(15)
    machine.wall += 3600
    box.run(8)
    assert box.absences() == [], "the hour that never was is no absence"
    box.run(20)
    box.close()
    ((raised, at),) = box.absences()
    assert raised == "raised"
    assert 20 < at - 3600 < 35


def test_a_state_from_the_future_is_left_behind_and_its_events_are_ended(tmp_path: Path) -> None:
    """The clock was wrong, somebody set it right, and the box was started again."""
    machine = Machine()
    box = Box(tmp_path, machine).run(40)
    box.close()
    machine.wall -= 3600
    after = Box(tmp_path, machine).run(30)
    after.close()
    assert [phase for phase, _ in after.absences()] == ["clock_set", "raised"]
    assert after.told[0][1].event_id == box.told[0][1].event_id
