import keras
import numpy as np
from keras import ops
from stand_ins import FILTERS
from stand_ins import shake
from stand_ins import tiny_backbone

from kerasseg.models import bilinear
from kerasseg.training import freeze_batch_normalization


def value(tensor):
    return ops.convert_to_numpy(tensor)


def trained(rng, freeze):
    """A model, its moving statistics before and after a training step."""
    model = shake(bilinear(3, tiny_backbone()))
    if freeze:
        assert freeze_batch_normalization(model) == len(FILTERS)
    moving = [v for v in model.weights if v.name.startswith("moving_")]
    assert len(moving) == 2 * len(FILTERS)
    before = [value(v).copy() for v in moving]
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    images = rng.uniform(0, 255, (3, 64, 96, 3)).astype("float32")
    model.train_on_batch(images, np.ones((3, 64, 96, 3), "float32"))
    return model, before, [value(v) for v in moving]


def test_frozen_statistics_stay(rng):
    model, before, after = trained(rng, freeze=True)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    images = rng.uniform(0, 255, (3, 64, 96, 3)).astype("float32")
    images[1] /= 20
    alone = value(model(images[:1], training=True))
    among_others = value(model(images, training=True))
    np.testing.assert_allclose(among_others[:1], alone, atol=1e-4)


def test_without_freezing_they_move(rng):
    _, before, after = trained(rng, freeze=False)
    for old, new in zip(before, after, strict=True):
        assert not np.array_equal(old, new)
