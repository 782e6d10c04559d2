"""A model's copy for a format shares its weights and leaves it alone."""

import keras
import numpy as np
import pytest
from keras import layers
from keras import ops

from kerasseg.export.forms.functional_copy import with_forms
from kerasseg.export.forms.laplacian_reconstruction import GroupedReconstruction
from kerasseg.layers import LaplacianReconstruction

SHAPE = (32, 48)


def head(channels, name):
    """A nested model that ends with a layer that has a form."""
    maps = keras.Input((None, None, channels))
    x = layers.Conv2D(6, 1, name="coefficients")(maps)
    outputs = LaplacianReconstruction(3, 2, name="paint")(x)
    return keras.Model(maps, outputs, name=name)


def nested_model():
    """Skips, a shared layer, operations without a layer, nested models."""
    images = keras.Input((None, None, 3), name="pixels")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    stem = keras.Sequential(
        [layers.Conv2D(4, 3, 4, "same"), layers.ReLU()], name="stem"
    )
    x = stem(layers.Rescaling(1 / 255)(images))
    x = ops.tanh(shared(shared(x)) + x)
    x = layers.Concatenate(name="join")([x, shared(x)])
    return keras.Model(images, head(8, "head")(x), name="net")


def sequential_model():
    return keras.Sequential(
        [
            keras.Input((*SHAPE, 3)),
            layers.Conv2D(6, 3, 4, "same"),
            LaplacianReconstruction(3, 2),
        ]
    )


def all_operations(model):
    """Layers and operations of a model and of the models in it."""
    for operation in getattr(model, "operations", None) or model.layers:
        yield operation
        if isinstance(operation, keras.Model):
            yield from all_operations(operation)


def names(model):
    """Names of what a model computes; a copy has layers for operations."""
    operations = getattr(model, "operations", model.layers)
    return {x.name for x in operations if not isinstance(x, layers.InputLayer)}


def state_of(model):
    """All attributes of all layers, as far as they can be compared."""
    return [
        {
            key: len(value) if isinstance(value, list | dict) else id(value)
            for key, value in vars(operation).items()
        }
        for operation in (model, *all_operations(model))
    ]


@pytest.mark.parametrize("build", [nested_model, sequential_model])
@pytest.mark.parametrize("target", ["litert", "onnx", "saved_model"])
def test_the_copy_computes_the_same(build, target, rng):
    model = build()
    model.compile("sgd", "mse")
    images = rng.uniform(0, 255, (2, *SHAPE, 3)).astype("float32")
    expected = ops.convert_to_numpy(model(images))
    before = state_of(model)
    copy = with_forms(model, target)
    outputs = ops.convert_to_numpy(copy(images, training=False))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    assert state_of(model) == before
    assert {id(v) for v in copy.variables} == {id(v) for v in model.variables}
    assert copy is not model
    assert copy.name == model.name
    assert names(copy) == names(model)


def test_a_form_deep_in_nested_models():
    inner = head(5, "inner")
    maps = keras.Input((8, 12, 5))
    outer = keras.Model(maps, inner(maps), name="outer")
    images = keras.Input((8, 12, 5))
    copy = with_forms(keras.Model(images, outer(images)), "saved_model")
    forms = [
        x for x in all_operations(copy) if isinstance(x, GroupedReconstruction)
    ]
    assert [form.name for form in forms] == ["paint"]
    assert forms[0].original is inner.get_layer("paint")


def test_what_has_no_form_is_not_copied(model):
    assert with_forms(model, "litert") is model
    assert with_forms(nested_model_without(), "litert").name == "plain"


def nested_model_without():
    images = keras.Input((*SHAPE, 3))
    inner = keras.Sequential([layers.Conv2D(3, 1)])
    return keras.Model(images, inner(images), name="plain")


def test_a_model_with_a_call_of_its_own_is_not_taken_apart():
    @keras.saving.register_keras_serializable("kerasseg-tests")
    class Doubled(keras.Model):
        def call(self, inputs, training=False):
            return 2 * super().call(inputs, training=training)

    plain = head(5, "plain")
    model = Doubled(plain.inputs, plain.outputs)
    assert with_forms(model, "litert") is model


@pytest.mark.parametrize("target", ["saved_model", "litert", "onnx"])
def test_a_slice_beside_a_form(target, rng):
    inputs = keras.Input((8, 12, 3))
    mirrored = inputs[:, :, ::-1, ::-1]
    x = layers.Conv2D(6, 3, padding="same")(mirrored)
    outputs = LaplacianReconstruction(2, 3)(x)
    model = keras.Model(inputs, outputs)
    images = rng.normal(size=(1, 8, 12, 3)).astype("float32")
    expected = model(images)
    before = state_of(model)
    copy = with_forms(model, target)
    assert copy is not model
    np.testing.assert_allclose(copy(images), expected, atol=1e-5)
    assert state_of(model) == before
