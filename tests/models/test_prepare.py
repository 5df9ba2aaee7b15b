"""Fitting images to a model's input, and the way back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.prepare import place, prepare
from models.zoo import InputSpec

MEAN, STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


def spec(fit: str = "letterbox", width: int = 416, height: int = 256, pad: int = 114, **more: object) -> InputSpec:
    values = {"channels": "bgr", "mean": MEAN, "std": STD, **more}
    return InputSpec.model_validate({"width": width, "height": height, "fit": fit, "pad": pad, **values})


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def as_bytes(blob: NDArray[np.float32], of: InputSpec) -> NDArray[np.uint8]:
    """A blob (3, H, W) as the (H, W, 3) image it was made from."""
    image: NDArray[np.float64] = blob.transpose(1, 2, 0) * np.array(of.std) + np.array(of.mean)
    return image.round().astype(np.uint8)


@pytest.mark.parametrize(
    ("fit", "size", "inside"),
    [
        # wide: the width limits
        ("letterbox", (1280, 720), (416, 234)),
        # tall: the height limits
        ("letterbox", (720, 1280), (144, 256)),
        # smaller than the input: enlarged
        ("letterbox", (104, 32), (416, 128)),
        # a strip: never thinner than a pixel
        ("letterbox", (4000, 1), (416, 1)),
        ("letterbox", (1, 4000), (1, 256)),
        # exactly the input
        ("letterbox", (416, 256), (416, 256)),
        # stretched: always all of it
        ("stretch", (1280, 720), (416, 256)),
    ],
)
def test_place(fit: str, size: tuple[int, int], inside: tuple[int, int]) -> None:
    placement, found = place(*size, spec(fit))
    assert found == inside
    assert (placement.scale_x, placement.scale_y) == (inside[0] / size[0], inside[1] / size[1])


def test_an_image_that_fits_is_not_resampled() -> None:
    image = noise(416, 234)
    blob, placements = prepare([image], spec())
    assert blob.shape == (1, 3, 256, 416)
    assert blob.dtype == np.float32
    assert (placements[0].scale_x, placements[0].scale_y) == (1, 1)
    np.testing.assert_array_equal(as_bytes(blob[0], spec())[:234], image)


@pytest.mark.parametrize("pad", [0, 114])
def test_the_rest_is_padding(pad: int) -> None:
    wide, _ = prepare([noise(1280, 720)], spec(pad=pad))
    tall, _ = prepare([noise(720, 1280)], spec(pad=pad))
    assert (as_bytes(wide[0], spec())[234:] == pad).all()
    assert (as_bytes(tall[0], spec())[:, 144:] == pad).all()


def test_values_are_those_of_opencv() -> None:
    image = noise(1280, 720)
    blob, _ = prepare([image], spec("stretch"))
    resized = cv2.resize(image, (416, 256)).astype(np.float64)
    expected = ((resized - MEAN) / STD).transpose(2, 0, 1)
    np.testing.assert_allclose(blob[0], expected, atol=1e-5)


def test_channel_order() -> None:
    blue = np.zeros((256, 416, 3), np.uint8)
    blue[..., 0] = 200
    plain = spec().model_copy(update={"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)})
    bgr, _ = prepare([blue], plain)
    rgb, _ = prepare([blue], plain.model_copy(update={"channels": "rgb"}))
    assert bgr[0].max(axis=(1, 2)).tolist() == [200, 0, 0]
    assert rgb[0].max(axis=(1, 2)).tolist() == [0, 0, 200]


def test_images_of_a_batch_do_not_touch_each_other() -> None:
    images = [noise(1280, 720), noise(416, 256), noise(300, 500)]
    together, placements = prepare(images, spec())
    for i, image in enumerate(images):
        alone, placement = prepare([image], spec())
        np.testing.assert_array_equal(together[i], alone[0])
        assert placements[i] == placement[0]


def test_a_view_with_gaps_and_a_flipped_one() -> None:
    image = noise(1280, 720)
    for view in (image[100:400:2, 50:900], image[::-1, :, ::-1], image[255::-1, 415::-1]):
        np.testing.assert_array_equal(prepare([view], spec())[0], prepare([view.copy()], spec())[0])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_image(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\), got"):
        prepare([image], spec())


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (768, 432), (720, 1280), (333, 777)])
def test_a_bright_rectangle_is_found_where_it_was(fit: str, width: int, height: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = width // 3, height // 4, width // 2, height // 2
    image[y1:y2, x1:x2] = 255
    blob, (placement,) = prepare([image], spec(fit, pad=0))
    ys, xs = np.nonzero(as_bytes(blob[0], spec())[..., 0] > 127)
    inside = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32)
    # Half a pixel of the input either way, as seen in the image.
    tolerance = max(1 / placement.scale_x, 1 / placement.scale_y) / 2 + 0.01
    np.testing.assert_allclose(placement.to_image(inside)[0], [x1, y1, x2, y2], atol=tolerance)


@given(
    width=st.integers(1, 4096),
    height=st.integers(1, 4096),
    fit=st.sampled_from(["letterbox", "stretch"]),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_round_trip(width: int, height: int, fit: str, corner: tuple[float, float]) -> None:
    placement, (w, h) = place(width, height, spec(fit))
    assert 1 <= w <= 416
    assert 1 <= h <= 256
    x, y = corner[0] * w, corner[1] * h
    found = placement.to_image(np.array([[x, y, w, h]], np.float32))[0]
    np.testing.assert_allclose(found, [corner[0] * width, corner[1] * height, width, height], rtol=1e-4, atol=1e-3)
