"""Cutting what a tracker says into pieces: sights go to a piece only where there is no doubt.

Where somebody sits, whoever is seen there is that person, whatever the id; who walks is followed by id and pace while
nobody else is near. Everything else begins a piece of its own: `vision._links` says later what it goes on with.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from vision._piece import Piece
from vision._stay import Sighting

_AT_PLACE_M = 0.12
_JUST_AT_PLACE_M = 0.08
_ALIKE = 0.08
"""So near to the place of somebody settled a sight is of that person; with another's id if nearer, and as tall."""
_OTHER_ID_M = 0.05
_SETTLED_S = 4.0
_WALKING_S = 1.6
"""A piece ends when nobody was seen for so long; then somebody may have changed places."""
_REMEMBERED_S = 45.0
_NEAR_M = 0.35
"""Who is expected so near may be the one who is seen."""
_AHEAD_M = 0.25
_AHEAD_M_S = 0.35
_BRISK_M = 0.3
_BRISK_M_S = 1.6
_PACE_SIGHTS = 3
_HELD_S = 0.6
_CROWD_M = 0.35
_TAKEN_ALONG_S = 1.1
_TAKEN_ALONG_M = 0.5
"""Somebody who walked lately under the id, and leads so near, may be the one who is seen at somebody's place."""


def sorted_out(
    pieces: Sequence[Piece], people: Sequence[Sighting], clock_s: float
) -> tuple[list[tuple[Piece, Sighting]], list[Sighting]]:
    """Which sights belong to which pieces that are not closed, and which to none of them.

    Args:
        pieces: all that are remembered; those that end here are closed.
        people: everybody who is seen clearly.
        clock_s: known time.
    """
    for piece in pieces:
        if clock_s - piece.last_s > (_SETTLED_S if piece.settled else _WALKING_S):
            piece.closed = True
    running = [piece for piece in pieces if not piece.closed]
    free = {person.track: person for person in people}
    found = _at_places(running, free, clock_s)
    missing = [piece for piece in running if all(piece is not other for other, _ in found)]
    return found + _walking(missing, free, clock_s), list(free.values())


def _at_places(running: Sequence[Piece], free: dict[int, Sighting], clock_s: float) -> list[tuple[Piece, Sighting]]:
    """Those who are where they sit, the nearest first; they are free no more."""
    near = sorted(
        (off_m + _OTHER_ID_M * (person.track != piece.track), row, person.track)
        for row, piece in enumerate(running)
        if piece.settled
        for person in free.values()
        if (off_m := piece.off_m(person)) < _AT_PLACE_M
    )
    found: dict[int, Sighting] = {}
    for _, row, track in near:
        if track not in free or row in found:
            continue
        person, piece = free[track], running[row]
        if track == piece.track or _is_alike(piece, person) or not _taken_along(running, found, piece, person, clock_s):
            found[row] = free.pop(track)
    return [(running[row], person) for row, person in found.items()]


def _is_alike(piece: Piece, person: Sighting) -> bool:
    return piece.off_m(person) < _JUST_AT_PLACE_M and abs(person.scale_m / piece.scale_m - 1) < _ALIKE


def _taken_along(
    running: Sequence[Piece], found: dict[int, Sighting], piece: Piece, person: Sighting, clock_s: float
) -> bool:
    """Whether somebody seen where another sits may be one who walked there under that id."""
    return any(
        other is not piece
        and row not in found
        and other.track == person.track
        and not other.settled
        and clock_s - other.last_s < _TAKEN_ALONG_S
        and _ahead_m(other, person, clock_s) < _TAKEN_ALONG_M
        for row, other in enumerate(running)
    )


def _walking(missing: Sequence[Piece], free: dict[int, Sighting], clock_s: float) -> list[tuple[Piece, Sighting]]:
    """Those who walk on under one id, with nobody else near."""
    found: list[tuple[Piece, Sighting]] = []
    taken: set[int] = set()
    for piece in missing:
        person = free.get(piece.track)
        if person is None or piece.settled or not _walks_on(piece, person, clock_s):
            continue
        rivals = any(
            other is not piece
            and other.number not in taken
            # Who was seen no more since this piece began may be the same person.
            and (other.settled or other.last_s >= piece.first_s)
            and _ahead_m(other, person, clock_s) < (_NEAR_M if piece.count >= _PACE_SIGHTS else _CROWD_M)
            for other in missing
        )
        near_m = _NEAR_M if piece.count >= _PACE_SIGHTS else max(_NEAR_M, _ahead_m(piece, person, clock_s))
        if rivals or any(other is not person and _ahead_m(piece, other, clock_s) < near_m for other in free.values()):
            continue
        found.append((piece, free.pop(person.track)))
        taken.add(piece.number)
    return found


def _walks_on(piece: Piece, person: Sighting, clock_s: float) -> bool:
    hidden_s = clock_s - piece.last_s
    gone_m = hypot(person.x - piece.last.x, person.y - piece.last.y) * piece.last.scale_m
    if gone_m >= _BRISK_M + _BRISK_M_S * hidden_s:
        return False
    if piece.count < _PACE_SIGHTS:
        return gone_m < _NEAR_M or hidden_s < _HELD_S
    return _ahead_m(piece, person, clock_s) < _AHEAD_M + _AHEAD_M_S * hidden_s


def _ahead_m(piece: Piece, person: Sighting, clock_s: float) -> float:
    """How far somebody is from where a piece leads to."""
    last, ahead_s = piece.last, 0.0 if piece.settled else clock_s - piece.last_s
    dx, dy = person.x - last.x - piece.pace_x * ahead_s, person.y - last.y - piece.pace_y * ahead_s
    return hypot(dx, dy) * last.scale_m


def place_of(pieces: Sequence[Piece], person: Sighting, clock_s: float) -> Piece | None:
    """Whose place somebody is at, of those who are out of sight."""
    return next(
        (
            piece
            for piece in pieces
            if piece.closed
            and piece.settled
            and clock_s - piece.last_s < _REMEMBERED_S
            and piece.off_m(person) < _AT_PLACE_M
        ),
        None,
    )


def at_place(piece: Piece, person: Sighting) -> bool:
    """Whether somebody is where one who keeps a place is."""
    return piece.settled and piece.off_m(person) < _AT_PLACE_M
