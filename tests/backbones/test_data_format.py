"""Keras set to channels first: a clear sentence from every builder."""

import keras
import pytest

from kerasseg import backbones
from kerasseg import export
from kerasseg import models
from kerasseg import zoo

BUILDERS = {
    "mobilenet_v2": backbones.mobilenet_v2,
    "vgg16": backbones.vgg16,
    "resnet50": backbones.resnet50,
    "fcn": lambda: models.fcn(3),
    "lrr": lambda: models.lrr(3),
    "mobilenet_v2 of an entry": lambda: zoo.load("lrr_4x"),
}


@pytest.fixture
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


@pytest.mark.usefixtures("channels_first")
@pytest.mark.parametrize("name", BUILDERS)
def test_builders_name_the_setting(name):
    function = name.split(" ")[0]
    match = f"`{function}` must .*channels_last.*='channels_first'"
    with pytest.raises(ValueError, match=match):
        BUILDERS[name]()


def test_names_and_arguments_stay():
    assert backbones.vgg16.__name__ == "vgg16"
    with pytest.raises(TypeError, match="unexpected keyword"):
        backbones.vgg16(size=3)


@pytest.mark.export
def test_models_with_channels_first_are_not_exported(tmp_path):
    inputs = keras.Input((3, 40, 56))
    model = keras.Model(inputs, keras.layers.Permute((2, 3, 1))(inputs))
    with pytest.raises(ValueError, match=r"channels last.*\(None, 3, 40, 56\)"):
        export.to_saved_model(model, tmp_path / "x")
