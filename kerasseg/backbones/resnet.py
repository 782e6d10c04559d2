"""ResNet-50, ResNet-101 and ResNet-152 backbones."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.backbones.from_model import from_model
from kerasseg.backbones.with_channels import with_channels
from kerasseg.channels import check_image_shape
from kerasseg.channels import per_channel

# ImageNet means of R, G, B that the published weights were trained with.
MEAN = (123.68, 116.779, 103.939)
STRIDES = (8, 16, 32)
# How many blocks the third and the fourth stage have.
DEPTHS = {"ResNet50": (4, 6), "ResNet101": (4, 23), "ResNet152": (8, 36)}


@channels_last
def resnet50(
    image_shape=(None, None, 3),
    weights=None,
    output_stride=32,
    momentum=0.97,
    mean=MEAN,
):
    """ResNet-50 as a backbone, on request with dilated last stages.

    With an output stride of 16 the last stage, of 8 the last two, keep their
    size and dilate their 3x3 convolutions instead: at the cells that remain
    without dilation, the features are the same.

    Args:
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, else they must be multiples of 32. Defaults to
            `(None, None, 3)`.
        weights: `None` (random), `"imagenet"` (downloaded by Keras) or the
            path of a weights file of `keras.applications.ResNet50` without
            top. For other images than RGB the first kernel is adapted, see
            `with_channels`. Defaults to `None`.
        output_stride: 32, 16 or 8. Pixels per cell of the last features.
            Defaults to 32.
        momentum: Float. How much of the moving statistics of batch
            normalization each training step keeps. Defaults to 0.97.
        mean: Three floats. Means of R, G and B that are subtracted. Defaults
            to those of ImageNet's classifier.

    Returns:
        A `keras.Model` from pixels in 0..255 to the outputs of the stem and
        of the four stages (`"P1"` .. `"P5"`): 64, 256, 512, 1024 and 2048
        channels. The level of the output stride is the coarsest one, and the
        output of the last stage.

    Raises:
        ValueError: If `image_shape` is out of its range, `output_stride` is
            none of those, or `weights` names a file that does not exist.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
        Table 1; for dilation Chen et al., "DeepLab", TPAMI 2018.
    """
    return _resnet(
        "ResNet50", image_shape, weights, output_stride, momentum, mean
    )


@channels_last
def resnet101(
    image_shape=(None, None, 3),
    weights=None,
    output_stride=32,
    momentum=0.97,
    mean=MEAN,
):
    """ResNet-101 as a backbone, on request with dilated last stages.

    Args:
        image_shape: As for `resnet50`. Defaults to `(None, None, 3)`.
        weights: As for `resnet50`, of `keras.applications.ResNet101`.
            Defaults to `None`.
        output_stride: As for `resnet50`. Defaults to 32.
        momentum: As for `resnet50`. Defaults to 0.97.
        mean: As for `resnet50`. Defaults to those of ImageNet's classifier.

    Returns:
        A `keras.Model` as that of `resnet50`.

    Raises:
        ValueError: As `resnet50` does.
    """
    return _resnet(
        "ResNet101", image_shape, weights, output_stride, momentum, mean
    )


@channels_last
def resnet152(
    image_shape=(None, None, 3),
    weights=None,
    output_stride=32,
    momentum=0.97,
    mean=MEAN,
):
    """ResNet-152 as a backbone, on request with dilated last stages.

    Args:
        image_shape: As for `resnet50`. Defaults to `(None, None, 3)`.
        weights: As for `resnet50`, of `keras.applications.ResNet152`.
            Defaults to `None`.
        output_stride: As for `resnet50`. Defaults to 32.
        momentum: As for `resnet50`. Defaults to 0.97.
        mean: As for `resnet50`. Defaults to those of ImageNet's classifier.

    Returns:
        A `keras.Model` as that of `resnet50`.

    Raises:
        ValueError: As `resnet50` does.
    """
    return _resnet(
        "ResNet152", image_shape, weights, output_stride, momentum, mean
    )


def _resnet(variant, image_shape, weights, output_stride, momentum, mean):
    if output_stride not in STRIDES:
        raise ValueError(
            "`output_stride` must be 32, 16 or 8. "
            f"Received: output_stride={output_stride!r}"
        )
    *size, channels = check_image_shape(image_shape)
    model = getattr(keras.applications, variant)(
        include_top=False, weights=weights, input_shape=(*size, 3)
    )
    third, fourth = DEPTHS[variant]
    outputs = [
        "conv1_relu",
        "conv2_block3_out",
        f"conv3_block{third}_out",
        f"conv4_block{fourth}_out",
        "conv5_block3_out",
    ]
    if output_stride < 32:
        dilated = _dilated(model, output_stride)
        if weights is not None:
            dilated.set_weights(model.get_weights())
        model = dilated
    # Of stages of one stride, the last is the level.
    strides = [min(2**n, output_stride) for n in range(1, 6)]
    taps = {
        f"P{stride.bit_length() - 1}": layer
        for stride, layer in zip(strides, outputs, strict=True)
    }
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    if weights is not None:
        # The published kernel reads B, G, R.
        kernel = model.get_layer("conv1_conv").kernel
        kernel.assign(keras.ops.flip(kernel, axis=2))
    model = with_channels(model, channels, weights is not None)
    offset = [-value for value in per_channel(mean, channels)]
    return from_model(model, taps, offset=offset)


def _dilated(model, output_stride):
    """The same network with strides of its last stages made dilations."""
    stages = {"conv5": 32 // output_stride}
    if output_stride == 8:
        stages["conv4"] = 2

    def clone(layer):
        config = layer.get_config()
        rate = stages.get(layer.name.split("_")[0])
        if rate and isinstance(layer, keras.layers.Conv2D):
            config["strides"] = (1, 1)
            if tuple(config["kernel_size"]) == (3, 3):
                config["dilation_rate"] = (rate, rate)
        return layer.__class__.from_config(config)

    return keras.models.clone_model(model, clone_function=clone)
