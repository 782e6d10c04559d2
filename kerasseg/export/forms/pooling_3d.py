"""Poolings of volumes as poolings of planes, which LiteRT has.

A window is taken over the planes first and then across them. With the padding
"same", the mean counts no padded values in either.
"""

import keras
from keras import ops

from kerasseg.export.forms.borrowed import Borrowed


class _PlanarPooling(Borrowed):
    """A pooling of `(batch, depth, height, width, channels)` in two steps.

    Args:
        original: A pooling layer of Keras for volumes.
    """

    def call(self, inputs):
        if self.original.data_format != "channels_last":
            return self.original(inputs)
        batch, depth, *plane, channels = inputs.shape
        x = ops.reshape(inputs, (batch * depth, *plane, channels))
        x = self._pool(x, slice(1, 3))
        plane = x.shape[1:3]
        x = ops.reshape(x, (batch, depth, plane[0] * plane[1], channels))
        x = self._pool(x, slice(0, 1))
        return ops.reshape(x, (batch, -1, *plane, channels))

    def _pool(self, x, axes):
        """Pools the last two axes before the channels.

        Args:
            x: Tensor of rank 4.
            axes: Slice of the axes of the volume that these are: two, or the
                first of them alone.
        """
        raise NotImplementedError


class PlanarPooling(_PlanarPooling):
    """`MaxPooling3D` or `AveragePooling3D`.

    Args:
        original: The layer.
    """

    def _pool(self, x, axes):
        original = self.original
        largest = isinstance(original, keras.layers.MaxPooling3D)
        pool = ops.max_pool if largest else ops.average_pool
        size, strides = (
            (*values[axes], 1)[:2]
            for values in (original.pool_size, original.strides)
        )
        return pool(x, size, strides, original.padding, "channels_last")


class PlanarAdaptivePooling(_PlanarPooling):
    """`AdaptiveMaxPooling3D` or `AdaptiveAveragePooling3D`.

    Args:
        original: The layer.
    """

    def _pool(self, x, axes):
        original = self.original
        largest = isinstance(original, keras.layers.AdaptiveMaxPooling3D)
        pool = ops.adaptive_max_pool if largest else ops.adaptive_average_pool
        size = (*original.output_size[axes], x.shape[2])[:2]
        return pool(x, size, "channels_last")


PLANAR = {
    keras.layers.AdaptiveAveragePooling3D: PlanarAdaptivePooling,
    keras.layers.AdaptiveMaxPooling3D: PlanarAdaptivePooling,
    keras.layers.AveragePooling3D: PlanarPooling,
    keras.layers.MaxPooling3D: PlanarPooling,
}
