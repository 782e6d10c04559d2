"""One small segmenter, built in each of the ways that Keras has."""

import keras
import numpy as np
from keras import layers


def _parts(channels=3):
    return [
        layers.Rescaling(1 / 255, name="rescaling"),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="stem"),
        layers.Conv2D(channels, 1, name="scores"),
    ]


def functional():
    images = x = keras.Input((None, None, 3))
    for layer in _parts():
        x = layer(x)
    return keras.Model(images, x)


def sequential():
    return keras.Sequential([keras.Input((None, None, 3)), *_parts()])


def sequential_without_input():
    return keras.Sequential(_parts())


def nested():
    """Two models of the same layer names in a third."""
    images = keras.Input((None, None, 3))
    stem, scores = (
        keras.Sequential([keras.Input((None, None, 3)), *_parts()], name=name)
        for name in ("first", "second")
    )
    rescaled = layers.Rescaling(255.0)(stem(images))
    return keras.Model(images, scores(rescaled))


class Subclassed(keras.Model):
    """A model whose architecture is code."""

    def __init__(self):
        super().__init__()
        self.parts = _parts()

    def call(self, images):
        x = images
        for layer in self.parts:
            x = layer(x)
        return x


WAYS = {
    "functional": functional,
    "sequential": sequential,
    "sequential without input": sequential_without_input,
    "nested": nested,
    "subclassed": Subclassed,
}


def image(height, width, seed=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype("uint8")
