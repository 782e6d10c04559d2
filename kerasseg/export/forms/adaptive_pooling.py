"""Adaptive poolings as means or maxima of slices, an axis at a time.

PyTorch's exporter to ONNX has them only where the output size divides that of
the input.
"""

import math

import keras
from keras import ops

from kerasseg.export.forms.borrowed import Borrowed


class SlicedPooling(Borrowed):
    """An adaptive pooling of any rank.

    The window of place `i` of `m` goes from `floor(i n / m)` up to
    `ceil((i + 1) n / m)`, of `n`.

    Args:
        original: An adaptive pooling layer of Keras.
    """

    def call(self, inputs):
        original = self.original
        last = original.data_format == "channels_last"
        name = type(original).__name__
        reduce = ops.max if "Max" in name else ops.mean
        x = inputs
        for axis, count in enumerate(original.output_size, 1 if last else 2):
            x = _pooled(x, axis, count, reduce)
        return x


def _pooled(x, axis, count, reduce):
    length = x.shape[axis]
    before = (slice(None),) * axis
    windows = [
        slice(i * length // count, math.ceil((i + 1) * length / count))
        for i in range(count)
    ]
    parts = [reduce(x[(*before, w)], axis, keepdims=True) for w in windows]
    return ops.concatenate(parts, axis=axis)


SLICED = {
    getattr(keras.layers, f"Adaptive{kind}Pooling{rank}D"): SlicedPooling
    for kind in ("Average", "Max")
    for rank in (1, 2, 3)
}
