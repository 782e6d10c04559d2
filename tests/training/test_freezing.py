import keras
import numpy as np
import pytest
from keras import ops
from stand_ins import FILTERS
from stand_ins import randomize
from stand_ins import tiny_backbone

from kerasseg.layers.convolution_unit import ConvolutionUnit
from kerasseg.models import bilinear
from kerasseg.training import fit
from kerasseg.training import freeze
from kerasseg.training import freeze_batch_normalization


def value(tensor):
    return ops.convert_to_numpy(tensor)


def model_with_a_unit():
    """One that holds models, and a layer that holds batch normalization."""
    images = keras.Input((64, 96, 3))
    logits = bilinear(3, tiny_backbone())(images)
    logits = ConvolutionUnit(3, kernel_size=3)(logits)
    return randomize(keras.Model(images, logits), keep=True)


def trained(rng, freeze):
    """A model, its moving statistics before and after a training step."""
    model = model_with_a_unit()
    layers = len(FILTERS) + 1
    if freeze:
        assert freeze_batch_normalization(model) == layers
    moving = [v for v in model.weights if v.name.startswith("moving_")]
    assert len(moving) == 2 * layers
    before = [value(v).copy() for v in moving]
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    images = rng.uniform(0, 255, (3, 64, 96, 3)).astype("float32")
    model.train_on_batch(images, np.ones((3, 64, 96, 3), "float32"))
    return model, before, [value(v) for v in moving]


@pytest.mark.every_backend
def test_frozen_statistics_stay(rng):
    model, before, after = trained(rng, freeze=True)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    images = rng.uniform(0, 255, (3, 64, 96, 3)).astype("float32")
    images[1] /= 20
    alone = value(model(images[:1], training=True))
    among_others = value(model(images, training=True))
    np.testing.assert_allclose(
        among_others[:1], alone, rtol=1e-5, atol=1e-5 * np.ptp(alone)
    )


@pytest.mark.every_backend
def test_without_freezing_they_move(rng):
    _, before, after = trained(rng, freeze=False)
    for old, new in zip(before, after, strict=True):
        assert not np.array_equal(old, new)


def test_a_frozen_backbone_stays(rng):
    model = randomize(bilinear(3, tiny_backbone()), keep=True)
    backbone = next(x for x in model.layers if isinstance(x, keras.Model))
    assert freeze(model, ("backbone",)) > len(FILTERS)
    before = [value(v).copy() for v in backbone.weights]
    others = model.trainable_weights
    assert others
    assert not {id(v) for v in others} & {id(v) for v in backbone.weights}
    model.compile(keras.optimizers.SGD(1e-6), "mse")
    images = rng.uniform(0, 255, (3, 64, 96, 3)).astype("float32")
    model.train_on_batch(images, np.ones((3, 64, 96, 3), "float32"))
    for old, new in zip(before, backbone.weights, strict=True):
        np.testing.assert_array_equal(old, value(new))


def test_layers_are_frozen_by_name(model):
    tiny = model()
    name = tiny.layers[1].name
    assert freeze(tiny, [name]) == 1
    assert len(tiny.trainable_weights) == 2
    for missing, near in (
        ("backbone", "backbone"),
        ("batch_normalization", "batch_normalization"),
        (name + "x", name),
    ):
        with pytest.raises(ValueError, match=f"closest name is '{near}'"):
            freeze(tiny, (missing,))
    with pytest.raises(TypeError, match="`parts` must be a sequence"):
        freeze(tiny, "backbone")


def test_a_recipe_freezes(make_recipe, tmp_path):
    def named():
        return keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.Conv2D(4, 3, padding="same", name="first"),
                keras.layers.Conv2D(3, 1, name="second"),
            ]
        )

    keras.utils.set_random_seed(0)
    start = [value(v) for v in named().weights]
    recipe = make_recipe(model=named, freeze=("first",), epochs=1)
    trained_model = fit(recipe, tmp_path, verbose=0)
    after = [value(v) for v in trained_model.weights]
    for old, new in zip(start[:2], after[:2], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(start[2], after[2])
    with pytest.raises(ValueError, match="freeze \\(.*before"):
        fit(make_recipe(model=named, epochs=1), tmp_path, verbose=0)
    with pytest.raises(ValueError, match="`freeze` must be a sequence"):
        make_recipe(freeze="backbone")
