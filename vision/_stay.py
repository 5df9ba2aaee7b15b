"""What the ledger of stays knows of one person, and how likely somebody who is seen is that person."""

from __future__ import annotations

from math import hypot

import msgspec

from hall.clock import Instant
from vision.types import PERSON_M

LEANING_S = 3.0
_KEEPS_M = 0.35
"""A head so far from its place has left it."""
_FOLLOWS_S = 2.0
"""A place follows the head with this time constant: single sights jitter."""
_HEAD_M = 0.1
"""Standard deviation of the head of somebody who keeps a place."""
_WALKS = 0.35
"""Metres per second."""
_SAME_HEAD = 1.5
"""Boxes jump, more than heads move: the same id makes up for that."""
_UNSURE = 1.0
"""A stay that is none yet takes over nobody else's track lightly."""
_SETS_OUT = 3.0
_OTHER_ID = 1.5
_ID_LASTS_S = 2.5
"""A tracker forgets a track after about so long; from then on a new id says nothing."""
_SHOWS = 1.0
_HIDDEN_S = 10.0
"""Who was hidden for long is a little less likely than who was hidden now: the seat may be somebody else's."""
_SCALE = 0.05
_SCALE_MOST = 2.0
"""Boxes of one person differ so much in height, and posture may change it altogether."""

_SLENDER = 0.4
"""Width of somebody's box as a share of its height."""
_HIDING = 0.3
"""A box that shares so much with that of somebody may hide them."""


class Sighting(msgspec.Struct, frozen=True):
    """One tracked person in one frame.

    Attributes:
        track: id of the track in this camera.
        x, y: place of the head, in heights of the image.
        scale_m: metres per unit of x and y at the person.
        inside: whether the foot point lies in the area.
        border_m: distance of the foot point from the border of the area, up to some metres for who is outside.
        shadowed: the box may be a second box on somebody else, so it neither starts a stay nor moves one.
        upon: tracks whose boxes share so much with this one that both may be of one person.
        born_at: when the track was seen first; a moment before it is one, as one sight alone may be a mistake.
    """

    track: int
    x: float
    y: float
    scale_m: float
    inside: bool
    border_m: float
    shadowed: bool = False
    upon: tuple[int, ...] = ()
    born_at: Instant | None = None


class Departure(msgspec.Struct):
    """Somebody walked out, and it is not yet known whose stay that ended: who is seen again did not leave.

    Attributes:
        at, clock_s: when the person was in the area last.
        set_out_clock_s: when the person set out.
        candidates: numbers of the stays it may have been, the likeliest first.
    """

    at: Instant
    clock_s: float
    set_out_clock_s: float
    candidates: list[int]
    sure: bool = False


class Stay(msgspec.Struct):
    """One person's time in an area; `track` is the last one that showed the person, or the name the ledger gave it.

    Attributes:
        number: counts the stays of a ledger.
        seen_at: the last time in the area or just beside it; `inside_at` truly in it.
        seen_clock_s, clear_clock_s: known time at the last sight, and at the last one that was no shadow.
        begun_clock_s: known time at the start.
        x, y, scale_m, border_m: as last seen; see `Sighting`.
        came_in: whether the person was seen outside before.
        confirmed: false for somebody who may be passing, or no person.
        clear_s: time inside in which the box was no shadow.
        speed: metres per second.
        velocity_x, velocity_y: in heights of the image per second.
        place_x, place_y: where the head has been on average since `kept_clock_s`.
        first_x, first_y: where the stay began.
        unknown_s: of the stay nobody could see; `blind_s` since the last sight, which counts once they are seen again.
        missed_s: known time out of sight with nobody before the person.
        came_from: number of the stay that had the same track until it left its place.
    """

    number: int
    started_at: Instant
    seen_at: Instant
    inside_at: Instant
    seen_clock_s: float
    clear_clock_s: float
    begun_clock_s: float
    x: float
    y: float
    scale_m: float
    border_m: float
    track: int | None
    came_in: bool = False
    confirmed: bool = False
    clear_s: float = 0.0
    unknown_s: float = 0.0
    blind_s: float = 0.0
    outside_clock_s: float | None = None
    speed: float = 0.0
    from_x: float = 0.0
    from_y: float = 0.0
    from_clock_s: float = 0.0
    velocity_x: float = 0.0
    velocity_y: float = 0.0
    place_x: float = 0.0
    place_y: float = 0.0
    kept_clock_s: float = 0.0
    first_x: float = 0.0
    first_y: float = 0.0
    came_from: int | None = None
    missed_s: float = 0.0

    @property
    def until(self) -> Instant:
        """The last time the person was in the area.

        Who walks out was in it up to the border; who sits there and leans out was in it all the time.
        """
        return self.inside_at if self.seen_at - self.inside_at <= LEANING_S else self.seen_at

    @property
    def duration_s(self) -> float:
        """Length of the stay up to the last time it was seen, unknown time left out."""
        return max(0.0, self.until - self.started_at - self.unknown_s)

    def seen_again(self) -> None:
        """They were there all the while that nobody could see."""
        self.unknown_s += self.blind_s
        self.blind_s = 0.0

    def off_m(self, person: Sighting) -> float:
        """How far somebody is from the place."""
        return hypot(person.x - self.place_x, person.y - self.place_y) * (self.scale_m + person.scale_m) / 2

    def go_on(self, later: Stay) -> None:
        """Go on as one that began since this was seen last: it was the same person."""
        if not later.blind_s:
            self.seen_again()
        self.clear_s += later.clear_s
        self.copy_sight(later)

    def copy_sight(self, of: Stay) -> None:
        """Be where another was seen last, and as it was."""
        for name in _SIGHT:
            setattr(self, name, getattr(of, name))

    def put(self, at: Sighting, clock_s: float) -> None:
        """Be where somebody is seen clearly."""
        passed_s = clock_s - self.clear_clock_s
        share = min(1.0, passed_s / _FOLLOWS_S)
        if hypot(at.x - self.place_x, at.y - self.place_y) * at.scale_m > _KEEPS_M:
            self.place_x, self.place_y, self.kept_clock_s = at.x, at.y, clock_s
            self.scale_m = at.scale_m
        else:
            self.place_x += share * (at.x - self.place_x)
            self.place_y += share * (at.y - self.place_y)
            self.scale_m += share * (at.scale_m - self.scale_m)
        self.x, self.y, self.border_m, self.clear_clock_s = at.x, at.y, at.border_m, clock_s

    def clock_speed(self, clock_s: float) -> None:
        """Speed over the last second or so; from frame to frame it would be noise."""
        passed_s = clock_s - self.from_clock_s
        if passed_s >= 0.8:
            self.velocity_x = (self.x - self.from_x) / passed_s
            self.velocity_y = (self.y - self.from_y) / passed_s
            self.speed = hypot(self.velocity_x, self.velocity_y) * self.scale_m
            self.from_x, self.from_y, self.from_clock_s = self.x, self.y, clock_s


_SIGHT = (
    *("x", "y", "scale_m", "border_m", "track", "outside_clock_s", "seen_at", "inside_at", "seen_clock_s"),
    *("clear_clock_s", "speed", "velocity_x", "velocity_y", "from_x", "from_y", "from_clock_s"),
    *("place_x", "place_y", "kept_clock_s"),
)
"""What a stay knows of where the person is."""


def apart_m(a: Stay | Sighting, b: Stay | Sighting) -> float:
    """How far apart two people are."""
    return hypot(a.x - b.x, a.y - b.y) * (a.scale_m + b.scale_m) / 2


def hides(person: Sighting, stay: Stay) -> bool:
    """Whether somebody stands before the place where the person of a stay was seen last."""
    high, other_high = PERSON_M / stay.scale_m, PERSON_M / person.scale_m
    wide = _SLENDER * (high + other_high) / 2 - abs(person.x - stay.x)
    wide = min(wide, _SLENDER * high, _SLENDER * other_high)
    deep = min(stay.y + high, person.y + other_high) - max(stay.y, person.y)
    return wide > 0 and deep > 0 and wide * deep >= _HIDING * _SLENDER * high**2


def unlikeliness(stay: Stay, x: float, y: float, scale_m: float, clock_s: float, *, same_id: bool) -> float:
    """How badly a sight fits a stay: a negative log-likelihood but for a constant, with caps against the unforeseen.

    The head of somebody who keeps a place is there within decimetres, however long nobody saw it, or the person got
    up; somebody who walked goes on for a moment. An id is exchanged seldom. Heights of boxes tell apart who stand
    behind each other.
    """
    hidden_s = clock_s - stay.seen_clock_s
    mean_m = (stay.scale_m + scale_m) / 2
    off_m = hypot(x - stay.place_x, y - stay.place_y) * mean_m
    ahead_s = min(hidden_s, 1.0)
    dx, dy = x - stay.x - stay.velocity_x * ahead_s, y - stay.y - stay.velocity_y * ahead_s
    walked_m = hypot(dx, dy) * mean_m / (0.15 + 0.4 * hidden_s)
    setting_out = 0.0 if _on_the_way(stay) else _SETS_OUT
    head_m = _SAME_HEAD * _HEAD_M if same_id else _HEAD_M
    cost = min((off_m / head_m) ** 2 / 2, setting_out + min(walked_m**2 / 2, 3.0 + walked_m))
    cost += min((scale_m / stay.scale_m - 1) ** 2 / (2 * _SCALE**2), _SCALE_MOST)
    if not same_id:
        cost += _OTHER_ID if hidden_s < _ID_LASTS_S else _SHOWS
        cost += min(hidden_s, 30.0) / _HIDDEN_S + _UNSURE * (not stay.confirmed)
    return cost


def _on_the_way(stay: Stay) -> bool:
    """Whether the person walked when seen last, or was only seen just now."""
    return stay.speed >= _WALKS or stay.from_clock_s == stay.begun_clock_s
