"""The models that are measured. Their weights are random, but not idle.

A fresh model predicts zeros everywhere, which some runtimes compute faster.
Here the coefficients vary about as much as in a trained model.
"""

from pathlib import Path

import keras
import numpy as np

import kerasseg

CLASSES = 11
IMAGE_SHAPE = (352, 480)
COEFFICIENTS_STD = 2.0
ZOO = Path(__file__).parents[1] / "zoo"
RECIPE = ZOO / "lrr_4x" / "recipe.py"


def backbone_alone():
    """MobileNetV2 from pixels to P5.

    Two of its channels are repeated to the size of the image, since an exported
    file has logits for each pixel. It takes a fiftieth of the time.
    """
    keras.utils.set_random_seed(0)
    backbone = kerasseg.backbones.mobilenet_v2()
    two = backbone.output["P5"][..., :2]
    every_pixel = kerasseg.layers.NearestUpSampling2D(32)(two)
    return keras.Model(backbone.input, every_pixel)


def lrr(level="4x", mask=True):
    """An LRR whose predictions vary from pixel to pixel."""
    keras.utils.set_random_seed(0)
    model = kerasseg.models.lrr(CLASSES, level=level, mask=mask)
    idle = {
        layer.name: layer
        for layer in model.layers
        if hasattr(layer, "kernel") and not np.any(layer.kernel)
    }
    inputs = {name: layer.input for name, layer in idle.items()}
    pixels = images(1, (96, 128))
    for name, features in keras.Model(model.input, inputs)(pixels).items():
        kernel = idle[name].kernel
        spread = float(keras.ops.std(features)) * kernel.shape[-2] ** 0.5
        kernel.assign(
            keras.random.normal(
                kernel.shape, stddev=COEFFICIENTS_STD / spread, seed=1
            )
        )
    return model


def images(count, size):
    """Random pixels, uint8."""
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, *size, 3), dtype="uint8")


def masks(count, size, cell=16):
    """Random class ids in blocks, one in twelve of them ignored."""
    generator = np.random.default_rng(0)
    grid = (count, size[0] // cell, size[1] // cell)
    ids = generator.integers(0, CLASSES + 1, grid, dtype="int32")
    ids[ids == CLASSES] = 255
    return ids.repeat(cell, axis=1).repeat(cell, axis=2)


def frozen(model):
    """A model with its first blocks frozen, as the decoders are compared."""
    backbone = model.get_layer("mobilenet_v2")
    for layer in backbone.get_layer("mobilenet_v2_features").layers:
        layer.trainable = False
        if layer.name == "block_2_add":
            break
    return model


def trainer(recipe, heads=True, model=None):
    """A compiled model with the losses and optimizer of its recipe."""
    result = model = model or lrr()
    if heads and recipe.heads:
        result = kerasseg.training.DeepSupervision(
            recipe.heads(model), recipe.head_losses
        )
    result.compile(recipe.optimizer(1000), recipe.loss)
    return result


def training_step(trainer, batch_size, size):
    """A function that trains one step on one fixed batch."""
    x, y = images(batch_size, size), masks(batch_size, size)
    return lambda: trainer.train_on_batch(x, y)
