"""Transposed convolution that starts as bilinear upsampling."""

import keras
from keras import ops

from kerasseg.arguments import check_choice
from kerasseg.layers.bilinear_upsampling import BilinearUpSampling2D


@keras.saving.register_keras_serializable("kerasseg")
class BilinearConv2DTranspose(keras.layers.Layer):
    """Transposed convolution that interpolates bilinearly, or starts so.

    Each channel has a kernel of its own, of size `2 * strides`; no channel
    reads another, and there is no bias. With `learned=False` the kernels are
    fixed, there are no weights, and the same is computed as a resize of the
    map with a border of zeros, which is many times faster.

    Args:
        strides: Even integer >= 2. Upsampling factor. Defaults to 2.
        padding: `"same"` crops the output by `strides / 2` on each side;
            `"valid"`, Caffe's padding of 0, does not. Defaults to `"same"`.
        learned: Boolean. Whether the kernels are weights. Defaults to
            `False`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, strides * height, strides * width, channels)`, or with
        `padding="valid"` `(batch, strides * (height + 1),
        strides * (width + 1), channels)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> layer = BilinearConv2DTranspose(8, learned=True)
        >>> layer(keras.random.normal((1, 45, 60, 11))).shape
        (1, 360, 480, 11)
        >>> layer.kernel.shape
        (16, 16, 11)

    Reference:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for
        Semantic Segmentation", CVPR 2015, section 3.3.
    """

    def __init__(self, strides=2, padding="same", learned=False, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        # Checks `strides` too.
        self.upsampling = BilinearUpSampling2D(
            strides, dtype=self.dtype_policy, name="upsampling"
        )
        check_choice("padding", padding, ("same", "valid"))
        if not isinstance(learned, bool):
            raise ValueError(
                "`learned` must be True or False. "
                f"Received: learned={learned!r}"
            )
        self.strides = strides
        self.padding = padding
        self.learned = learned

    def build(self, input_shape):
        if self.learned:
            size = 2 * self.strides
            self.kernel = self.add_weight(
                name="kernel",
                shape=(size, size, input_shape[-1]),
                initializer=_bilinear_kernel,
            )

    def call(self, inputs):
        if self.learned:
            # Zeros between different channels cost less here than a grouped
            # convolution does in any of the backends.
            channels = inputs.shape[-1]
            kernel = ops.cast(self.kernel, inputs.dtype)
            diagonal = ops.eye(channels, dtype=inputs.dtype)
            return ops.conv_transpose(
                inputs,
                ops.expand_dims(kernel, -1) * diagonal,
                self.strides,
                self.padding,
                data_format="channels_last",
            )
        if self.padding == "same":
            return self.upsampling(inputs)
        edge = self.strides // 2
        padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return self.upsampling(padded)[:, edge:-edge, edge:-edge, :]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        extra = int(self.padding == "valid")
        return (
            batch,
            None if height is None else (height + extra) * self.strides,
            None if width is None else (width + extra) * self.strides,
            channels,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "strides": self.strides,
            "padding": self.padding,
            "learned": self.learned,
        }


def _bilinear_kernel(shape, dtype=None):
    size, _, channels = shape
    samples = ops.arange(size, dtype="float32")
    line = 1 - ops.abs(samples - (size - 1) / 2) / (size // 2)
    window = ops.expand_dims(line, 1) * line
    kernel = ops.tile(ops.expand_dims(window, -1), (1, 1, channels))
    return ops.cast(kernel, dtype or "float32")
