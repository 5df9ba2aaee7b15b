"""A box under duty commands: people drawn by hand before two cameras, see test_pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edge.duty import DutyRequest, duty_reply, obey
from edge.pipeline import Pipeline
from hall.clock import from_iso, to_datetime
from hall.duty import DutyCommand, DutyTable, encode_table
from hall.layout import Hall
from hall.load import parse_hall
from hall.messages import DutyOrder, EventBody, StateBody, WindowState
from tests.support.feed import found
from tests.support.nobody import Nobody

START = from_iso("2026-01-05T02:00:00Z")  # Monday, ten o'clock in the hall
FPS = 5
CLERK = (200.0, 400.0)
HALL = """\
hall: {id: test, name: 测试大厅}
hours: {mon-fri: ["09:00-12:00", "13:30-17:30"]}
limits: {clerk_absent: 20s, camera_lost: 60s}
presence: {window: 4s}
floors:
  - id: f1
    cameras: [{id: desk, source: desk.mp4, analyse_fps: 5}]
    windows:
      - {id: w1, label: "1", camera: desk, clerk_anchor: foot, clerk_area: [[0, 0], [0.4, 0], [0.4, 1], [0, 1]]}
"""


class Film:
    """Seconds before the camera; what is told of the window."""

    def __init__(self, hall: str = HALL) -> None:
        self.hall: Hall = parse_hall(hall)
        self.pipeline = Pipeline(self.hall, "edge-f1", Nobody())
        self.now = 0.0
        self.events: list[tuple[str, float, float | None]] = []
        self.elapsed_s: list[float] = []
        self.window: WindowState | None = None

    def play(self, seconds: float, people: Sequence[tuple[float, float]] = ()) -> Film:
        for _ in range(round(seconds * FPS)):
            for emitted in self.pipeline.observe("desk", START + self.now, found(list(people))):
                if isinstance(emitted.body, EventBody) and emitted.body.rule == "clerk_absent":
                    self._event(emitted.body)
                elif isinstance(emitted.body, StateBody):
                    self.window = emitted.body.windows[0]
            self.now = round(self.now + 1 / FPS, 6)
        return self

    def _event(self, body: EventBody) -> None:
        end = None if body.ended_at is None else round(body.ended_at.timestamp() - START, 1)
        self.events.append((body.reason or body.phase, round(body.started_at.timestamp() - START, 1), end))
        self.elapsed_s.append(round(body.elapsed_s, 1))

    def obey(self, *commands: tuple[DutyOrder, float] | tuple[DutyOrder, float, float], revision: int = 1) -> Film:
        table = [
            DutyCommand("w1", duty, to_datetime(START + since), *(to_datetime(START + u) for u in until))
            for duty, since, *until in commands
        ]
        assert obey(self.pipeline, DutyRequest(encode_table(DutyTable(revision, table)))) is None
        return self

    def restart(self, seconds: float) -> Film:
        self.pipeline = Pipeline(self.hall, "edge-f1", Nobody(), self.pipeline.save())
        self.now += seconds
        return self

    def shown(self) -> tuple[str, str]:
        assert self.window is not None
        return self.window.duty, self.window.status


def test_a_window_on_demand_is_absent_only_while_it_is_opened() -> None:
    film = Film(HALL.replace("{id: w1,", "{id: w1, on_demand: true,")).play(10, [CLERK]).play(60)
    assert (film.shown(), film.events) == (("closed", "closed"), [])
    film.obey(("open", 70, 120)).play(5, [CLERK]).play(25)
    assert film.shown() == ("open", "unstaffed")
    film.play(30)
    assert [name for name, *_ in film.events] == ["raised", "off_duty"]


def test_a_pause_clears_an_absence() -> None:
    film = Film().play(10, [CLERK]).play(25).obey(("paused", 35)).play(5)
    assert film.events == [("raised", 9.8, None), ("paused", 9.8, 35.0)]
    assert film.shown() == ("paused", "closed")


def test_nothing_is_counted_during_a_pause_and_anew_after_it() -> None:
    film = Film().play(10, [CLERK]).obey(("paused", 11), ("open", 111)).play(117)
    assert film.events == []
    # 1.2 s before the pause, the others after it
    film.play(15)
    assert film.events == [("raised", 9.8, None)]
    assert film.elapsed_s == [20.0]
    assert film.shown() == ("open", "unstaffed")


def test_leave_ends_by_itself() -> None:
    """Who has leave and is not back at its end is absent from then on."""
    film = Film().play(10, [CLERK]).obey(("leave", 5, 60)).play(65)
    assert film.shown() == ("open", "unstaffed")
    assert film.events == []
    assert film.play(20).events == [("raised", 60.0, None)]


def test_who_is_back_before_the_leave_ends_is_on_time() -> None:
    film = Film().play(10, [CLERK]).obey(("leave", 10, 60)).play(40).play(40, [CLERK])
    assert film.events == []
    assert film.shown() == ("open", "idle")


def test_a_command_holds_over_a_restart_without_a_broker() -> None:
    film = Film().play(10, [CLERK]).obey(("paused", 10)).play(5).restart(10).play(30)
    assert film.events == []
    assert film.shown() == ("paused", "closed")


def test_a_command_holds_with_another_hall_file() -> None:
    film = Film().play(10, [CLERK]).obey(("paused", 10))
    film.pipeline = film.pipeline.changed(parse_hall(HALL.replace("20s", "10s")))
    assert film.play(30).events == []


def test_closing_time_goes_before_a_command() -> None:
    film = Film().obey(("paused", 0))
    film.now = 2 * 3600 - 2.0
    assert film.play(5).shown() == ("closed", "closed")


def test_a_pause_that_ended_while_the_box_was_off_is_the_same_absence() -> None:
    """The clerk was seen last before the pause: what was counted before it still counts."""
    film = Film().play(10, [CLERK]).obey(("leave", 20, 30)).play(10).restart(20).play(12)
    assert [event[0] for event in film.events] == ["raised"]
    assert film.events[0][1] == 9.8


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"{", "duty/set: Input data was truncated"),
        (b"x" * 1_000_001, "1000001 bytes; expected 1000000 at most"),
        (encode_table(DutyTable(3)), "revision 3; expected 4 or more: a newer one is in force"),
    ],
)
def test_a_wrong_table_changes_nothing(payload: bytes, said: str) -> None:
    film = Film().obey(("paused", 0), revision=4)
    error = obey(film.pipeline, request := DutyRequest(payload, b"\xff"))
    assert error is not None
    assert said in str(error)
    reply = duty_reply(request, error).body
    assert (reply.request, reply.accepted, reply.correlation, reply.error) == ("duty/set", False, "ff", str(error))
    assert film.play(1).shown() == ("paused", "closed")


def test_the_table_in_force_may_come_again() -> None:
    film = Film().obey(("paused", 0), revision=4).obey(("open", 0), revision=4).play(1)
    assert film.shown()[0] == "open"
    assert duty_reply(DutyRequest(b"", b"r-1"), None).body.correlation == "r-1"
