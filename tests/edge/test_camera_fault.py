"""camera_fault: raised, updated and cleared once each, also over a restart and while the hall is closed."""

from __future__ import annotations

import pytest

from edge.camera_fault import CameraWatch
from edge.pipeline import Pipeline
from edge.rules import Change
from hall.layout import Limits
from hall.load import parse_hall
from hall.messages import EventBody
from tests.edge.test_faults import HALL, KINDS, START, Script, Show, everybody
from tests.support.scenes import Scene
from vision.picture import Look
from vision.types import Frame

LIMITS = Limits(camera_fault=10.0, camera_lost=60.0, clear_hold=5.0)
GOOD, DOUBT = Look("seen"), Look("doubtful")
Told = tuple[str, str, float, float, str | None]


def told(changes: list[Change]) -> list[Told]:
    """Phase or reason, severity, start, length, and the fault."""
    return [
        (c.reason or c.phase, c.severity, round(c.started_at), round(c.elapsed_s), str(c.detail.get("fault")))
        for c in changes
    ]


class Film:
    """One camera, two frames a second, and the rule once a second."""

    def __init__(self) -> None:
        self.watch, self.now, self.told = CameraWatch(LIMITS), 0.0, list[Change]()

    def play(self, seconds: float, look: Look | None = GOOD, *, open_hall: bool = True) -> Film:
        """So long of pictures of one kind; None: no pictures."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            if look is not None:
                self.watch.frame(self.now, look, 400)
            self.told += self.watch.step(self.now, on_duty=open_hall)
            self.now += 0.5
        return self

    def restart(self, seconds: float) -> Film:
        self.watch = CameraWatch(LIMITS, self.watch.state)
        self.now += seconds
        self.watch.connected(self.now, "connecting")
        return self


def test_a_covered_camera_is_an_event_from_its_first_sign() -> None:
    film = Film().play(20).play(3, DOUBT).play(30, Look("covered", since=20.0)).play(20)
    assert told(film.told) == [
        ("raised", "warning", 20, 10, "covered"),
        ("resolved", "warning", 20, 33, "covered"),
    ]


def test_how_far_it_moved_stands_in_pixels() -> None:
    (raised,) = Film().play(20).play(15, Look("moved", since=20.0, shift=0.05)).told
    assert raised.detail == {"fault": "moved", "moved_px": 20.0, "width_px": 400}


def test_a_short_fault_and_a_flickering_one() -> None:
    """Nine seconds are none; a good second within a fault does not end it."""
    assert Film().play(20).play(9, Look("dark", since=20.0)).play(30).told == []
    film = Film().play(20)
    for _ in range(4):
        film.play(12, Look("dark", since=20.0)).play(1)
    assert told(film.told) == [("raised", "warning", 20, 10, "dark")]


def test_it_is_critical_once_its_windows_are_lost_and_names_the_fault_that_takes_over() -> None:
    film = Film().play(20).play(30, Look("dark", since=20.0))
    film.watch.connected(film.now, "lost", error="rtsp://***@cam: found nothing")
    film.play(60, None)
    assert told(film.told) == [
        ("raised", "warning", 20, 10, "dark"),
        ("updated", "warning", 20, 40, "offline"),
        ("updated", "critical", 20, 60, "offline"),
    ]
    assert film.told[1].detail["error"] == "rtsp://***@cam: found nothing"


@pytest.mark.parametrize(
    ("connection", "stalled", "arrives", "fault"),
    [
        ("lost", False, False, "offline"),
        ("connecting", False, False, "offline"),  # never seen since the box started
        ("lost", True, False, "stalled"),  # given up since nothing came
        ("live", False, False, "stalled"),
        ("live", False, True, "unwatched"),  # the box cannot keep up
    ],
)
def test_why_there_is_no_picture(connection: str, stalled: bool, arrives: bool, fault: str) -> None:
    film = Film()
    for _ in range(12):
        arrived_at = film.now if arrives else None
        film.watch.connected(film.now, connection, arrived_at=arrived_at, stalled=stalled)  # type: ignore[arg-type]
        film.play(1, None)
    assert told(film.told) == [("raised", "warning", 0, 10, fault)]


def test_who_was_never_heard_of_or_has_come_to_its_end_is_not_judged() -> None:
    assert Film().play(100, None).told == []
    film = Film().play(20)
    film.watch.connected(film.now, "ended")
    assert film.play(100, None).told == []


def test_a_restart_goes_on_with_the_event_and_its_gap_is_unknown() -> None:
    film = Film().play(20).play(20, Look("covered", since=20.0)).restart(600.0)
    film.play(20, Look("covered", since=640.0)).play(10)
    (raised, cleared) = film.told
    assert told([raised]) == [("raised", "warning", 20, 10, "covered")]
    assert (cleared.reason, cleared.started_at, cleared.severity) == ("resolved", 20.0, "warning")
    assert cleared.elapsed_s == pytest.approx(40, abs=1)
    assert cleared.unknown_s == pytest.approx(600, abs=1)


def test_lamps_may_be_off_at_night() -> None:
    """Dark is no fault while the hall is closed, and counts from its opening; whatever else is wrong is one."""
    night = Film().play(20, open_hall=False).play(100, Look("dark", since=20.0), open_hall=False)
    assert night.told == []
    night.play(20, Look("dark", since=20.0))
    assert told(night.told) == [("raised", "warning", 120, 10, "dark")]
    night.play(1, Look("dark", since=20.0), open_hall=False)
    assert night.told[-1].reason == "off_duty"
    assert told(Film().play(20, open_hall=False).play(11, Look("covered", since=20.0), open_hall=False).told) == [
        ("raised", "warning", 20, 10, "covered")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_picture_reaches_the_wire(kind: str) -> None:
    """Blind from 30 to 70: told within limit and doubt, cleared once the picture has been back for the hold."""
    show = Show(kind, (30, 70), everybody, 85)
    (raised_at, raised), (cleared_at, cleared) = show.of_camera()
    fault = {"bumped": "moved"}.get(kind, kind)
    assert (raised.subject, raised.phase, raised.severity, raised.detail["fault"]) == (
        "camera/desk",
        "raised",
        "warning",
        fault,
    )
    assert raised.started_at.timestamp() - START == pytest.approx(30, abs=1)
    assert raised_at == pytest.approx(40, abs=1)
    assert (cleared.event_id, cleared.reason) == (raised.event_id, "resolved")
    assert cleared.elapsed_s == pytest.approx(40, abs=2)
    assert cleared_at == pytest.approx(70 + 2, abs=2.5)
    if kind == "bumped":
        # By (16, -9) px of 320.
        assert raised.detail["moved_px"] == pytest.approx(18.4, abs=1)


def test_a_gap_that_nobody_ticked_through_is_told_when_it_ends() -> None:
    """A recording of one camera whose pictures stopped for a minute."""
    scene, pipeline = Scene(), Pipeline(parse_hall(HALL), "edge-f1", Script())
    events = []
    for number in range(100):
        at = number / 2 + (60 if number >= 60 else 0)
        told_now = pipeline.process([Frame("desk", number, START + at, scene.look())])
        events += [e.body for e in told_now if isinstance(e.body, EventBody)]
    assert [(e.rule, e.phase, e.detail["fault"]) for e in events if e.rule == "camera_fault"] == [
        ("camera_fault", "raised", "stalled"),
        ("camera_fault", "cleared", "stalled"),
    ]
    assert events[0].elapsed_s == pytest.approx(60.5)


def test_a_restart_of_the_pipeline_keeps_the_event() -> None:
    scene, hall = Scene(), parse_hall(HALL)
    pipeline, ids = Pipeline(hall, "edge-f1", Script()), []
    for number in range(200):
        at = number / 2
        if number == 100:
            pipeline = Pipeline(hall, "edge-f1", Script(), pipeline.save())
        image = scene.covered() if 20 <= at < 70 else scene.look()
        told_now = pipeline.process([Frame("desk", number, START + at, image)])
        bodies = [e.body for e in told_now if isinstance(e.body, EventBody) and e.body.rule == "camera_fault"]
        ids += [(body.event_id, body.phase) for body in bodies]
    assert [phase for _, phase in ids] == ["raised", "cleared"]
    assert len({identity for identity, _ in ids}) == 1


def _restarted_while_moved(text: str, until: float) -> list[tuple[float, str, str]]:
    """Moved from 20 s on and killed at 50; with the hall file `text` after that. Back in its place at 100."""
    scene, hall = Scene(), parse_hall(HALL)
    pipeline, told_of = Pipeline(hall, "edge-f1", Script()), list[tuple[float, str, str]]()
    for number in range(round(until * 2)):
        at = number / 2
        if number == 100:
            pipeline = Pipeline(parse_hall(text), "edge-f1", Script(), pipeline.save())
        image = scene.look(shift_px=(16, -9)) if 20 <= at < 100 else scene.look()
        emitted = pipeline.process([Frame("desk", number, START + at, image)])
        events = [(e.at - START, e.body) for e in emitted if isinstance(e.body, EventBody)]
        told_of += [(at_s, body.event_id, body.phase) for at_s, body in events if body.rule == "camera_fault"]
    return told_of


def test_a_camera_that_is_moved_stays_moved_over_a_restart() -> None:
    """Nobody turned it back: its areas lie elsewhere still, whatever the box has forgotten."""
    (_, one, raised), (at, same, cleared) = _restarted_while_moved(HALL, 120)
    assert (raised, cleared, one) == ("raised", "cleared", same)
    assert at == pytest.approx(103, abs=2.5)


def test_areas_that_were_drawn_anew_count_for_what_the_camera_shows_now() -> None:
    again = HALL.replace("[[0, 0], [0.4, 0], [0.4, 1], [0, 1]]", "[[0.05, 0], [0.4, 0], [0.4, 1], [0.05, 1]]")
    _, (at, _, cleared) = _restarted_while_moved(again, 70)
    assert cleared == "cleared"
    assert at == pytest.approx(52, abs=2.5)
