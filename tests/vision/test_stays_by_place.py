"""Stays where people sit close: what a tracker does to ids there says little about who is who."""

from __future__ import annotations

import pytest

from tests.support.ledger import STEP_S, Hall, at
from vision.stays import Sighting
from vision.types import PERSON_M


def head(track: int, x: float, y: float, high: float = 1.0, born_at: float | None = None) -> Sighting:
    """Somebody inside whose box is so many times as high as that of somebody seated."""
    return Sighting(track, x, y, 1 / high, inside=True, border_m=2.0, born_at=born_at)


def box(track: int, x: float, y: float, high: float) -> Sighting:
    """Somebody inside: place of the head and height of the box in heights of the image."""
    return Sighting(track, x, y, PERSON_M / high, inside=True, border_m=1.0)


def test_a_walker_takes_the_id_of_a_sitter_along() -> None:
    """Somebody passes a sitter who is missed just then, and goes on under the sitter's id."""
    hall = Hall().see(20, at(1)).walk(2, 9, (-3.0, 0.4), (-0.6, 0.4), at(1), outside=True)
    hall.see(STEP_S, at(1, (0.1, 0.4))).walk(2, 1, (0.3, 0.4), (2.7, 0.4), at(5))
    hall.walk(2, 1, (2.7, 0.4), (4.7, 0.4), at(5), outside=True).see(10, at(5))
    assert hall.running == [(0.0, 36.0)]
    assert all(start > 20 for start, _, _ in hall.finished)


def test_who_gets_up_keeps_the_stay() -> None:
    """In plain sight, under one id."""
    hall = Hall().see(20, at(1), at(2, (0.5, 0.0))).walk(2, 2, (0.5, 0.0), (0.5, 2.4), at(1)).see(5, at(1))
    assert hall.running[0] == (0.0, 26.8)
    hall.see(60, at(1))
    assert [(start, length) for start, length, _ in hall.finished] == [(0.0, 21.8)]


def test_who_walks_to_a_place_is_not_who_was_there() -> None:
    """Six seconds after the sitter was seen last somebody walks in and sits down there, under the sitter's id."""
    hall = Hall().see(20, at(1)).see(6).walk(2, 9, (5.6, 0.0), (3.6, 0.0), outside=True)
    hall.walk(4, 9, (3.6, 0.0), (0.2, 0.0)).see(60, head(1, 0.09, 0.03, 1.06))
    assert [start for start, _ in hall.running] == [28.0]


def test_ids_change_places_as_somebody_sits_down_beside() -> None:
    """Somebody sits down close before a sitter: both boxes jump, and the tracker exchanges both ids.

    Places, heights of boxes and ids as a tracker told them of a rendered hall at two frames a second; image heights.
    """
    hall = Hall(step_s=0.5)
    sitter = box(4, 1.095, 0.437, 0.248)
    hall.see(20, sitter)
    walk = [(1.08, 0.26, 0.228), (1.13, 0.29, 0.245), (1.19, 0.31, 0.26), (1.25, 0.33, 0.27), (1.26, 0.36, 0.283)]
    for x, y, high in [*walk, (1.2, 0.38, 0.322)]:
        hall.see(0.5, sitter, box(12, x, y, high))
    hall.see(0.5, box(4, 1.09, 0.4, 0.334)).see(20, box(4, 1.05, 0.45, 0.269), box(12, 1.12, 0.43, 0.274))
    places = [(stay.started_at < hall.start + 1, round(stay.x, 2)) for stay in hall.ledger.stays]
    assert places == [(True, 1.12), (False, 1.05)]


def test_a_walker_seen_once_under_each_id() -> None:
    """Gets up and walks out, under a new id in every frame, so that no track of the way out was ever confirmed."""
    hall = Hall().see(20, at(1))
    for k in range(1, 14):
        inside = 0.3 * k < 1.8
        outside_m = None if inside else 0.3 * k - 1.3
        hall.see(STEP_S, glimpses=[at(-1, (0.3 * k, 0.0), outside_m=outside_m)])
    assert hall.running == []
    hall.see(40)
    (_, length_s, how) = hall.finished[0]
    assert length_s == pytest.approx(21.0, abs=0.3)
    assert how == "left"


def test_a_track_that_began_with_a_glimpse() -> None:
    """Seen once, then confirmed: the stay began at the first of both."""
    hall = Hall().see(10)
    hall.see(STEP_S, glimpses=[head(-1, 0.0, 0.0, born_at=hall.now)])
    born_at = hall.now - STEP_S
    hall.see(10, head(3, 0.1, 0.0, born_at=born_at))
    assert hall.running == [(10.0, 10.0)]
    assert len(hall.ledger.state.pieces) == 1


def test_the_end_of_a_recording() -> None:
    """Who left a moment before the recording ends has left, which would have been told some time later."""
    hall = Hall().see(20, at(1))
    for k in range(1, 14):
        hall.see(STEP_S, glimpses=[at(-1, (0.3 * k, 0.0), outside_m=None if k < 6 else 0.3 * k - 1.3)])
    assert (hall.running, hall.finished) == ([], [])
    hall.ended += hall.ledger.finish()
    assert [(start, how) for start, _, how in hall.finished] == [(0.0, "left")]
