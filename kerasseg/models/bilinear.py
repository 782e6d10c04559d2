"""The baseline decoder: a 1x1 classifier and bilinear upsampling."""

import keras

from kerasseg.backbones.data_format import channels_last
from kerasseg.channels import check_image_shape
from kerasseg.layers import PadToMultiple
from kerasseg.models.head import check_num_classes
from kerasseg.models.head import checked_backbone
from kerasseg.models.head import upsample_to_image


@channels_last
def bilinear(
    num_classes,
    backbone=None,
    image_shape=(None, None, 3),
    level="P5",
    name=None,
):
    """The plainest decoder: a 1x1 classifier and bilinear upsampling.

    What every learned decoder has to beat.

    Args:
        num_classes: Integer >= 2.
        backbone: A backbone of `kerasseg.backbones`. Defaults to
            `mobilenet_v2` with random weights.
        image_shape: `(height, width, channels)`, 1 to 16 channels; sizes may
            be `None`, any size of 32 or more works (padded and cropped
            inside). Defaults to `(None, None, 3)`.
        level: `"P1"` .. `"P5"`. The features that are classified. Defaults
            to `"P5"`.
        name: String. Defaults to `"bilinear"`.

    Returns:
        A `keras.Model` from images `(batch, height, width, channels)` in
        0..255, RGB if they have three, to float32 logits
        `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If an argument is out of its range, or the backbone lacks
            the level.
    """
    check_num_classes(num_classes)
    image_shape = check_image_shape(image_shape)
    backbone = checked_backbone(backbone, [level], image_shape[2])
    images = keras.Input(image_shape, name="images")
    features = backbone(PadToMultiple(name="pad")(images))
    logits = keras.layers.Conv2D(num_classes, 1, name="score")(features[level])
    logits = upsample_to_image(logits, images, 2 ** int(level[1:]))
    return keras.Model(images, logits, name=name or "bilinear")
