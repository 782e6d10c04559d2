"""Parts of small nets: what comes before and after the layer that counts."""

import math

from keras import layers
from keras import ops

SIZE = (36, 52)
STRIDE = 4
CHANNELS = 8
CLASSES = 5
ROWS, COLUMNS = (side // STRIDE for side in SIZE)


def pixels(layer):
    """A layer right after the input, as augmentations are."""
    return lambda images: stem(layer(images))


def image(layer):
    """A layer on `(rows, columns, channels)`."""
    return lambda images: layer(stem(images))


def sequence(layer):
    """A layer on `(rows * columns, channels)`."""
    return lambda images: layer(_as_sequence(stem(images)))


def volume(layer, shape=(ROWS, COLUMNS, 4, CHANNELS // 4)):
    """A layer on features with more axes."""
    return lambda images: layer(layers.Reshape(shape)(stem(images)))


def vector(layer):
    """A layer on the mean of the features, `(channels,)`."""
    return lambda images: layer(layers.GlobalAveragePooling2D()(stem(images)))


def two(layer):
    """A layer on two tensors of features."""
    return lambda images: layer([stem(images), stem(images, "relu")])


def attention(layer, listed=True):
    """An attention layer on two sequences."""

    def call(images):
        query = _as_sequence(stem(images))
        value = _as_sequence(stem(images, "tanh"))
        return layer([query, value]) if listed else layer(query, value)

    return call


def numbers(layer):
    """A layer on whole numbers, `(rows * columns,)`."""

    def call(images):
        few = images[:, ::STRIDE, ::STRIDE, 0]
        return layer(ops.cast(ops.reshape(few, (1, ROWS * COLUMNS)), "int32"))

    return call


def stem(images, activation=None):
    x = layers.Rescaling(1 / 127.5, -1.0)(images)
    conv = layers.Conv2D(
        CHANNELS, STRIDE, strides=STRIDE, activation=activation
    )
    return conv(x)


def _as_sequence(x):
    return layers.Reshape((ROWS * COLUMNS, CHANNELS))(x)


def head(x, images):
    """Logits from whatever a layer returns."""
    shape = tuple(x.shape[1:])
    cells = ROWS * COLUMNS
    fits = len(shape) != 3 and math.prod(shape) % cells == 0
    if fits:
        x = layers.Reshape((ROWS, COLUMNS, math.prod(shape) // cells))(x)
    elif len(shape) == 3:
        if shape[:2] != (ROWS, COLUMNS):
            x = layers.Resizing(ROWS, COLUMNS)(x)
    else:
        x = layers.Dense(CHANNELS)(layers.Flatten()(x))
        x = layers.Reshape((1, 1, CHANNELS))(x)
        x = layers.Add()([stem(images), x])
    x = layers.Conv2D(CLASSES, 3, padding="same")(x)
    return layers.UpSampling2D(STRIDE, interpolation="bilinear")(x)
