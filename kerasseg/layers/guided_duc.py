"""Dense upsampling convolution guided by the image."""

import keras
from keras import ops

from kerasseg.arguments import check_integer
from kerasseg.layers.convolution_unit import ConvolutionUnit
from kerasseg.layers.convolution_unit import fresh
from kerasseg.layers.resizing import resize

# The stride of the convolution that reduces the guidance; average pooling
# does the rest of `guidance_stride`.
CONVOLUTION_STRIDE = 4


@keras.saving.register_keras_serializable("kerasseg")
class GuidedDUC(keras.layers.Layer):
    """Joint upsampling of the last features, guided by the image itself.

    Two 1x1 convolutions make a guidance map of the image, and a strided one
    brings it to the size of the middle features: `G`. At the size of the
    last, coarsest features, `G` and these give coefficients `a` and `b` by a
    1x1 convolution; both are resized bilinearly to the size of `G`, and
    `a * G + b` (eq. 3) is what the coarse features are at that size. The
    middle features are concatenated to it.

    All convolutions but the second and the last 1x1 one are followed by
    batch normalization and ReLU. The guidance is averaged before its second
    1x1 convolution, which is linear: the same map for less work.

    The image enters with the scale of the backbone or any other near one;
    where the normalization does not train from the start, 0 to 255 is too
    much.

    Args:
        filters: Integer >= 1. Channels of `G`, `a`, `b` and the reduced
            coarse features. Defaults to 512.
        guidance_filters: Integer >= 1. Channels of the guidance map at the
            size of the image. Defaults to 64.
        guidance_stride: Integer, a multiple of 4. How many times smaller
            than the image the middle features are. Defaults to 8.
        dilation_rate: Integer >= 1. Of the 3x3 convolution of the coarse
            features. Defaults to 2.
        kernel_initializer: Initializer of the kernels. Defaults to
            `"he_normal"`.

    Input shape:
        A list `[image, low, middle]`: `(batch, height, width, channels)`, the
        coarse features `(batch, low_height, low_width, low_channels)` of any
        size, and the middle features `(batch, height / guidance_stride,
        width / guidance_stride, middle_channels)`.

    Output shape:
        `(batch, height / guidance_stride, width / guidance_stride,
        filters + middle_channels)`, the upsampled features first.

    Raises:
        ValueError: If an argument is out of its range, or the sizes of image
            and middle features do not match `guidance_stride`.

    Example:
        >>> image = keras.random.uniform((1, 64, 96, 3))
        >>> low = keras.random.normal((1, 4, 6, 1280))
        >>> middle = keras.random.normal((1, 8, 12, 32))
        >>> GuidedDUC(filters=48)([image, low, middle]).shape
        (1, 8, 12, 80)

    Reference:
        Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
        Semantic Segmentation", Sensors 2021, 21(6), 2170, section 3. No code
        was published; where text and figure leave a choice (the stride of
        the guidance, the dilation, the size at which `a` and `b` are found)
        this is one reading of it.
    """

    def __init__(
        self,
        filters=512,
        guidance_filters=64,
        guidance_stride=8,
        dilation_rate=2,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = check_integer("filters", filters)
        self.guidance_filters = check_integer(
            "guidance_filters", guidance_filters
        )
        self.guidance_stride = _checked_stride(guidance_stride)
        self.dilation_rate = check_integer("dilation_rate", dilation_rate)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.guidance_first = self._unit("guidance1", self.guidance_filters)
        self.guidance_second = self._linear("guidance2", self.guidance_filters)
        # The size divides by the stride: TensorFlow's "same" pads nothing.
        self.guidance_strided = self._unit(
            "guidance3",
            self.filters,
            kernel_size=3,
            strides=CONVOLUTION_STRIDE,
            padding="valid",
        )
        self.low = self._unit(
            "low",
            self.filters,
            kernel_size=3,
            dilation_rate=self.dilation_rate,
        )
        self.coefficients = self._linear("coefficients", 2 * self.filters)

    def _unit(self, name, filters, **kwargs):
        return ConvolutionUnit(
            filters,
            kernel_initializer=fresh(self.kernel_initializer),
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name=name,
            **kwargs,
        )

    def _linear(self, name, filters):
        return keras.layers.Conv2D(
            filters,
            1,
            data_format="channels_last",
            kernel_initializer=fresh(self.kernel_initializer),
            dtype=self.dtype_policy,
            trainable=self.trainable,
            name=name,
        )

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        image, low, _ = (tuple(shape) for shape in input_shape)
        wide = (*image[:3], self.guidance_filters)
        self.guidance_first.build(image)
        self.guidance_second.build(wide)
        self.guidance_strided.build((None, None, None, wide[3]))
        self.low.build(low)
        self.coefficients.build((*low[:3], 2 * self.filters))

    def call(self, inputs, training=None):
        image, low, middle = inputs
        guidance = self._guide(image, training)
        low = self.low(low, training=training)
        coarse = resize(guidance, *ops.shape(low)[1:3])
        x = self.coefficients(ops.concatenate([coarse, low], axis=-1))
        x = resize(x, *ops.shape(guidance)[1:3])
        a, b = x[..., : self.filters], x[..., self.filters :]
        return ops.concatenate([a * guidance + b, middle], axis=-1)

    def _guide(self, image, training):
        x = self.guidance_first(image, training=training)
        pool = self.guidance_stride // CONVOLUTION_STRIDE
        if pool > 1:
            x = ops.average_pool(x, pool, pool, data_format="channels_last")
        x = self.guidance_second(x)
        return self.guidance_strided(x, training=training)

    def compute_output_shape(self, input_shape):
        image, _, middle = input_shape
        for size, smaller in zip(image[1:3], middle[1:3], strict=True):
            known = size is not None and smaller is not None
            if known and size != smaller * self.guidance_stride:
                raise ValueError(
                    "`inputs` must be `[image, low, middle]` with an image "
                    f"{self.guidance_stride} times larger than the middle "
                    "features (`guidance_stride`). Received: shapes "
                    + ", ".join(str(tuple(shape)) for shape in input_shape)
                )
        return (*middle[:3], self.filters + middle[3])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "guidance_filters": self.guidance_filters,
            "guidance_stride": self.guidance_stride,
            "dilation_rate": self.dilation_rate,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def _checked_stride(stride):
    stride = check_integer("guidance_stride", stride)
    if stride % CONVOLUTION_STRIDE:
        raise ValueError(
            f"`guidance_stride` must be a multiple of {CONVOLUTION_STRIDE}. "
            f"Received: guidance_stride={stride!r}"
        )
    return stride
