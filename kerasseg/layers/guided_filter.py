"""Guided filter: edge-preserving smoothing of one map by another."""

import keras
from keras import ops

from kerasseg.arguments import check_integer
from kerasseg.layers.resizing import resize


@keras.saving.register_keras_serializable("kerasseg")
class GuidedFilter(keras.layers.Layer):
    """Maps that follow the edges of a guidance image.

    In each window the maps `y` are fitted by `a * x + b` with the guidance
    `x`: `a = cov(x, y) / (var(x) + epsilon)` and `b = mean(y) - a * mean(x)`,
    means over the part of the window inside the map. The result is
    `a * x + b`; given a finer guidance, `a` and `b` are resized to it first,
    so coarse maps come out at its size (the fast guided filter, joint
    upsampling). It has no weights, and gradients flow through it.

    The reference aligns the corners when it resizes, here centers of pixels
    are half a pixel from the border, as everywhere in kerasseg; and it asks
    for maps larger than a window, which is not needed here.

    Args:
        radius: Integer >= 1. Half the window, of side `2 * radius + 1`, in
            pixels of the maps. Defaults to 4.
        epsilon: Float > 0. Variance of the guidance, in its units squared,
            under which a window counts as flat. Defaults to 0.01, for
            guidance between 0 and 1.
        average_coefficients: Boolean. Averages `a` and `b` over windows once
            more, as He et al. do; smoother, and not what the layer of Wu et
            al. does. Defaults to `False`.

    Input shape:
        A list `[guidance, maps]` or `[guidance, maps, fine_guidance]`.
        `guidance` is `(batch, height, width, guidance_channels)` with one
        channel or as many as the maps, `maps` is
        `(batch, height, width, channels)`, `fine_guidance` is
        `(batch, fine_height, fine_width, guidance_channels)`.

    Output shape:
        `(batch, fine_height, fine_width, channels)`, or the shape of the
        maps without a finer guidance.

    Raises:
        ValueError: If an argument is out of its range, or the inputs do not
            go together.

    Example:
        >>> logits = keras.random.normal((1, 45, 60, 11))
        >>> small = keras.random.uniform((1, 45, 60, 1))
        >>> large = keras.random.uniform((1, 360, 480, 1))
        >>> GuidedFilter()([small, logits, large]).shape
        (1, 360, 480, 11)

    Reference:
        He, Sun and Tang, "Guided Image Filtering", ECCV 2010; Wu, Zheng,
        Zhang and Huang, "Fast End-to-End Trainable Guided Filter", CVPR
        2018, section 3.
    """

    def __init__(
        self, radius=4, epsilon=0.01, average_coefficients=False, **kwargs
    ):
        super().__init__(**kwargs)
        if not isinstance(epsilon, int | float) or not epsilon > 0:
            raise ValueError(
                "`epsilon` must be a number above 0. "
                f"Received: epsilon={epsilon!r}"
            )
        self.radius = check_integer("radius", radius)
        self.epsilon = epsilon
        self.average_coefficients = average_coefficients

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, inputs):
        # Differences of squares: half precision has too few digits for them.
        guidance, maps, fine = (
            ops.cast(x, "float32") for x in (*inputs, inputs[0])[:3]
        )
        mean_x, mean_y = self._mean(guidance), self._mean(maps)
        covariance = self._mean(guidance * maps) - mean_x * mean_y
        variance = self._mean(guidance * guidance) - mean_x * mean_x
        # Rounding makes the variance of a flat window slightly negative.
        a = covariance / (ops.maximum(variance, 0.0) + self.epsilon)
        b = mean_y - a * mean_x
        if self.average_coefficients:
            a, b = self._mean(a), self._mean(b)
        if len(inputs) == 3:
            size = ops.shape(fine)[1:3]
            a, b = resize(a, *size), resize(b, *size)
        return ops.cast(a * fine + b, self.compute_dtype)

    def _mean(self, x):
        # "same" pooling divides by the pixels inside the map on all backends.
        side = 2 * self.radius + 1
        for window in ((side, 1), (1, side)):
            x = ops.average_pool(
                x, window, 1, "same", data_format="channels_last"
            )
        return x

    def compute_output_shape(self, input_shape):
        guidance, maps = input_shape[:2]
        fine = input_shape[2] if len(input_shape) == 3 else guidance
        sizes = zip(guidance[1:3], maps[1:3], strict=True)
        valid = all(None in pair or pair[0] == pair[1] for pair in sizes)
        valid = valid and guidance[3] in (1, maps[3])
        if not valid or fine[3] != guidance[3]:
            raise ValueError(
                "`inputs` must be a guidance of the height and width of the "
                "maps with one channel or as many as they, the maps, and "
                "optionally a finer guidance of as many channels as the "
                "first. Received: shapes "
                + ", ".join(str(tuple(shape)) for shape in input_shape)
            )
        return (maps[0], *fine[1:3], maps[3])

    def get_config(self):
        return {
            **super().get_config(),
            "radius": self.radius,
            "epsilon": self.epsilon,
            "average_coefficients": self.average_coefficients,
        }
