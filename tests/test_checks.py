"""The contracts find what they are there to find."""

import keras
import numpy as np
import pytest
from checks import check_layer
from checks import check_metric
from checks import check_model
from keras import ops

IMAGES = np.random.default_rng(3).normal(size=(2, 5, 7, 3)).astype("float32")


@keras.saving.register_keras_serializable("kerasseg")
class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],), initializer="ones", name="gain"
        )

    def call(self, inputs):
        return inputs * self.gain * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("kerasseg")
class ForgetsItsArgument(Scale):
    def get_config(self):
        return keras.layers.Layer.get_config(self)


@keras.saving.register_keras_serializable("kerasseg")
class ReassignsItsArgument(Scale):
    def build(self, input_shape):
        self.factor = 3.0
        super().build(input_shape)


@keras.saving.register_keras_serializable("kerasseg")
class MisstatesItsShape(Scale):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable("kerasseg")
class DetachesItsWeight(Scale):
    def call(self, inputs):
        return inputs * (ops.stop_gradient(self.gain) + 0 * self.gain)


@keras.saving.register_keras_serializable("kerasseg")
class LeavesHalfPrecision(Scale):
    def call(self, inputs):
        return ops.cast(super().call(inputs), "float32")


class IsNotRegistered(Scale):
    pass


@pytest.mark.every_backend
def test_a_sound_layer_passes():
    check_layer(Scale, {"factor": 0.5}, IMAGES, (2, 5, 7, 3), trainable=1)


@pytest.mark.parametrize(
    ("layer_class", "found"),
    [
        (ForgetsItsArgument, "get_config leaves out"),
        (ReassignsItsArgument, "build changed it"),
        (MisstatesItsShape, r"\(2, 5, 7, 1\) == \(2, 5, 7, 3\)"),
        (DetachesItsWeight, "gain.* as they were"),
        (LeavesHalfPrecision, "'float32' == 'float16'"),
        (IsNotRegistered, "kerasseg>IsNotRegistered"),
    ],
)
def test_an_unsound_layer_is_found(layer_class, found):
    with pytest.raises(AssertionError, match=found):
        check_layer(
            layer_class, {"factor": 0.5}, IMAGES, (2, 5, 7, 3), trainable=1
        )


def _model(dtype):
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Conv2D(4, 1, dtype=dtype)(images))


@pytest.mark.every_backend
def test_a_sound_model_passes():
    check_model(lambda: _model("float32"), IMAGES, (2, 5, 7, 4), 16, 0)


def test_a_wrong_parameter_count_is_found():
    with pytest.raises(AssertionError, match="16"):
        check_model(lambda: _model("float32"), IMAGES, (2, 5, 7, 4), 15, 0)


def test_logits_in_half_precision_are_found():
    with pytest.raises(AssertionError, match="bfloat16"):
        check_model(lambda: _model(None), IMAGES, (2, 5, 7, 4))


@keras.saving.register_keras_serializable("kerasseg")
class LastBatchOnly(keras.metrics.Metric):
    def __init__(self, name="last", **kwargs):
        super().__init__(name=name, **kwargs)
        self.value = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        del y_true, sample_weight
        self.value.assign(ops.mean(y_pred))

    def result(self):
        return self.value


def test_a_metric_that_forgets_is_found():
    labels = np.zeros((2, 5, 7), "int32")
    with pytest.raises(AssertionError, match="Not equal"):
        check_metric(LastBatchOnly(), labels, IMAGES)
