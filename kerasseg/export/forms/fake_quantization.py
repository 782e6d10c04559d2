"""Layers of a quantization-aware model as marks of their ranges.

Converters turn a mark into a pair of nodes that quantize and dequantize. The
exporters read the range there and take the pair out again, so that a graph is
quantized as any other, with other ranges.
"""

from kerasseg.export.forms.borrowed import Borrowed
from kerasseg.layers import FakeQuantize
from kerasseg.layers import FakeQuantizedKernel


class MarkedRange(Borrowed):
    """The range that a layer has learned, as a constant of the graph.

    Args:
        original: `FakeQuantize`, trained.
    """

    def __init__(self, original):
        super().__init__(original)
        self.bounds = original.bounds()

    def call(self, inputs):
        import tensorflow as tf

        return tf.quantization.fake_quant_with_min_max_args(
            inputs, *self.bounds
        )


class FloatKernel(Borrowed):
    """A convolution with its float weights; what exports rounds them.

    Args:
        original: `FakeQuantizedKernel`.
    """

    def call(self, inputs):
        return self.original.layer(inputs)


MARKS = {FakeQuantize: MarkedRange, FakeQuantizedKernel: FloatKernel}
