"""Nearest-neighbor upsampling by a fixed factor."""

import keras
from keras import ops

from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class NearestUpSampling2D(keras.layers.Layer):
    """Repeats each value of a map in a square of `strides` times `strides`.

    `keras.layers.UpSampling2D` computes the same, but through tensors of rank
    5, which LiteRT runs outside of its own operators. Here pixels and rows are
    copied whole, which is also faster than a resize in ONNX Runtime.

    Args:
        strides: Integer >= 2. Upsampling factor. Defaults to 2.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, strides * height, strides * width, channels)`.

    Raises:
        ValueError: If `strides` is out of its range.
    """

    def __init__(self, strides=2, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        self.strides = check_integer("strides", strides, 2)

    def build(self, input_shape):
        pass

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        size, channels = self.strides, inputs.shape[-1]
        if 0 in inputs.shape[1:]:
            # Below, -1 could be any number of images.
            return ops.repeat(ops.repeat(inputs, size, 1), size, 2)
        # Of rank 3: at rank 4, ONNX Runtime moves a transposition of the small
        # map to the large one.
        x = ops.reshape(inputs, (-1, width, channels))
        x = ops.concatenate([x] * size, axis=-1)
        x = ops.reshape(x, (-1, 1, width * size * channels))
        x = ops.concatenate([x] * size, axis=1)
        return ops.reshape(x, (-1, size * height, size * width, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            None if height is None else height * self.strides,
            None if width is None else width * self.strides,
            channels,
        )

    def get_config(self):
        return {**super().get_config(), "strides": self.strides}
