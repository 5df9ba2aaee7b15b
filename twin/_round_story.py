"""Two minutes of a busy hall that begin again where they end: the story of `hallwatch demo`.

Everybody comes by the door and leaves by it, and whoever is still there at the end of a round is there at the
beginning of the next, at the same place: a looped camera shows no seam. In every round clerk 1 steps away while a
citizen stands there, one case at window 2 takes long, and one person waits long in the back row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from twin.actors import ActorState
from twin.scenario.file import Away, Desk
from twin.scenario.place import AWAY_YAW, TOWARDS_YAW, Place, load_place
from twin.scenario.staff import Clerk
from twin.scenario.story import Way

ROUND_S = 120.0
"""Length of a round."""

_TICKET_S = 5.0
_TURNING = 0.6
"""Who turns away from a window takes the first steps at this share of the speed."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """One citizen: in by the door, a ticket, a seat, a window, out again. Seconds of a round.

    Attributes:
        comes_s: is at the door; may be before the round.
        called_s: gets up.
        leaves_s: turns away from the window.
    """

    person: str
    figure: str
    comes_s: float
    seat: int
    called_s: float
    window: str
    leaves_s: float
    speed_m_s: float = 1.25


# Nothing that leads to an event begins in the first ten seconds of a camera: a box that starts late still sees it.
_VISITS = (
    _Visit("blouse", "f_blouse", -46, 2, 16, "w02", 88),
    _Visit("tee", "m_tee", 42, 0, 90, "w02", 122),
    _Visit("jacket", "m_jacket", -22, 5, 36, "w01", 110),
    _Visit("polo", "m_polo", -32, 4, 30, "w03", 58),
    _Visit("pink", "f_pink", 18, 7, 72, "w03", 100),
    _Visit("hoodie", "m_hoodie", 8, 11, 108, "w03", 136, 1.35),
    _Visit("old", "f_old", 68, 3, 116, "w01", 150, 1.0),
)
_AWAY = Away.model_validate({"from": "50s", "until": "92s"})


class RoundStory:
    """The hall in rounds; any moment may be asked for, also beyond one round.

    Attributes:
        duration_s: one round: a camera that plays it over and over shows no seam.
        clerks: whose presence at a window makes it staffed.
    """

    duration_s = ROUND_S

    def __init__(self) -> None:
        place = load_place()
        self._staff = _clerks(place)
        self._visitors = [_way_of(visit, place) for visit in _VISITS]
        self.clerks = frozenset(way.person for way in self._staff)

    def at(self, t_s: float) -> Sequence[ActorState]:
        """Everybody who is in the hall at `t_s` seconds."""
        staff = [way.state(t_s % ROUND_S) for way in self._staff]
        visitors = [state for way in self._visitors for state in _rounds_of(way, t_s)]
        return [*(state for state in staff if state is not None), *visitors]


def _clerks(place: Place) -> list[Way]:
    desks = [Desk(id="w01", away=[_AWAY]), Desk(id="w02"), Desk(id="w03")]
    clerks = [Clerk(desk, place.counter(desk.id)) for desk in desks]
    clerks[0].leave(_AWAY.start, _AWAY.end)
    for clerk in clerks:
        clerk.sit_until(ROUND_S)
    return [clerk.way for clerk in clerks]


def _rounds_of(way: Way, t_s: float) -> list[ActorState]:
    """The same visit in every round, each time by another person; two of them where it outlasts a round."""
    last = math.floor((t_s - way.start_s) / ROUND_S)
    first = math.floor((t_s - way.end_s) / ROUND_S) + 1
    states = [(number, way.state(t_s - number * ROUND_S)) for number in range(first, last + 1)]
    return [replace(state, person=f"{state.person}-{number}") for number, state in states if state is not None]


def _way_of(visit: _Visit, place: Place) -> Way:
    seat, stand = place.seats[visit.seat], place.counter(visit.window).stand
    way = Way(visit.person, visit.figure, visit.comes_s, (place.door[0] - 0.3, place.door[1]))
    way.walk([(-2.8, -4.6), place.kiosk], visit.speed_m_s)
    way.stay(way.end_s + _TICKET_S, "stand2", yaw_deg=TOWARDS_YAW)
    way.walk([(-2.0, -2.2), *place.to_seat(seat)], visit.speed_m_s)
    way.stay(visit.called_s, "sit", seat, AWAY_YAW)
    way.stay(visit.called_s + 0.6, "stand", (seat[0], seat[1] + 0.45), AWAY_YAW)
    way.walk([*place.from_seat(seat), *place.to_window(visit.window)], visit.speed_m_s)
    while way.end_s < visit.leaves_s:
        way.stay(min(visit.leaves_s, way.end_s + 12.0), "stand", stand, AWAY_YAW)
        way.stay(min(visit.leaves_s, way.end_s + 4.0), "reach", stand, AWAY_YAW)
    line = place.from_window(visit.window)
    way.walk(line[:1], _TURNING * visit.speed_m_s)
    way.walk(line[1:], visit.speed_m_s)
    return way
