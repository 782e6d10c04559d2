"""Dense local context: densely connected dilated convolutions."""

import keras
from keras import ops

from kerasseg.arguments import check_integer
from kerasseg.arguments import check_integers
from kerasseg.layers.convolution_unit import ConvolutionUnit
from kerasseg.layers.convolution_unit import fresh


def receptive_field(dilation_rates, kernel_size=3):
    """Side of what one output of dilated convolutions in a row sees.

    One convolution sees `(k - 1) * rate + 1` pixels per axis (eq. 4), and
    each one after another adds its own less one (eq. 5).

    Args:
        dilation_rates: Integers. One per convolution, of stride 1.
        kernel_size: Integer. Side `k` of their kernels. Defaults to 3.

    Returns:
        The side in pixels, an integer.

    Example:
        >>> receptive_field((3, 6, 12, 18))
        79

    Reference:
        Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
        Semantic Segmentation", Sensors 2021, 21(6), 2170, eq. 4 and 5.
    """
    return 1 + sum((kernel_size - 1) * rate for rate in dilation_rates)


@keras.saving.register_keras_serializable("kerasseg")
class DLC(keras.layers.Layer):
    """Context from dilated convolutions, cascaded and densely connected.

    A 1x1 convolution reduces the input. Each block then reads that and all
    blocks before it, by a 1x1 convolution and a dilated 3x3 one, and all are
    concatenated: `z_i = conv3x3(conv1x1([r, z_1, ..., z_(i-1)]))`, output
    `[r, z_1, ..., z_n]`. Each convolution is without bias and followed by
    batch normalization and ReLU. For 1,024 channels in and the default
    arguments, 1,477,632 trainable parameters.

    Args:
        reduction: Integer >= 1. Channels after the first 1x1 convolution.
            Defaults to 512.
        filters: Integer >= 1. Channels of each block. Defaults to 128.
        bottleneck_filters: Integer >= 1. Channels between the two
            convolutions of a block. Defaults to 128.
        dilation_rates: Integers >= 1. One per block, in order; see
            `receptive_field`. Defaults to `(3, 6, 12, 18)`, which see 79
            pixels per axis.
        kernel_initializer: Initializer of the kernels. Defaults to
            `"he_normal"`.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, height, width, reduction + blocks * filters)`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> DLC()(keras.random.normal((1, 45, 60, 1024))).shape
        (1, 45, 60, 1024)

    Reference:
        Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
        Semantic Segmentation", Sensors 2021, 21(6), 2170, section 3. No code
        was published; the order of convolution, normalization and activation
        is the one that gives the published number of parameters.
    """

    def __init__(
        self,
        reduction=512,
        filters=128,
        bottleneck_filters=128,
        dilation_rates=(3, 6, 12, 18),
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dilation_rates = check_integers("dilation_rates", dilation_rates)
        self.reduction = check_integer("reduction", reduction)
        self.filters = check_integer("filters", filters)
        self.bottleneck_filters = check_integer(
            "bottleneck_filters", bottleneck_filters
        )
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.reduce = self._unit("reduce", self.reduction)
        self.bottlenecks, self.contexts = [], []
        for index, rate in enumerate(self.dilation_rates, start=1):
            self.bottlenecks.append(
                self._unit(f"block{index}_bottleneck", self.bottleneck_filters)
            )
            self.contexts.append(
                self._unit(f"block{index}", self.filters, 3, rate)
            )

    def _unit(self, name, filters, kernel_size=1, dilation_rate=1):
        return ConvolutionUnit(
            filters,
            kernel_size,
            dilation_rate=dilation_rate,
            kernel_initializer=fresh(self.kernel_initializer),
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name=name,
        )

    def build(self, input_shape):
        self.reduce.build(input_shape)
        place, channels = tuple(input_shape[:-1]), self.reduction
        for bottleneck, context in zip(
            self.bottlenecks, self.contexts, strict=True
        ):
            bottleneck.build((*place, channels))
            context.build((*place, self.bottleneck_filters))
            channels += self.filters

    def call(self, inputs, training=None):
        features = self.reduce(inputs, training=training)
        for bottleneck, context in zip(
            self.bottlenecks, self.contexts, strict=True
        ):
            x = bottleneck(features, training=training)
            x = context(x, training=training)
            features = ops.concatenate([features, x], axis=-1)
        return features

    def compute_output_shape(self, input_shape):
        blocks = len(self.dilation_rates)
        return (*input_shape[:-1], self.reduction + blocks * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "reduction": self.reduction,
            "filters": self.filters,
            "bottleneck_filters": self.bottleneck_filters,
            "dilation_rates": list(self.dilation_rates),
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
