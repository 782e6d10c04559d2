"""LRR whose finest level is at half the resolution."""

import keras
import numpy as np
import pytest
from checks import check_model
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import BoundaryMask
from kerasseg.models import lrr

HEADS = ("light", "paper")


def value(tensor):
    return ops.convert_to_numpy(tensor)


def pixels(rng, *shape):
    return rng.uniform(0, 255, shape).astype("float32")


def half_lrr(**arguments):
    model = lrr(
        3, tiny_backbone(), num_bases=2, finest_upsampling=2, **arguments
    )
    return randomize(model, keep=True)


def outputs_of(model, names, images):
    layers = {name: model.get_layer(name).output for name in names}
    found = keras.Model(model.input, layers)(images)
    return {name: value(output) for name, output in found.items()}


def test_contract(rng):
    check_model(
        lambda: half_lrr(level="16x"),
        pixels(rng, 2, 64, 96, 3),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
    )


# Two levels, since JAX compiles four for a minute.
@pytest.mark.every_backend
def test_the_finest_level_corrects_at_the_resolution_of_the_coarser(rng):
    model = half_lrr(level="16x")
    names = [f"{kind}_16x" for kind in ("mask", "reconstruction", "prediction")]
    images = pixels(rng, 1, 64, 96, 3)
    found = outputs_of(model, ["reconstruction_32x", *names], images)
    mask, detail, prediction = (found[name] for name in names)
    coarse = found["reconstruction_32x"]
    assert coarse.shape == prediction.shape == (1, 8, 12, 3)
    assert np.ptp(mask) > 0.1
    np.testing.assert_allclose(prediction, coarse + mask * detail, atol=1e-4)
    logits = BilinearUpSampling2D(8, border="edge")(prediction)
    np.testing.assert_allclose(value(model(images)), value(logits), atol=1e-4)


@pytest.mark.parametrize("head", HEADS)
def test_the_mask_reaches_four_pixels_of_the_image(rng, head):
    model = half_lrr(head=head)
    images = pixels(rng, 1, 64, 96, 3)
    found = outputs_of(model, ["prediction_8x", "mask_4x"], images)
    coarse = found["prediction_8x"]
    if head == "paper":
        expected = value(BoundaryMask(5)(coarse))
    else:
        expected = value(BoundaryMask(3)(coarse[:, ::2, ::2]))
        expected = expected.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(found["mask_4x"], expected, atol=1e-5)


@pytest.mark.parametrize("level", ["32x", "16x", "8x", "4x"])
def test_every_level_may_be_the_finest(rng, level):
    model = half_lrr(level=level)
    stride = int(level[:-1]) // 2
    kind = "reconstruction" if level == "32x" else "prediction"
    images = pixels(rng, 1, 64, 96, 3)
    (found,) = outputs_of(model, [f"{kind}_{level}"], images).values()
    assert found.shape == (1, 64 // stride, 96 // stride, 3)
    assert value(model(pixels(rng, 1, 33, 70, 3))).shape == (1, 33, 70, 3)


@pytest.mark.parametrize("head", HEADS)
def test_half_of_the_bases_paint_the_means_of_the_whole(rng, head):
    bases = rng.normal(size=(3, 2, 8, 8)).astype("float32")
    arguments = {"num_bases": 2, "bases": bases, "head": head}
    whole = randomize(
        lrr(3, tiny_backbone(), mask=False, **arguments), keep=True
    )
    half = lrr(
        3, tiny_backbone(), mask=False, finest_upsampling=2, **arguments
    )
    weights = {weight.path: weight for weight in whole.weights}
    for weight in half.weights:
        if weight.shape == weights[weight.path].shape:
            weight.assign(weights[weight.path])
    images = pixels(rng, 1, 64, 96, 3)
    name = ["reconstruction_4x"]
    (fine,) = outputs_of(whole, name, images).values()
    (coarse,) = outputs_of(half, name, images).values()
    assert fine.std() > 1e-2
    np.testing.assert_allclose(
        coarse, fine.reshape(1, 32, 2, 48, 2, 3).mean(axis=(2, 4)), atol=1e-4
    )


@pytest.mark.parametrize("wrong", [1, 8, "2", None])
def test_other_factors(wrong):
    with pytest.raises(ValueError, match="`finest_upsampling` must be 2 or 4"):
        lrr(3, tiny_backbone(), finest_upsampling=wrong)
