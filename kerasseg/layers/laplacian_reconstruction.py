import keras
import numpy as np
from keras import ops

# With one class per convolution, joining single channels costs more than is
# saved; with all classes in one, the products with zeros do.
CLASSES_PER_CONVOLUTION = 2


@keras.saving.register_keras_serializable("kerasseg")
class LaplacianReconstruction(keras.layers.Layer):
    """Sum of class-specific basis functions, one weight per coarse cell.

    Each class owns `num_bases` small masks (its basis functions). A cell of
    the coefficient map says how much of each of them is painted, overlapping
    its neighbours by half, at `strides` times the resolution:
    `y[4i-2 : 4i+6, 4j-2 : 4j+6, c] += sum_k x[i, j, c K + k] * basis[c, k]`
    for the default stride of 4. This is a transposed convolution with one
    group per class, kernel `2 * strides`, cropped by `strides / 2` per side.
    Bases are used as stored, without a flip.

    Inference runs one small convolution for every two classes, the fastest
    where XLA compiles, though it multiplies by the zeros between those two.
    Files exported from TensorFlow hold one convolution with a group per class.
    Training runs one transposed convolution, whose gradient is faster. All
    compute the same map.

    Args:
        num_classes: integer >= 2. Number of classes `C`.
        num_bases: integer >= 1. Basis functions per class `K`. Defaults to
            10, the paper's.
        strides: even integer >= 2. Upsampling factor `s`. Defaults to 4.
        bases_initializer: initialiser of the bases, shape
            `(C, K, 2 s, 2 s)`. Defaults to `"cosine"`, the `K` lowest
            two-dimensional cosines, the same for every class. Bases found in
            training masks are set with `layer.bases.assign(...)`; see
            `kerasseg.data.reconstruction_bases`.
        trainable_bases: boolean. Whether training changes the bases.
            Defaults to `False`, as in the paper.
        use_bias: boolean. Adds one trainable bias per class. Defaults to
            `False`.
        bias_initializer: initialiser of the bias. Defaults to `"zeros"`.

    Input shape:
        `(batch, height, width, C * K)`; channel `c * K + k` weighs basis `k`
        of class `c`.

    Output shape:
        `(batch, s * height, s * width, C)`.

    Raises:
        ValueError: if an argument is out of its range, or the input does not
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
        _check_at_least("num_classes", num_classes, 2)
        _check_at_least("num_bases", num_bases, 1)
        if not isinstance(strides, int) or strides < 2 or strides % 2:
            raise ValueError(
                "`strides` must be an even integer of 2 or more. "
                f"Received: strides={strides!r}"
            )
        self.num_classes = num_classes
        self.num_bases = num_bases
        self.strides = strides
        self.bases_initializer = (
            CosineBases()
            if bases_initializer == "cosine"
            else keras.initializers.get(bases_initializer)
        )
        self.trainable_bases = trainable_bases
        self.use_bias = use_bias
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self._folded = None
        # Exporters set this to the name of their format.
        self.export_target = None

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
        kernels = self._kernels(inputs.dtype)
        height, width = (size - 1 for size in ops.shape(padded)[1:3])
        if self.export_target is None:
            blocks = self._of_few_classes(padded, kernels)
            return self._shuffled(blocks, height, width)
        maps = convolution(padded, *kernels)
        if self.export_target == "onnx":
            return self._gathered(maps, height, width)
        maps = ops.reshape(maps, (-1, self.num_classes, self.strides**2))
        blocks = ops.transpose(maps, (0, 2, 1))
        return self._shuffled(blocks, height, width)

    def _of_few_classes(self, padded, kernels):
        """The blocks by one convolution per kernel."""
        maps, first, pixels = [], 0, self.strides**2
        for kernel in kernels:
            last = first + kernel.shape[2]
            x = convolution(padded[..., first:last], kernel)
            maps.append(ops.reshape(x, (-1, pixels, x.shape[-1] // pixels)))
            first = last
        return ops.concatenate(maps, axis=-1)

    def _gathered(self, maps, height, width):
        """Takes each pixel from where a grouped convolution put it.

        In ONNX Runtime transpositions of small blocks are ten times slower.
        """
        size = self.strides
        maps = ops.transpose(maps, (0, 3, 1, 2))
        shape = (-1, self.num_classes, size**2 * height * width)
        pixels = ops.transpose(ops.reshape(maps, shape), (0, 2, 1))
        rows, columns = (
            np.arange(size // 2, size * blocks - size // 2)
            for blocks in (height, width)
        )
        rows = rows[:, None]
        places = rows % size * size + columns % size
        places = (places * height + rows // size) * width + columns // size
        return ops.take(pixels, places.astype("int32"), axis=1)

    def _shuffled(self, blocks, height, width):
        """Writes blocks `(pixels of a block, classes)` side by side, cropped.

        Whole rows of a block are moved, at rank 4: in ONNX Runtime and in
        TensorFlow that is faster than `depth_to_space`, and the result has
        its channels last. LiteRT is as fast with its own operator.
        """
        size, classes = self.strides, self.num_classes
        if self.export_target == "litert":
            shape = (-1, height, width, size * size * classes)
            maps = ops.depth_to_space(
                ops.reshape(blocks, shape), size, data_format="channels_last"
            )
        else:
            rows = ops.reshape(blocks, (-1, width, size, size * classes))
            rows = ops.transpose(rows, (0, 2, 1, 3))
            shape = (-1, size * height, size * width, classes)
            maps = ops.reshape(rows, shape)
        edge = size // 2
        return maps[:, edge:-edge, edge:-edge, :]

    def fold(self):
        """Computes the kernels of inference now, from the weights of now.

        A graph that is traced before `unfold` then holds them as constants;
        LiteRT would compute them again for every image. For exporters.
        """
        self._folded = [
            ops.convert_to_numpy(kernel) for kernel in self._kernels("float32")
        ]

    def unfold(self):
        """Goes back to the weights."""
        self._folded = None

    def _kernels(self, dtype):
        """The kernels of the convolutions that inference runs."""
        if self._folded is not None:
            return [ops.convert_to_tensor(k, dtype) for k in self._folded]
        return self._inference_kernels(dtype)

    def _inference_kernels(self, dtype):
        kernels, step = self._cell_kernels(dtype), CLASSES_PER_CONVOLUTION
        if self.export_target is not None:
            kernels = ops.transpose(kernels, (0, 1, 2, 4, 3))
            return [ops.reshape(kernels, (2, 2, self.num_bases, -1))]
        return [
            _block_diagonal(kernels[..., start : start + step])
            for start in range(0, self.num_classes, step)
        ]

    def _cell_kernels(self, dtype):
        """The bases as `(2, 2, num_bases, s * s, num_classes)` kernels."""
        size = self.strides
        shape = (self.num_classes, self.num_bases, 2, size, 2, size)
        kernels = ops.reshape(ops.cast(self.bases, dtype), shape)
        # The upper neighbour contributes the lower half of its basis.
        kernels = ops.flip(kernels, axis=(2, 4))
        kernels = ops.transpose(kernels, (2, 4, 1, 3, 5, 0))
        return ops.reshape(
            kernels, (2, 2, self.num_bases, size * size, self.num_classes)
        )

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
            height: integer. Height of the coefficient map in cells.
            width: integer. Width of the coefficient map in cells.

        Returns:
            A dict: `"ideal"` (each coefficient times each pixel of its
            basis), `"computed"` (what inference runs, with the border cells
            and the zeros between neighbouring classes), `"grouped"` (what
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


def _check_at_least(name, value, least):
    if not isinstance(value, int) or value < least:
        raise ValueError(
            f"`{name}` must be an integer of {least} or more. "
            f"Received: {name}={value!r}"
        )
