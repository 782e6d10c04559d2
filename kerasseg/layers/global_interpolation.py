"""Upsampling by learned interpolation over all rows and columns."""

import keras
from keras import ops

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integers

RESAMPLINGS = ("crop", "resize", "resample")
INITIALIZERS = ("bilinear", "glorot_gdn")


@keras.saving.register_keras_serializable("kerasseg")
class GlobalInterpolation(keras.layers.Layer):
    """Upsampling by two learned matrices, one per axis.

    `y_c = K_h x_c K_w^T`: every pixel is a weighted sum of all cells of its
    channel, with the same pair of matrices for all channels. A map of
    `(h, w)` cells becomes one of `(H, W)` pixels with `H h + W w` parameters,
    no bias and no activation. A bilinear resize is the special case that
    `initializer="bilinear"` starts from.

    The matrices belong to one size of input. Maps of another size use a pair
    made from them; a map of `n` cells becomes one of `ceil(n H / h)` pixels,
    or as many as the images have that are passed beside it.

    Args:
        size: Tuple of 2 integers, `(H, W)`. Size of the output for inputs of
            `input_size`.
        input_size: Tuple of 2 integers, `(h, w)`, or `None` for the size of
            the first input, which must be known then. Defaults to `None`.
        initializer: `"bilinear"`, half-pixel bilinear interpolation;
            `"glorot_gdn"`, the reference implementation's uniform one, which
            starts with outputs of about 1e-5; or any Keras initializer of
            matrices of shape `(H, h)` and `(W, w)`. Defaults to `"bilinear"`.
        resampling: `"crop"`, `"resize"` or `"resample"`. What happens to maps
            of other sizes: `"crop"`, as in the reference implementation, takes
            the top left of the matrices, for smaller maps only; `"resize"` does
            the same as resizing the map to `input_size` and the result back;
            `"resample"` resizes the matrices as if they were images, and keeps
            the sums of their rows. Defaults to `"crop"`.

    Input shape:
        `(batch, height, width, channels)`, or a list `[maps, images]` of that
        and `(batch, image_height, image_width, any)`.

    Output shape:
        `(batch, ceil(height * H / h), ceil(width * W / w), channels)`, or
        `(batch, image_height, image_width, channels)`.

    Raises:
        ValueError: If an argument is out of its range, the size of the input
            is unknown when the layer is built, or `"crop"` is given a map or
            image larger than the matrices.

    Example:
        >>> layer = GlobalInterpolation((360, 480))
        >>> layer(keras.random.normal((1, 45, 60, 11))).shape
        (1, 360, 480, 11)

    Reference:
        Nekrasov, Ju and Choi, "Global Deconvolutional Networks for Semantic
        Segmentation", BMVC 2016.
    """

    def __init__(
        self,
        size,
        input_size=None,
        initializer="bilinear",
        resampling="crop",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_choice("resampling", resampling, RESAMPLINGS)
        self.size = check_integers("size", size, length=2)
        self.input_size = (
            None
            if input_size is None
            else check_integers("input_size", input_size, length=2)
        )
        self.initializer = (
            initializer
            if isinstance(initializer, str) and initializer in INITIALIZERS
            else keras.initializers.get(initializer)
        )
        self.resampling = resampling
        self._cells = None

    def build(self, input_shape):
        maps, _ = _split(input_shape)
        self._cells = self._built_for(maps)
        self.kernel_height, self.kernel_width = (
            self.add_weight(
                name=name,
                shape=(self.size[axis], self._cells[axis]),
                initializer=self._initializer(axis, maps[-1]),
            )
            for axis, name in enumerate(("kernel_height", "kernel_width"))
        )

    def _built_for(self, shape):
        """The size of the maps that the matrices belong to."""
        cells = self._cells or self.input_size or tuple(shape[1:3])
        if None in cells:
            raise ValueError(
                "`input_size` must be (height, width) where `inputs` may "
                "have any size. Received: input_size=None, "
                f"inputs.shape={tuple(shape)}"
            )
        return cells

    def _initializer(self, axis, channels):
        if self.initializer == "bilinear":
            return lambda shape, dtype=None: ops.cast(
                _bilinear_matrix(*shape), dtype or "float32"
            )
        if self.initializer == "glorot_gdn":
            # The reference implementation counts whole maps as fans: the input,
            # and the output of the first product (rows alone at full size) or
            # the second.
            (rows, columns), (height, width) = self.size, self._cells
            fan_in = channels * height * width
            fan_out = channels * rows * (width, columns)[axis]
            limit = 2 * (6 / (fan_in + fan_out)) ** 0.5
            return keras.initializers.RandomUniform(-limit, limit)
        # One initializer gives equal values to matrices of equal shape.
        clone = getattr(self.initializer, "clone", None)
        return clone() if clone else self.initializer

    def call(self, inputs):
        maps, _ = _split(inputs)
        # Without the batch dimension TensorFlow is faster.
        return interpolate(self, inputs, batched=maps.shape[0] != 1)

    def _sizes(self, maps, images):
        """Height and width of the output."""
        if images is None:
            return self._scaled(ops.shape(maps)[1:3], self._cells)
        return ops.shape(images)[1:3]

    def _matrix(self, kernel, size, cells, dtype):
        """The matrix from `cells` to `size`, made from the one learned."""
        full, built = kernel.shape
        known = isinstance(size, int) and isinstance(cells, int)
        if known and (size, cells) == (full, built):
            return ops.cast(kernel, dtype)
        if self.resampling == "crop":
            return ops.cast(kernel, dtype)[:size, :cells]
        matrix = ops.matmul(
            _bilinear_matrix(size, full), ops.cast(kernel, "float32")
        )
        if self.resampling == "resize":
            matrix = ops.matmul(matrix, _bilinear_matrix(built, cells))
        else:
            # Divided so that a row keeps its sum: by `cells / built`, except
            # near the border of maps that are smaller.
            across = ops.transpose(_bilinear_matrix(cells, built))
            across = across / ops.sum(across, axis=1, keepdims=True)
            matrix = ops.matmul(matrix, across)
        return ops.cast(matrix, dtype)

    def _scaled(self, sizes, built):
        """Height and width of the output for maps without images."""
        return tuple(
            None if n is None else -(-n * full // cells)
            for n, full, cells in zip(sizes, self.size, built, strict=True)
        )

    def _check(self, maps, images):
        if self.resampling != "crop":
            return
        for name, shape, limits in (
            ("maps", maps, self._built_for(maps)),
            ("images", images, self.size),
        ):
            sizes = (None, None) if shape is None else tuple(shape[1:3])
            if any(
                n is not None and n > limit
                for n, limit in zip(sizes, limits, strict=True)
            ):
                raise ValueError(
                    f"`{name}` must be {limits[0]} x {limits[1]} or smaller, "
                    'the size of the matrices; resampling="resize" and '
                    '"resample" take larger ones. '
                    f"Received: {name}.shape={tuple(shape)}"
                )

    def compute_output_shape(self, input_shape):
        maps, images = _split(input_shape)
        self._check(maps, images)
        sizes = (
            self._scaled(maps[1:3], self._built_for(maps))
            if images is None
            else tuple(images[1:3])
        )
        return (maps[0], *sizes, maps[-1])

    def get_config(self):
        initializer = self.initializer
        if not isinstance(initializer, str):
            initializer = keras.initializers.serialize(initializer)
        return {
            **super().get_config(),
            "size": self.size,
            "input_size": self.input_size,
            "initializer": initializer,
            "resampling": self.resampling,
        }


def interpolate(layer, inputs, batched):
    """The two products of a layer, with or without the batch dimension.

    Products from the left keep the channels last: no transposes. Rows come
    second: the larger part of the work is then one matrix product per image.
    """
    maps, images = _split(inputs)
    layer._check(maps.shape, None if images is None else images.shape)
    batch, height, width = ops.shape(maps)[:3]
    channels = maps.shape[-1]
    sizes = layer._sizes(maps, images)
    rows = layer._matrix(layer.kernel_height, sizes[0], height, maps.dtype)
    columns = layer._matrix(layer.kernel_width, sizes[1], width, maps.dtype)
    leading = (batch,) if batched else ()
    if not batched:
        maps = ops.reshape(maps, (height, width, channels))
    x = ops.matmul(columns, maps)
    x = ops.reshape(x, (*leading, height, sizes[1] * channels))
    x = ops.matmul(rows, x)
    return ops.reshape(x, (batch, *sizes, channels))


def _bilinear_matrix(size, cells):
    """The half-pixel bilinear resize of `cells` samples to `size` samples.

    Where it shrinks, the kernel is widened, so that no sample is left out.
    """
    step = ops.cast(cells, "float32") / ops.cast(size, "float32")
    centers = (ops.arange(size, dtype="float32") + 0.5) * step - 0.5
    positions = ops.arange(cells, dtype="float32")
    distances = ops.abs(ops.expand_dims(centers, 1) - positions)
    weights = ops.maximum(1 - distances / ops.maximum(step, 1.0), 0.0)
    return weights / ops.sum(weights, axis=1, keepdims=True)


def _split(inputs):
    """The maps and the images, or `None`; of tensors or of shapes."""
    if isinstance(inputs, list | tuple) and not _is_shape(inputs):
        maps, images = inputs
        return maps, images
    return inputs, None


def _is_shape(value):
    return all(n is None or isinstance(n, int) for n in value)
