"""Models of every kind are saved and loaded, or say what they need."""

import keras
import numpy as np
import pytest
from keras.src.applications import convnext
from keras.src.applications import inception_resnet_v2
from ways_to_build import WAYS
from ways_to_build import image

from kerasseg import inference
from kerasseg import zoo

WITHOUT_CODE = [name for name in WAYS if name != "subclassed"]


@pytest.mark.parametrize("way", WITHOUT_CODE)
def test_round_trip(way, tmp_path, scramble):
    model = WAYS[way]()
    pixels = image(40, 56)
    inference.predict_mask(model, pixels)
    scramble(model)
    zoo.save(model, tmp_path / "saved")
    again = zoo.load(tmp_path / "saved")
    assert type(again) is type(model)
    assert [v.path for v in again.weights] == [v.path for v in model.weights]
    np.testing.assert_allclose(
        inference.predict_logits(again, pixels),
        inference.predict_logits(model, pixels),
        rtol=1e-5,
    )


def test_another_image_shape(tmp_path):
    zoo.save(WAYS["sequential"](), tmp_path / "saved")
    model = zoo.load(tmp_path / "saved", image_shape=(48, 64, 3))
    assert model.output_shape == (None, 48, 64, 3)


def test_layers_around_layers(tmp_path, scramble):
    images = keras.Input((36, 52, 3))
    cell = keras.layers.GRUCell(3)
    rows = keras.layers.TimeDistributed(keras.layers.RNN(cell, True))(images)
    model = scramble(keras.Model(images, rows))
    zoo.save(model, tmp_path / "saved")
    again = zoo.load(tmp_path / "saved")
    assert [v.path for v in again.weights] == [v.path for v in model.weights]
    for before, after in zip(
        model.get_weights(), again.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(after, before)


def test_a_sequential_model_must_know_its_input(tmp_path):
    model = WAYS["sequential without input"]()
    with pytest.raises(ValueError, match=r"begin the keras\.Sequential"):
        zoo.save(model, tmp_path / "saved")


def test_a_subclassed_model_is_told_what_to_do(tmp_path):
    model = WAYS["subclassed"]()
    inference.predict_mask(model, image(40, 56))
    with pytest.raises(ValueError, match="write_weights"):
        zoo.save(model, tmp_path / "saved")
    # What the message says.
    zoo.write_weights(model, tmp_path / "x.safetensors", "float32")
    again = WAYS["subclassed"]()
    inference.predict_mask(again, image(40, 56))
    again.name = model.name
    names = [v.path for v in again.weights]
    assert len(names) == len(model.weights)


def saved_and_loaded(model, folder, pixels):
    zoo.save(model, folder)
    again = zoo.load(folder)
    np.testing.assert_allclose(
        inference.predict_logits(again, pixels),
        inference.predict_logits(model, pixels),
        rtol=1e-4,
        atol=1e-6,
    )
    return again


def test_backbones_of_convnext_are_saved(tmp_path):
    images = keras.Input((64, 96, 3))
    backbone = convnext.ConvNeXt(
        depths=[1, 1, 1, 1],
        projection_dims=[4, 6, 8, 10],
        default_size=64,
        include_top=False,
        weights=None,
        input_tensor=images,
        name="small_convnext",
    )
    x = keras.layers.Conv2D(3, 1, name="scores")(backbone.output)
    logits = keras.layers.Resizing(64, 96, name="enlarged")(x)
    model = keras.Model(images, logits, name="net")
    saved_and_loaded(model, tmp_path / "saved", image(64, 96))


def test_what_was_built_within_scopes_is_saved(tmp_path):
    # As Keras builds its NASNet.
    features = keras.Input((None, None, 3))
    with keras.name_scope("stem"):
        x = keras.layers.Conv2D(4, 3, padding="same", name="first")(features)
        with keras.name_scope("inner"):
            x = keras.layers.BatchNormalization(name="norm")(x)
    backbone = keras.Model(features, x, name="backbone")
    images = keras.Input((None, None, 3))
    with keras.name_scope("head"):
        logits = keras.layers.Conv2D(2, 1, name="scores")(backbone(images))
    model = keras.Model(images, logits, name="net")
    before = [(v.path, np.array(v)) for v in model.weights]
    assert before[0][0] == "stem/first/kernel"
    again = saved_and_loaded(model, tmp_path / "saved", image(40, 56))
    assert again.weights[0].path == "first/kernel"
    for (path, value), variable in zip(before, model.weights, strict=True):
        assert variable.path == path
        np.testing.assert_array_equal(variable, value)


def test_code_within_scopes_is_told_as_such(tmp_path):
    class Scale(keras.layers.Layer):
        def __init__(self, factor):
            super().__init__(name="scale")
            self.factor = self.add_weight(shape=(), name="factor")

        def call(self, inputs):
            return self.factor * inputs

    images = keras.Input((None, None, 3))
    with keras.name_scope("head"):
        x = keras.layers.Conv2D(2, 1, name="scores")(images)
        model = keras.Model(images, Scale(2.0)(x), name="net")
    with pytest.raises(ValueError, match="saved without code"):
        zoo.save(model, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_the_scaled_sums_of_inception_resnet_are_saved(tmp_path):
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 1, name="scores")(images)
    summed = inception_resnet_v2.CustomScaleLayer(0.3, name="sum")([images, x])
    model = keras.Model(images, summed, name="net")
    saved_and_loaded(model, tmp_path / "saved", image(40, 56))


def test_a_layer_that_cannot_be_read_back_says_why(tmp_path):
    # Of Keras 3.15: its configuration has factors that it refuses.
    images = keras.Input((36, 52, 3))
    x = keras.layers.RandomShear(0.2, 0.2)(images)
    model = keras.Model(images, keras.layers.Conv2D(2, 1)(x))
    with pytest.raises(ValueError, match="be rebuilt.*`factor` argument"):
        zoo.save(model, tmp_path / "saved")
