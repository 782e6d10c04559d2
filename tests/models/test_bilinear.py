import numpy as np
import pytest
from checks import check_model
from keras import ops
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.models import bilinear


def test_contract(rng):
    check_model(
        lambda: randomize(bilinear(3, tiny_backbone()), keep=True),
        rng.uniform(0, 255, (2, 64, 96, 3)).astype("float32"),
        (2, 64, 96, 3),
        half_policies=("mixed_float16", "mixed_bfloat16"),
    )


@pytest.mark.parametrize(("level", "stride"), [("P5", 32), ("P3", 8)])
def test_scores_are_upsampled(rng, level, stride):
    model = randomize(bilinear(3, tiny_backbone(), level=level), keep=True)
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    features = model.get_layer("tiny")(images)[level]
    scores = model.get_layer("score")(features)
    expected = ops.image.resize(
        scores,
        (64, 96),
        interpolation="bilinear",
        data_format="channels_last",
    )
    assert scores.shape[1:3] == (64 // stride, 96 // stride)
    logits = ops.convert_to_numpy(model(images))
    assert logits.std() > 1e-3
    expected = ops.convert_to_numpy(expected)
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("size", [(33, 47), (60, 70)])
def test_any_size(rng, size):
    model = bilinear(3, tiny_backbone())
    images = rng.uniform(0, 255, (2, *size, 3)).astype("float32")
    assert model(images).shape == (2, *size, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer of 2 or more"),
        ({"backbone": "vgg16"}, "`backbone` must be a keras.Model"),
        ({"level": "P6"}, "with the outputs P6"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    defaults = {"num_classes": 3, "backbone": tiny_backbone()}
    with pytest.raises(ValueError, match=message):
        bilinear(**{**defaults, **arguments})
