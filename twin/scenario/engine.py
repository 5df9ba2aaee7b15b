"""The discrete events of a hall: who comes, takes a ticket, waits, is called, is served and goes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count

import numpy as np

from hall.errors import InputError
from twin.actors import PictureFault
from twin.scenario.file import Scenario, Times
from twin.scenario.place import AWAY_YAW, TOWARDS_YAW, Place, Point, load_place
from twin.scenario.staff import Clerk, cleaner_way, helper_way
from twin.scenario.story import CITIZENS, Appears, Child, ScenarioStory, Way

TICKET_S = 6.0
"""Time at the ticket machine."""

NOTICE_S = 1.0
"""From the call to getting up."""

_SPEED = (1.0, 1.4)
_TURNING = 0.6
"""Who turns away from a window takes the first steps at this share of the speed."""


def tell(scenario: Scenario, seed: int, *, wing: int = 1) -> ScenarioStory:
    """The story of a scenario; the same seed tells the same story.

    Args:
        scenario: what happens, in a hall of one wing or in one of several.
        seed: from 0.
        wing: which one: each has chance of its own.

    Raises:
        InputError: a seed below 0, or several wings at once.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    if scenario.scenario.wings > 1:
        raise InputError(
            f"scenario {scenario.scenario.id}: found {scenario.scenario.wings} wings; expected one, since a hall of "
            "several is for `hallwatch bench day` and has no pictures"
        )
    return _Day(scenario, load_place(scenario.scenario.hall), streams(seed, wing)).run()


def streams(seed: int, wing: int) -> list[int]:
    """Where chance begins for a seed and a wing."""
    return [seed] if wing == 1 else [seed, 1000 + wing]


class _Citizen:
    """Somebody with a ticket, now or soon."""

    def __init__(self, way: Way, speed_m_s: float, service_s: float, patience_s: float) -> None:
        self.way, self.speed_m_s, self.patience_s = way, speed_m_s, patience_s
        self.left_s = service_s
        self.seat: Point | None = None
        self.standing: Point | None = None
        self.waiting = False


class _Window:
    """A window in use."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.citizen: _Citizen | None = None
        self.at_window = False
        self.serving_since_s: float | None = None
        self.turn = 0


class _Day:
    def __init__(self, scenario: Scenario, place: Place, seed: list[int]) -> None:
        self._scenario, self._place, self._seed = scenario, place, seed
        self._end_s = scenario.duration_s + 1.0  # people are still there in the last frame
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._now = 0.0
        self._people: list[Appears] = []
        self._citizens: list[_Citizen] = []
        self._queue: list[_Citizen] = []
        self._free_seats = list(place.seats)
        self._free_standing = list(place.standing)
        self._kiosk_free_s = 0.0
        self._served = self._unserved = 0
        self._clerks: set[str] = set()
        self._windows: dict[str, _Window] = {}
        self._numbers = count(1)

    def run(self) -> ScenarioStory:
        for desk in self._scenario.windows:
            self._open(desk.id)
        self._plan_others()
        self._sit_down_first()
        self._plan_arrivals()
        while self._events and self._events[0][0] <= self._end_s:
            self._now, _, what = heapq.heappop(self._events)
            what()
        for citizen in self._citizens:
            self._linger(citizen)
        for window in self._windows.values():
            window.clerk.sit_until(self._end_s)
        return ScenarioStory(
            self._scenario.duration_s,
            self._people,
            frozenset(self._clerks),
            served=self._served,
            left_unserved=self._unserved,
            faults=[PictureFault(f.camera, f.kind, f.start, f.end) for f in self._scenario.faults],
            citizens=next(self._numbers) - 1,
        )

    def _rng(self, *stream: int) -> np.random.Generator:
        """Chance of its own for each thing, so that a change of one leaves the others as they were."""
        return np.random.default_rng([*self._seed, *stream])

    def _at(self, at_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), what))

    def _open(self, window: str) -> None:
        desk = next(d for d in self._scenario.windows if d.id == window)
        clerk = Clerk(desk, self._place.counter(window))
        self._windows[window] = _Window(clerk)
        self._people.append(clerk.way)
        self._clerks.add(clerk.way.person)
        for away in desk.away:
            self._at(away.start, lambda span=away: self._leave(window, span.end, finish=span.why == "lunch"))  # type: ignore[misc]

    def _leave(self, window: str, until_s: float, *, finish: bool) -> None:
        w = self._windows[window]
        if finish and w.citizen is not None:
            w.clerk.wants_away_until_s = until_s
            return
        if w.clerk.leave(self._now, until_s):
            self._pause(w)
            self._at(until_s, lambda: self._resume(w))

    def _pause(self, w: _Window) -> None:
        if w.citizen is not None and w.serving_since_s is not None:
            w.citizen.left_s -= self._now - w.serving_since_s
        w.serving_since_s = None
        w.turn += 1

    def _resume(self, w: _Window) -> None:
        """Somebody who can serve sits down."""
        if w.citizen is None:
            self._call(w)
        elif w.at_window and w.serving_since_s is None and w.clerk.serves(self._now):
            w.serving_since_s = self._now
            w.turn += 1
            turn = w.turn
            self._at(self._now + w.citizen.left_s, lambda: self._finish(w, turn))

    def _finish(self, w: _Window, turn: int) -> None:
        if turn != w.turn or w.citizen is None:
            return
        citizen, w.citizen, w.at_window, w.serving_since_s = w.citizen, None, False, None
        self._stand_at_window(citizen, self._now)
        line = self._place.from_window(w.clerk.window)
        citizen.way.walk(line[:1], _TURNING * citizen.speed_m_s)
        self._go(citizen, line[1:])
        self._served += 1
        if w.clerk.wants_away_until_s is not None:
            until_s, w.clerk.wants_away_until_s = w.clerk.wants_away_until_s, None
            self._leave(w.clerk.window, until_s, finish=False)
        self._call(w)

    def _call_all(self) -> None:
        for w in self._windows.values():
            self._call(w)

    def _call(self, w: _Window) -> None:
        if w.citizen is not None or not self._queue or not w.clerk.serves(self._now):
            return
        citizen = self._queue.pop(0)
        citizen.waiting = False
        w.citizen = citizen
        way = citizen.way
        if citizen.seat is not None:
            way.stay(max(way.end_s, self._now + NOTICE_S), "sit", citizen.seat, AWAY_YAW)
            self._get_up(citizen)
        elif citizen.standing is not None:
            way.stay(max(way.end_s, self._now + NOTICE_S), "stand", yaw_deg=AWAY_YAW)
            self._free_standing.append(citizen.standing)
            citizen.standing = None
            way.walk([(-0.8, way.place[1]), (-0.8, 0.8)], citizen.speed_m_s)
        else:
            way.walk([(-2.2, 0.2)], citizen.speed_m_s)
        arrived_s = way.walk(self._place.to_window(w.clerk.window), citizen.speed_m_s)
        self._at(arrived_s, lambda: self._arrive_at_window(w))

    def _arrive_at_window(self, w: _Window) -> None:
        w.at_window = True
        self._resume(w)

    def _get_up(self, citizen: _Citizen) -> None:
        assert citizen.seat is not None
        way, seat = citizen.way, citizen.seat
        way.stay(way.end_s + 0.5, "stand", (seat[0], seat[1] + 0.45), AWAY_YAW)
        way.walk(self._place.from_seat(seat), citizen.speed_m_s)
        self._free_seats.append(seat)
        citizen.seat = None

    def _stand_at_window(self, citizen: _Citizen, until_s: float) -> None:
        """Stand there, reaching over the desk or holding papers now and then."""
        way, busy = citizen.way, self._place.counters[0].busy_pose
        while way.end_s < until_s:
            way.stay(min(until_s, way.end_s + 16.0), "stand", yaw_deg=AWAY_YAW)
            way.stay(min(until_s, way.end_s + 5.0), busy, yaw_deg=AWAY_YAW)

    def _go(self, citizen: _Citizen, line: list[Point]) -> None:
        citizen.way.walk(line, citizen.speed_m_s)
        self._citizens.remove(citizen)

    def _linger(self, citizen: _Citizen) -> None:
        """What somebody still there does until the end."""
        window = next((w for w in self._windows.values() if w.citizen is citizen), None)
        if window is not None:
            self._stand_at_window(citizen, self._end_s)
        elif citizen.seat is not None:
            citizen.way.stay(self._end_s, "sit", citizen.seat, AWAY_YAW)
        else:
            citizen.way.stay(self._end_s, "stand", yaw_deg=AWAY_YAW)

    def _new_citizen(self, start_s: float, place: Point) -> _Citizen:
        number = next(self._numbers)
        rng = self._rng(1, number)
        figure = str(rng.choice(CITIZENS))
        way = Way(f"citizen-{number}", figure, start_s, place)
        desk = self._scenario.windows[number % len(self._scenario.windows)] if self._scenario.windows else None
        service_s = max(5.0, lognormal(rng, desk.service)) if desk is not None else 60.0
        patience = self._scenario.queue.patience
        patience_s = lognormal(rng, patience) if patience is not None else math.inf
        citizen = _Citizen(way, float(rng.uniform(*_SPEED)), service_s, patience_s)
        self._citizens.append(citizen)
        self._people.append(way)
        if rng.random() < self._scenario.arrivals.children:
            self._people.append(Child(f"child-{number}", way))
        return citizen

    def _sit_down_first(self) -> None:
        for _ in range(self._scenario.arrivals.waiting):
            citizen = self._new_citizen(0.0, self._place.seats[0])
            self._take_place(citizen, walk=False)
            self._queue_up(citizen)

    def _take_place(self, citizen: _Citizen, *, walk: bool) -> None:
        """A free seat, else a place to stand beside the rows, else wherever the person is."""
        way = citizen.way
        if self._free_seats:
            index = int(self._rng(2, int(way.person.split("-")[1])).integers(len(self._free_seats)))
            citizen.seat = self._free_seats.pop(index)
            if walk:
                way.walk([(-2.0, -2.2), *self._place.to_seat(citizen.seat)], citizen.speed_m_s)
            way.place = citizen.seat
            way.stay(way.end_s + 0.1, "sit", citizen.seat, AWAY_YAW)
        elif self._free_standing:
            citizen.standing = self._free_standing.pop(0)
            if walk:
                way.walk([(-2.0, -2.2), citizen.standing], citizen.speed_m_s)
            way.stay(way.end_s + 0.1, "stand", citizen.standing, AWAY_YAW)

    def _plan_arrivals(self) -> None:
        """A Poisson process with a rate that steps, by thinning (Lewis and Shedler, 1979)."""
        rates = self._scenario.arrivals.rate
        top = max((rate.per_hour for rate in rates), default=0.0)
        if top <= 0:
            return
        rng, at_s = self._rng(3), 0.0
        while True:
            at_s += float(rng.exponential(3600 / top))
            if at_s >= self._scenario.duration_s:
                return
            per_hour = next((rate.per_hour for rate in reversed(rates) if rate.at <= at_s), 0.0)
            if rng.random() * top < per_hour:
                self._at(at_s, self._come_in)

    def _come_in(self) -> None:
        door = self._place.door
        citizen = self._new_citizen(self._now, (door[0] - 0.3, door[1]))
        way = citizen.way
        way.walk([(-2.8, -4.6)], citizen.speed_m_s)
        free_s = max(self._kiosk_free_s, way.end_s + 1.5)
        if free_s > way.end_s + 2.0:
            way.stay(free_s - 1.5, "stand", yaw_deg=AWAY_YAW)
        taken_s = way.walk([self._place.kiosk], citizen.speed_m_s) + TICKET_S
        way.stay(taken_s, "stand2", yaw_deg=TOWARDS_YAW)
        self._kiosk_free_s = taken_s
        self._at(taken_s, lambda: self._take_ticket(citizen))

    def _take_ticket(self, citizen: _Citizen) -> None:
        self._queue_up(citizen)
        self._call_all()
        if citizen.waiting:
            self._take_place(citizen, walk=True)

    def _queue_up(self, citizen: _Citizen) -> None:
        citizen.waiting = True
        self._queue.append(citizen)
        if math.isfinite(citizen.patience_s):
            self._at(self._now + citizen.patience_s, lambda: self._lose_patience(citizen))
        if self._now == 0.0:
            self._at(2.0, self._call_all)

    def _lose_patience(self, citizen: _Citizen) -> None:
        if not citizen.waiting:
            return
        citizen.waiting = False
        self._queue.remove(citizen)
        self._unserved += 1
        way = citizen.way
        if citizen.seat is not None:
            way.stay(max(way.end_s, self._now), "sit", citizen.seat, AWAY_YAW)
            self._get_up(citizen)
        elif citizen.standing is not None:
            way.stay(max(way.end_s, self._now), "stand", yaw_deg=AWAY_YAW)
            self._free_standing.append(citizen.standing)
            citizen.standing = None
        self._go(citizen, self._place.out)

    def _plan_others(self) -> None:
        scenario, place = self._scenario, self._place
        for i, helper in enumerate(scenario.helpers, start=1):
            way = helper_way(f"colleague-{i}", helper, place.counter(helper.window))
            self._people.append(way)
            self._clerks.add(way.person)
            if helper.covers and helper.window in self._windows:
                w = self._windows[helper.window]
                w.clerk.covered.append((helper.start, helper.end))
                self._at(helper.start, lambda w=w: self._resume(w))  # type: ignore[misc]
                self._at(helper.end, lambda w=w: self._pause(w))  # type: ignore[misc]
        self._people += [cleaner_way(f"cleaner-{i}", c) for i, c in enumerate(scenario.cleaners, start=1)]
        for i, blocker in enumerate(scenario.blockers, start=1):
            seat = place.counter(blocker.window).seat
            # Who is on the line from camera 1 to the clerk hides the clerk.
            eye = place.cameras["cam1"].position
            share = (4.75 - eye[1]) / (seat[1] - eye[1])
            spot = (eye[0] + (seat[0] - eye[0]) * share, 4.75)
            self._visitor(f"blocker-{i}", spot, blocker.start, blocker.end, "stand")
        for i, sitter in enumerate(scenario.sitters, start=1):
            seat = self._free_seats.pop()
            self._visitor(f"sitter-{i}", seat, sitter.start, sitter.end, "sit")

    def _visitor(self, person: str, spot: Point, from_s: float, until_s: float, pose: str) -> None:
        """Somebody without a ticket, who is at a spot from one moment to another."""
        figure = CITIZENS[int(self._rng(4, len(self._people)).integers(len(CITIZENS)))]
        door = self._place.door
        seated = pose == "sit"
        line = [(-2.8, -4.6), (-2.0, -2.2), *(self._place.to_seat(spot) if seated else [(spot[0], 3.9), spot])]
        walked = Way(person, figure, 0.0, door).walk(line, 1.2)
        way = Way(person, figure, max(0.0, from_s - walked), door)
        if from_s >= walked:
            way.walk(line, 1.2)
        way.stay(max(way.end_s, until_s), pose, spot, AWAY_YAW)
        if seated:
            way.stay(way.end_s + 0.5, "stand", (spot[0], spot[1] + 0.45), AWAY_YAW)
            way.walk(self._place.from_seat(spot), 1.2)
        else:
            way.walk([(spot[0], 3.9)], 1.2)
        way.walk(self._place.out, 1.2)
        self._people.append(way)


def lognormal(rng: np.random.Generator, times: Times) -> float:
    """A lognormal time with this mean and standard deviation, seconds."""
    variance = math.log(1 + (times.spread / times.mean) ** 2)
    return float(rng.lognormal(math.log(times.mean) - variance / 2, math.sqrt(variance)))
