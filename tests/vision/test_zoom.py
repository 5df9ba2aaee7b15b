"""Which areas get a crop, and what the crops look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hall.load import parse_hall
from models.zoo import ModelEntry, load_zoo
from tests.support.halls import ENVIRON, HALL_YAML
from vision.zoom import Box, Crop, Look, Mode, Size, ZoomPlan, looks_of, plan_zoom

SIZE = (1280, 720)


def model(name: str = "nanodet-g_416_int8", **changes: object) -> ModelEntry:
    entry = load_zoo().named(name)
    assert entry is not None
    return entry.model_copy(update=changes)


def desk(left: float, height: float = 0.2, top: float = 0.35, name: str = "w1/clerk") -> Look:
    """A clerk area; a person there is 1.35 times as high as the area."""
    right, bottom = left + 0.1, top + height
    return Look(name, [(left, top), (right, top), (right, bottom), (left, bottom)], desk=True)


def plan(*looks: Look, size: Size = SIZE, mode: Mode = "auto", entry: ModelEntry | None = None) -> ZoomPlan:
    return plan_zoom(looks, None, size, entry or model(), mode)


SIZES = [
    # A model's picture is 416 x 234 of 416 x 416: somebody 1.35 times 0.2 of the height is 63 px in it.
    (0.2, SIZE, 63, True),
    (0.3, SIZE, 95, False),
    # A square picture has more of the model's input; 4:3 lies between.
    (0.2, (720, 720), 112, False),
    (0.2, (640, 480), 84, True),
    # The resolution plays no part.
    (0.2, (320, 180), 63, True),
]


@pytest.mark.parametrize(("height", "size", "person_px", "zoomed"), SIZES)
def test_small_people_at_a_desk_get_a_crop(height: float, size: Size, person_px: float, zoomed: bool) -> None:
    made = plan(desk(0.4, height), size=size)
    (area,) = made.areas
    assert area.person_px == pytest.approx(person_px, abs=0.5)
    assert area.basis == "area height"
    assert (area.crop_px is not None) == bool(made.crops) == zoomed
    assert made.zoomed == ({"w1/clerk"} if zoomed else frozenset())
    if zoomed:
        assert area.crop_px == pytest.approx(125, abs=1)  # what suits the model best
        assert made.fit((416, 416))[0] == pytest.approx(416 * 125 / person_px, rel=0.02)
    else:
        assert made.fit((416, 416)) == (416, 416)


MODES: list[tuple[Mode, float, int]] = [
    ("auto", 0.2, 1),
    ("off", 0.2, 0),
    ("on", 0.2, 1),
    ("auto", 0.3, 0),
    # Large enough, but it was asked for.
    ("on", 0.3, 1),
    # A crop would be the whole picture.
    ("on", 0.6, 0),
]


@pytest.mark.parametrize(("mode", "height", "crops"), MODES)
def test_the_mode(mode: Mode, height: float, crops: int) -> None:
    assert len(plan(desk(0.4, height, top=0.2), mode=mode).crops) == crops


def test_a_model_that_says_nothing_of_sizes_gets_no_crops() -> None:
    assert plan(desk(0.4), entry=model(sight=None)) == ZoomPlan()


def test_a_better_model_needs_no_crop() -> None:
    assert plan(desk(0.4), entry=model("rtmdet-nano-person_640x384")).crops == ()


def test_areas_near_each_other_share_a_crop() -> None:
    near = plan(desk(0.30, name="a"), desk(0.45, name="b"), desk(0.85, name="c"))
    assert sorted(sorted(crop.areas) for crop in near.crops) == [["a", "b"], ["c"]]


def test_a_row_of_desks_is_cut_where_people_would_become_small() -> None:
    looks = [desk(0.02 + 0.12 * i, 0.15, name=f"w{i}") for i in range(8)]
    made = plan(*looks)
    assert 2 <= len(made.crops) <= 4
    assert sorted(name for crop in made.crops for name in crop.areas) == [look.name for look in looks]
    assert all(area.crop_px is not None and area.crop_px >= 0.85 * 125 for area in made.areas)


def test_the_floor_without_floor_points_has_no_size() -> None:
    floor = Look("z1", [(0.1, 0.5), (0.3, 0.5), (0.3, 0.6)], desk=False)
    made = plan(floor)
    assert made.crops == ()
    assert str(made.areas[0]) == "z1: size of people unknown (no floor points), no zoom"


def test_an_area_as_wide_as_the_picture_gets_no_crop() -> None:
    row = Look("w1/clerk", [(0.02, 0.4), (0.98, 0.4), (0.98, 0.55), (0.02, 0.55)], desk=True)
    made = plan(row)
    assert made.crops == ()
    assert str(made.areas[0]).endswith("no zoom: the area is too large for a crop, and 90 px would be needed")


def test_reasons() -> None:
    assert [str(area) for area in plan(desk(0.4), desk(0.1, 0.3, name="w2/clerk")).areas] == [
        "w1/clerk: a person is 63 px in the model's picture (by area height), zoom: 125 px in a crop",
        "w2/clerk: a person is 95 px in the model's picture (by area height), no zoom: 90 px are enough",
    ]


@given(
    desks=st.lists(
        st.tuples(st.floats(0, 0.9), st.floats(0, 0.8), st.floats(0.02, 0.2)), min_size=1, max_size=6, unique=True
    ),
    size=st.sampled_from([SIZE, (640, 480), (720, 1280), (704, 576)]),
    name=st.sampled_from([entry.name for entry in load_zoo().models if entry.sight is not None]),
    mode=st.sampled_from(["auto", "on"]),
)
def test_a_crop_holds_its_areas_and_lies_in_the_picture(
    desks: list[tuple[float, float, float]], size: Size, name: str, mode: Mode
) -> None:
    looks = {f"w{i}": desk(left, height, top, f"w{i}") for i, (left, top, height) in enumerate(desks)}
    made = plan(*looks.values(), size=size, mode=mode, entry=model(name))
    areas = {area.name: area for area in made.areas}
    assert areas.keys() == looks.keys()
    assert sorted(name for crop in made.crops for name in crop.areas) == sorted(made.zoomed)
    for crop in made.crops:
        left, top, right, bottom = crop.pixels(size)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        for area in crop.areas:
            for x, y in looks[area].polygon:
                assert crop.box.left - 1e-9 <= x <= crop.box.right + 1e-9
                assert crop.box.top - 1e-9 <= y <= crop.box.bottom + 1e-9
            seen = areas[area]
            assert seen.person_px is not None
            assert seen.crop_px is not None
            # Areas all over the picture share a crop that is all of it: asked for, it is made, though it gains nothing.
            assert seen.crop_px > seen.person_px or (mode == "on" and seen.crop_px == seen.person_px)
    for area in areas.keys() - made.zoomed:
        seen = areas[area]
        assert seen.person_px is not None
        if mode == "auto":
            assert seen.person_px >= seen.least_px or "too large for a crop" in str(seen)


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0.999, 0.999, 1, 1), Box(0.31, 0.2, 0.310001, 0.200001)])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (1280, 720)])
def test_a_crop_of_any_picture_has_a_pixel(box: Box, size: Size) -> None:
    left, top, right, bottom = Crop(box, ("w",)).pixels(size)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]


def test_the_areas_of_a_camera() -> None:
    floor = parse_hall(HALL_YAML, environ=ENVIRON).floors[0]
    assert [(look.name, look.desk) for look in looks_of(floor, "c1")] == [("w01/clerk", True), ("w01/customer", False)]
    assert [(look.name, look.desk) for look in looks_of(floor, "c2")] == [("waiting", False)]
