"""Batch normalization by the moments of the batch, also at inference."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasseg")
class BatchStandardization(keras.layers.Layer):
    """Batch normalization that always uses the moments of its batch.

    `(x - mean) / sqrt(variance + epsilon) + beta` per channel, in training
    and in inference alike: what an image becomes depends on the others of
    its batch. There are no moving statistics and no scale. It rebuilds
    networks that were run like this; new ones want
    `keras.layers.BatchNormalization`.

    Args:
        epsilon: Float > 0. Added to the variance. Defaults to 1e-5.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        The same.

    Raises:
        ValueError: If `epsilon` is not above 0.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = keras.InputSpec(ndim=4)
        if not epsilon > 0:
            raise ValueError(
                "`epsilon` must be a number above 0. "
                f"Received: epsilon={epsilon!r}"
            )
        self.epsilon = epsilon

    def build(self, input_shape):
        self.beta = self.add_weight(
            name="beta", shape=(input_shape[-1],), initializer="zeros"
        )

    def call(self, inputs):
        # Half precision has too few digits for the moments.
        x = ops.cast(inputs, "float32")
        mean, variance = ops.moments(x, (0, 1, 2), keepdims=True)
        x = (x - mean) * ops.rsqrt(variance + self.epsilon)
        return ops.cast(x, self.compute_dtype) + ops.cast(
            self.beta, self.compute_dtype
        )

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
