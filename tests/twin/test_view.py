"""What the demo shows of its rendered cameras: this moment, and nobody in it to be recognised."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hall.clock import ManualClock
from twin.source import open_sim
from twin.view import WIDTH_PX, BlurredViews, blurred

EPOCH = 1_767_600_000.0
SOURCES = {camera: f"sim://lowdesk?camera={camera}&story=round&speed=2" for camera in ("cam1", "cam2")}


@pytest.fixture(scope="module")
def views() -> tuple[BlurredViews, ManualClock]:
    clock = ManualClock(EPOCH)
    return BlurredViews(SOURCES, EPOCH, clock), clock


def decode(jpeg: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image)


def detail(image: np.ndarray, box: tuple[int, ...], scale: float = 1.0) -> float:
    """How much a part of a picture changes from pixel to pixel."""
    x1, y1, x2, y2 = (round(v * scale) for v in box)
    part = cv2.cvtColor(image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1], cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(part, cv2.CV_64F).var())


@pytest.mark.parametrize("camera", SOURCES)
@pytest.mark.parametrize("at_s", [10.0, 30.0, 45.0])
def test_everybody_is_blurred_and_the_hall_is_not(
    views: tuple[BlurredViews, ManualClock], camera: str, at_s: float
) -> None:
    view, clock = views
    clock.advance(EPOCH + at_s - clock.now())
    shown = decode(view(camera))
    rendered = open_sim(SOURCES[camera]).rendered(round(at_s * 12))
    scale = WIDTH_PX / rendered.image.shape[1]
    sharp = cv2.resize(rendered.image, (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_AREA)
    boxes = [person.box for person in rendered.people if person.box is not None]
    large = [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) > 20]
    assert len(large) >= 3
    for box in large:
        assert detail(shown, box, scale) < 0.25 * detail(np.asarray(sharp), box, scale)
    elsewhere = np.ones(shown.shape[:2], bool)
    for x1, y1, x2, y2 in boxes:
        elsewhere[int(y1 * scale) - 8 : int(y2 * scale) + 9, int(x1 * scale) - 8 : int(x2 * scale) + 9] = False
    assert np.abs(shown.astype(int) - sharp.astype(int))[elsewhere].mean() < 3, "another moment, or another camera"


def test_the_rendered_picture_itself_is_left_as_it_is() -> None:
    rendered = open_sim(SOURCES["cam1"]).rendered(120)
    out = blurred(rendered.image, rendered.people)
    assert out.shape == rendered.image.shape
    assert not np.array_equal(out, rendered.image)
    assert np.array_equal(blurred(rendered.image, []), rendered.image)


def test_the_loop_goes_on_and_before_it_the_first_picture_stands() -> None:
    clock = ManualClock(EPOCH - 5)
    view = BlurredViews(SOURCES, EPOCH, clock)
    waiting = view("cam1")
    clock.advance(5)
    assert view("cam1") == waiting
    clock.advance(7)
    later = view("cam1")
    assert later != waiting
    clock.advance(60)
    assert view("cam1") == later


def test_nothing_is_opened_before_somebody_looks_and_nothing_else_is_shown() -> None:
    view = BlurredViews({"cam1": "sim://nowhere"}, EPOCH, ManualClock(EPOCH))
    with pytest.raises(Exception, match="nowhere"):
        view("cam1")
    with pytest.raises(KeyError):
        BlurredViews(SOURCES, EPOCH, ManualClock(EPOCH))("cam3")
