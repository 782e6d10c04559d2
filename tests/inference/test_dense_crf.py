import sys

import keras
import numpy as np
import pytest

from kerasseg.inference import DenseCRF
from kerasseg.inference import predict_mask
from kerasseg.inference import predict_mask_crf


def exact(crf, image, probabilities):
    """The mean-field approximation over all pairs of pixels, one by one."""
    height, width, classes = probabilities.shape
    places = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2)
    colors = image.reshape(len(places), -1).astype(float)

    def squares(points):
        return ((points[:, None] - points[None]) ** 2).sum(-1)

    near = squares(places / crf.appearance_xy)
    alike = squares(colors / crf.appearance_rgb)
    kernels = (
        (crf.appearance, np.exp(-(near + alike) / 2)),
        (crf.smoothness, np.exp(-squares(places / crf.smoothness_xy) / 2)),
    )
    total = 0
    for weight, kernel in kernels:
        root = np.sqrt(kernel.sum(axis=1))
        total = total + weight * kernel / (root[:, None] * root[None])
    given = probabilities.reshape(-1, classes)
    found = given
    for _ in range(crf.steps):
        powers = given * np.exp(total @ found)
        found = powers / powers.sum(axis=1, keepdims=True)
    return found.reshape(probabilities.shape)


@pytest.fixture
def halves(rng):
    """A noisy image of two halves, and doubtful probabilities of three."""
    image = np.full((33, 47, 3), (200, 60, 40))
    image[:, 23:] = (40, 90, 210)
    image = np.clip(image + rng.normal(0, 6, image.shape), 0, 255)
    truth = np.zeros((33, 47), int)
    truth[:, 23:] = 1
    logits = 2.0 * np.eye(3)[truth] + rng.normal(0, 1.5, (33, 47, 3))
    powers = np.exp(logits)
    return image.astype("uint8"), truth, powers / powers.sum(-1, keepdims=True)


PARAMETERS = [
    DenseCRF(appearance_rgb=20.0, steps=3),
    DenseCRF(2.0, 20.0, 30.0, 1.0, 2.0, steps=1),
    DenseCRF(1.0, 12.0, 40.0, 0.0, 2.0),
    DenseCRF(0.0, 12.0, 40.0, 2.0, 4.0),
]


@pytest.mark.parametrize("crf", PARAMETERS)
def test_all_pairs_of_pixels_give_the_same(halves, crf):
    image, _, given = halves
    found, expected = crf.refine(image, given), exact(crf, image, given)
    assert found.dtype == "float32"
    assert found.shape == given.shape
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert np.abs(found - expected).mean() < 0.01
    agree = found.argmax(-1) == expected.argmax(-1)
    assert agree.mean() > 0.99
    assert np.abs(given - expected).mean() > 0.05


def test_noise_goes_and_the_edge_stays(halves):
    image, truth, given = halves
    found = DenseCRF(appearance_rgb=20.0).refine(image, given).argmax(-1)
    assert (given.argmax(-1) == truth).mean() < 0.8
    np.testing.assert_array_equal(found, truth)


def test_weights_of_zero_change_nothing(halves):
    image, _, given = halves
    found = DenseCRF(appearance=0.0, smoothness=0.0).refine(image, given)
    np.testing.assert_allclose(found, given, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("channels", [1, 5])
def test_other_channels(rng, channels):
    pixels = keras.Input((None, None, channels))
    model = keras.Model(pixels, keras.layers.Conv2D(3, 1)(pixels))
    image = rng.integers(0, 256, (40, 57, channels), dtype="uint8")
    mask = predict_mask_crf(model, image, DenseCRF(steps=2))
    assert mask.shape == (40, 57)
    assert mask.dtype == "int32"
    unchanged = DenseCRF(appearance=0.0, smoothness=0.0)
    np.testing.assert_array_equal(
        predict_mask_crf(model, image, unchanged), predict_mask(model, image)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"appearance": -1.0}, "`appearance` must be"),
        ({"smoothness": float("nan")}, "`smoothness` must be"),
        ({"smoothness_xy": 0.0}, "`smoothness_xy` must be"),
        ({"appearance_rgb": "5"}, "`appearance_rgb` must be"),
        ({"steps": 0}, "`steps` must be an integer"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        DenseCRF(**arguments)


def test_what_is_no_probability_is_refused(halves):
    image, _, given = halves
    for wrong in (given[:-1], given * 2, np.log(given), given[..., 0]):
        with pytest.raises(ValueError, match="`probabilities` must be"):
            DenseCRF().refine(image, wrong)


def test_without_scipy_the_extra_is_named(halves, monkeypatch):
    image, _, given = halves
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match=r"kerasseg\[crf\]"):
        DenseCRF().refine(image, given)
