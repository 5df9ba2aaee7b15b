"""The picture that an installer looks at: everything of the camera is on it, nothing of another one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.pictures import draw_areas
from hall.layout import Floor
from hall.load import parse_hall

GREY = 90
WINDOW = "{id: w01, label: %s, camera: c1, clerk_area: [[0.1, 0.3], [0.4, 0.3], [0.4, 0.7], [0.1, 0.7]]}"
ZONE = "{id: z1, label: Z, areas: [{camera: %s, polygon: [[0.6, 0.3], [0.9, 0.3], [0.9, 0.7], [0.6, 0.7]]}]}"


def floor_of(*, windows: str = "", zones: str = "", entrances: str = "", points: str = "", plan: str = "") -> Floor:
    text = (
        "hall: {id: demo, name: demo}\n"
        "floors:\n"
        f"  - id: f1\n{plan}"
        f"    cameras: [{{id: c1, source: a.mp4, floor_points: [{points}]}}, {{id: c2, source: b.mp4}}]\n"
        f"    windows: [{windows}]\n    zones: [{zones}]\n    entrances: [{entrances}]\n"
    )
    return parse_hall(text, environ={}).floors[0]


def picture(width: int = 640, height: int = 360) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, np.uint8)


def changed(floor: Floor, camera: str = "c1", size: tuple[int, int] = (640, 360)) -> NDArray[Any]:
    """Which pixels the drawing changed."""
    before = picture(*size)
    after = draw_areas(before, floor, camera)
    assert (before == GREY).all(), "the picture that came in was drawn on"
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    return np.asarray((after != before).any(axis=2))


def test_an_area_is_tinted_and_the_rest_is_left_alone() -> None:
    drawn = changed(floor_of(windows=WINDOW % "A"))
    assert drawn[120:240, 80:250].all()
    # Far from the area and its label nothing changes.
    assert not drawn[:, 400:].any()
    assert not drawn[300:].any()


def test_clerk_customer_and_zone_have_colours_of_their_own() -> None:
    window = WINDOW.replace("}", ", customer_area: [[0.1, 0.8], [0.4, 0.8], [0.4, 1], [0.1, 1]]}") % "A"
    image = draw_areas(picture(), floor_of(windows=window, zones=ZONE % "c1"), "c1")
    tints = [image[180, 160], image[324, 160], image[180, 480]]
    assert len({tuple(tint.tolist()) for tint in tints}) == 3


def test_an_area_is_drawn_in_the_camera_that_sees_it() -> None:
    floor = floor_of(zones=ZONE % "c2")
    assert not changed(floor, "c1").any()
    assert changed(floor, "c2")[180, 480]


def test_an_area_seen_by_two_cameras_is_in_both_pictures() -> None:
    areas = "[{polygon: [[0, 0], [0.5, 0], [0.5, 1]]}, {camera: c2, polygon: [[1, 0], [1, 1], [0.6, 1]]}]"
    floor = floor_of(windows=f"{{id: w01, label: A, camera: c1, clerk_area: {areas}}}")
    assert changed(floor, "c1")[100, 300]
    assert changed(floor, "c2")[300, 620]


# The line runs to the right, to the left, down, up; `in` is on the right of the way, where the arrow's tip is.
ENTRANCES = [
    ("[[0.2, 0.5], [0.8, 0.5]]", (205, 320), (155, 320)),
    ("[[0.8, 0.5], [0.2, 0.5]]", (155, 320), (205, 320)),
    ("[[0.5, 0.2], [0.5, 0.8]]", (180, 295), (180, 345)),
    ("[[0.5, 0.8], [0.5, 0.2]]", (180, 345), (180, 295)),
]


@pytest.mark.parametrize(("line", "inside", "outside"), ENTRANCES)
def test_the_arrow_points_in(line: str, inside: tuple[int, int], outside: tuple[int, int]) -> None:
    floor = floor_of(entrances=f"{{id: door, camera: c1, line: {line}}}")
    image = draw_areas(picture(), floor, "c1")
    red = image[..., 2].astype(int) - image[..., 0]
    assert red[inside] > 100
    assert red[outside] == 0


def test_labels_are_chinese_where_the_hall_is() -> None:
    chinese = draw_areas(picture(), floor_of(windows=WINDOW % "窗口"), "c1")
    # What a font lacks is drawn as question marks.
    missing = draw_areas(picture(), floor_of(windows=WINDOW % '"??"'), "c1")
    assert (chinese != missing).any()


def test_labels_of_one_place_stand_beside_each_other() -> None:
    zone = (ZONE % "c1").replace("label: Z", f"label: {'.' * 40}")
    one = draw_areas(picture(), floor_of(zones=zone), "c1")
    two = draw_areas(picture(), floor_of(zones=f"{zone}, {zone.replace('z1', 'z2')}"), "c1")
    boxes = [np.count_nonzero((image == (115, 158, 0)).all(axis=2)) for image in (one, two)]
    # Some 180 x 16 pixels more; one over the other would add none.
    assert boxes[1] > boxes[0] + 1500


# Straight from above: 10 m are the width of the picture, 5 m its height.
ABOVE = "[[0, 0], [0, 0]], [[1, 0], [10, 0]], [[1, 1], [10, 5]], [[0, 1], [0, 5]]"


def test_the_floor_has_a_line_every_metre() -> None:
    drawn = changed(floor_of(points=ABOVE, plan="    plan: {width_m: 10, depth_m: 5}\n"), size=(1001, 501))
    # A row and a column between the lines, away from the floor points; a line is up to 3 pixels wide.
    across, along = np.flatnonzero(drawn[250, 150:850]), np.flatnonzero(drawn[150:350, 450])
    assert set(np.round(across / 100, 1) % 1) == {0.5}
    assert len(across) >= 7
    assert set(np.round(along / 100, 1) % 1) == {0.5}
    assert len(along) >= 2


def test_without_a_plan_the_grid_covers_the_floor_points() -> None:
    drawn = changed(floor_of(points=ABOVE), size=(1001, 501))
    assert drawn[250, [200, 500, 800]].all()


def test_points_that_cannot_be_are_drawn_without_a_grid() -> None:
    # Two corners changed places: the floor would have to twist.
    twisted = "[[0, 0], [0, 0]], [[0.3, 0], [3, 0]], [[0.3, 0.4], [0, 3]], [[0, 0.4], [3, 3]]"
    drawn = changed(floor_of(points=twisted, plan="    plan: {width_m: 30, depth_m: 30}\n"))
    assert drawn[144, 192]
    assert not drawn[200:, 300:].any()


def test_a_floor_that_reaches_the_horizon() -> None:
    # A camera that looks along the hall: far lines lie at the horizon, some behind the camera.
    far = "[[0.4, 0.4], [-5, 40]], [[0.6, 0.4], [5, 40]], [[1, 1], [5, 5]], [[0, 1], [-5, 5]]"
    drawn = changed(floor_of(points=far, plan="    plan: {width_m: 90, depth_m: 90}\n"))
    assert drawn.any()
    assert not drawn[:80].any()


@pytest.mark.parametrize("size", [(16, 9), (352, 288), (3840, 2160)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    floor = floor_of(windows=WINDOW % "一号窗口", zones=ZONE % "c1", points=ABOVE)
    assert changed(floor, size=size).any()


def test_areas_at_the_border_keep_their_labels_in_the_picture() -> None:
    floor = floor_of(zones="{id: all, areas: [{camera: c1, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]}")
    image = draw_areas(picture(), floor, "c1")
    assert ((image == (115, 158, 0)).all(axis=2)).sum() > 200


def test_a_rendered_frame_stays_recognisable(clips: Any) -> None:
    capture = cv2.VideoCapture(str(clips / "cam1.mp4"))
    found, frame = capture.read()
    capture.release()
    assert found
    before = np.asarray(frame, dtype=np.uint8)
    after = draw_areas(before, floor_of(windows=WINDOW % "1号窗口"), "c1")
    inside = (slice(220, 500), slice(140, 500))
    edges = [cv2.Laplacian(image[inside], cv2.CV_64F).var() for image in (before, after)]
    assert edges[1] > 0.4 * edges[0]
