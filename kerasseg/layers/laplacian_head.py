"""Laplacian reconstruction straight from features, as one layer."""

import keras
from keras import ops

from kerasseg.layers.laplacian_reconstruction import LaplacianReconstruction
from kerasseg.layers.laplacian_reconstruction import cell_kernels
from kerasseg.layers.laplacian_reconstruction import convolution
from kerasseg.layers.laplacian_reconstruction import interleave


@keras.saving.register_keras_serializable("kerasseg")
class LaplacianHead(LaplacianReconstruction):
    """Coefficients from features, and their reconstruction, in one layer.

    The same as a 1x1 convolution without bias to `num_classes * num_bases`
    coefficients followed by `LaplacianReconstruction`. Both are linear, so
    inference multiplies their kernels first and runs a single convolution
    and one pixel shuffle. With few features this is less work, and the
    coefficients, the largest map of the head, are never written.

    Args:
        num_classes: Integer >= 2. Number of classes `C`.
        num_bases: Integer >= 1. Basis functions per class `K`. Defaults to
            10.
        strides: Even integer >= 2. Upsampling factor `s`. Defaults to 4.
        kernel_initializer: Initializer of the coefficient kernel, shape
            `(channels, C * K)`. Defaults to `"zeros"`, the paper's.
        bases_initializer: Initializer of the bases, shape
            `(C, K, 2 s, 2 s)`. Defaults to `"cosine"`.
        trainable_bases: Boolean. Defaults to `False`.

    Input shape:
        `(batch, height, width, channels)`, features.

    Output shape:
        `(batch, s * height, s * width, C)`.

    Raises:
        ValueError: If an argument is out of its range.

    Reference:
        Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
        for Semantic Segmentation", ECCV 2016, section 3; the product of the
        kernels is this project's own.
    """

    def __init__(
        self,
        num_classes,
        num_bases=10,
        strides=4,
        kernel_initializer="zeros",
        bases_initializer="cosine",
        trainable_bases=False,
        **kwargs,
    ):
        super().__init__(
            num_classes,
            num_bases,
            strides,
            bases_initializer,
            trainable_bases,
            **kwargs,
        )
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        coefficients = self.num_classes * self.num_bases
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], coefficients),
            initializer=self.kernel_initializer,
        )
        super().build((*input_shape[:-1], coefficients))

    def call(self, inputs, training=False):
        if training:
            kernel = ops.cast(self.kernel, inputs.dtype)
            return self._transposed(ops.matmul(inputs, kernel))
        blocks = head_blocks(inputs, head_kernel(self, inputs.dtype))
        height, width = ops.shape(blocks)[1:3]
        return interleave(blocks, self.num_classes, self.strides, height, width)

    def multiply_adds(self, height, width):
        """Counts the multiplications of one image at inference.

        Args:
            height: Integer. Height of the features in cells.
            width: Integer. Width of the features in cells.

        Returns:
            A dict: `"ideal"` (coefficients, then each coefficient times each
            pixel of its basis) and `"computed"` (what inference runs).
        """
        channels, coefficients = self.kernel.shape
        window = (2 * self.strides) ** 2
        return {
            "ideal": height * width * coefficients * (channels + window),
            "computed": (height + 1)
            * (width + 1)
            * channels
            * self.num_classes
            * window,
        }

    def get_config(self):
        config = super().get_config()
        del config["use_bias"], config["bias_initializer"]
        return {
            **config,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def head_kernel(head, dtype):
    """The product of the two kernels of a head, as one 2x2 kernel."""
    classes, size = head.num_classes, head.strides
    kernel = ops.reshape(
        ops.cast(head.kernel, dtype), (-1, classes, head.num_bases)
    )
    kernel = ops.einsum(
        "yxkpc,fck->yxfpc", cell_kernels(head.bases, dtype), kernel
    )
    return ops.reshape(kernel, (2, 2, -1, size * size * classes))


def head_blocks(inputs, kernel):
    """The blocks of pixels that the kernel of a head makes of features."""
    padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return convolution(padded, kernel)
