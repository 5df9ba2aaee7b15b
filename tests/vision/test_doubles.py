"""Second boxes on one person, told from two people close together."""

from __future__ import annotations

import pytest

from vision._doubles import entangled, second, shadowed, touching
from vision.boxes import Box

PERSON = (100.0, 500.0, 140.0, 600.0)
"""40 wide, 100 high, well below the upper border, as a mistake of height by bottom shows."""


def moved(right: float, down: float = 0.0) -> Box:
    left, top, far, bottom = PERSON
    return left + right, top + down, far + right, bottom + down


def within(share: float) -> Box:
    """10 by 10, with such a share of it in the person's box."""
    left, top, _, _ = PERSON
    return left - 10 * (1 - share), top + 40, left + 10 * share, top + 50


def test_touching_boxes_and_what_they_share() -> None:
    found = touching([PERSON, moved(30), moved(200), moved(60)])
    assert found == [(1, 0, 1000.0, 4000.0, 4000.0), (3, 1, 1000.0, 4000.0, 4000.0)]


@pytest.mark.parametrize(
    "nothing", [(500.0, 500.0, 500.0, 510.0), (500.0, 510.0, 510.0, 510.0)], ids=["no width", "no height"]
)
def test_a_box_without_an_area_is_a_part_of_every_other(nothing: Box) -> None:
    for boxes in ([PERSON, nothing], [nothing, PERSON]):
        (touch,) = touching(boxes)
        assert (touch.one, touch.other, touch.shared) == (1, 0, 0.0)
        assert shadowed([touch], boxes, [0.5, 0.5]) == {boxes.index(nothing)}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        # at the same depth: a share of 0.26 and of 0.23
        (moved(23.5), True),
        (moved(25.0), False),
        # a tenth of the height lower is as deep; 0.397
        (moved(15.0, 9.0), True),
        (moved(15.0, -9.0), True),
        # and no more: 0.385
        (moved(15.0, 11.0), False),
        (moved(15.0, -11.0), False),
        # at another depth: 0.41
        (moved(11.0, 20.0), True),
    ],
)
def test_two_boxes_that_two_people_could_hardly_have(other: Box, alike: bool) -> None:
    """Of such boxes the less sure one is a double; of two as sure as each other none is."""
    boxes = [PERSON, other]
    touches = touching(boxes)
    for said in (shadowed, second):
        assert said(touches, boxes, [0.6, 0.5]) == ({1} if alike else set())
        assert said(touches, boxes, [0.5, 0.6]) == ({0} if alike else set())
        assert said(touches, boxes, [0.5, 0.5]) == set()


@pytest.mark.parametrize(("share", "much"), [(0.76, True), (0.74, False)])
def test_a_part_of_somebody(share: float, much: bool) -> None:
    """A smaller box mostly within a larger one is a shadow however sure, and second where it is less sure;
    the larger one is second to a surer part of it."""
    boxes = [PERSON, within(share)]
    touches = touching(boxes)
    part, whole = ({1}, {0}) if much else (set(), set())
    assert shadowed(touches, boxes, [0.5, 0.6]) == shadowed(touches, boxes, [0.6, 0.5]) == part
    assert second(touches, boxes, [0.6, 0.5]) == part
    assert second(touches, boxes, [0.5, 0.6]) == whole


@pytest.mark.parametrize(
    ("other", "both"),
    [
        # IoU 0.34 and 0.32
        (moved(19.5), True),
        (moved(20.7), False),
        # a part of the smaller one
        (within(0.61), True),
        (within(0.59), False),
    ],
)
def test_boxes_that_may_be_of_one_person(other: Box, both: bool) -> None:
    assert entangled(touching([PERSON, other])) == ({0: [1], 1: [0]} if both else {})


def test_three_in_a_knot_are_told_in_order() -> None:
    assert entangled(touching([PERSON, moved(5), moved(10), moved(300)])) == {0: [1, 2], 1: [0, 2], 2: [0, 1]}
