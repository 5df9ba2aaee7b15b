"""The pipeline from detections to messages, on people drawn by hand: no pixels, no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pytest

from edge._pace import STATE_AT_MOST_EVERY_S
from edge.pipeline import Emitted, Pipeline
from hall.clock import from_iso, to_iso
from hall.errors import InputError
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import (
    AnyBody,
    CrossingBody,
    EventBody,
    HeatBody,
    SessionBody,
    StateBody,
    StayBody,
    WindowState,
    event_id,
)
from vision.types import Detections, Frame

SIZE = (1000, 500)
START = from_iso("2026-01-05T02:00:00Z")  # Monday, ten o'clock in the hall
FPS = 5

HALL = """\
hall: {id: test, name: 测试大厅}
hours: {mon-fri: ["09:00-12:00", "13:30-17:30"], holidays: CN}
limits: {clerk_absent: 20s, long_wait: 30s, overtime_case: 15s, clear_hold: 2s, camera_lost: 60s}
presence: {window: 4s}
session: {open_after: 3s, close_after: 4s}
floors:
  - id: f1
    cameras:
      - {id: desk, source: desk.mp4, analyse_fps: 5}
      - {id: seats, source: seats.mp4, analyse_fps: 5}
      - {id: other, source: other.mp4, node: second}
    windows:
      - {id: w1, label: "1", camera: desk, clerk_anchor: foot,
         clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]], customer_area: [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]}
      - {id: w9, label: "9", camera: other, clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}
    zones:
      - {id: waiting, serves: [w1], areas: [{camera: seats, polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]}
    entrances:
      - {id: door, camera: seats, line: [[0.75, 1], [0.75, 0]]}
"""

Person = tuple[float, float]
Scene = Callable[[float], Sequence[Person]]
Body = TypeVar("Body", bound=AnyBody)
CLERK, CITIZEN, WAITING = (200.0, 400.0), (800.0, 420.0), (250.0, 380.0)


def walk(start: Person, end: Person, begin: float, seconds: float, *others: Person) -> Scene:
    """Somebody walks in a straight line; others stand still."""

    def scene(now: float) -> Sequence[Person]:
        share = min((now - begin) / seconds, 1.0)
        return [(start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])), *others]

    return scene


def found(*persons: Person) -> Detections:
    """People of 200 px by foot point."""
    boxes = np.array([(x - 30, y - 200, x + 30, y) for x, y in persons], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(persons), 0.8, np.float32), np.zeros(len(persons), np.int64), SIZE)


class Nobody:
    """A detector that sees nobody and counts the images it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        self.batches.append(len(images))
        return [found() for _ in images]


class Film:
    """Plays scenes before the two cameras of a node and keeps what is told; times in seconds from its start."""

    def __init__(self, text: str = HALL, start: float = START) -> None:
        self.hall: Hall = parse_hall(text)
        self.pipeline = Pipeline(self.hall, "edge-f1", Nobody())
        self.start, self.now = start, 0.0
        self.told: list[Emitted] = []

    def serve(self, seconds: float) -> Film:
        """A citizen stands at the window for so long, then walks off, and all the while the clerk is there."""
        self.play(seconds, desk=[CLERK, CITIZEN])
        return self.play(3, desk=walk(CITIZEN, (500.0, 480.0), self.now, 2.0, CLERK))

    def play(self, seconds: float, desk: Sequence[Person] | Scene = (), seats: Sequence[Person] | Scene = ()) -> Film:
        """Both cameras for so long; a scene is a function of the seconds since the film began."""
        for _ in range(round(seconds * FPS)):
            for camera, scene in (("desk", desk), ("seats", seats)):
                people = scene(self.now) if callable(scene) else scene
                self.told += self.pipeline.observe(camera, self.start + self.now, found(*people))
            self.now = round(self.now + 1 / FPS, 6)
        return self

    def wait(self, seconds: float) -> Film:
        """No frames; the service lets time pass once a second."""
        for _ in range(round(seconds)):
            self.now += 1.0
            self.told += self.pipeline.tick(self.start + self.now)
        return self

    def restart(self, seconds: float) -> Film:
        """The box is killed and back after so long, with what it had saved."""
        self.pipeline = Pipeline(self.hall, "edge-f1", Nobody(), self.pipeline.save())
        self.now += seconds
        return self

    def bodies(self, kind: type[Body]) -> list[Body]:
        return [e.body for e in self.told if isinstance(e.body, kind)]

    def events(self) -> list[tuple[str, str, str, float, float | None]]:
        """Rule, phase or reason, severity, start, end, of windows and zones."""
        return [
            (
                body.rule,
                body.reason or body.phase,
                body.severity,
                round(body.started_at.timestamp() - self.start, 1),
                None if body.ended_at is None else round(body.ended_at.timestamp() - self.start, 1),
            )
            for body in self.bodies(EventBody)
            if body.rule != "camera_fault"
        ]

    @property
    def window(self) -> WindowState:
        return self.bodies(StateBody)[-1].windows[0]


def test_an_absence_with_a_citizen_at_the_window() -> None:
    film = Film().play(10, desk=[CLERK]).play(25, desk=[CITIZEN]).play(10, desk=[CLERK, CITIZEN])
    # He was never served, so no case ran overtime.
    assert film.events() == [
        ("clerk_absent", "raised", "critical", 9.8, None),
        ("clerk_absent", "resolved", "critical", 9.8, 35.0),
    ]
    raised, cleared = film.bodies(EventBody)
    assert raised.event_id == cleared.event_id == event_id("test", "window/w1", "clerk_absent", START + 9.8)
    assert (raised.subject, raised.limit_s, raised.elapsed_s, raised.unknown_s) == ("window/w1", 20.0, 20.0, 0.0)
    assert raised.detail == {"citizens": 1, "waiting_over_limit": False}
    assert (cleared.elapsed_s, cleared.detail) == (25.2, {})


def test_an_absence_grows_critical_when_the_queue_waits_too_long() -> None:
    """Nobody at the window, but in its waiting zone somebody passes the limit."""
    film = Film().play(10, desk=[CLERK], seats=[WAITING]).play(30, seats=[WAITING])
    assert film.events() == [
        ("clerk_absent", "raised", "warning", 9.8, None),
        ("long_wait", "raised", "warning", 0.0, None),
        ("clerk_absent", "updated", "critical", 9.8, None),
    ]
    assert film.bodies(EventBody)[-1].detail == {"citizens": 0, "waiting_over_limit": True}


def test_a_restart_inside_an_absence() -> None:
    """Killed after the event was raised: the same event goes on, and the outage is unknown time."""
    film = Film().play(10, desk=[CLERK]).play(25).restart(30).play(20).play(10, desk=[CLERK])
    raised, cleared = film.bodies(EventBody)
    assert (raised.phase, cleared.phase, cleared.reason) == ("raised", "cleared", "resolved")
    assert raised.event_id == cleared.event_id
    assert cleared.ended_at is not None
    assert cleared.ended_at.timestamp() - START == pytest.approx(85.0)
    assert cleared.unknown_s == pytest.approx(30.2, abs=0.01)
    assert cleared.elapsed_s == pytest.approx(45.0, abs=0.01)


def test_restarts_at_any_moment_make_the_same_events() -> None:
    """A clerk leaves, somebody waits, a case runs on: every event has the id it has without a restart."""

    def story(film: Film, restart_at: float | None) -> list[str]:
        for until, desk in ((20, [CLERK, CITIZEN]), (30, [CLERK]), (60, []), (70, [CLERK])):
            while film.now < until:
                if restart_at is not None and film.now == restart_at:
                    film.restart(0.2)
                film.play(0.2, desk=desk, seats=[WAITING])
        return [f"{body.event_id} {body.reason or body.phase}" for body in film.bodies(EventBody)]

    expected = story(Film(), None)
    assert len(expected) == 5
    for restart_at in (5.0, 18.0, 22.0, 40.0, 55.0):
        assert story(Film(), restart_at) == expected, f"restarted at {restart_at} s"


def test_a_camera_that_is_lost_and_found() -> None:
    """Unknown is no absence: nothing is raised, a raised event clears after the limit, and the state says so."""
    film = Film().play(10, desk=[CLERK]).wait(50)
    assert film.events() == []
    assert (film.window.clerk, film.window.status) == ("unknown", "unknown")
    film = Film().play(10, desk=[CLERK]).play(25).wait(70)
    assert film.events() == [
        ("clerk_absent", "raised", "warning", 9.8, None),
        ("clerk_absent", "camera_lost", "warning", 9.8, 34.8),
    ]


def test_outside_the_hours_nothing_is_raised() -> None:
    """At noon the hall closes: the event clears, the window is closed, waits count no more."""
    film = Film(start=from_iso("2026-01-05T03:59:20Z")).play(10, desk=[CLERK], seats=[WAITING])
    film.play(60, seats=[WAITING])
    assert film.events() == [
        ("clerk_absent", "raised", "warning", 9.8, None),
        ("long_wait", "raised", "warning", 0.0, None),
        ("clerk_absent", "updated", "critical", 9.8, None),
        ("long_wait", "off_duty", "warning", 0.0, 40.0),
        ("clerk_absent", "off_duty", "critical", 9.8, 40.0),
    ]
    assert (film.window.duty, film.window.status) == ("closed", "closed")


def test_a_session_and_an_overtime_case() -> None:
    """Twenty seconds at the window with a limit of fifteen; the clerk steps away in the middle."""
    film = Film().play(10, desk=[CLERK]).play(8, desk=[CLERK, CITIZEN]).play(4, desk=[CITIZEN])
    film.serve(8).play(10, desk=[CLERK])
    (session,) = film.bodies(SessionBody)
    assert session.window == "w1"
    assert session.started_at.timestamp() - START == pytest.approx(10.0)
    assert session.duration_s == pytest.approx(21.2)  # to the border of the area
    assert session.overtime
    assert film.events() == [
        ("overtime_case", "raised", "warning", 10.0, None),
        ("overtime_case", "resolved", "warning", 10.0, 31.2),
    ]


def test_a_case_that_ended_before_its_limit_raises_nothing() -> None:
    """Gone after fourteen seconds; that nobody knows it for four more is no overtime."""
    film = Film().play(10, desk=[CLERK]).serve(12.6).play(20, desk=[CLERK])
    assert [body.overtime for body in film.bodies(SessionBody)] == [False]
    assert film.events() == []


def test_expected_wait_needs_sessions() -> None:
    """After five cases of ten seconds: three who wait have thirty to expect, at one window."""
    film = Film().play(10, desk=[CLERK])
    for i in range(5):
        assert film.bodies(StateBody)[-1].zones[0].expected_wait_s is None, f"after {i} sessions"
        film.serve(9.0).play(6, desk=[CLERK])
    three = [WAITING, (100.0, 380.0), (400.0, 380.0)]
    film.play(12, desk=[CLERK], seats=three)
    zone = film.bodies(StateBody)[-1].zones[0]
    assert zone.expected_wait_s == pytest.approx(3 * 10.2, abs=0.5)
    assert zone.count == 3
    film.play(12, seats=three)
    assert film.window.status == "unstaffed"
    assert film.bodies(StateBody)[-1].zones[0].expected_wait_s is None, "nobody serves"


def test_a_stay() -> None:
    """Ten seconds on a seat, then out by the door."""
    film = Film().play(3, seats=walk((700.0, 380.0), WAITING, 0.0, 3.0)).play(10, seats=[WAITING])
    film.play(4, seats=walk(WAITING, (700.0, 380.0), 13.0, 3.0)).play(5)
    (stay,) = film.bodies(StayBody)
    assert (stay.zone, stay.ended) == ("waiting", "left")
    assert stay.started_at.timestamp() - START == pytest.approx(1.4)
    assert stay.duration_s == pytest.approx(13.2)


def test_crossings() -> None:
    """One comes in by the door and goes again."""
    film = Film().play(4, seats=lambda t: [(650.0 + 50 * t, 380.0)]).play(4, seats=lambda t: [(1050.0 - 50 * t, 380.0)])
    assert [body.direction for body in film.bodies(CrossingBody)] == ["in", "out"]


def test_heat_every_minute() -> None:
    """A minute with one clerk and two who wait: three person-minutes, by camera."""
    film = Film().play(61, desk=[CLERK], seats=[WAITING, (100.0, 380.0)])
    desk, seats = (body for body in film.bodies(HeatBody) if body.camera != "other")
    assert (desk.camera, seats.camera) == ("desk", "seats")
    assert sum(cell.person_s for cell in desk.cells) == pytest.approx(60, abs=0.5)
    assert sum(cell.person_s for cell in seats.cells) == pytest.approx(120, abs=0.8)


def test_the_window_as_it_stands() -> None:
    film = Film().play(10, desk=[CLERK])
    assert (film.window.status, film.window.clerk, film.window.customers) == ("idle", "present", 0)
    film.play(10, desk=[CLERK, CITIZEN])
    assert (film.window.status, film.window.customers) == ("serving", 1)
    assert film.window.session_s == pytest.approx(3.0, abs=0.5)
    film.play(40)
    assert (film.window.status, film.window.clerk) == ("unstaffed", "absent")
    assert film.window.clerk_since is not None
    assert to_iso(film.window.clerk_since.timestamp()) == to_iso(START + 19.8)


def test_states_come_every_ten_seconds_and_on_change() -> None:
    """Nothing changes for a minute: one state in ten seconds. Flicker tells no more than is allowed."""
    film = Film().play(20, desk=[CLERK])
    film.told.clear()
    film.play(60, desk=[CLERK])
    assert len(film.bodies(StateBody)) == 6
    film.told.clear()
    film.play(20, desk=[CLERK], seats=lambda t: [WAITING] if round(t * FPS) % 2 else [])
    assert 15 <= len(film.bodies(StateBody)) <= 20 / STATE_AT_MOST_EVERY_S


def test_a_node_judges_what_its_cameras_see() -> None:
    film = Film().play(1)
    assert [window.window for window in film.bodies(StateBody)[-1].windows] == ["w1"]
    second = Pipeline(film.hall, "second", Nobody())
    (state,) = [e.body for e in second.observe("other", START, found()) if isinstance(e.body, StateBody)]
    assert ([window.window for window in state.windows], state.zones) == (["w9"], [])
    with pytest.raises(InputError, match=r"'third'.*edge-f1, second"):
        Pipeline(film.hall, "third", Nobody())


def test_process_detects_in_one_batch_and_in_order() -> None:
    """Frames of two cameras come in any order; they are judged in that of capture."""
    detector = Nobody()
    pipeline = Pipeline(parse_hall(HALL), "edge-f1", detector)
    image = np.random.default_rng(1).integers(0, 255, (50, 100, 3), np.uint8)
    assert pipeline.process([]) == []
    frames = [Frame(camera, i, START + at, image) for i, (camera, at) in enumerate([("seats", 0.3), ("desk", 0.1)])]
    told = pipeline.process(frames)
    assert detector.batches == [2]
    assert [emitted.at for emitted in told] == sorted(emitted.at for emitted in told)
    # A frame from the past changes nothing and turns no clock back.
    assert pipeline.process([Frame("desk", 9, START - 5, image)]) == []


def test_a_recording_played_twice_says_the_same() -> None:
    """No clock, no random number: every body again, ids and all."""

    def bodies() -> list[AnyBody]:
        film = Film().play(10, desk=[CLERK], seats=[WAITING]).play(40, desk=[CITIZEN], seats=[WAITING]).play(20)
        return [emitted.body for emitted in film.told]

    assert bodies() == bodies()
