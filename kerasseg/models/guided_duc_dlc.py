"""Guided dense upsampling convolution on dense local context."""

import keras

from kerasseg.arguments import check_choice
from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import DLC
from kerasseg.layers import GuidedDUC
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import HEADS
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone
from kerasseg.models.head import upsample_to_image

MIDDLE = "P3"
STRIDE = 8
# Channels of the two layers: with the light ones, the model takes less than
# 2.5 times as long as MobileNetV2 alone.
DUC_FILTERS = {"paper": (512, 64), "light": (96, 16)}
DLC_FILTERS = {"paper": (512, 128, 128), "light": (192, 64, 64)}


@channels_last
def guided_duc_dlc(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    head="light",
    dropout=0.1,
    name=None,
):
    """Guided dense upsampling and dense local context.

    `GuidedDUC` brings the coarsest features to a stride of 8, guided by the
    image, and joins them with the features there; `DLC` gathers context from
    both in a cascade of dilated convolutions. A 1x1 convolution classifies,
    and the logits are upsampled bilinearly.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones` with the level `"P3"` and
            one or more coarser ones, the coarsest of which is upsampled;
            the reference implementation's is a ResNet with an output stride of
            16, see `kerasseg.backbones.resnet50`. Defaults to `mobilenet_v2`
            with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        head: `"paper"` or `"light"`, the same layers with a fifth to a
            half of the channels. Defaults to `"light"`.
        dropout: Float in `[0, 1)`. Dropout before the classifier. Defaults to
            0.1.
        name: String. Defaults to `"guided_duc_dlc"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            a level.

    Reference:
        Sediqi and Lee, "A Novel Upsampling and Context Convolution for Image
        Semantic Segmentation", Sensors 2021, 21(6), 2170. The light head is
        this project's own.
    """
    check_num_classes(num_classes)
    check_choice("head", head, HEADS)
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(backbone, [MIDDLE], image_shape[2])
    coarsest = max(backbone.output)
    if coarsest <= MIDDLE:
        raise ValueError(
            f"`backbone` must have a level coarser than {MIDDLE}. "
            f"Received: {', '.join(sorted(backbone.output))}"
        )

    images = keras.Input(image_shape, name="images")
    padded = PadToMultiple(name="pad")(images)
    features = backbone(padded)
    guidance = keras.layers.Rescaling(1 / 127.5, -1.0, name="guidance")(padded)
    filters, guidance_filters = DUC_FILTERS[head]
    x = GuidedDUC(filters, guidance_filters, STRIDE, name="guided_duc")(
        [guidance, features[coarsest], features[MIDDLE]]
    )
    x = DLC(*DLC_FILTERS[head], name="dlc")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    logits = keras.layers.Conv2D(num_classes, 1, name="score")(x)
    logits = upsample_to_image(logits, images, STRIDE)
    return keras.Model(images, logits, name=name or "guided_duc_dlc")
