"""U-Net with pixel deconvolutional layers."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.arguments import check_integer
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.channels import per_channel
from kerasseg.layers import BatchStandardization
from kerasseg.layers import CropToMatch
from kerasseg.layers import IPixelDCL
from kerasseg.layers import PadToMultiple
from kerasseg.layers import PixelDCL
from kerasseg.models.head import as_float32
from kerasseg.models.head import check_backbone
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone
from kerasseg.models.head import upsample_to_image
from kerasseg.papers import FCN_MEAN

UPSAMPLINGS = ("deconv", "pixel_dcl", "ipixel_dcl")
LEVELS = ("P1", "P2", "P3", "P4")
# The reference encoder: maps of stride 1, 2, 4 and 8 and the bottom at 16.
DEPTH = 4
FILTERS = 64
# Channels at the finest level on a backbone: with either kind of pixel
# deconvolution, a model that ends at P2 takes less than 2.5 times as long as
# MobileNetV2 alone.
LIGHT_FILTERS = {"P1": 12, "P2": 24, "P3": 48, "P4": 96}


@channels_last
def pixel_dcl_unet(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    upsampling="pixel_dcl",
    filters=None,
    kernel_size=3,
    level="P2",
    reference=False,
    name=None,
):
    """A U-Net whose upsampling layers are pixel deconvolutions.

    Without a backbone, the reference U-Net: pairs of 3x3 convolutions, four
    times pooled and four times upsampled, each time joined with the map of
    that size from the way down.

    On a backbone, its light form: from the coarsest features on, each level
    is upsampled, joined with a 1x1 convolution of the backbone's features to
    half as many channels, and convolved once. All are followed by batch
    normalization and ReLU.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`, or `None` for the
            reference encoder. Defaults to `None`.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        upsampling: `"pixel_dcl"`, `"ipixel_dcl"` or `"deconv"`, transposed
            convolutions. Defaults to `"pixel_dcl"`.
        filters: Integer >= 1. Channels at the finest level, twice as many at
            each coarser one. Defaults to `None`: 64 without a backbone; on
            one, 24 at `"P2"` and accordingly at other levels.
        kernel_size: Integer. Side of the kernels of the upsampling layers,
            odd and 3 or more for pixel deconvolutions. Defaults to 3.
        level: `"P1"` .. `"P4"`. The finest features of the backbone that are
            joined; the logits come from there. Defaults to `"P2"`.
        reference: Boolean. Builds the reference network with the parameters
            of their code: normalization by the moments of the batch, also in
            inference and also of the logits, without scale; biases before
            it; normally distributed kernels. Defaults to `False`: ordinary
            batch normalization, and a plain last convolution.
        name: String. Defaults to `"<upsampling>_unet"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, the backbone lacks a
            level, or `reference` is asked for on a backbone.

    Reference:
        Gao, Yuan, Wang and Ji, "Pixel Transposed Convolutional Networks",
        TPAMI 2020. The light form is this project's own.
    """
    _check_arguments(num_classes, upsampling, filters, level)
    image_shape = check_image_shape(image_shape)
    images = keras.Input(image_shape, name="images")
    net = _Blocks(upsampling, kernel_size, reference)
    if backbone is None:
        logits = _reference_logits(net, images, num_classes, filters or FILTERS)
    elif reference:
        raise ValueError(
            "`backbone` must be None with `reference=True`, which is a whole "
            f"network. Received: backbone={backbone!r}"
        )
    else:
        filters = filters or LIGHT_FILTERS[level]
        logits = _light(net, images, num_classes, backbone, filters, level)
    return keras.Model(images, logits, name=name or f"{upsampling}_unet")


def _reference_logits(net, images, num_classes, filters):
    x = PadToMultiple(2**DEPTH, name="pad")(images)
    scale = 1.0 if net.reference else 1 / 127.5
    means = per_channel(FCN_MEAN, images.shape[-1])
    x = keras.layers.Rescaling(
        scale, [-mean * scale for mean in means], name="rescaling"
    )(x)
    channels = [filters * 2**step for step in range(DEPTH)]
    skips = []
    for step in range(DEPTH):
        x = net.convolution(x, channels[step], f"down{step}_conv1")
        x = net.convolution(x, channels[step], f"down{step}_conv2")
        skips.append(x)
        x = keras.layers.MaxPooling2D(2, name=f"down{step}_pool")(x)
    x = net.convolution(x, 2 * channels[-1], "bottom_conv1")
    x = net.convolution(x, channels[-1], "bottom_conv2")
    for step in reversed(range(DEPTH)):
        x = net.upsampling(x, channels[step], f"up{step}_conv1")
        x = keras.layers.Concatenate(name=f"up{step}_join")([x, skips[step]])
        x = net.convolution(x, channels[step], f"up{step}_conv2")
        if step > 0:
            x = net.convolution(x, channels[step - 1], f"up{step}_conv3")
    x = net.classifier(x, num_classes, "up0_conv3", 3)
    return as_float32(CropToMatch(name="crop")([x, images]), "logits")


def _light(net, images, num_classes, backbone, filters, finest):
    backbone = checked_backbone(backbone, [finest], images.shape[-1])
    coarsest = max(backbone.output)
    if finest >= coarsest:
        raise ValueError(
            f"`level` must be finer than {coarsest}, the coarsest level of "
            f"`backbone`. Received: level={finest!r}"
        )
    levels = [
        f"P{n}" for n in range(int(coarsest[1:]) - 1, int(finest[1:]) - 1, -1)
    ]
    check_backbone(backbone, levels)
    channels = {
        level: filters * 2 ** (int(level[1:]) - int(finest[1:]))
        for level in (coarsest, *levels)
    }
    features = backbone(PadToMultiple(name="pad")(images))
    x = features[coarsest]
    x = net.convolution(x, channels[coarsest], f"project_{coarsest}", 1)
    for level in levels:
        x = net.upsampling(x, channels[level], f"up_{level}")
        skip = net.convolution(
            features[level], -(-channels[level] // 2), f"skip_{level}", 1
        )
        x = keras.layers.Concatenate(name=f"join_{level}")([x, skip])
        x = net.convolution(x, channels[level], f"conv_{level}")
    x = net.classifier(x, num_classes, "score", 1)
    return upsample_to_image(x, images, 2 ** int(finest[1:]))


class _Blocks:
    """The layers of both networks, with what the reference does otherwise."""

    def __init__(self, upsampling, kernel_size, reference):
        self.kind = upsampling
        self.kernel_size = kernel_size
        self.reference = reference

    def convolution(self, x, filters, name, kernel_size=3):
        layer = self._convolution(
            filters, kernel_size, "he_normal", self.reference, name
        )
        return self._rectified(layer(x), name)

    def upsampling(self, x, filters, name):
        size = self.kernel_size
        if self.kind == "ipixel_dcl":
            layer = IPixelDCL(filters, size, name=name)
        elif self.kind == "pixel_dcl":
            layer = PixelDCL(
                filters,
                size,
                masked_initializer=self._reference_initializer(),
                name=name,
            )
        else:
            layer = keras.layers.Conv2DTranspose(
                filters,
                size,
                strides=2,
                padding="same",
                use_bias=self.reference,
                name=name,
            )
        return self._rectified(layer(x), name)

    def classifier(self, x, num_classes, name, kernel_size):
        x = self._convolution(
            num_classes, kernel_size, "glorot_uniform", True, name
        )(x)
        return self._normalized(x, name) if self.reference else x

    def _convolution(self, filters, kernel_size, initializer, use_bias, name):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            use_bias=use_bias,
            kernel_initializer=self._reference_initializer() or initializer,
            name=name,
        )

    def _reference_initializer(self):
        if self.reference:
            return keras.initializers.TruncatedNormal(stddev=1.0)
        return None

    def _rectified(self, x, name):
        return keras.layers.ReLU(name=f"{name}_relu")(self._normalized(x, name))

    def _normalized(self, x, name):
        if self.reference:
            return BatchStandardization(name=f"{name}_bn")(x)
        return keras.layers.BatchNormalization(
            momentum=0.97, name=f"{name}_bn"
        )(x)


def _check_arguments(num_classes, upsampling, filters, level):
    check_num_classes(num_classes)
    check_choice("upsampling", upsampling, UPSAMPLINGS)
    if filters is not None:
        check_integer("filters", filters, remark=", or None")
    check_choice("level", level, LEVELS)
