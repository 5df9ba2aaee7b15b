"""People on the floor: from tracks to foot points, metres and what a ledger wants to know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision._doubles import entangled, second, shadowed, touching
from vision.areas import Area
from vision.calibration import Calibration
from vision.locate import FAR_M, Locator
from vision.types import TENTATIVE, Detections

SIZE = (1000, 500)
LEFT_HALF = Area([(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)])
Box = tuple[float, float, float, float]


def found(*boxes: Box, scores: tuple[float, ...] = (), size: tuple[int, int] = SIZE) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores or (0.8,) * len(boxes), np.float32),
        np.zeros(len(boxes), np.int64),
        size,
    )


def test_sightings() -> None:
    """A person of 170 px stands 100 px left of the border: 1 m, as a person is 1.7 m."""
    locator = Locator()
    box = (380.0, 100.0, 420.0, 270.0)
    assert locator.locate(0.0, found(box)).sightings(LEFT_HALF) == []
    people = locator.locate(0.5, found(box))
    (seen,) = people.sightings(LEFT_HALF)
    assert (seen.track, seen.inside, seen.shadowed, seen.upon, seen.born_at) == (1, True, False, (), 0.0)
    assert seen.border_m == pytest.approx(1.0)
    # Places are heads, in heights of the image; a metre is 100 px, a fifth of the height.
    assert (seen.x, seen.y, seen.scale_m) == pytest.approx((0.8, 0.2, 5.0))
    assert people.floor_m is None


def test_who_is_far_outside_is_said_to_be_a_metre_away() -> None:
    """100 px are a metre: 90 px right of the border, then 300."""
    for left, border_m in ((570.0, 0.9), (780.0, FAR_M)):
        locator, box = Locator(), (left, 100.0, left + 40.0, 270.0)
        locator.locate(0.0, found(box))
        (seen,) = locator.locate(0.5, found(box)).sightings(LEFT_HALF)
        assert not seen.inside
        assert seen.border_m == pytest.approx(border_m)
        assert (seen.x, seen.scale_m) == pytest.approx(((left + 20) / 500, 5.0))
        assert (seen.track, seen.born_at) == (1, 0.0)


def test_another_resolution_gives_the_same_sighting() -> None:
    sightings = []
    for k in (1.0, 0.5):
        locator = Locator()
        box = tuple(k * v for v in (380.0, 100.0, 420.0, 270.0))
        for at in (0.0, 0.5):
            people = locator.locate(at, found(box, size=(int(1000 * k), int(500 * k))))  # type: ignore[arg-type]
        sightings += people.sightings(LEFT_HALF)
    one, other = sightings
    assert (one.x, one.y, one.scale_m, one.border_m) == pytest.approx((other.x, other.y, other.scale_m, other.border_m))


def test_seen_once_is_shown_but_no_sighting() -> None:
    """Presence takes who is seen once; stays do not."""
    people = Locator().locate(0.0, found((100.0, 100.0, 140.0, 270.0)))
    assert people.tracks.ids.tolist() == [TENTATIVE]
    assert people.feet.tolist() == [[pytest.approx(0.12), pytest.approx(0.54)]]
    assert people.born_at is not None
    assert np.isnan(people.born_at).all()
    assert people.sightings(LEFT_HALF) == []


def test_floor_metres() -> None:
    """Ten metres wide and five deep, seen from straight above."""
    corners = [((0.0, 0.0), (0.0, 0.0)), ((1.0, 0.0), (10.0, 0.0)), ((1.0, 1.0), (10.0, 5.0)), ((0.0, 1.0), (0.0, 5.0))]
    people = Locator(Calibration.fit(corners)).locate(0.0, found((380.0, 100.0, 420.0, 270.0)))
    assert people.floor_m is not None
    assert people.floor_m[0] == pytest.approx((4.0, 2.7), abs=1e-5)


def test_nobody() -> None:
    people = Locator().locate(0.0, found())
    assert (len(people.tracks), people.feet.shape, people.sightings(LEFT_HALF)) == (0, (0, 2), [])


DOUBLES = [
    # The upper half of a person within the whole of him, and surer: each may be the wrong one.
    ((0, 0, 100, 300), 0.5, (10, 0, 90, 150), 0.6, (True, True), (True, False), True),
    # A small part of the whole.
    ((0, 0, 100, 300), 0.5, (10, 0, 90, 100), 0.4, (False, True), (False, True), True),
    # The same place and size, one less sure.
    ((0, 0, 100, 300), 0.6, (20, 20, 120, 310), 0.5, (False, True), (False, True), True),
    # Side by side at one depth, a quarter of the width in common: arm in arm.
    ((0, 0, 100, 300), 0.6, (75, 0, 175, 300), 0.5, (False, False), (False, False), False),
    # Side by side at one depth, half the width in common: no two people.
    ((0, 0, 100, 300), 0.6, (50, 0, 150, 300), 0.5, (False, True), (False, True), True),
    # The same boxes at different depths: one behind the other.
    ((0, 0, 100, 300), 0.6, (50, -90, 150, 210), 0.5, (False, False), (False, False), False),
    # Apart.
    ((0, 0, 100, 300), 0.6, (300, 0, 400, 300), 0.5, (False, False), (False, False), False),
]


@pytest.mark.parametrize(("one", "one_score", "other", "other_score", "shadows", "seconds", "both"), DOUBLES)
def test_doubles(
    one: Box,
    one_score: float,
    other: Box,
    other_score: float,
    shadows: tuple[bool, bool],
    seconds: tuple[bool, bool],
    *,
    both: bool,
) -> None:
    """Which of two boxes may be a second one on the same person."""
    boxes, scores = [one, other], [one_score, other_score]
    touches = touching(boxes)
    assert shadowed(touches, boxes, scores) == {i for i in (0, 1) if shadows[i]}
    assert second(touches, boxes, scores) == {i for i in (0, 1) if seconds[i]}
    assert entangled(touches) == ({0: [1], 1: [0]} if both else {})


def test_what_touches_what() -> None:
    """Two that share a corner of 10 x 20, one beside them that only meets an edge, and a line within the first."""
    boxes = [(0, 0, 50, 100), (40, 80, 100, 180), (100, 80, 120, 180), (10, 20, 10, 50)]
    assert [(t.one, t.other, t.shared) for t in touching(boxes)] == [(1, 0, 200), (3, 0, 0), (3, 1, 0), (3, 2, 0)]


@given(st.lists(st.tuples(*[st.floats(0, 100, width=16)] * 4, st.floats(0.25, 1, width=16)), min_size=1, max_size=8))
def test_somebody_is_always_left(rows: list[tuple[float, ...]]) -> None:
    """However boxes lie upon each other, the surest of them is nobody's second."""
    boxes = [(x, y, x + 1 + w, y + 1 + h) for x, y, w, h, _ in rows]
    scores = [row[4] for row in rows]
    assert scores.index(max(scores)) not in second(touching(boxes), boxes, scores)


def test_sightings_name_whom_they_stand_upon() -> None:
    locator = Locator()
    for i in range(5):
        # He walks up to her from the right, in front of her.
        people = locator.locate(
            i / 5, found((200, 100, 260, 270), (360 - 30 * i, 110, 420 - 30 * i, 290), scores=(0.6, 0.7))
        )
    one, other = sorted(people.sightings(LEFT_HALF), key=lambda seen: seen.track)
    assert (one.upon, other.upon) == ((), ())
    people = locator.locate(1.0, found((200, 100, 260, 270), (220, 110, 280, 290), scores=(0.6, 0.7)))
    one, other = sorted(people.sightings(LEFT_HALF), key=lambda seen: seen.track)
    assert (one.upon, other.upon) == ((2,), (1,))
    assert (one.shadowed, other.shadowed) == (True, False)
