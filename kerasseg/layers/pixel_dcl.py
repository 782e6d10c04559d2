"""Pixel deconvolutional layer."""

import keras
from keras import ops

from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class PixelDCL(keras.layers.Layer):
    """Pixel deconvolution: twofold upsampling whose pixels know each other.

    A transposed convolution computes its four interleaved maps apart, which
    shows as a checkerboard. Here they come one after another. Two ordinary
    convolutions give the pixels at even rows and columns,
    `F1 = conv(x, kernel_1)`, and at odd ones, `F2 = conv(F1, kernel_2)`; one
    convolution of these two on the upsampled grid, `kernel_3`, masked to taps
    where it meets them, gives the rest. No bias.

    The masked convolution is computed on the coarse grid, as four small ones
    that leave out the masked taps, and a pixel shuffle: the same map for less
    than a quarter of the work.

    Args:
        filters: Integer >= 1. Channels of the output `C`.
        kernel_size: Odd integer >= 3. Side `k` of the kernels. Defaults to 3.
        kernel_initializer: Initializer of the kernels, shapes
            `(k, k, channels, C)` and `(k, k, C, C)`. Defaults to
            `"glorot_uniform"`.
        activation: Function of the output, or `None`. Defaults to `None`.
        sequential: Boolean. The paper's text: `kernel_3` gives the pixels at
            odd rows and even columns, and a `kernel_4` those at even rows and
            odd columns, from all three others. In the reference implementation,
            the default, neither sees the other. Defaults to `False`.
        masked_initializer: Initializer of `kernel_3` and `kernel_4`; the
            reference implementation has `TruncatedNormal(stddev=1.0)`. Defaults
            to `None`, the `kernel_initializer`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, 2 * height, 2 * width, C)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> PixelDCL(8)(keras.random.normal((1, 22, 30, 16))).shape
        (1, 44, 60, 8)

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
        masked_initializer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        self.filters = check_integer("filters", filters)
        self.kernel_size = check_integer("kernel_size", kernel_size, 3, "odd")
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.activation = keras.activations.get(activation)
        self.sequential = sequential
        self.masked_initializer = keras.initializers.get(masked_initializer)

    def build(self, input_shape):
        masked = self.masked_initializer or self.kernel_initializer
        self.kernel_1 = self._add_kernel(1, input_shape[-1])
        self.kernel_2 = self._add_kernel(2, self.filters)
        self.kernel_3 = self._add_kernel(3, self.filters, masked)
        if self.sequential:
            self.kernel_4 = self._add_kernel(4, self.filters, masked)

    def _add_kernel(self, number, channels, initializer=None, copies=1):
        size = self.kernel_size
        initializer = initializer or self.kernel_initializer
        # One initializer gives equal values to kernels of equal shape.
        clone = getattr(initializer, "clone", None)
        return self.add_weight(
            name=f"kernel_{number}",
            shape=(size, size, channels, copies * self.filters),
            initializer=clone() if clone else initializer,
        )

    def call(self, inputs):
        first = convolve(inputs, self.kernel_1)
        second = convolve(first, self.kernel_2)
        maps = {(0, 0): first, (1, 1): second}
        third = _phase(maps, self.kernel_3, (1, 0))
        if self.sequential:
            fourth = _phase({**maps, (1, 0): third}, self.kernel_4, (0, 1))
        else:
            fourth = _phase(maps, self.kernel_3, (0, 1))
        return self.activation(interleave([first, fourth, third, second]))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (
            batch,
            None if height is None else 2 * height,
            None if width is None else 2 * width,
            self.filters,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "activation": keras.activations.serialize(self.activation),
            "sequential": self.sequential,
            "masked_initializer": self.masked_initializer
            and keras.initializers.serialize(self.masked_initializer),
        }


def convolve(inputs, kernel):
    """The convolution that keeps the size.

    Args:
        inputs: Tensor `(batch, height, width, channels)`.
        kernel: Kernel `(rows, columns, channels, filters)`.

    Returns:
        Tensor `(batch, height, width, filters)`.
    """
    return ops.conv(
        inputs,
        ops.cast(kernel, inputs.dtype),
        padding="same",
        data_format="channels_last",
    )


def interleave(maps):
    """Puts the four maps of a pixel deconvolution on one grid.

    Args:
        maps: List of tensors `(batch, height, width, any)` of together four
            times `filters` channels, in the order of the grid: the pixels at
            even rows and columns, at even rows and odd columns, at odd rows
            and even columns, at odd rows and columns.

    Returns:
        Tensor `(batch, 2 * height, 2 * width, filters)`.
    """
    x = ops.concatenate(maps, axis=-1)
    return ops.depth_to_space(x, 2, data_format="channels_last")


def _phase(maps, kernel, target):
    """One map of a convolution over the interleaved grid of some maps.

    Of the kernel, each map meets the taps an even or odd way from the center.
    """
    size = kernel.shape[0]
    outputs = 0
    for source, x in maps.items():
        (rows, above), (columns, beside) = (
            _taps(size, source[axis], target[axis]) for axis in (0, 1)
        )
        window = ops.cast(kernel, x.dtype)[rows, columns]
        # An even kernel has one more row or column of "same" padding at the
        # end; more at the start has to be put there.
        if any(before > after for before, after in (above, beside)):
            x = ops.pad(x, ((0, 0), above, beside, (0, 0)))
            x = ops.conv(
                x, window, padding="valid", data_format="channels_last"
            )
        else:
            x = convolve(x, window)
        outputs = x + outputs
    return outputs


def _taps(size, source, target):
    """Which taps of an axis lead from a phase to another, and the padding."""
    half = size // 2
    first = (half + source - target) % 2 - half
    before = (source - target - first) // 2
    after = (target - source - first) // 2
    return slice(first + half, None, 2), (before, after)
