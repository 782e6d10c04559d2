"""DeepLabv3+ with depthwise separable convolutions."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integer
from kerasseg.arguments import check_integers
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import BilinearUpSampling2D
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone
from kerasseg.models.head import upsample_to_image

STRIDES = {"P3": 8, "P4": 16, "P5": 32}
LOW_LEVEL = "P2"
# Of the paper's encoder, whose output stride is 16.
RATES = (6, 12, 18)


@channels_last
def deeplab_v3_plus(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    level="P5",
    filters=256,
    low_level_filters=48,
    dilation_rates=None,
    dropout=0.1,
    name=None,
):
    """DeepLabV3+: atrous pyramid pooling and a decoder at stride 4.

    Separable atrous convolutions at several rates, a 1x1 convolution and the
    mean of the whole map see the context of the deep features. Two separable
    convolutions refine it together with the features at stride 4.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`. Defaults to
            `mobilenet_v2` with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        level: `"P3"`, `"P4"` or `"P5"`. The deep features. Defaults to
            `"P5"`.
        filters: Integer. Channels of the pyramid and of the decoder.
            Defaults to 256.
        low_level_filters: Integer. Channels that the features at stride 4
            are reduced to. Defaults to 48.
        dilation_rates: Tuple of integers, or `None` for the paper's 6, 12
            and 18 at stride 16, twice that at stride 8, half at stride 32.
            Defaults to `None`.
        dropout: Float in `[0, 1)`. Dropout after the pyramid. Defaults to
            0.1.
        name: String. Defaults to `"deeplab_v3_plus"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            a level.

    Reference:
        Chen et al., "Encoder-Decoder with Atrous Separable Convolution for
        Semantic Image Segmentation", ECCV 2018, Figure 2. The reference
        encoder has an output stride of 16; `level="P4"` of a backbone that
        goes on to 32 is shallower.
    """
    check_num_classes(num_classes)
    check_choice("level", level, STRIDES)
    stride = STRIDES[level]
    if dilation_rates is None:
        dilation_rates = tuple(16 * rate // stride for rate in RATES)
    check_integer("filters", filters)
    check_integer("low_level_filters", low_level_filters)
    _check_rates(dilation_rates)
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(backbone, [LOW_LEVEL, level], image_shape[2])

    images = keras.Input(image_shape, name="images")
    features = backbone(PadToMultiple(name="pad")(images))

    x = _pyramid(features[level], filters, dilation_rates)
    x = keras.layers.Dropout(dropout, name="aspp_dropout")(x)
    x = BilinearUpSampling2D(stride // 4, border="edge", name="upsampling")(x)
    details = _pointwise(features[LOW_LEVEL], low_level_filters, "low_level")
    x = keras.layers.Concatenate(name="decoder_inputs")([x, details])
    for index in (1, 2):
        x = _separable(x, filters, 1, f"decoder_{index}")
    logits = keras.layers.Conv2D(num_classes, 1, name="score")(x)
    logits = upsample_to_image(logits, images, 4)
    return keras.Model(images, logits, name=name or "deeplab_v3_plus")


def _pyramid(x, filters, dilation_rates):
    branches = [_pointwise(x, filters, "aspp_1x1")]
    for rate in dilation_rates:
        branches.append(_separable(x, filters, rate, f"aspp_rate_{rate}"))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="aspp_mean")(
        x
    )
    mean = _pointwise(mean, filters, "aspp_mean")
    # The projection of all branches, with the mean repeated over the map, is
    # the sum of two projections: no size has to be known.
    x = keras.layers.Concatenate(name="aspp_branches")(branches)
    x = keras.layers.Add(name="aspp_sum")(
        [
            _convolution(x, filters, "aspp_projection"),
            _convolution(mean, filters, "aspp_mean_projection"),
        ]
    )
    return _normalized(x, "aspp_projection")


def _pointwise(x, filters, name):
    return _normalized(_convolution(x, filters, name), name)


def _separable(x, filters, dilation_rate, name):
    x = keras.layers.DepthwiseConv2D(
        3,
        padding="same",
        dilation_rate=dilation_rate,
        use_bias=False,
        name=f"{name}_depthwise",
    )(x)
    # As in the reference implementation; the paper does not say.
    x = _normalized(x, f"{name}_depthwise")
    return _pointwise(x, filters, f"{name}_pointwise")


def _convolution(x, filters, name):
    return keras.layers.Conv2D(
        filters,
        1,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)


def _normalized(x, name):
    x = keras.layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _check_rates(dilation_rates):
    check_integers("dilation_rates", dilation_rates)
    if len(set(dilation_rates)) < len(dilation_rates):
        raise ValueError(
            "`dilation_rates` must be different integers of 1 or more. "
            f"Received: dilation_rates={dilation_rates!r}"
        )
