"""EfficientNet-Lite backbones, without swish and squeeze-and-excitation."""

import math

import keras

from kerasseg.backbones.archive import load_archive
from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.from_model import from_model
from kerasseg.channels import check_image_shape

# Width and depth of each variant.
SCALES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))
# Repeats, kernel, strides, expansion and filters of each stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_FILTERS = 32


@channels_last
def efficientnet_lite(
    image_shape=(None, None, 3), variant=0, weights=None, momentum=0.97
):
    """EfficientNet-Lite as a backbone.

    EfficientNet without squeeze-and-excitation and with ReLU6, made for
    integers of 8 bits. The last 1x1 convolution of the classifier, to 1280
    channels, is left out: no decoder needs that many.

    Args:
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, else they must be multiples of 32. Defaults to
            `(None, None, 3)`.
        variant: Integer from 0 to 4. Size of the model. Defaults to 0.
        weights: `None` (random) or the path of a NumPy archive of the same
            variant, as `kerasseg data efficientnet_lite0` writes it. For
            other images than RGB the first kernel is adapted, see
            `with_channels`. Defaults to `None`.
        momentum: Float. How much of the moving statistics of batch
            normalization each training step keeps. Defaults to 0.97.

    Returns:
        A `keras.Model` from pixels in 0..255 to the expanded features before
        each halving (`"P1"` .. `"P4"`) and the last feature map (`"P5"`,
        without an activation): 96, 144, 240, 672 and 320 channels for
        `variant=0`.

    Raises:
        ValueError: If `image_shape` is out of its range, `variant` is
            unknown, or `weights` are those of another model.

    Reference:
        Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional
        Neural Networks", ICML 2019, Table 1; Liu, "Higher accuracy on vision
        models with EfficientNet-Lite", TensorFlow blog, 2020.
    """
    image_shape = check_image_shape(image_shape)
    if isinstance(variant, bool) or variant not in range(len(SCALES)):
        raise ValueError(
            "`variant` must be an integer from 0 to 4. "
            f"Received: variant={variant!r}"
        )
    width, depth = SCALES[variant]
    images = keras.Input(image_shape, name="scaled")
    x = keras.layers.Conv2D(
        STEM_FILTERS,
        3,
        strides=2,
        padding="same",
        use_bias=False,
        name="stem",
    )(images)
    x = _normalize(x, "stem", momentum)
    taps, block = {}, 0
    for index, (repeats, kernel, strides, expansion, filters) in enumerate(
        STAGES
    ):
        if 0 < index < len(STAGES) - 1:
            repeats = math.ceil(repeats * depth)
        for repeat in range(repeats):
            name = f"block{block}"
            if repeat == 0 and strides == 2:
                taps[f"P{len(taps) + 1}"] = f"{name}_expand_relu"
            x = _block(
                x,
                kernel,
                strides if repeat == 0 else 1,
                expansion,
                _rounded(filters * width),
                name,
                momentum,
            )
            block += 1
    taps["P5"] = f"block{block - 1}_project_bn"
    model = keras.Model(images, x, name=f"efficientnet_lite{variant}")
    if weights is not None:
        # The head is that of the classifier.
        load_archive(model, weights, _archived, "stem/kernel", ("head",))
    return from_model(model, taps, scale=1 / 128, offset=-127 / 128)


def _block(x, kernel, strides, expansion, filters, name, momentum):
    """An inverted residual."""
    inputs = x
    if expansion > 1:
        x = keras.layers.Conv2D(
            x.shape[-1] * expansion, 1, use_bias=False, name=f"{name}_expand"
        )(x)
        x = _normalize(x, f"{name}_expand", momentum)
    x = keras.layers.DepthwiseConv2D(
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        name=f"{name}_depthwise",
    )(x)
    x = _normalize(x, f"{name}_depthwise", momentum)
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(
        x
    )
    x = _normalize(x, f"{name}_project", momentum, activate=False)
    if strides == 1 and inputs.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _normalize(x, name, momentum, activate=True):
    x = keras.layers.BatchNormalization(
        momentum=momentum, epsilon=1e-3, name=f"{name}_bn"
    )(x)
    if activate:
        x = keras.layers.ReLU(6.0, name=f"{name}_relu")(x)
    return x


def _rounded(filters):
    """The multiple of 8 nearest to a number of filters."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _archived(path):
    """The name in the archive, such as `block1/expand_bn/gamma`."""
    layer, weight = path.split("/")[-2:]
    if layer.startswith("block"):
        layer = layer.replace("_", "/", 1)
    return f"{layer}/{weight}"
