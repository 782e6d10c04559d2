"""Resizes by wide kernels as products with two matrices.

That is how they are defined: each row of the result is a weighted sum of rows,
and each column of columns. Few runtimes have them, and none with TensorFlow's
weights, which come from a table.
"""

import keras
import numpy as np
from keras import ops

from kerasseg.export.forms.borrowed import Borrowed

_WIDE = ("bicubic", "lanczos3", "lanczos5")


class ProductResizing(Borrowed):
    """A `Resizing` or `UpSampling2D` by a kernel that is not bilinear.

    Args:
        original: The layer.
    """

    @classmethod
    def fits(cls, layer):
        if layer.data_format != "channels_last":
            return False
        odd = ("crop_to_aspect_ratio", "pad_to_aspect_ratio")
        if any(getattr(layer, name, False) for name in odd):
            return False
        wide = layer.interpolation in _WIDE
        return wide or bool(getattr(layer, "antialias", False))

    def call(self, inputs):
        original = self.original
        batch, height, width, channels = inputs.shape
        shape = original.compute_output_shape(inputs.shape)
        rows = self._weights(height, shape[1])
        columns = self._weights(width, shape[2])
        x = ops.cast(inputs, original.compute_dtype)
        x = ops.reshape(x, (batch, height, width * channels))
        x = ops.matmul(rows, x)
        x = ops.reshape(x, (batch * shape[1], width, channels))
        x = ops.matmul(columns, x)
        return ops.reshape(x, (batch, *shape[1:3], channels))

    def _weights(self, size, target):
        """What each place of the result takes of those before."""
        import tensorflow as tf

        identity = np.eye(size, dtype="float32")[None, :, :, None]
        # Computed now, and the other axis keeps its size and its values.
        with tf.init_scope(), keras.device("cpu:0"):
            resized = ops.image.resize(
                identity,
                (target, size),
                interpolation=self.original.interpolation,
                antialias=bool(getattr(self.original, "antialias", False)),
                data_format="channels_last",
            )
            return ops.convert_to_numpy(resized)[0, :, :, 0]


PRODUCTS = {
    keras.layers.Resizing: ProductResizing,
    keras.layers.UpSampling2D: ProductResizing,
}
