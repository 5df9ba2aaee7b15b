"""Another hall file while a box runs: what did not change in it goes on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.pipeline import Emitted, Pipeline
from hall.clock import from_iso
from hall.errors import InputError
from hall.load import parse_hall
from hall.messages import EventBody, HeatBody, SessionBody, StateBody, StayBody, WindowState
from tests.support.feed import HALL, found
from vision.types import Detections

START = from_iso("2026-01-05T02:00:00Z")
CLERK, CITIZEN, WAITING = (200.0, 400.0), (800.0, 420.0), (250.0, 380.0)
FPS = 5

W2 = """      - {id: w2, label: "2", camera: seats, clerk_area: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
"""
ADDED = HALL.replace("    zones:\n", W2 + "    zones:\n")


class _NoDetector:
    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        raise AssertionError(f"expected detections, got {len(images)} pictures")


@dataclass
class Film:
    """Plays people before the two cameras and keeps what is told."""

    pipeline: Pipeline = field(default_factory=lambda: Pipeline(parse_hall(HALL), "edge-f1", _NoDetector()))
    now: float = 0.0
    told: list[Emitted] = field(default_factory=list)

    def play(
        self, seconds: float, desk: Sequence[tuple[float, float]] = (), seats: Sequence[tuple[float, float]] = ()
    ) -> Film:
        for _ in range(round(seconds * FPS)):
            for camera, people in (("desk", desk), ("seats", seats)):
                self.told += self.pipeline.observe(camera, START + self.now, found(list(people)))
            self.now = round(self.now + 1 / FPS, 6)
        return self

    def change(self, text: str) -> Film:
        self.pipeline = self.pipeline.changed(parse_hall(text))
        return self

    def events(self) -> list[tuple[str, str, float, str | None]]:
        return [
            (body.subject, body.phase, round(body.elapsed_s, 1), body.reason)
            for body in (item.body for item in self.told)
            if isinstance(body, EventBody)
        ]

    def window(self, name: str) -> WindowState:
        states = [item.body for item in self.told if isinstance(item.body, StateBody)]
        return next(w for w in states[-1].windows if w.window == name)


def test_a_hall_that_did_not_change_says_the_same() -> None:
    films = [Film(), Film()]
    for film in films:
        film.play(10, [CLERK, CITIZEN], [WAITING]).play(12, [CITIZEN], [WAITING])
        if film is films[1]:
            film.change(HALL)
        film.play(25, [CITIZEN], [WAITING]).play(40, [CLERK])
    # A new pipeline tells its state at once; nothing else differs.
    plain, changed = [[e for e in film.told if not isinstance(e.body, StateBody)] for film in films]
    assert changed == plain
    assert {type(e.body) for e in plain} == {EventBody, HeatBody, SessionBody}


def test_others_go_on_when_a_window_is_added() -> None:
    film = Film().play(8, [CLERK, CITIZEN], [WAITING]).play(15, [CITIZEN], [WAITING])
    film.change(ADDED).play(0.4, [CITIZEN], [WAITING])
    # Nothing is unknown, not for a frame: the absence of w1 goes on to its limit.
    assert film.window("w1").clerk == "absent"
    assert film.window("w1").session_s is not None
    assert film.window("w2").clerk == "unknown"
    film.play(10, [CITIZEN], [WAITING])
    raised = next(e.body for e in film.told if isinstance(e.body, EventBody) and e.body.rule == "clerk_absent")
    assert (raised.subject, raised.elapsed_s, raised.unknown_s) == ("window/w1", 20.0, 0)
    assert film.window("w2").clerk == "absent"


def test_limits_hold_from_the_next_moment_and_an_open_event_goes_on() -> None:
    film = Film().play(8, [CLERK]).play(12)
    film.change(HALL.replace("clerk_absent: 20s", "clerk_absent: 10s")).play(0.4)
    assert film.events() == [("window/w1", "raised", 12.2, None)]
    film.change(HALL.replace("clerk_absent: 20s", "clerk_absent: 5min")).play(10)
    assert [phase for _, phase, *_ in film.events()] == ["raised"]
    film.play(10, [CLERK])
    assert film.events()[-1][1::2] == ("cleared", "resolved")


def test_events_of_what_is_gone_are_cleared_once() -> None:
    film = Film().play(8, [CLERK], [WAITING]).play(30, [], [WAITING])
    assert [e[:2] for e in film.events()] == [
        ("window/w1", "raised"),
        ("zone/waiting", "raised"),
        ("window/w1", "updated"),
    ]
    text = HALL.replace("id: w1", "id: w3").replace("serves: [w1]", "serves: [w3]").replace("waiting, s", "other, s")
    film.change(text).play(1, [], [WAITING])
    assert {e[0]: e[1::2] for e in film.events()[3:]} == {
        "window/w1": ("cleared", "reconfigured"),
        "zone/waiting": ("cleared", "reconfigured"),
    }
    film.change(text).play(5, [], [WAITING])
    assert len(film.events()) == 5


GONE = HALL.replace("id: w1", "id: w3").replace("serves: [w1]", "serves: [w3]").replace("waiting, s", "other, s")


def _ends(film: Film) -> list[tuple[object, ...]]:
    """Sessions, stays, and ends of events, in the order in which they were told."""
    told: list[tuple[object, ...]] = []
    for body in (item.body for item in film.told):
        if isinstance(body, SessionBody):
            told.append(("session", body.window, round(body.duration_s), body.overtime))
        elif isinstance(body, StayBody):
            told.append(("stay", body.zone, round(body.duration_s), body.ended))
        elif isinstance(body, EventBody) and body.phase == "cleared":
            told.append((body.rule, body.subject, round(body.elapsed_s), body.reason))
    return told


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_under_way_where_something_is_gone_is_told(restart: bool) -> None:
    """Somebody who is served and somebody who waits: session and stay end where nobody will see them go on."""
    film = Film().play(20, [CLERK, CITIZEN], [WAITING])
    assert _ends(film) == []
    if restart:
        film.pipeline = Pipeline(parse_hall(GONE), "edge-f1", _NoDetector(), film.pipeline.save())
    else:
        film.change(GONE)
    film.play(1, [CLERK, CITIZEN], [WAITING])
    ends = [
        ("session", "w1", 20, True),
        ("overtime_case", "window/w1", 20, "reconfigured"),
        ("stay", "waiting", 20, "lost"),
    ]
    assert _ends(film) == ends
    film.change(GONE).play(5, [CLERK, CITIZEN], [WAITING])
    assert _ends(film) == ends, "once"


def test_somebody_who_stood_there_for_a_moment_was_not_served() -> None:
    film = Film().play(2, [CLERK, CITIZEN]).change(GONE).play(1, [CLERK])
    assert _ends(film) == []


def test_a_window_without_its_customer_area_ends_the_session_and_keeps_the_rest() -> None:
    film = Film().play(8, [CLERK, CITIZEN]).play(30, [CITIZEN])
    text = HALL.replace(", customer_area: [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]", "")
    assert text != HALL
    film.change(text).play(5)
    assert _ends(film) == [("session", "w1", 38, True), ("overtime_case", "window/w1", 38, "reconfigured")]
    film.play(10, [CLERK])
    assert _ends(film)[2:] == [("clerk_absent", "window/w1", 35, "resolved")]


def test_a_clock_that_is_set_back_ends_all_of_it() -> None:
    film = Film().play(20, [CLERK, CITIZEN], [WAITING])
    film.told += film.pipeline.abandon(START - 1000)
    assert _ends(film) == [
        ("session", "w1", 20, True),
        ("overtime_case", "window/w1", 20, "clock_set"),
        ("stay", "waiting", 20, "lost"),
    ]


def test_the_same_after_a_restart_with_another_file() -> None:
    film = Film().play(8, [CLERK]).play(25)
    saved = film.pipeline.save()
    text = HALL.replace("id: w1", "id: w3").replace("serves: [w1]", "serves: [w3]")
    film.pipeline = Pipeline(parse_hall(text), "edge-f1", _NoDetector(), saved)
    film.play(0.2)
    assert film.events()[-1][:2] == ("window/w1", "cleared")


def test_a_moved_area_goes_on_with_its_event_as_after_a_restart() -> None:
    film = Film().play(8, [CLERK]).play(25)
    film.change(HALL.replace("[0.4, 0], [0.4, 1]", "[0.3, 0], [0.3, 1]")).play(1)
    assert film.window("w1").clerk == "unknown"
    film.play(10, [CLERK])
    assert [e[:2] + e[3:] for e in film.events()] == [
        ("window/w1", "raised", None),
        ("window/w1", "cleared", "resolved"),
    ]


def test_another_camera_for_a_window_ends_its_absence() -> None:
    film = Film().play(8, [CLERK]).play(25)
    film.change(HALL.replace('label: "1", camera: desk', 'label: "1", camera: seats')).play(1)
    assert film.events()[-1][1::2] == ("cleared", "reconfigured")
    # The new area is judged from anew: 20 s of absence that it has seen itself.
    film.play(15)
    assert film.events()[-1][1] == "cleared"
    film.play(10)
    assert film.events()[-1][1] == "raised"


def test_a_camera_whose_address_changed_is_another_picture() -> None:
    film = Film().play(8, [CLERK, CITIZEN], [WAITING])
    film.change(HALL.replace("seats.mp4", "elsewhere.mp4")).play(1, [CLERK, CITIZEN], [WAITING])
    assert film.window("w1").clerk == "present"
    states = [item.body for item in film.told if isinstance(item.body, StateBody)]
    assert film.window("w1").session_s is not None
    assert states[-1].zones[0].longest_wait_s == pytest.approx(9, abs=1.5)


def test_a_camera_that_gets_a_substream_is_another_picture_too() -> None:
    film = Film().play(8, [CLERK], [WAITING])
    film.change(HALL.replace("desk.mp4}", "desk.mp4, substream: small.mp4}")).play(0.4, [CLERK], [WAITING])
    assert film.window("w1").clerk == "unknown"
    film.play(4, [CLERK], [WAITING])
    assert film.window("w1").clerk == "present"


def test_a_hall_without_this_box_changes_nothing() -> None:
    film = Film().play(8, [CLERK])
    with pytest.raises(InputError, match="edge-f1"):
        film.change(HALL.replace(".mp4}", ".mp4, node: other}"))
    film.play(1, [CLERK])
    assert film.window("w1").clerk == "present"
