"""Upsampling by sums of learned basis functions."""

import keras
import numpy as np
from keras import ops

from kerasseg.arguments import check_integer

# With one class per convolution, joining single channels costs more than is
# saved; with all classes in one, the products with zeros do.
CLASSES_PER_CONVOLUTION = 2


@keras.saving.register_keras_serializable("kerasseg")
class LaplacianReconstruction(keras.layers.Layer):
    """Sum of class-specific basis functions, one weight per coarse cell.

    Each class owns `num_bases` small masks (its basis functions). A cell of
    the coefficient map says how much of each of them is painted, overlapping
    its neighbors by half, at `strides` times the resolution:
    `y[4i-2 : 4i+6, 4j-2 : 4j+6, c] += sum_k x[i, j, c K + k] * basis[c, k]`
    for the default stride of 4. This is a transposed convolution with one
    group per class, kernel `2 * strides`, cropped by `strides / 2` per side.
    Bases are used as stored, without a flip.

    Inference runs one small convolution for every two classes, the fastest
    where XLA compiles, though it multiplies by the zeros between those two.
    Training runs one transposed convolution, whose gradient is faster. Both
    compute the same map.

    Args:
        num_classes: Integer >= 2. Number of classes `C`.
        num_bases: Integer >= 1. Basis functions per class `K`. Defaults to
            10, the paper's.
        strides: Even integer >= 2. Upsampling factor `s`. Defaults to 4.
        bases_initializer: Initializer of the bases, shape
            `(C, K, 2 s, 2 s)`. Defaults to `"cosine"`, the `K` lowest
            two-dimensional cosines, the same for every class. Bases found in
            training masks are set with `layer.bases.assign(...)`; see
            `kerasseg.data.reconstruction_bases`.
        trainable_bases: Boolean. Whether training changes the bases.
            Defaults to `False`, as in the paper.
        use_bias: Boolean. Adds one trainable bias per class. Defaults to
            `False`.
        bias_initializer: Initializer of the bias. Defaults to `"zeros"`.

    Input shape:
        `(batch, height, width, C * K)`; channel `c * K + k` weighs basis `k`
        of class `c`.

    Output shape:
        `(batch, s * height, s * width, C)`.

    Raises:
        ValueError: If an argument is out of its range, or the input does not
            have `C * K` channels.

    Example:
        >>> layer = LaplacianReconstruction(num_classes=11)
        >>> layer(keras.random.normal((1, 22, 30, 110))).shape
        (1, 88, 120, 11)

    Reference:
        Ghiasi and Fowlkes, "Laplacian Pyramid Reconstruction and Refinement
        for Semantic Segmentation", ECCV 2016, section 3.
    """

    def __init__(
        self,
        num_classes,
        num_bases=10,
        strides=4,
        bases_initializer="cosine",
        trainable_bases=False,
        use_bias=False,
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        self.num_classes = check_integer("num_classes", num_classes, 2)
        self.num_bases = check_integer("num_bases", num_bases)
        self.strides = check_integer("strides", strides, 2, "even")
        self.bases_initializer = (
            CosineBases()
            if bases_initializer == "cosine"
            else keras.initializers.get(bases_initializer)
        )
        self.trainable_bases = trainable_bases
        self.use_bias = use_bias
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        expected = self.num_classes * self.num_bases
        if input_shape[-1] != expected:
            raise ValueError(
                f"`inputs` must have num_classes * num_bases = {expected} "
                f"channels. Received: inputs.shape={tuple(input_shape)}"
            )
        size = 2 * self.strides
        self.bases = self.add_weight(
            name="bases",
            shape=(self.num_classes, self.num_bases, size, size),
            initializer=self.bases_initializer,
            trainable=self.trainable_bases,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.num_classes,),
                initializer=self.bias_initializer,
            )

    def call(self, inputs, training=False):
        form = self._transposed if training else self._blocks
        outputs = form(inputs)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return outputs

    def _transposed(self, inputs):
        """One transposed convolution with a block-diagonal kernel."""
        classes, count, size = self.num_classes, self.num_bases, self.strides
        bases = ops.transpose(ops.cast(self.bases, inputs.dtype), (2, 3, 0, 1))
        blocks = np.eye(classes)[None, None, :, :, None]
        kernel = ops.expand_dims(bases, 2) * ops.cast(blocks, inputs.dtype)
        kernel = ops.reshape(
            kernel, (2 * size, 2 * size, classes, classes * count)
        )
        return ops.conv_transpose(
            inputs, kernel, size, "same", data_format="channels_last"
        )

    def _blocks(self, inputs):
        """Convolutions with windows of 2x2 cells, and one pixel shuffle.

        An output block of `s x s` pixels lies between four cells and takes a
        quarter of the basis from each.
        """
        padded = ops.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        height, width = (size - 1 for size in ops.shape(padded)[1:3])
        blocks = self._of_few_classes(padded)
        return interleave(blocks, self.num_classes, self.strides, height, width)

    def _of_few_classes(self, padded):
        """The blocks by one convolution for every two classes."""
        kernels = cell_kernels(self.bases, padded.dtype)
        maps, first, pixels = [], 0, self.strides**2
        for start in range(0, self.num_classes, CLASSES_PER_CONVOLUTION):
            end = start + CLASSES_PER_CONVOLUTION
            kernel = _block_diagonal(kernels[..., start:end])
            last = first + kernel.shape[2]
            x = convolution(padded[..., first:last], kernel)
            maps.append(ops.reshape(x, (-1, pixels, x.shape[-1] // pixels)))
            first = last
        return ops.concatenate(maps, axis=-1)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (
            batch,
            None if height is None else height * self.strides,
            None if width is None else width * self.strides,
            self.num_classes,
        )

    def multiply_adds(self, height, width):
        """Counts the multiplications of one image at inference.

        Args:
            height: Integer. Height of the coefficient map in cells.
            width: Integer. Width of the coefficient map in cells.

        Returns:
            A dict: `"ideal"` (each coefficient times each pixel of its
            basis), `"computed"` (what inference runs, with the border cells
            and the zeros between neighboring classes), `"grouped"` (what
            files exported from TensorFlow run) and `"block_diagonal"` (the
            dense transposed convolution).
        """
        classes, step = self.num_classes, CLASSES_PER_CONVOLUTION
        per_class = self.num_bases * (2 * self.strides) ** 2
        blocks = [min(step, classes - i) for i in range(0, classes, step)]
        with_border = (height + 1) * (width + 1) * per_class
        return {
            "ideal": height * width * classes * per_class,
            "computed": sum(n * n for n in blocks) * with_border,
            "grouped": classes * with_border,
            "block_diagonal": height * width * classes**2 * per_class,
        }

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "num_bases": self.num_bases,
            "strides": self.strides,
            "bases_initializer": keras.initializers.serialize(
                self.bases_initializer
            ),
            "trainable_bases": self.trainable_bases,
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(
                self.bias_initializer
            ),
        }


@keras.saving.register_keras_serializable("kerasseg")
class CosineBases(keras.initializers.Initializer):
    """The lowest two-dimensional cosines, as bases for unknown classes.

    The principal components of binary mask patches look like these: a
    constant, two slopes, a saddle, and so on. Ordered by frequency
    `u^2 + v^2`, each of unit norm times the stride: the constant basis is
    a half, and a map of unit coefficients paints two, because four overlap.
    """

    def __call__(self, shape, dtype=None):
        classes, count, height, width = shape
        if count > height * width:
            raise ValueError(
                f"`num_bases` must be {height * width} or less for cosines "
                f"of {height} x {width} pixels. Received: num_bases={count}"
            )
        order = sorted(
            ((u, v) for u in range(height) for v in range(width)),
            key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair),
        )
        rows, columns = np.arange(height) + 0.5, np.arange(width) + 0.5
        bases = np.stack(
            [
                np.outer(
                    np.cos(np.pi * u * rows / height),
                    np.cos(np.pi * v * columns / width),
                )
                for u, v in order[:count]
            ]
        )
        norms = np.sqrt((bases**2).sum(axis=(1, 2), keepdims=True))
        bases = np.broadcast_to(bases / norms * height / 2, shape)
        return ops.convert_to_tensor(bases, dtype=dtype or "float32")


def cell_kernels(bases, dtype):
    """The bases as `(2, 2, num_bases, s * s, num_classes)` kernels."""
    classes, count, size = *bases.shape[:2], bases.shape[2] // 2
    kernels = ops.reshape(
        ops.cast(bases, dtype), (classes, count, 2, size, 2, size)
    )
    # The upper neighbor contributes the lower half of its basis.
    kernels = ops.flip(kernels, axis=(2, 4))
    kernels = ops.transpose(kernels, (2, 4, 1, 3, 5, 0))
    return ops.reshape(kernels, (2, 2, count, size * size, classes))


def interleave(blocks, classes, size, height, width):
    """Writes blocks, their classes last, side by side, cropped.

    Whole rows of a block are moved, at rank 4: that is faster than
    `depth_to_space`, and the result has its channels last.
    """
    rows = ops.reshape(blocks, (-1, width, size, size * classes))
    rows = ops.transpose(rows, (0, 2, 1, 3))
    maps = ops.reshape(rows, (-1, size * height, size * width, classes))
    edge = size // 2
    return maps[:, edge:-edge, edge:-edge, :]


def convolution(inputs, kernel):
    return ops.conv(
        inputs, kernel, padding="valid", data_format="channels_last"
    )


def _block_diagonal(kernels):
    """Kernels `(2, 2, K, pixels, n)` as one of `(2, 2, n K, pixels n)`."""
    count, pixels, classes = kernels.shape[2:]
    selector = np.eye(classes)[:, None, None, :]
    blocks = ops.expand_dims(kernels, 2) * ops.cast(selector, kernels.dtype)
    return ops.reshape(blocks, (2, 2, classes * count, pixels * classes))
