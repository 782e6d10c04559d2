"""Input pixel deconvolutional layer."""

import keras
from keras import ops

from kerasseg.layers.pixel_dcl import PixelDCL
from kerasseg.layers.pixel_dcl import convolve
from kerasseg.layers.pixel_dcl import interleave


@keras.saving.register_keras_serializable("kerasseg")
class IPixelDCL(PixelDCL):
    """Input pixel deconvolution: each map sees the input and those before it.

    The four interleaved maps of a twofold upsampling, all on the coarse grid
    and without bias: `F1 = conv(x, kernel_1)`, `F2 = conv([x, F1], kernel_2)`
    and `[F3, F4] = conv([x, F1, F2], kernel_3)`. They lie at even rows and
    columns, odd ones, odd rows and even columns, even rows and odd columns.

    Args:
        filters: Integer >= 1. Channels of the output `C`.
        kernel_size: Odd integer >= 3. Side `k` of the kernels. Defaults to 3.
        kernel_initializer: Initializer of the kernels, shapes
            `(k, k, any, C)` and `(k, k, channels + 2 C, 2 C)`. Defaults to
            `"glorot_uniform"`.
        activation: Function of the output, or `None`. Defaults to `None`.
        sequential: Boolean. The paper's text, in which `F4` sees `F3` too:
            `F3 = conv([x, F1, F2], kernel_3)` and
            `F4 = conv([x, F1, F2, F3], kernel_4)`. The reference
            implementation, and the default, computes both at once. Defaults to
            `False`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, 2 * height, 2 * width, C)`.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Gao, Yuan, Wang and Ji, "Pixel Transposed Convolutional Networks",
        TPAMI 2020.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        kernel_initializer="glorot_uniform",
        activation=None,
        sequential=False,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            kernel_initializer,
            activation,
            sequential,
            **kwargs,
        )

    def build(self, input_shape):
        channels, filters = input_shape[-1], self.filters
        self.kernel_1 = self._add_kernel(1, channels)
        self.kernel_2 = self._add_kernel(2, channels + filters)
        if self.sequential:
            self.kernel_3 = self._add_kernel(3, channels + 2 * filters)
            self.kernel_4 = self._add_kernel(4, channels + 3 * filters)
        else:
            self.kernel_3 = self._add_kernel(
                3, channels + 2 * filters, copies=2
            )

    def call(self, inputs):
        first = convolve(inputs, self.kernel_1)
        x = ops.concatenate([inputs, first], axis=-1)
        second = convolve(x, self.kernel_2)
        x = ops.concatenate([x, second], axis=-1)
        if self.sequential:
            third = convolve(x, self.kernel_3)
            x = ops.concatenate([x, third], axis=-1)
            rest = [convolve(x, self.kernel_4), third]
        else:
            # The kernel in the order of the grid: split maps would be
            # transposed in ONNX.
            third, fourth = ops.split(self.kernel_3, 2, axis=-1)
            kernel = ops.concatenate([fourth, third], axis=-1)
            rest = [convolve(x, kernel)]
        return self.activation(interleave([first, *rest, second]))

    def get_config(self):
        config = super().get_config()
        del config["masked_initializer"]
        return config
