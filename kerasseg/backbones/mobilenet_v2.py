"""MobileNetV2 backbone."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.from_model import from_model
from kerasseg.backbones.with_channels import with_channels
from kerasseg.channels import check_image_shape


@channels_last
def mobilenet_v2(
    image_shape=(None, None, 3), alpha=1.0, weights=None, momentum=0.97
):
    """MobileNetV2 as a backbone, the zoo's default.

    Args:
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, else they must be multiples of 32. Defaults to
            `(None, None, 3)`.
        alpha: Float. Width multiplier, see
            `keras.applications.MobileNetV2`. Defaults to 1.0.
        weights: `None` (random), `"imagenet"` (downloaded by Keras) or the
            path of a weights file of `keras.applications.MobileNetV2` of the
            same width, without top. For other images than RGB
            the first kernel is adapted, see `with_channels`. Defaults to
            `None`.
        momentum: Float. How much of the moving statistics of batch
            normalization each training step keeps. Keras' own 0.999 takes
            thousands of steps to forget ImageNet. Defaults to 0.97.

    Returns:
        A `keras.Model` from pixels in 0..255 to the expanded features of
        blocks 1, 3, 6 and 13 (`"P1"` .. `"P4"`) and the last feature map
        (`"P5"`): 96, 144, 192, 576 and 1280 channels at `alpha=1`.

    Raises:
        ValueError: If `image_shape` is out of its range, or `weights` names a
            file that does not exist.

    Reference:
        Sandler et al., "MobileNetV2: Inverted Residuals and Linear
        Bottlenecks", CVPR 2018, Table 2.
    """
    image_shape = check_image_shape(image_shape)
    options = {"alpha": alpha, "include_top": False}
    model = keras.applications.MobileNetV2(
        input_shape=(*image_shape[:2], 3),
        weights=None if weights == "imagenet" else weights,
        name="mobilenet_v2",
        **options,
    )
    if weights == "imagenet":
        # Keras would warn that they were made at 224 x 224.
        trained = keras.applications.MobileNetV2((224, 224, 3), **options)
        model.set_weights(trained.get_weights())
    model = with_channels(model, image_shape[2], weights is not None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    taps = {
        "P1": "block_1_expand_relu",
        "P2": "block_3_expand_relu",
        "P3": "block_6_expand_relu",
        "P4": "block_13_expand_relu",
        "P5": "out_relu",
    }
    return from_model(model, taps, scale=1 / 127.5, offset=-1.0)
