"""Detections of crops and of the whole picture become those of one picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.areas import Area
from vision.merge import from_crop, merge
from vision.types import Detections

SIZE = (1000, 500)
CROP = (200, 100, 600, 400)
DESK = Area([(0.3, 0.3), (0.5, 0.3), (0.5, 0.6), (0.3, 0.6)])
EVERYWHERE = Area([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])

Row = tuple[float, float, float, float, float]
CLERK: Row = (350, 160, 430, 260, 0.8)


def seen(*rows: Row, size: tuple[int, int] = SIZE) -> Detections:
    """Boxes x1 y1 x2 y2 with their scores."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int64), size)


def rows(found: Detections) -> list[Row]:
    return [(*box, round(score, 3)) for box, score in zip(found.boxes_px.tolist(), found.scores.tolist(), strict=True)]


def same(found: Detections, expected: list[Row]) -> None:
    table = np.c_[found.boxes_px, found.scores]
    np.testing.assert_allclose(table, np.array(expected, np.float32).reshape(-1, 5), rtol=1e-5)


def shifted(row: Row, by: float) -> Row:
    return (row[0] + by, row[1], row[2] + by, row[3], row[4])


def scored(row: Row, score: float) -> Row:
    return (*row[:4], score)


FROM_CROP = [
    # somebody at the desk
    ((150, 60, 230, 160), True),
    # cut by the left, the upper, the right and the lower border of the crop
    ((0, 60, 230, 160), False),
    ((150, 2, 230, 160), False),
    ((150, 60, 399, 160), False),
    ((150, 60, 230, 298), False),
    # beside the desk: a citizen in the same crop, whole
    ((10, 200, 60, 290), False),
]


@pytest.mark.parametrize(("box", "kept"), FROM_CROP)
def test_what_a_crop_says(box: tuple[float, float, float, float], kept: bool) -> None:
    found = from_crop(seen((*box, 0.5), size=(400, 300)), CROP, SIZE, [DESK])
    expected = [(box[0] + 200, box[1] + 100, box[2] + 200, box[3] + 100, 0.5)] if kept else []
    assert rows(found) == expected
    assert found.size_px == SIZE


def test_the_border_of_the_picture_cuts_nobody_from_a_crop() -> None:
    """There the whole picture shows no more of them."""
    corner = seen((0, 0, 80, 100, 0.5), size=(400, 300))
    assert len(from_crop(corner, (0, 0, 400, 300), SIZE, [EVERYWHERE])) == 1
    assert len(from_crop(corner, (1, 1, 401, 301), SIZE, [EVERYWHERE])) == 0


MERGES: list[tuple[list[Row], list[Row], list[Row]]] = [
    # Only the crop finds the clerk.
    ([], [CLERK], [CLERK]),
    # Only the whole picture does.
    ([CLERK], [], [CLERK]),
    # Both do: the box of the whole picture stays, with the better score.
    ([scored(CLERK, 0.5)], [shifted(CLERK, 10)], [CLERK]),
    # The whole picture is not sure: the crop's box replaces it.
    ([scored(CLERK, 0.2)], [shifted(CLERK, 10)], [shifted(CLERK, 10)]),
    # Neither is, the crop less so.
    ([scored(CLERK, 0.3)], [scored(shifted(CLERK, 10), 0.2)], [scored(CLERK, 0.3)]),
    # The crop has two boxes on one person.
    ([CLERK], [shifted(CLERK, 5), scored(shifted(CLERK, 20), 0.4)], [CLERK]),
    # Two clerks side by side, of whom the whole picture finds one.
    ([CLERK], [scored(CLERK, 0.7), scored(shifted(CLERK, 70), 0.6)], [CLERK, scored(shifted(CLERK, 70), 0.6)]),
    # A citizen before the desk: most of the clerk's box lies in theirs, and they are two.
    ([(300, 150, 460, 480, 0.9)], [CLERK], [(300, 150, 460, 480, 0.9), CLERK]),
]


@pytest.mark.parametrize(("whole", "crop", "merged"), MERGES)
def test_nobody_twice(whole: list[Row], crop: list[Row], merged: list[Row]) -> None:
    same(merge(seen(*whole), [seen(*crop)], 0.37), merged)


def test_somebody_in_two_crops_is_one() -> None:
    same(merge(seen(), [seen(CLERK), seen(scored(CLERK, 0.6))], 0.37), [CLERK])


def test_pictures_of_two_sizes_are_a_defect() -> None:
    with pytest.raises(ValueError, match=r"expected detections in a picture of \(1000, 500\), got \(400, 300\)"):
        merge(seen(), [seen(size=(400, 300))], 0.37)


people = st.lists(
    st.tuples(st.integers(0, 18), st.integers(0, 6), st.integers(10, 95)).map(
        lambda t: (t[0] * 50.0, t[1] * 50.0, t[0] * 50.0 + 60.0, t[1] * 50.0 + 110.0, t[2] / 100)
    ),
    max_size=8,
    unique_by=lambda row: row[:2],
)


@given(whole=people, crop=people)
def test_merging_loses_nobody_and_adds_nobody(whole: list[Row], crop: list[Row]) -> None:
    """Each box of either has one in the result that is it or lies mostly upon it; none of the result is new."""
    merged = merge(seen(*whole), [seen(*crop)], 0.37)
    boxes = {tuple(row[:4]) for row in [*whole, *crop]}
    assert {tuple(box) for box in merged.boxes_px.tolist()} <= boxes
    assert max(len(whole), len(crop)) <= len(merged) <= len(boxes)
    assert (np.diff(merged.scores) <= 0).all()
    # The same again changes nothing.
    again = merge(merged, [seen(*crop)], 0.37)
    assert rows(again) == rows(merged)
