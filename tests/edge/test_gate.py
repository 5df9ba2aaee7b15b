"""The motion gate: it leaves out looks at pictures in which nothing moved, and can never blind the box."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge.gate import MotionGate, areas_of
from edge.pipeline import Emitted, Pipeline
from hall.clock import from_iso
from hall.load import parse_hall
from hall.messages import EventBody, SessionBody, StateBody
from tests.support.scenes import HEIGHT_PX, WIDTH_PX, Image, Scene
from vision.types import Detections, Frame

SIZE = (WIDTH_PX, HEIGHT_PX)
START = from_iso("2026-01-05T02:00:00Z")
FPS = 2
HALL = """\
hall: {id: test, name: 测试大厅}
limits: {clerk_absent: 20s, overtime_case: 5min}
floors:
  - id: f1
    cameras: [{id: desk, source: desk.mp4, heartbeat: 2s}]
    windows:
      - {id: w1, label: "1", camera: desk, clerk_anchor: foot,
         clerk_area: [[0, 0.3], [0.3, 0.3], [0.3, 1], [0, 1]],
         customer_area: [[0.6, 0.3], [0.8, 0.3], [0.8, 1], [0.6, 1]]}
"""
CLERK, CITIZEN = (60, 150), (225, 160)
Person = tuple[int, int]


def with_people(people: Sequence[Person]) -> Image:
    """Somebody is a dark column on the hall: seen by who looks."""

    def paint(image: Image) -> Image:
        for x, y in people:
            image[y - 70 : y, x - 10 : x + 10] = (30, 20, 120)
        return image

    return SCENE.look(paint)


SCENE = Scene()


class Finds:
    """A detector that finds the columns; it overlooks the clerk as often as it is told, and counts its looks."""

    def __init__(self, people: Sequence[Person] = (), misses: Sequence[bool] = ()) -> None:
        self.people, self.asked, self._misses = people, 0, list(misses)

    def detect(self, images: Sequence[np.ndarray]) -> list[Detections]:
        found = []
        for _ in images:
            self.asked += 1
            missed = bool(self._misses) and self._misses[self.asked % len(self._misses)]
            seen = [p for p in self.people if not (missed and p == CLERK)]
            boxes = np.array([(x - 10, y - 70, x + 10, y) for x, y in seen], np.float32).reshape(-1, 4)
            found.append(Detections(boxes, np.full(len(seen), 0.8, np.float32), np.zeros(len(seen), np.int64), SIZE))
        return found


class Film:
    """One camera through a pipeline; times in seconds from its start."""

    def __init__(self, text: str = HALL, misses: Sequence[bool] = ()) -> None:
        self.finds = Finds(misses=misses)
        self.pipeline = Pipeline(parse_hall(text), "edge-f1", self.finds)
        self.told: list[Emitted] = []
        self.number = 0

    def play(self, seconds: float, *people: Person) -> Film:
        self.finds.people = people
        for _ in range(round(seconds * FPS)):
            frame = Frame("desk", self.number, START + self.number / FPS, with_people(people))
            self.told += self.pipeline.process([frame])
            self.number += 1
        return self

    def events(self) -> list[tuple[str, str, float, float]]:
        """Rule, phase, when told, since when."""
        bodies = [(e.at - START, e.body) for e in self.told if isinstance(e.body, EventBody)]
        return [(b.rule, b.phase, at, b.started_at.timestamp() - START) for at, b in bodies]

    @property
    def looks(self) -> int:
        return self.finds.asked


def gate_of(text: str = HALL) -> MotionGate:
    floor = parse_hall(text).floors[0]
    return MotionGate(floor.cameras[0], areas_of("desk", floor))


def test_while_nothing_moves_a_look_every_heartbeat_is_enough() -> None:
    film = Film().play(20, CLERK)
    before, told = film.looks, len(film.told)
    film.play(60, CLERK)
    assert film.looks - before == 30
    gate = film.pipeline.gates["desk"]
    assert (gate.frames - gate.skipped, gate.frames) == (film.looks, 160)
    assert film.events() == []
    states = [e.body for e in film.told[told:] if isinstance(e.body, StateBody)]
    assert {s.windows[0].clerk for s in states} == {"present"}


def test_a_camera_rests_while_nothing_moves_and_no_longer() -> None:
    film = Film().play(20, CLERK)
    gate = film.pipeline.gates["desk"]
    rested = [film.number / FPS for _ in range(60) if film.play(0.5, CLERK) and gate.rests]
    assert 20 < rested[0] < 35
    assert len(rested) > 30
    film.play(0.5, CLERK, (270, 160))
    assert not gate.rests, "on the first picture in which something moved"
    film.play(9, CLERK)
    assert not gate.rests, "and for some time after"
    assert film.play(30, CLERK).pipeline.gates["desk"].rests
    film.play(0.5)
    assert not gate.rests, "the clerk has gone"
    assert not gate_of().rests


def test_pictures_far_apart_do_not_end_its_rest() -> None:
    """While it rests, every picture is the heartbeat's."""
    film = Film().play(40, CLERK)
    gate = film.pipeline.gates["desk"]
    assert gate.rests
    for _ in range(10):
        film.number += 3
        film.play(0.5, CLERK)
        assert gate.rests
    film.number += 3
    assert not film.play(0.5, CLERK, (270, 160)).pipeline.gates["desk"].rests


def test_it_changes_nothing_of_what_is_told() -> None:
    """A clerk, a citizen who is served, an absence: the same as with every frame looked at."""

    def story(text: str) -> Film:
        film = Film(text).play(20, CLERK).play(2, CLERK, (270, 160)).play(40, CLERK, CITIZEN)
        return film.play(2, CLERK, (270, 160)).play(30, CLERK).play(40).play(20, CLERK)

    gated, every = story(HALL), story(HALL.replace("heartbeat: 2s", "motion_gate: false"))
    assert gated.events() == every.events() != []
    sessions = [[e.body for e in film.told if isinstance(e.body, SessionBody)] for film in (gated, every)]
    assert sessions[0] == sessions[1] != []
    assert every.looks == 2 * 154
    assert gated.looks < 0.6 * every.looks


def test_looking_elsewhere_meanwhile_tells_the_same() -> None:
    """As a box does it: the next frames are begun before what came of the last ones is judged."""
    story = [(CLERK,)] * 40 + [()] * 90 + [(CLERK,)] * 40
    alone, shared = Film(), Film()
    with ThreadPoolExecutor(1) as pool:
        for number, people in enumerate(story):
            alone.finds.people = shared.finds.people = people
            frame = Frame("desk", number, START + number / FPS, with_people(people))
            alone.told += alone.pipeline.process([frame])
            looking = shared.pipeline.begin([frame], pool.submit)
            assert looking.frames == [frame]
            shared.told += shared.pipeline.take(looking)
    assert shared.told == alone.told
    assert [rule for rule, *_ in shared.events()] == ["clerk_absent"] * 2


def test_an_absence_is_found_and_dated() -> None:
    """The picture after the clerk has gone is as still as before."""
    ((rule, phase, told_at, since),) = Film().play(20, CLERK).play(50).events()
    assert (rule, phase, since) == ("clerk_absent", "raised", 19.5)
    assert told_at == pytest.approx(39.5, abs=1)


def test_a_clerk_who_is_often_overlooked_is_not_gone() -> None:
    """Every third look misses the clerk; what was missed holds for no other frame."""
    film = Film(misses=[False, False, True]).play(120, CLERK)
    assert film.events() == []
    assert film.looks < 240


def test_nobody_where_somebody_was_is_looked_at_again_and_again() -> None:
    """The last look disagrees with what is believed: each frame is looked at until that is settled."""
    film = Film().play(20, CLERK)
    film.finds.people = ()
    before = film.looks
    for _ in range(8):
        frame = Frame("desk", film.number, START + film.number / FPS, with_people([CLERK]))
        film.told += film.pipeline.process([frame])
        film.number += 1
    # The picture did not change, so the first frames may hold; from the heartbeat on nothing does.
    assert film.looks - before >= 5


def frames(*images: Image) -> list[Frame]:
    return [Frame("desk", i, START + i / FPS, image) for i, image in enumerate(images)]


@pytest.mark.parametrize(
    ("people", "holds"),
    [
        ([CLERK], True),  # noise alone
        ([CLERK, (160, 60)], True),  # somebody far from every area
        ([CLERK, (105, 150)], False),  # somebody about to enter the clerk area
        ([(62, 150)], False),  # the clerk shifts by two pixels
        ([], False),
    ],
)
def test_what_counts_as_motion(people: list[Person], holds: bool) -> None:
    gate = gate_of()
    first, second = frames(with_people([CLERK]), with_people(people))
    found = Detections.empty(SIZE)
    assert gate.holds(first, settled=True) is None
    gate.looked(first, found, whole=True)
    assert gate.holds(second, settled=False) is None
    assert (gate.holds(second, settled=True) is found) is holds


def test_what_was_looked_at_in_part_or_in_another_size_holds_for_nothing() -> None:
    gate = gate_of()
    first, second, third = frames(*[with_people([CLERK])] * 3)
    gate.looked(first, Detections.empty(SIZE), whole=False)
    assert gate.holds(second, settled=True) is None
    gate.looked(second, Detections.empty((640, 360)), whole=True)
    assert gate.holds(third, settled=True) is None
    gate.looked(third, Detections.empty(SIZE), whole=True)
    gate.looked(first, Detections.empty(SIZE), whole=True)
    assert gate.inferred_at == third.captured_at, "an old frame changes nothing"


def test_slow_changes_add_up() -> None:
    """Compared with the picture that was looked at, not with the last one."""
    gate = gate_of()
    images = [np.clip(with_people([CLERK]).astype(np.int16) + 2 * k, 0, 255).astype(np.uint8) for k in range(8)]
    played = frames(*images)
    gate.looked(played[0], Detections.empty(SIZE), whole=True)
    held = [gate.holds(frame, settled=True) is not None for frame in played[1:4]]
    assert held == [True, True, True], "three greys in four steps"
    gate = gate_of(HALL.replace("2s", "1min"))
    gate.looked(played[0], Detections.empty(SIZE), whole=True)
    assert [gate.holds(frame, settled=True) is not None for frame in played[1:]][-1] is False
