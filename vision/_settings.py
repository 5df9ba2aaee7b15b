"""What a ledger of stays is told, what it keeps, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

import msgspec

from hall.clock import Instant
from vision._piece import Piece
from vision._stay import Departure, Stay

Ended = Literal["left", "lost"]


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Holds in seconds, lengths in metres."""

    enter_hold_s: float = 2.0  # a shorter visit is a passer-by, no stay
    leave_hold_s: float = 1.0  # seen outside for so long: left
    hidden_s: float = 45.0  # not seen for so long, inside: lost
    missed_s: float = inf  # not seen for so long with nobody standing before them: gone
    border_hidden_s: float = 3.0  # not seen for so long after walking out of sight at the border: left
    border_m: float = 0.5
    hold_m: float = 0.4  # who is in stays in until so far outside: foot points jitter
    walking: float = 0.3  # metres per second from which somebody walks
    reach_m: float = 0.3  # how far somebody hidden who walked may be from the track that takes the stay over,
    reach_speed: float = 0.8  # plus this much per second hidden,
    reach_max_m: float = 2.0  # up to this much
    by_place: bool = True  # people are told by place and pace; where one follows another on a spot, ids say more
    decides_s: float = 30.0  # by place: who went on with whom is open for so long
    newborn_s: float = 1.2  # a track is confirmed so long after its first sight at most
    stale_s: float = 10.0  # a longer gap between frames is unknown time


class LedgerState(msgspec.Struct):
    """What survives a restart.

    `found_s` of `watched_s` person-seconds somebody was seen, those who were hidden and found again included; older
    ones count less.
    """

    stays: list[Stay] = []
    at: Instant | None = None
    clock_s: float = 0.0
    begun: int = 0
    found_s: float = 0.0
    watched_s: float = 0.0
    departures: list[Departure] = []
    pieces: list[Piece] = []
    pieces_begun: int = 0
    blind_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FinishedStay:
    """A stay that is over, and how."""

    stay: Stay
    ended: Ended
