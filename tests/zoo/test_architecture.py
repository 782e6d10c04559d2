import json

import keras
import pytest

from kerasseg.layers import BoundaryMask
from kerasseg.zoo.architecture import architecture_of
from kerasseg.zoo.architecture import rebuild
from kerasseg.zoo.weights import WeightsError


@keras.saving.register_keras_serializable("tests")
class Foreign(keras.layers.Layer):
    """A layer of somebody else."""

    def call(self, inputs):
        return inputs


def chain(*layers):
    images = x = keras.Input((None, None, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(images, x, name="chain")


def test_round_trip(net):
    model = net()
    again = rebuild(architecture_of(model))
    assert again.name == model.name
    assert again.output_shape == model.output_shape
    assert [(v.path, v.shape) for v in again.weights] == [
        (v.path, v.shape) for v in model.weights
    ]


def test_operations_and_own_layers():
    images = keras.Input((None, None, 3))
    x = BoundaryMask(3, name="mask")(images)
    x = keras.ops.concatenate([x, images * 2], axis=-1)
    model = keras.Model(images, keras.layers.Conv2D(2, 1, name="score")(x))
    assert rebuild(architecture_of(model)).output_shape[-1] == 2


def test_image_shape(net):
    text = architecture_of(net())
    assert rebuild(text, (48, 33, 3)).output_shape == (None, 48, 33, 5)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Foreign(), "Foreign"),
        (keras.layers.Lambda(lambda x: x + 1), "keras.layers.Lambda"),
    ],
)
def test_models_with_code_are_not_saved(layer, name):
    with pytest.raises(ValueError, match=f"kerasseg layers.*{name}"):
        architecture_of(chain(layer))


def test_subclassed_models_are_not_saved():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    model = Subclassed()
    with pytest.raises(ValueError, match="must be a functional keras.Model"):
        architecture_of(model)


def test_unstable_configurations_are_noticed(monkeypatch):
    model = chain(keras.layers.Conv2D(2, 1, name="score"))
    config = keras.layers.Conv2D.get_config

    def narrower(self):
        return {**config(self), "filters": 1}

    monkeypatch.setattr(keras.layers.Conv2D, "get_config", narrower)
    with pytest.raises(ValueError, match="look at its `get_config`"):
        architecture_of(model)


@pytest.mark.parametrize(
    "change",
    [
        {"module": "os", "class_name": "system"},
        {"module": "keras.utils", "class_name": "get_file"},
        {"module": "keras.saving", "class_name": "load_model"},
        {"module": "kerasseg.zoo", "class_name": "save"},
        {"module": "kerasx.layers", "class_name": "Conv2D"},
        {"module": "keras.layers", "class_name": "Lambda"},
        {"module": "keras.layers", "class_name": "TFSMLayer"},
        {"class_name": "__lambda__"},
        {"registered_name": "tests>Foreign"},
    ],
)
def test_only_known_classes_are_built(net, change):
    config = json.loads(architecture_of(net()))
    config["config"]["layers"][-1].update(change)
    with pytest.raises(WeightsError, match="may only consist of Keras layers"):
        rebuild(json.dumps(config))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"class_name": "Functional", "config": {}}']
)
def test_unreadable_architectures(text):
    with pytest.raises(WeightsError, match="architecture cannot be read"):
        rebuild(text)
