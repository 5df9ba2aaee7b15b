"""Names of people: what a tracker does to ids where people are close says little about who is who."""

from __future__ import annotations

from collections.abc import Sequence

from vision._names import Names
from vision._stay import Sighting

STEP_S = 0.5


def head(track: int, x: float, y: float = 0.0) -> Sighting:
    """Somebody whose head is there, in metres."""
    return Sighting(track, x, y, 1.0, inside=True, border_m=2.0)


def named(frames: Sequence[Sequence[Sighting]]) -> list[dict[float, int]]:
    """Per frame the names by place."""
    names = Names()
    return [{p.x: p.track for p in names.name(STEP_S * k, people)} for k, people in enumerate(frames)]


SEATED = [[head(1, 0.0), head(2, 0.5)]] * 10


def test_neighbours_exchange_their_ids() -> None:
    """Half a metre apart: each keeps the name of the place."""
    first, *_, last = named([*SEATED, *[[head(2, 0.0), head(1, 0.5)]] * 3])
    assert first == last


def test_a_walker_takes_the_id_of_a_sitter_along() -> None:
    """Somebody passes a sitter who is missed just then, and goes on under the sitter's id."""
    walk = [[head(1, 0.0), head(9, -3.0 + 0.6 * k, 0.4)] for k in range(5)]
    frames = [*[[head(1, 0.0)]] * 10, *walk, [head(1, 0.1, 0.4)], [head(5, 0.0), head(1, 0.7, 0.4)]]
    found = named(frames)
    sitter, walker = found[0][0.0], found[10][-3.0]
    assert (found[-1][0.0], found[-1][0.7]) == (sitter, walker)


def test_who_gets_up_keeps_the_name() -> None:
    """In plain sight, under one id."""
    found = named([*SEATED, *[[head(1, 0.0), head(2, 0.5, 0.5 + 0.5 * k)] for k in range(4)]])
    assert found[-1] == found[0]


def test_who_walks_to_a_place_is_not_who_was_there() -> None:
    """Six seconds after the sitter was seen last somebody walks up and sits down there, under the sitter's id."""
    walk = [[head(9, 3.6 - 0.6 * k)] for k in range(6)]
    found = named([*[[head(1, 0.0)]] * 10, *[[]] * 6, *walk, [head(1, 0.0)]])
    assert found[-1][0.0] == found[16][3.6] != found[0][0.0]


def test_a_box_jumps_as_somebody_gets_up() -> None:
    """Five frames a second: the id goes on without a gap, and somebody who was just there is out of sight."""
    names, found = Names(), []
    frames = [[head(1, 0.0), head(2, 1.0)]] * 25 + [[head(1, 0.0)]] * 8 + [[head(1, 1.0)]]
    for k, people in enumerate(frames):
        found = [person.track for person in names.name(0.2 * k, people)]
    assert found == [1]


def test_nobody_is_known_after_a_gap() -> None:
    names = Names()
    before = names.name(0.0, [head(1, 0.0)])[0].track
    names.forget()
    assert names.name(0.5, [head(1, 0.0)])[0].track != before


def test_boxes_upon_each_other_are_named_alike() -> None:
    """`upon` goes by names, too."""
    one, other = Names().name(
        0.0, [Sighting(7, 0.0, 0.0, 1.0, True, 2.0, upon=(8,)), Sighting(8, 0.2, 0.0, 1.0, True, 2.0, upon=(7,))]
    )
    assert (one.upon, other.upon) == ((other.track,), (one.track,))
