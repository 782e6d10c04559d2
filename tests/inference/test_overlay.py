from types import SimpleNamespace

import numpy as np
import pytest

from kerasseg.inference import colorize
from kerasseg.inference import overlay

LABELS = SimpleNamespace(
    class_names=("sky", "road", "pedestrian crossing"),
    palette=((10, 20, 30), (200, 0, 0), (0, 200, 0)),
    num_classes=3,
)


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (33, 47, 3), dtype="uint8")


def test_each_class_has_its_color_and_void_is_black():
    found = colorize([[0, 1, 2], [255, 3, -1]], LABELS.palette)
    assert found.dtype == "uint8"
    assert found.tolist() == [
        [[10, 20, 30], [200, 0, 0], [0, 200, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ]


@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.zeros(4, int)])
def test_a_mask_is_integer_and_has_rank_2(mask):
    with pytest.raises(ValueError, match="`mask` must be an integer array"):
        colorize(mask, LABELS.palette)


def test_void_keeps_the_image(image):
    mask = np.full((33, 47), 255)
    found = overlay(image, mask, LABELS)
    np.testing.assert_array_equal(np.asarray(found), image)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_the_colors_are_blended(image, alpha):
    mask = np.ones((33, 47), int)
    found = np.asarray(overlay(image, mask, LABELS, alpha, legend=False))
    expected = image * (1 - alpha) + np.array([200, 0, 0]) * alpha
    np.testing.assert_allclose(found, expected, atol=0.51)


def test_the_legend_shows_the_classes_present_only(image):
    mask = np.zeros((33, 47), int)
    mask[:, 20:] = 2
    found = overlay(image, mask, LABELS)
    legend = np.asarray(found)[33:]
    colors = {tuple(c) for c in legend.reshape(-1, 3).tolist()}
    assert LABELS.palette[0] in colors
    assert LABELS.palette[2] in colors
    assert LABELS.palette[1] not in colors
    assert found.width >= 47


def test_a_long_legend_wraps(image):
    image = np.tile(image, (8, 8, 1))
    few = overlay(image, np.zeros(image.shape[:2], int), LABELS)
    names = tuple(f"class number {i}" for i in range(30))
    many = SimpleNamespace(
        class_names=names, palette=((1, 2, 3),) * 30, num_classes=30
    )
    mask = np.arange(image.shape[0] * image.shape[1]) % 30
    all_names = overlay(image, mask.reshape(image.shape[:2]), many)
    assert all_names.width == few.width == image.shape[1]
    assert all_names.height > few.height


def test_another_size_is_refused(image):
    with pytest.raises(ValueError, match="height and width of `mask`"):
        overlay(image, np.zeros((47, 33), int), LABELS)


def test_scaled_pixels_are_refused(image):
    with pytest.raises(ValueError, match=r"0\.\.255.*divided by 255"):
        overlay(image / 255, np.zeros(image.shape[:2], int), LABELS)


def test_alpha_is_a_share(image):
    with pytest.raises(ValueError, match=r"`alpha` must be in 0\.\.1"):
        overlay(image, np.zeros((33, 47), int), LABELS, alpha=50)
