"""People behind the counters: clerks, colleagues, a cleaner."""

from __future__ import annotations

from twin.scenario.file import SHORTEST_AWAY_S, Cleaner, Desk, Helper
from twin.scenario.place import DESKS_LEFT_BY, STAFF_DOOR, TOWARDS_YAW, Counter, Point
from twin.scenario.story import Way

_SPEED_M_S = 1.4
_FIGURES = {"w01": "clerk_f1", "w02": "clerk_m1", "w03": "clerk_m2"}
_COLLEAGUE = "clerk_f2"


class Clerk:
    """The clerk of a window.

    Attributes:
        wants_away_until_s: the clerk goes when the case is done, and is back then.
        covered: when a colleague sits there.
    """

    def __init__(self, desk: Desk, counter: Counter) -> None:
        self.window, self._desk, self._counter = desk.id, desk, counter
        self.way = Way(f"clerk-{desk.id}", _FIGURES[desk.id], 0.0, counter.seat, TOWARDS_YAW)
        self.wants_away_until_s: float | None = None
        self.covered: list[tuple[float, float]] = []
        self._away: list[tuple[float, float]] = []

    def serves(self, at_s: float) -> bool:
        """Whether somebody who can serve sits there."""
        away = any(start <= at_s < end for start, end in self._away)
        return self.wants_away_until_s is None and (not away or any(start <= at_s < end for start, end in self.covered))

    def leave(self, at_s: float, until_s: float) -> bool:
        """Go away and be back at `until_s`; not where there is no time left for the way."""
        if until_s - at_s < SHORTEST_AWAY_S:
            return False
        self._away.append((at_s, until_s))
        self.sit_until(at_s)
        way, back = self.way, _to_staff_door(self._counter)
        way.stay(at_s + 0.6, "stand", back[0], TOWARDS_YAW)
        way.walk(back[1:], _SPEED_M_S)
        walked_s = way.end_s - at_s
        way.gone(until_s - walked_s)
        way.place = STAFF_DOOR
        way.walk(list(reversed(back[:-1])), _SPEED_M_S)
        way.stay(until_s, "stand", yaw_deg=TOWARDS_YAW)
        return True

    def sit_until(self, until_s: float) -> None:
        """Sit at the desk, over a phone when the scenario says so."""
        way = self.way
        for span in sorted(self._desk.phone, key=lambda span: span.start):
            way.stay(min(span.start, until_s), "sit_desk", self._counter.seat, TOWARDS_YAW)
            way.stay(min(span.end, until_s), "sit_phone", self._counter.seat, TOWARDS_YAW)
        way.stay(until_s, "sit_desk", self._counter.seat, TOWARDS_YAW)


def _to_staff_door(counter: Counter) -> list[Point]:
    """From beside the chair out of the picture."""
    x, y = counter.seat
    return [(x + 0.38, y + 0.26), (x + 0.78, y + 0.64), (x + 1.4, DESKS_LEFT_BY), STAFF_DOOR]


def helper_way(person: str, helper: Helper, counter: Counter) -> Way:
    """A colleague who comes to a window, sits in or stands beside the clerk, and goes."""
    x, y = counter.seat
    line = _to_staff_door(counter)
    spot: Point = counter.seat if helper.covers else (x + 0.35, y + 0.34)
    back = list(reversed(line[:-1])) if helper.covers else [*reversed(line[1:-1]), spot]
    walked_s = Way(person, _COLLEAGUE, 0.0, STAFF_DOOR).walk(back, _SPEED_M_S)
    way = Way(person, _COLLEAGUE, max(0.0, helper.start - walked_s), STAFF_DOOR, TOWARDS_YAW)
    way.walk(back, _SPEED_M_S)
    way.stay(helper.end, "sit_desk" if helper.covers else "stand", spot, TOWARDS_YAW)
    way.place = back[-1]
    way.walk(line[1:], _SPEED_M_S)
    return way


def cleaner_way(person: str, cleaner: Cleaner) -> Way:
    """Somebody who passes behind all clerks."""
    way = Way(person, "m_tee", cleaner.at, STAFF_DOOR)
    way.walk([(-STAFF_DOOR[0], STAFF_DOOR[1])], cleaner.speed_m_s)
    return way
