"""What a recipe of the zoo trains with, where it is more than the model."""

import numpy as np
from keras import ops
from source import ROOT

from kerasseg import zoo
from kerasseg.cli.train import load_recipe


def test_the_last_stage_of_lrr_4x_sees_every_second_pixel(rng):
    recipe = load_recipe(ROOT / "zoo" / "lrr_4x" / "last_stage.py")
    heads = recipe.heads(zoo.load("lrr_4x", image_shape=(64, 96, 3)))
    images = rng.uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    outputs = {
        name: ops.convert_to_numpy(value)
        for name, value in heads(images).items()
    }
    assert set(outputs) == {"logits", *recipe.head_losses}
    np.testing.assert_array_equal(
        outputs["iou"], outputs["logits"][:, 1::2, 1::2]
    )
    # The labels of those pixels are the ones it is compared with.
    labels = outputs["logits"].argmax(axis=-1)
    sharp = 100 * np.eye(11, dtype="float32")[labels]
    assert float(recipe.head_losses["iou"](labels, sharp[:, 1::2, 1::2])) < 1e-6
    assert float(recipe.head_losses["iou"](labels, sharp[:, ::2, ::2])) > 1e-3
