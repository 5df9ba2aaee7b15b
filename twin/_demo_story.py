"""The half minute that the clips show: a clerk leaves and comes back while people wait, are called and leave."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from twin.actors import ActorState
from twin.camera.atlas import load_atlas
from twin.camera.scene import Point, Scene, load_scene

FPS = 12
"""Steps a second, as in the clips."""
DURATION_S = 30.0
_STRIDE = 1.22 / 1.7
"""Length of two steps over a person's height; six poses make one."""
_TURN_DEG_S = 330.0
_TURN_WALKING_DEG_S = 270.0

_NORTH, _SOUTH, _WEST = (0.0, 1.0), (0.0, -1.0), (-1.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Stay:
    """Be at a place until a moment."""

    until_s: float
    pose: str
    place: Point
    facing: Point


@dataclass(frozen=True, slots=True)
class _Walk:
    """Walk through places at a speed in metres a second, from where one is."""

    through: list[Point]
    speed_m_s: float


@dataclass(frozen=True, slots=True)
class _Away:
    """Be outside until a moment."""

    until_s: float


_Step = _Stay | _Walk | _Away


class DemoStory:
    """14 people in a rendered hall; both cameras see the same.

    Args:
        hall: its name; where counters are tall, citizens hold papers instead of reaching over the desk.
    """

    duration_s = DURATION_S

    def __init__(self, hall: str = "lowdesk") -> None:
        self._hall = load_scene(hall).name

    def at(self, t_s: float) -> Sequence[ActorState]:
        """Who is where at a moment; the last moment stays on."""
        steps = _steps(self._hall)
        # Times in files are rounded to milliseconds: the step that begins there is meant.
        return steps[min(max(0, math.floor(t_s * FPS + 0.02)), len(steps) - 1)]


@cache
def _steps(hall: str) -> list[tuple[ActorState, ...]]:
    scene = load_scene(hall)
    tracks = [_Walker(*who).track(script) for who, script in _script(scene).items()]
    return [tuple(state for state in moment if state is not None) for moment in zip(*tracks, strict=True)]


class _Walker:
    """Follows a script in steps of 1/12 s; turning takes time, walking moves the legs."""

    def __init__(self, person: str, figure: str) -> None:
        self._person, self._figure = person, figure
        self._stride_m = _STRIDE * load_atlas().height_m(figure)
        self._place: Point | None = None
        self._yaw_deg: float | None = None
        self._walked_m = 0.0

    def track(self, script: Sequence[_Step]) -> Iterator[ActorState | None]:
        """Where they are at every step; None while away."""
        count = round(DURATION_S * FPS)
        done = 0
        for step in script:
            if isinstance(step, _Walk):
                for state in self._walk(step):
                    if done == count:
                        return
                    done += 1
                    yield state
                continue
            while done < count and (step is script[-1] or done / FPS < step.until_s):
                done += 1
                yield self._stand(step) if isinstance(step, _Stay) else None
            if isinstance(step, _Away):
                self._place = None

    def _stand(self, step: _Stay) -> ActorState:
        self._place = step.place
        self._turn(step.facing, math.inf if step.pose.startswith("sit") else _TURN_DEG_S)
        return self._state(step.pose)

    def _walk(self, step: _Walk) -> Iterator[ActorState]:
        way = list(step.through)
        if self._place is None:
            self._place = way.pop(0)
        while way:
            self._advance(way, step.speed_m_s / FPS)
            yield self._state(f"walk{int(self._walked_m / self._stride_m * 6) % 6}")

    def _advance(self, way: list[Point], left_m: float) -> None:
        """Go on along the way, and take out of it what is behind."""
        assert self._place is not None
        heading = None
        while way:
            (x, y), (to_x, to_y) = self._place, way[0]
            far_m = math.dist(self._place, way[0])
            part = 1.0 if far_m <= left_m else left_m / far_m
            if far_m > 1e-6:
                heading = (to_x - x, to_y - y)
            self._place = (x + part * (to_x - x), y + part * (to_y - y))
            self._walked_m += part * far_m
            if part < 1.0:
                break
            left_m -= far_m
            way.pop(0)
        if heading is not None:
            self._turn(heading, _TURN_WALKING_DEG_S)

    def _turn(self, facing: Point, speed_deg_s: float) -> None:
        wanted = math.degrees(math.atan2(facing[0], -facing[1]))
        if self._yaw_deg is None or math.isinf(speed_deg_s):
            self._yaw_deg = wanted
            return
        most = speed_deg_s / FPS
        off = (wanted - self._yaw_deg + 180) % 360 - 180
        self._yaw_deg += max(-most, min(most, off))

    def _state(self, pose: str) -> ActorState:
        assert self._place is not None
        assert self._yaw_deg is not None
        return ActorState(self._person, self._figure, pose, self._yaw_deg, *self._place)


def _script(scene: Scene) -> dict[tuple[str, str], list[_Step]]:
    """Person and figure to what they do, in the order of painting."""
    return {**_clerks(scene), **_served(scene), **_waiting(scene), **_arriving(scene)}


def _clerks(scene: Scene) -> dict[tuple[str, str], list[_Step]]:
    desk = [counter.clerk_seat.pos for counter in scene.counters]
    return {
        ("clerk_1", "clerk_f1"): [
            _Stay(6, "sit_desk", desk[0], _SOUTH),
            _Stay(6.6, "stand", (-2.5, 6.42), _SOUTH),
            _Walk([(-2.1, 6.8), (-1.3, 7.15), (6.4, 7.15)], 1.4),
            _Away(17.5),
            _Walk([(6.4, 7.15), (-1.4, 7.15), (-2.4, 6.5)], 1.4),
            _Stay(24.3, "stand", (-2.45, 6.42), _SOUTH),
            _Stay(30, "sit_desk", desk[0], _SOUTH),
        ],
        ("clerk_2", "clerk_m1"): [_Stay(30, "sit_desk", desk[1], _SOUTH)],
        ("clerk_3", "clerk_m2"): [
            _Stay(8, "sit_desk", desk[2], _SOUTH),
            _Stay(11, "stand2", (2.45, 6.5), _SOUTH),
            _Stay(20, "sit_phone", desk[2], _SOUTH),
            _Stay(30, "sit_desk", desk[2], _SOUTH),
        ],
    }


def _served(scene: Scene) -> dict[tuple[str, str], list[_Step]]:
    door = _door(scene)
    reach = "reach" if scene.has_desks else "stand2"
    return {
        ("cit_jacket", "m_jacket"): [
            _Stay(4, "stand", (-2.9, 4.85), _NORTH),
            _Stay(6, reach, (-2.9, 4.72), _NORTH),
            _Stay(25, "stand", (-2.9, 4.85), _NORTH),
            _Stay(28, reach, (-2.9, 4.72), _NORTH),
            _Stay(30, "stand", (-2.9, 4.85), _NORTH),
        ],
        ("cit_check", "m_check"): [
            _Stay(3, "stand", (0.5, 4.85), _NORTH),
            _Stay(7, reach, (0.5, 4.72), _NORTH),
            _Stay(10, "stand", (0.5, 4.85), _NORTH),
            _Walk([(-0.9, 3.6), (-2.0, -2.0), door], 1.35),
            _Away(30),
        ],
        ("cit_old", "f_old"): [
            _Stay(3, reach, (2.75, 4.75), _NORTH),
            _Stay(7.5, "stand", (2.75, 4.88), _NORTH),
            _Walk([(1.6, 2.6), (-1.7, -1.9), door], 0.95),
            _Away(30),
        ],
        ("cit_blouse", "f_blouse"): [
            _Stay(9.5, "sit", scene.seat("row1.3").pos, _NORTH),
            _Stay(10, "stand", (1.29, -0.12), _NORTH),
            _Walk([(0.9, 0.7), (0.5, 3.0), (0.45, 4.85)], 1.3),
            _Stay(17, "stand", (0.45, 4.85), _NORTH),
            _Stay(22, reach, (0.45, 4.72), _NORTH),
            _Stay(30, "stand", (0.45, 4.85), _NORTH),
        ],
    }


def _waiting(scene: Scene) -> dict[tuple[str, str], list[_Step]]:
    return {
        ("wait_old", "m_old"): [_Stay(30, "sit", scene.seat("row1.1").pos, _NORTH)],
        ("wait_pink", "f_pink"): [_Stay(30, "sit", scene.seat("row2.2").pos, _NORTH)],
        ("wait_hoodie", "m_hoodie"): [
            _Stay(22, "sit_phone", scene.seat("row3.3").pos, _NORTH),
            _Stay(22.4, "stand", (1.29, -2.72), _NORTH),
            _Walk([(2.45, -2.6), (2.7, 0.5), (2.8, 4.85)], 1.4),
            _Stay(30, "stand", (2.8, 4.85), _NORTH),
        ],
    }


def _arriving(scene: Scene) -> dict[tuple[str, str], list[_Step]]:
    door, kiosk = _door(scene), scene.kiosk.stand
    return {
        ("cit_tee", "m_tee"): [
            _Away(3),
            _Walk([door, (-2.6, -4.7), kiosk], 1.3),
            _Stay(9, "stand2", kiosk, _SOUTH),
            _Walk([(-2.4, -1.7), (-0.6, -1.1), (1.87, -1.15)], 1.3),
            _Stay(14.6, "stand", (1.87, -1.3), _NORTH),
            _Stay(30, "sit", scene.seat("row2.4").pos, _NORTH),
        ],
        ("cit_ftee", "f_tee"): [
            _Away(16),
            _Walk([door, (-2.5, -4.6), (-2.4, -1.5), (-1.9, 0.3)], 1.25),
            _Stay(30, "stand2", (-1.9, 0.3), (0.6, 1)),
        ],
        ("cit_teen", "teen"): [
            _Away(16.9),
            _Walk([door, (-2.45, -4.6), (-2.7, -1.5), (-2.5, 0.1)], 1.25),
            _Stay(30, "stand", (-2.5, 0.1), (0.6, 0.8)),
        ],
        ("cit_polo", "m_polo"): [
            _Stay(12, "stand", (-5.3, -1.7), _WEST),
            _Walk([(-3.5, -2.2), (-1.2, -2.65), (0.13, -2.65)], 1.2),
            _Stay(30, "sit", scene.seat("row3.1").pos, _NORTH),
        ],
    }


def _door(scene: Scene) -> Point:
    (ax, ay), (bx, by) = scene.door.line
    return (ax + bx) / 2, (ay + by) / 2 + 0.15
