"""Small models with the layers that exported segmenters are made of."""

import keras
import numpy as np
import pytest
import stand_ins
from keras import layers
from keras import ops

from kerasseg import backbones


@keras.saving.register_keras_serializable("kerasseg-tests")
class PixelShuffle(layers.Layer):
    """Depth to space, the export-friendly way to gain resolution."""

    def call(self, inputs):
        return ops.nn.depth_to_space(inputs, 2)


def tiny_model(image_shape=(None, None, 3), num_classes=4, batch_size=None):
    """Convolutions, batch normalization, pooling, resize, pixel shuffle."""
    images = keras.Input(image_shape, batch_size=batch_size, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(16, 1)(x)
    x = PixelShuffle()(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    logits = layers.Conv2D(num_classes, 1, name="logits")(x)
    model = keras.Model(images, logits, name="tiny")
    _settle(model)
    return model


def _settle(model):
    """Gives batch normalization moments that are not those of a batch."""
    generator = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights(
                [
                    generator.uniform(0.5, 2.0, weight.shape)
                    for weight in layer.get_weights()
                ]
            )


@keras.saving.register_keras_serializable("kerasseg-tests")
class TrainingWhenTraced(layers.Layer):
    """Batch normalization that a trace takes for training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.BatchNormalization(name="trap")

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, inputs):
        import tensorflow as tf

        return self.norm(inputs, training=not tf.executing_eagerly())


@pytest.fixture
def model():
    """A tiny segmenter for images of any size."""
    return tiny_model()


@pytest.fixture(scope="module")
def tiny():
    """A tiny segmenter that a module exports many times."""
    return tiny_model()


@pytest.fixture
def trapped_model():
    """A segmenter whose exported form really differs."""
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same")(images)
    x = TrainingWhenTraced()(x)
    return keras.Model(images, layers.Conv2D(3, 1)(x))


@pytest.fixture(
    scope="module",
    params=["tiny", pytest.param("thin", marks=pytest.mark.nightly)],
)
def make_backbone(request):
    """The function that makes a backbone; at night a thin MobileNetV2 too."""
    if request.param == "tiny":
        return stand_ins.tiny_backbone
    return lambda: backbones.mobilenet_v2(alpha=0.35)


@pytest.fixture(scope="session")
def build():
    """The function that builds a tiny segmenter."""
    return tiny_model


@pytest.fixture(scope="module")
def build_once():
    """The function that builds a tiny segmenter, for a module's fixtures."""
    return tiny_model
