"""Fully convolutional networks: FCN-32s, FCN-16s and FCN-8s."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import BilinearConv2DTranspose
from kerasseg.layers import CropToMatch
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import as_float32
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone

VARIANTS = {"32s": (32,), "16s": (32, 16), "8s": (32, 16, 8)}
TAPS = {32: "P5", 16: "P4", 8: "P3"}
# Factors on the features of the net that is trained at once.
AT_ONCE = {16: 0.01, 8: 0.0001}
# What the reference network crops at the top and left of the logits of a
# stride, and of the logits that are upsampled from it.
CROP_LEVEL = {16: 5, 8: 9}
CROP_LOGITS = {32: 19, 16: 27, 8: 31}


@channels_last
def fcn(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    variant="8s",
    at_once=False,
    padding="same",
    learn_upsampling=False,
    name=None,
):
    """Fully convolutional network: FCN-32s, FCN-16s or FCN-8s.

    Each level is classified by a 1x1 convolution. Logits of a finer level
    are added to those of the coarser ones, upsampled by two; the sum is
    upsampled to the image. All upsamplings are transposed convolutions with
    one bilinear kernel per class.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`; the reference
            implementation's is `vgg16(taps="pool")`. Defaults to
            `mobilenet_v2` with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        variant: `"32s"`, `"16s"` or `"8s"`. The finest stride that is
            classified. Defaults to `"8s"`.
        at_once: Boolean. Multiplies the features at stride 16 by 0.01 and
            those at stride 8 by 0.0001, so that the whole net can be trained
            in one stage from a backbone with features as large as those of
            VGG-16. Otherwise, each net starts from the next coarser one, see
            `fcn_stage`. Defaults to `False`.
        padding: `"same"`, or `"caffe"`: the geometry of the reference weights,
            which takes images of any size, for a backbone
            `vgg16(taps="pool", padding="caffe")`. Defaults to `"same"`.
        learn_upsampling: Boolean. Whether the upsamplings between the levels
            are learned, as in the paper; the last one never is. Defaults to
            `False`, as in the reference implementation.
        name: String. Defaults to `"fcn_<variant>"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            a level or has another geometry.

    Reference:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for
        Semantic Segmentation", CVPR 2015, Figure 3; Shelhamer et al., PAMI
        2017, for the net that is trained at once.
    """
    _check_arguments(num_classes, variant, at_once, padding, learn_upsampling)
    strides = VARIANTS[variant]
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(
        backbone, [TAPS[stride] for stride in strides], image_shape[2]
    )
    _check_geometry(backbone, padding)

    images = keras.Input(image_shape, name="images")
    caffe = padding == "caffe"
    features = backbone(images if caffe else PadToMultiple(name="pad")(images))
    border = "valid" if caffe else "same"

    total = None
    for stride in strides:
        x = features[TAPS[stride]]
        if at_once and stride in AT_ONCE:
            x = keras.layers.Rescaling(AT_ONCE[stride], name=f"scale_{stride}")(
                x
            )
        x = keras.layers.Conv2D(
            num_classes, 1, kernel_initializer="zeros", name=f"score_{stride}"
        )(x)
        if total is None:
            total = x
            continue
        coarse = BilinearConv2DTranspose(
            2,
            border,
            learn_upsampling,
            name=f"upsampling_{2 * stride}_to_{stride}",
        )(total)
        if caffe:
            x = _crop(x, coarse, CROP_LEVEL[stride], f"score_{stride}")
        total = keras.layers.Add(name=f"sum_{stride}")([coarse, x])

    logits = BilinearConv2DTranspose(
        stride, border, name=f"upsampling_{stride}_to_1"
    )(total)
    if caffe:
        logits = _crop(logits, images, CROP_LOGITS[stride], "logits")
    else:
        logits = CropToMatch(name="crop")([logits, images])
    logits = as_float32(logits, "logits")
    return keras.Model(images, logits, name=name or f"fcn_{variant}")


def fcn_stage(model, coarser):
    """Starts a finer FCN from a trained coarser one.

    FCN-16s starts from FCN-32s, and FCN-8s from FCN-16s. Logits that the
    coarser one does not have stay as they are, zero in a new model, so that
    training starts from what the coarser one predicts.

    Args:
        model: A model made by `fcn`. Its weights are changed.
        coarser: A trained model made by `fcn` on the same kind of backbone.

    Returns:
        `model`.

    Raises:
        ValueError: If `model` lacks a weight of `coarser`.
    """
    weights = {variable.path: variable for variable in model.weights}
    for trained in coarser.weights:
        variable = weights.get(trained.path)
        if variable is None or variable.shape != trained.shape:
            raise ValueError(
                "`coarser` must be made by kerasseg.models.fcn with the same "
                "classes and backbone as `model`, which has no "
                f"{trained.path} of shape {tuple(trained.shape)}. Received: "
                f"model={model.name!r}, coarser={coarser.name!r}"
            )
    for trained in coarser.weights:
        # A copy: JAX refuses to train two variables on one buffer.
        weights[trained.path].assign(keras.ops.copy(trained))
    return model


def _crop(x, target, offset, name):
    x = keras.layers.Cropping2D(
        ((offset, 0), (offset, 0)), name=f"{name}_offset"
    )(x)
    return CropToMatch(name=f"{name}_crop")([x, target])


def _check_arguments(num_classes, variant, at_once, padding, learn_upsampling):
    check_num_classes(num_classes)
    check_choice("variant", variant, VARIANTS)
    check_choice("padding", padding, ("same", "caffe"))
    for argument, value in (
        ("at_once", at_once),
        ("learn_upsampling", learn_upsampling),
    ):
        if value and variant == "32s":
            raise ValueError(
                f"`{argument}` must be False for the variant 32s, which has "
                f"one level. Received: {argument}={value!r}"
            )


def _check_geometry(backbone, padding):
    *size, channels = backbone.input_shape[1:]
    height, width = (n or 64 for n in size)
    shape = backbone(keras.KerasTensor((1, height, width, channels)))[
        "P5"
    ].shape
    if padding == "caffe":
        expected = tuple(-(-(n + 198) // 32) - 6 for n in (height, width))
        hint = 'such as vgg16(taps="pool", padding="caffe")'
    else:
        expected = tuple(-(-n // 32) for n in (height, width))
        hint = "as all others have"
    if tuple(shape[1:3]) != expected:
        raise ValueError(
            f'`backbone` must have the geometry of padding="{padding}", {hint}:'
            f" {expected} cells of P5 for an image of {(height, width)}. "
            f"Received: backbone={backbone.name!r} with {tuple(shape[1:3])}"
        )
