"""Convolution, batch normalization and ReLU as one layer."""

import keras
from keras import ops

from kerasseg.arguments import check_integer


@keras.saving.register_keras_serializable("kerasseg")
class ConvolutionUnit(keras.layers.Layer):
    """Convolution without bias, batch normalization and ReLU.

    Args:
        filters: Integer >= 1. Channels of the output.
        kernel_size: Integer >= 1. Side of the kernel. Defaults to 1.
        strides: Integer >= 1. Defaults to 1.
        padding: `"same"` or `"valid"`. Defaults to `"same"`.
        dilation_rate: Integer >= 1. Defaults to 1.
        kernel_initializer: Initializer of the kernel. Defaults to
            `"he_normal"`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, filters)`, the height and width as
        those of `keras.layers.Conv2D`.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        filters,
        kernel_size=1,
        strides=1,
        padding="same",
        dilation_rate=1,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = check_integer("filters", filters)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.dilation_rate = dilation_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        # A layer frozen by its constructor, as when it is loaded, does not
        # pass that on by itself; the normalization has to know.
        options = {"dtype": self.dtype_policy, "trainable": self.trainable}
        self.convolution = keras.layers.Conv2D(
            self.filters,
            kernel_size,
            strides,
            padding,
            data_format="channels_last",
            dilation_rate=dilation_rate,
            use_bias=False,
            kernel_initializer=fresh(self.kernel_initializer),
            name="conv",
            **options,
        )
        # As in the lineage of the papers: statistics follow within tens of
        # steps, not hundreds.
        self.normalization = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name="bn", **options
        )

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.normalization.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        x = self.convolution(inputs)
        return ops.relu(self.normalization(x, training=training))

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(tuple(input_shape))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def fresh(initializer):
    """An initializer that draws other values than the one it is made from.

    Keras fixes the seed of an initializer when it is made: two kernels of
    the same shape would start with the same values.

    Args:
        initializer: Initializer, or a function like one.

    Returns:
        A copy of the initializer; a function as it is.
    """
    if isinstance(initializer, keras.initializers.Initializer):
        return initializer.clone()
    return initializer
